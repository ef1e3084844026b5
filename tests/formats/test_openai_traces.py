import copy
import json
import random

import pytest

from grader.errors import InvalidTranscript
from grader.formats import iter_file, transcripts_in
from tests.formats.provider_documents import ASKED, LOOKED, SEEN, TRACE, span


def said(transcript):
    return [(message.role, message.content) for message in transcript.messages]


ALL_SAID = [
    ("system", "You keep bees."),
    ("user", "Is the hive well?"),
    ("assistant", ""),
    ("tool", "They hum."),
    ("assistant", "It is well."),
]


def test_generations_that_continue_each_other_are_one_transcript():
    [transcript] = transcripts_in(TRACE)
    assert said(transcript) == ALL_SAID
    assert transcript.messages[2].tool_calls[0].name == "open_hive"
    metadata = dict(transcript.metadata)
    assert [each["after"] for each in metadata.pop("opaque_kept")] == [5, 5]
    assert metadata == {
        "source_format": "openai_chat",
        "source_shape": "agents_trace",
        "harness": "openai_agents",
        "agent_model": "comb-1",
        "group": "week 9",
        "trace_id": "trace_1",
        "workflow": "Bees",
        "agent": "apiarist",
        "branch": "agent_a",
        "season": "spring",
        "started_at": "2026-03-01T10:00:00+00:00",
        "ended_at": "2026-03-01T10:01:05+00:00",
        "opaque_events": {"guardrail": 1, "handoff": 1},
    }


@pytest.mark.parametrize("document", [{"data": TRACE}, [{"data": TRACE[:3]}, {"data": TRACE[3:]}]])
def test_an_export_is_read_like_its_spans(document):
    assert transcripts_in(document) == transcripts_in(TRACE)


def test_spans_may_come_in_any_order():
    shuffled = copy.deepcopy(TRACE)
    random.Random(3).shuffle(shuffled)
    assert transcripts_in(shuffled, "openai_chat") == transcripts_in(TRACE)


def test_the_lines_of_a_file_are_one_trace(tmp_path):
    file = tmp_path / "spans.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in TRACE))
    for wanted in ("auto", "openai_chat"):
        [found] = iter_file(file, wanted)
        assert found.format == "openai_chat"
        assert said(found.transcript) == ALL_SAID


def test_agents_below_agents_are_paths_of_their_own_that_name_their_parents():
    inner = [
        span(6, "agent", "span_2", name="beekeeper"),
        span(7, "generation", "agent_b", input="Count them.", output="Nine.", model="comb-2"),
    ]
    first, second = transcripts_in([*TRACE, *inner])
    assert said(first) == ALL_SAID
    assert said(second) == [("user", "Count them."), ("assistant", "Nine.")]
    assert (second.metadata["parent"], second.metadata["branch"]) == ("agent_a", "agent_b")
    assert second.metadata["group"] == first.metadata["group"]


def test_a_generation_that_does_not_continue_the_one_before_is_a_branch():
    other = span(
        6, "generation", input=[*ASKED, LOOKED, {**SEEN, "content": "Silence."}], output=[]
    )
    first, second = transcripts_in([*TRACE, other])
    assert (first.metadata["branch"], second.metadata["branch"]) == ("agent_a/0", "agent_a/1")
    assert said(second)[-1] == ("tool", "Silence.")
    assert "opaque_events" not in second.metadata


def test_calls_of_tools_are_the_transcript_where_contents_were_not_exported():
    bare = [
        TRACE[0],
        TRACE[1],
        span(1, "response", response_id="resp_1"),
        TRACE[3],
        {**span(4, "function", name="smoke", input="{}"), "error": {"message": "no smoker"}},
    ]
    [transcript] = transcripts_in(bare)
    assert said(transcript) == [
        ("assistant", ""),
        ("tool", "They hum."),
        ("assistant", ""),
        ("tool", "[error] no smoker"),
    ]
    assert transcript.metadata["opaque_events"] == {"response": 1}
    assert transcript.metadata["span_errors"] == ["no smoker"]


def test_response_spans_with_their_contents_are_read():
    response = {
        "id": "resp_1",
        "object": "response",
        "model": "comb-3",
        "instructions": "Be calm.",
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Calm."}],
            }
        ],
    }
    [transcript] = transcripts_in(
        [TRACE[1], span(1, "response", input="How are you?", response=response)]
    )
    assert said(transcript) == [
        ("system", "Be calm."),
        ("user", "How are you?"),
        ("assistant", "Calm."),
    ]
    assert transcript.metadata["agent_model"] == "comb-3"


def test_what_belongs_to_no_transcript_is_told_with_the_first():
    strays = [{"type": "heartbeat"}, {"object": "trace.span"}, span(9, "custom", None, name="x")]
    [transcript] = transcripts_in([*TRACE, *strays])
    assert transcript.metadata["opaque_events"] == {
        "custom": 1,
        "guardrail": 1,
        "handoff": 1,
        "heartbeat": 1,
        "trace.span": 1,
    }


def test_parents_in_a_circle_are_no_trouble():
    one = span(1, "generation", "span_2", input="a", output="b")
    two = span(2, "guardrail", "span_1", name="kindness")
    assert len(transcripts_in([one, two])) == 1


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([TRACE[0]], "no span of this trace says"),
        ([TRACE[1], 3], "event 2: must be an object (got 3)"),
        ([{"object": "trace.span", "id": "s"}], "no span of this trace says"),
        ([TRACE[1], span(1, "generation", input=[3], output=[])], "an item is an object (got 3)"),
    ],
)
def test_what_is_no_trace_is_refused(events, cause):
    with pytest.raises(InvalidTranscript) as refused:
        transcripts_in(events, "openai_chat")
    assert cause in str(refused.value)
