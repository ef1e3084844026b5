import pytest

from grader.formats.building import Builder
from grader.formats.media import placeholder
from grader.formats.native import read_native
from grader.formats.opaque import MOST_EVENT_BYTES, MOST_KEPT_BYTES, OpaqueEvents


def noted(events):
    metadata = {}
    events.note_in(metadata)
    return metadata


def test_events_are_counted_by_type_and_kept_with_their_place():
    events = OpaqueEvents()
    events.add("tick", {"n": 1}, after=0)
    events.add("tick", {"n": 2}, after=3)
    events.add(None, "beep", after=3)
    assert noted(events) == {
        "opaque_events": {"(no type)": 1, "tick": 2},
        "opaque_kept": [
            {"type": "tick", "after": 0, "event": {"n": 1}},
            {"type": "tick", "after": 3, "event": {"n": 2}},
            {"type": "(no type)", "after": 3, "event": "beep"},
        ],
    }


def test_nothing_is_noted_where_nothing_was_set_aside():
    assert noted(OpaqueEvents()) == {}


def test_what_is_large_is_counted_only():
    events = OpaqueEvents()
    events.add("large", "x" * MOST_EVENT_BYTES, after=0)
    events.add("endless", 1 << 70, after=0)
    assert noted(events) == {"opaque_events": {"endless": 1, "large": 1}}


def test_many_events_are_all_counted_and_kept_up_to_a_size():
    events = OpaqueEvents()
    for _ in range(1_000):
        events.add("tick", "x" * 998, after=0)
    metadata = noted(events)
    assert metadata["opaque_events"] == {"tick": 1_000}
    assert len(metadata["opaque_kept"]) == MOST_KEPT_BYTES // 1_000


def test_very_many_types_are_counted_together():
    events = OpaqueEvents()
    for number in range(1_000):
        events.add(f"type {number}", None, after=0)
    counts = noted(events)["opaque_events"]
    assert (len(counts), sum(counts.values()), counts["(other types)"]) == (101, 1_000, 900)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("image",), "[image]"),
        (("image", "image/png", "QUJD"), "[image: image/png, 3 bytes]"),
        (("image", "image/png", "QUI="), "[image: image/png, 2 bytes]"),
        (("image", None, "QUJD" * 4_115), "[image: 12,345 bytes]"),
        (("image", "image/png", "data:image/gif;base64,QUJD"), "[image: image/gif, 3 bytes]"),
        (("file", None, "https://example.org/a.pdf"), "[file: https://example.org/a.pdf]"),
        (("audio", 3, 4), "[audio]"),
    ],
)
def test_placeholders_say_what_stood_there(given, expected):
    assert placeholder(*given) == expected


def test_parts_of_a_turn_gather_until_somebody_else_speaks():
    builder = Builder()
    builder.say("user", "Lit?")
    builder.think("I look.")
    builder.think("Carefully.")
    builder.call("a", "look", {})
    builder.speak("Meanwhile:")
    builder.call(None, "look", {"at": "lamp"})
    builder.answer(None, "dark", name="look")
    builder.answer(None, "lit", name="look")
    transcript = read_native(builder.document({}))
    assert [(m.role, m.content, m.reasoning, len(m.tool_calls)) for m in transcript.messages] == [
        ("user", "Lit?", None, 0),
        ("assistant", "", "I look.\n\nCarefully.", 1),
        ("assistant", "Meanwhile:", None, 1),
        ("tool", "dark", None, 0),
        ("tool", "lit", None, 0),
    ]
    assert [m.tool_call_id for m in transcript.messages[3:]] == ["a", "call_3_0"]


def test_a_result_goes_to_the_oldest_call_of_its_tool_that_is_open():
    builder = Builder()
    for call_id in ("a", "b", "c"):
        builder.call(call_id, "look", {})
    builder.answer("a", "1")
    builder.answer(None, "2", name="look")
    assert [message.get("tool_call_id") for message in builder.messages[1:]] == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (("z", "x", None), "[result of z, no call]\nx"),
        ((None, "x", "pick"), "[result of pick, no call]\nx"),
        ((None, "x", None), "[result, no call]\nx"),
    ],
)
def test_a_result_without_its_call_is_readable_and_counted(answer, content):
    builder = Builder()
    builder.call("a", "look", {})
    call_id, text, name = answer
    builder.answer(call_id, text, name=name)
    document = builder.document({})
    assert document["messages"][1] == {"role": "user", "content": content}
    assert document["metadata"] == {"results_without_call": 1}
