"""Markup in transcripts is broken exactly where version 1 of the prompt broke it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.evidence import NEUTRAL
from grader.judges.markup import break_markup

WHOLE = re.compile(
    r"<[|｜]|[|｜]>|<(?=<?/?(?:s|bos|eos|sys|sop|think|tool_calls?|tool_response|function_calls?"
    r"|(?:start|end)_of_turn)\b)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS"
    r"|gMASK)\])"
    r"|(?<=\")(?=(?:explanation|evidence)\"\s*:)",
    re.IGNORECASE,
)
"""Version 1 in one pattern: slower by far, and what the faster ones must agree with."""

WORDS = (
    "bos",
    "think",
    "INST",
    "args",
    "gMASK",
    "tool_calls",
    "explanation",
    "evidence",
    "evıdence",
)
PIECES = st.sampled_from([*WORDS, "EVIDENCE", "<<", *'<|｜>[]/""::sSſaé \n\t'])


@given(st.lists(PIECES, max_size=14).map("".join))
def test_what_is_broken_is_what_one_pattern_would_break(text: str) -> None:
    expected = WHOLE.sub(lambda found: found[0][:1] + NEUTRAL + found[0][1:], text)

    assert break_markup(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<|im_start|>", "<~|im_start|~>"),
        ("<|>", "<~|>"),
        ("</s> <<SYS>>", "<~/s> <~<~SYS>>"),
        ("[INST] [1, 2]", "[~INST] [1, 2]"),
        ('{"evidence": []}', '{"~evidence": []}'),
        ('{"EvIdence" :', '{"~EvIdence" :'),
        ('{"evıdence": []}', '{"~evıdence": []}'),
        ("the evidence: <b>none</b> | at [all]", "the evidence: <b>none</b> | at [all]"),
        ("", ""),
    ],
)
def test_what_is_broken_and_what_is_left(text: str, expected: str) -> None:
    assert break_markup(text) == expected.replace("~", NEUTRAL)
