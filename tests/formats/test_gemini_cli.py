import pytest

from grader.errors import InvalidTranscript
from grader.formats import transcripts_in
from tests.formats.sessions import (
    GEMINI_HEADER,
    GEMINI_LINES,
    GEMINI_RESULT,
    GEMINI_STREAM,
    counts,
    gemini_call,
    told,
)


def user(number, text):
    return {"id": f"u{number}", "type": "user", "content": text}


def agent(number, text):
    return {"id": f"g{number}", "type": "gemini", "content": text}


def test_the_last_line_of_an_id_wins_in_the_place_of_the_first():
    [found] = transcripts_in(GEMINI_LINES)
    assert told(found) == [
        "user Is the lamp lit?",
        "assistant I look. look",
        "tool It burns.",
        "assistant It is.",
    ]


def test_thoughts_arguments_and_provenance_are_kept():
    [found] = transcripts_in(GEMINI_LINES)
    answer = found.messages[1]
    assert answer.reasoning == "Lamp: is it lit?"
    assert (answer.tool_calls[0].id, answer.tool_calls[0].arguments) == ("look-1", {"at": "lamp"})
    about = found.metadata
    assert about["group"] == about["external_id"] == "gem-1"
    assert about["agent_model"] == "gemini-3-flash"
    assert about["agent_models"] == ["gemini-3-pro", "gemini-3-flash"]
    assert about["ended_at"] == "2026-01-01T10:00:05Z"
    assert about["opaque_events"] == {"info": 1}
    assert (about["harness"], about["source_format"]) == ("gemini-cli", "gemini_cli")


def test_a_session_of_one_object_reads_as_its_lines_do():
    messages = [GEMINI_LINES[1], gemini_call(**GEMINI_RESULT), *GEMINI_LINES[5:]]
    [whole] = transcripts_in({**GEMINI_HEADER, "messages": messages})
    assert whole.messages == transcripts_in(GEMINI_LINES)[0].messages


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        ("success", {"resultDisplay": "shown"}, ["tool shown"]),
        ("error", {"resultDisplay": "broken"}, ["tool [error] broken"]),
        ("cancelled", {}, ["tool [error]"]),
        ("executing", {}, []),
    ],
)
def test_a_call_without_a_result_says_what_became_of_it(status, more, expected):
    [found] = transcripts_in([GEMINI_HEADER, gemini_call(status, **more)])
    assert told(found)[1:] == expected


def test_what_a_rewind_takes_back_is_a_transcript_of_its_own():
    lines = [GEMINI_HEADER, user(1, "a"), agent(1, "b"), user(2, "c"), agent(2, "d")]
    rewound, main = transcripts_in([*lines, {"$rewindTo": "u2"}, user(3, "e")])
    assert told(rewound) == ["user a", "assistant b", "user c", "assistant d"]
    assert told(main) == ["user a", "assistant b", "user e"]
    assert (rewound.metadata["branch"], rewound.metadata["parent"]) == ("rewound_1", "main")
    assert rewound.metadata["group"] == main.metadata["group"]
    assert main.metadata["branch"] == "main"


def test_a_rewind_to_what_is_not_there_takes_back_everything():
    rewound, main = transcripts_in(
        [GEMINI_HEADER, user(1, "a"), {"$rewindTo": "gone"}, user(2, "b")]
    )
    assert (told(rewound), told(main)) == (["user a"], ["user b"])


def test_a_compression_leaves_what_was_said_before_it():
    lines = [GEMINI_HEADER, user(1, "a"), agent(1, "b"), user(2, "c")]
    news = {"$set": {"messages": [user(9, "In short: a."), user(2, "c")]}}
    [found] = transcripts_in([*lines, news, agent(2, "d")])
    assert told(found) == ["user a", "assistant b", "user c", "user In short: a.", "assistant d"]
    assert found.metadata["compressions"] == 1


def test_a_stream_joins_its_pieces_and_keeps_parallel_calls_together():
    [found] = transcripts_in(GEMINI_STREAM)
    assert told(found) == [
        "user Is the lamp lit?",
        "assistant I look. look climb",
        "tool It burns.",
        "tool [error] no stairs",
        "assistant It is.",
    ]
    assert found.metadata["agent_model"] == "gemini-3-pro"
    assert found.metadata["opaque_events"] == {"init": 1, "result": 1}


def test_a_checkpoint_is_read_with_its_images_named():
    history = [
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAAAA=="}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"x": 1}}}]},
    ]
    [found] = transcripts_in({"history": history})
    assert told(found) == ["user [image: image/png, 4 bytes]", "assistant look", 'tool {"x": 1}']


def test_a_session_of_a_sub_agent_says_so():
    [found] = transcripts_in([{**GEMINI_HEADER, "kind": "subagent"}, user(1, "a")])
    assert (found.metadata["branch"], found.metadata["parent"]) == ("subagent_gem-1", "main")


def test_a_header_alone_is_no_transcript():
    with pytest.raises(InvalidTranscript, match="empty"):
        transcripts_in([GEMINI_HEADER, {"$set": {"summary": "none"}}])


def test_ten_thousand_rewinds_leave_the_latest_paths():
    lines = [GEMINI_HEADER, user(0, "start")]
    for number in range(1, 10_001):
        lines += [user(number, "try"), {"$rewindTo": f"u{number}"}]
    found = transcripts_in(lines)
    assert counts(found[-1]) == {"user": 1, "calls": 0}
    assert found[-1].metadata["rewinds"] == 10_000
    assert found[-2].metadata["branch"] == "rewound_10000"
    assert len(found) == 65
