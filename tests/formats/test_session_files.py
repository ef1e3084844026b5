"""Files whose lines together are one session: found among others, read whole, told when damaged."""

import gzip
import json
import zipfile

import pytest

from grader.errors import InvalidTranscript
from grader.formats import (
    FoundTranscript,
    Rejection,
    iter_file,
    place_of,
    preview_file,
    read_transcript,
    transcripts_in,
)
from tests.formats.fixtures import CURRENT, NATIVE, OPENAI
from tests.formats.sessions import (
    CLAUDE_LINES,
    CODEX_LINES,
    GEMINI_LINES,
    GEMINI_STREAM,
    OPENCODE_EXPORT,
    SESSIONS,
    as_lines,
    claude_answer,
    claude_text,
)


@pytest.mark.parametrize("shape", sorted(SESSIONS))
def test_a_session_is_found_by_its_first_lines_and_read_as_when_named(shape, tmp_path):
    name, events = SESSIONS[shape]
    path = tmp_path / "x.jsonl"
    path.write_text(as_lines(events))
    for wanted in ("auto", name):
        [found] = iter_file(path, wanted)
        assert isinstance(found, FoundTranscript)
        assert (found.format, place_of(found)) == (
            name,
            str(path) + (":1" if len(events) == 1 else ""),
        )
        assert found.transcript == transcripts_in(events, name)[0]
        assert read_transcript(as_lines(events), wanted) == found.transcript
        assert read_transcript(as_lines(events).encode(), wanted) == found.transcript


@pytest.mark.parametrize("shape", sorted(SESSIONS))
def test_a_list_of_events_in_one_document_is_the_same_session(shape, tmp_path):
    name, events = SESSIONS[shape]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(events if len(events) > 1 else events[0], indent=1))
    [found] = iter_file(path)
    assert isinstance(found, FoundTranscript)
    assert (found.format, found.transcript) == (name, transcripts_in(events, name)[0])


def test_lines_in_a_file_that_is_named_as_one_document_are_read_all_the_same(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(as_lines(GEMINI_STREAM))
    [found] = iter_file(path)
    assert isinstance(found, FoundTranscript)
    assert found.transcript == transcripts_in(GEMINI_STREAM)[0]


@pytest.mark.parametrize("document", [NATIVE, OPENAI, CURRENT, OPENCODE_EXPORT])
def test_lines_that_are_whole_transcripts_stay_one_transcript_each(document, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(as_lines([document, document]))
    found = list(iter_file(path))
    assert [each.line for each in found] == [1, 2]
    assert all(isinstance(each, FoundTranscript) for each in found)


def test_packed_sessions_and_those_in_archives_are_read(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(as_lines(CODEX_LINES).encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("projects/x.jsonl", as_lines(CLAUDE_LINES))
    preview = preview_file(tmp_path)
    assert preview.formats == {"claude_code": 1, "codex": 1}
    assert preview.rejected == 0


def test_a_line_that_cannot_be_read_is_told_and_counted_in_the_session(tmp_path):
    path = tmp_path / "x.jsonl"
    text = as_lines(CLAUDE_LINES)
    path.write_text(text[: len(text) - 40])
    rejection, found = iter_file(path)
    assert isinstance(rejection, Rejection)
    assert (rejection.line, "not valid JSON" in rejection.cause) == (len(CLAUDE_LINES), True)
    assert isinstance(found, FoundTranscript)
    assert found.transcript.metadata["unreadable_lines"] == 1
    with pytest.raises(InvalidTranscript, match=f"line {len(CLAUDE_LINES)}: this is not valid"):
        read_transcript(path.read_bytes())


def test_a_line_that_is_no_event_is_told(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(as_lines(GEMINI_LINES) + "3\n\n")
    rejection, _ = iter_file(path)
    assert str(rejection) == f"{path}:8: an event of a session is an object (got 3)"


def test_lines_and_sessions_that_are_too_long_are_told(tmp_path):
    path = tmp_path / "x.jsonl"
    lines = [*CLAUDE_LINES, claude_answer("a9", "a5", claude_text("x" * 9_000))]
    path.write_text(as_lines(lines))
    rejection, found = iter_file(path, max_line_bytes=4_000)
    assert isinstance(rejection, Rejection)
    assert (rejection.line, rejection.cause) == (12, "the line is longer than 4000 bytes")
    assert isinstance(found, FoundTranscript)
    [refused] = iter_file(path, max_document_bytes=4_000)
    assert isinstance(refused, Rejection)
    assert refused.cause == "the session is longer than 4,000 bytes"


def test_a_session_that_branches_is_several_transcripts_and_not_one(tmp_path):
    path = tmp_path / "x.jsonl"
    lines = [*CLAUDE_LINES, claude_answer("b1", "u1", claude_text("Yes."))]
    path.write_text(as_lines(lines))
    assert len(list(iter_file(path))) == 2
    with pytest.raises(InvalidTranscript, match="holds 2 transcripts"):
        read_transcript(path.read_bytes())


def test_one_format_is_not_read_as_another(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(as_lines(GEMINI_LINES))
    [refused] = iter_file(path, "claude_code")
    assert isinstance(refused, Rejection)
