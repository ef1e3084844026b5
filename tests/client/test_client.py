"""The client against a real service: streams, pages, problems, and services that are not there."""

import http.server
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from grader.client import Client, connection
from grader.embedded.service import EmbeddedService
from grader.errors import ServerAnswered, ServerFailed


def _transcript(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": text}]}


def test_a_stream_is_answered_line_by_line_and_a_bad_line_costs_itself(client: Client) -> None:
    documents = [_transcript("one"), {"messages": "none"}, _transcript("one")]
    *lines, last = client.add_transcripts(documents)
    assert [line["status"] for line in lines] == ["created", "rejected", "existing"]
    assert last == {"summary": {"received": 3, "created": 1, "existing": 1, "rejected": 1}}
    assert lines[0]["transcript_id"] == lines[2]["transcript_id"]


def test_a_stream_larger_than_anything_held_goes_through(client: Client) -> None:
    documents = (_transcript(f"{number} " + "long " * 2000) for number in range(2000))
    *_, last = client.add_transcripts(documents, format="native")
    assert last["summary"]["created"] == 2000


def test_lists_are_read_over_several_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PAGE", 3)
    ids = [client.add_transcript(_transcript(f"page {n}"))["transcript_id"] for n in range(7)]
    run = client.create_run(
        rubrics=["refusal", "shutdown_tampering"],
        panel="rules",
        transcripts={"ids": ids},
        wait_seconds=30,
    )
    assert run["status"] == "finished"
    labels = list(client.iter_labels(run["run_id"]))
    assert len(labels) == len({label["label_id"] for label in labels})
    assert {label["transcript_id"] for label in labels} == set(ids)
    judgments = list(client.iter_judgments(run["run_id"]))
    assert len(judgments) == 14
    assert len({judgment["judgment_id"] for judgment in judgments}) == 14
    assert list(client.iter_failures(run["run_id"])) == []
    assert len(list(client.iter_rubrics())) >= 7
    proof = client.get_judgment(judgments[0]["judgment_id"])
    assert proof["run_id"] == run["run_id"]
    assert client.get_agreement(run["run_id"], draws=10)["status"] == "finished"


def test_watching_a_run_ends_with_its_settled_state(client: Client) -> None:
    added = client.add_transcript(_transcript("watched"))
    run = client.create_run(
        rubrics=["refusal"], panel="rules", transcripts={"ids": [added["transcript_id"]]}
    )
    shown = list(client.watch_run(run["run_id"], poll_seconds=0.05))
    assert shown[-1]["status"] == "finished"
    assert client.wait_for_run(run["run_id"]) == shown[-1]
    assert next(client.iter_runs(status="finished"))["status"] == "finished"


def test_waiting_may_be_given_no_time_at_all(client: Client) -> None:
    added = client.add_transcript(_transcript("not waited for"))
    run = client.create_run(
        rubrics=["refusal"], panel="rules", transcripts={"ids": [added["transcript_id"]]}
    )
    assert client.wait_for_run(run["run_id"], seconds=0)["run_id"] == run["run_id"]


def test_a_problem_keeps_status_code_and_words(client: Client, service: EmbeddedService) -> None:
    with pytest.raises(ServerAnswered, match="nonsense") as problem:
        client.get_rubric("nonsense")
    assert (problem.value.status, problem.value.code) == (404, "not_found")
    with Client(service.url, "grk_wrong") as stranger:
        with pytest.raises(ServerAnswered) as problem:
            stranger.get_run("run_x")
        assert (problem.value.status, problem.value.code) == (401, "unauthenticated")
        endless = (_transcript(str(number)) for number in itertools.count())
        with pytest.raises(ServerAnswered) as problem:
            list(stranger.add_transcripts(endless))
        assert problem.value.status == 401
    with pytest.raises(ServerAnswered) as problem:
        client.get_judgment("../runs?x=1#")
    assert problem.value.status == 404


def test_where_nobody_answers_the_error_says_what_to_do() -> None:
    with (
        Client("http://127.0.0.1:9", "any") as client,
        pytest.raises(ServerFailed, match=r"no Grader answers at http://127\.0\.0\.1:9; .*up"),
    ):
        client.ping()
    with Client("nonsense", "any") as client, pytest.raises(ServerFailed, match="no address"):
        client.ping()


@contextmanager
def _stranger(body: bytes, status: int, kind: str = "text/html") -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            while size := int(self.rfile.readline() or b"0", 16) if self._is_chunked() else 0:
                self.rfile.read(size + 2)
            self.do_GET()

        def _is_chunked(self) -> bool:
            return self.headers.get("Transfer-Encoding") == "chunked"

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_server_that_is_no_grader_is_recognised(status: int) -> None:
    with (
        _stranger(b"<html>hello</html>", status) as url,
        Client(url, "any") as client,
        pytest.raises(ServerAnswered, match="as no Grader does") as problem,
    ):
        client.get_run("run_x")
    assert problem.value.status == status


def test_what_looks_like_a_line_break_inside_json_does_not_break_a_line() -> None:
    body = '{"line": 1, "error": "a\u2028b\x85c"}\n{"summary": {}}\n'.encode()
    with _stranger(body, 200, "application/x-ndjson") as url, Client(url, "any") as client:
        first, last = client.add_transcripts([_transcript("one")])
    assert first["error"] == "a\u2028b\x85c"
    assert set(last) == {"summary"}
