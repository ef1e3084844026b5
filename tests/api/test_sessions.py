"""A harness's session as the body of a request: its lines together are one transcript."""

from tests.api.service import Service, problem_in
from tests.formats.sessions import CLAUDE_LINES, as_lines, claude_answer, claude_text


def test_a_session_is_stored_as_one_transcript(service: Service, mark: str) -> None:
    body = as_lines([*CLAUDE_LINES, claude_answer("m", "a5", claude_text(mark))])
    for format_name in ("claude_code", "auto"):
        answer = service.admin.post(f"/v1/transcripts?format={format_name}", content=body)
        assert answer.status_code == (201 if format_name == "claude_code" else 200)
        whole = service.admin.get(f"/v1/transcripts/{answer.json()['transcript_id']}").json()
        assert whole["messages"][-1]["content"] == mark
        assert whole["metadata"]["harness"] == "claude-code"


def test_a_session_that_branches_is_refused_with_how_often(service: Service) -> None:
    body = as_lines([*CLAUDE_LINES, claude_answer("b", "u1", claude_text("Yes."))])
    answer = service.admin.post("/v1/transcripts?format=claude_code", content=body)
    assert "holds 2 transcripts" in problem_in(answer, 422)["detail"]
