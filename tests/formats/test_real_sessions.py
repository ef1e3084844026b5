"""Sessions that others recorded: how much is in them, counted by hand from their lines."""

import json
from collections import Counter

import pytest

from grader.formats import FoundTranscript, iter_file
from tests.formats.sessions import counts

pytestmark = pytest.mark.real_data


def read(path):
    found = list(iter_file(path))
    assert all(isinstance(each, FoundTranscript) for each in found)
    return [each.transcript for each in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemini_cli/jsonl_v040.jsonl", {"user": 1, "assistant": 2, "tool": 1, "calls": 1}),
        ("gemini_cli/large.json", {"user": 2, "assistant": 4, "tool": 2, "calls": 2}),
        ("gemini_cli/small.json", {"user": 1, "assistant": 1, "calls": 0}),
        ("gemini_cli/schema_drift.json", {"user": 1, "assistant": 1, "calls": 0}),
        ("claude_code/schema_drift.jsonl", {"user": 2, "assistant": 2, "tool": 1, "calls": 1}),
        ("codex/schema_drift.jsonl", {"user": 1, "assistant": 2, "tool": 1, "calls": 1}),
    ],
)
def test_a_session_has_the_messages_that_its_file_has(shared_data, name, expected):
    [transcript] = read(shared_data / "formats" / name)
    assert counts(transcript) == expected
    assert transcript.metadata["source_format"] == name.partition("/")[0]


def test_a_storage_has_its_sessions(shared_data):
    large, small = read(shared_data / "formats" / "opencode")
    assert counts(large) == {"user": 2, "assistant": 3, "tool": 1, "calls": 1}
    assert counts(small) == {"user": 1, "assistant": 2, "tool": 1, "calls": 1}
    assert (large.metadata["group"], small.metadata["group"]) == (
        "s_stage0_large",
        "s_stage0_small",
    )


def test_a_session_with_every_kind_of_line_loses_none(shared_data):
    path = shared_data / "formats" / "claude_code" / "small.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    found = read(path)
    assert [each.metadata["branch"] for each in found] == [
        "sidechain",
        "sidechain_2",
        "path_1",
        "path_2",
        "main",
    ]
    said = {message.content for each in found for message in each.messages}
    thought = {message.reasoning for each in found for message in each.messages}
    for event in events:
        content = event.get("message", {}).get("content", [])
        for block in [{"text": content}] if isinstance(content, str) else content:
            text = block.get("text", "")
            assert any(text in each for each in said) or text in thought
    opaque = Counter()
    for each in found:
        opaque.update(each.metadata.get("opaque_events", {}))
    kinds = Counter(event["type"] for event in events)
    for kind in set(kinds) - {"user", "assistant", "attachment", "system"}:
        assert opaque[kind] == kinds[kind], kind


def test_a_rollout_with_every_kind_of_line_loses_none(shared_data):
    path = shared_data / "formats" / "codex" / "small.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    [found] = read(path)
    items = [event["payload"] for event in events if event["type"] == "response_item"]
    kinds = Counter(item["type"] for item in items)
    roles = Counter(item["role"] for item in items if item["type"] == "message")
    summaries = sum(
        bool(event["payload"]["message"]) for event in events if event["type"] == "compacted"
    )
    told = counts(found)
    assert told["calls"] == sum(
        count for kind, count in kinds.items() if kind.endswith(("call", "search_call"))
    )
    # A result whose call was cut off is told from the user's side.
    cut_off = found.metadata.get("results_without_call", 0)
    assert told["user"] == roles["user"] + kinds["agent_message"] + summaries + cut_off
    assert told["system"] == roles["developer"] + 1
    outputs = sum(count for kind, count in kinds.items() if kind.endswith("_output"))
    assert told["tool"] + cut_off == outputs + kinds["image_generation_call"]
    lines = Counter(event["type"] for event in events)
    opaque = found.metadata["opaque_events"]
    told_by_events = sum(count for kind, count in opaque.items() if kind.startswith("event_msg."))
    assert told_by_events == lines["event_msg"]
    assert opaque["session_meta"] == lines["session_meta"] - 1
    assert found.metadata["compactions"] == lines["compacted"] == 6
