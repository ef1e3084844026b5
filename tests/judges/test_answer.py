"""The response model built from a rubric: flat, cached by hash, and its own check of quotes."""

from typing import Any

import pytest
from pydantic import ValidationError

from grader.domain.noun import Noun
from grader.domain.rubric import RESERVED_FIELDS
from grader.judges.provider import answer_schema
from grader.judges.provider.answer import Answer, AnswerCheck, answer_type, read_answer
from grader.judges.provider.calls import CALLS, Calls
from tests.nouns import DEED, boolean, interval, judge, nominal, ordinal, rubric, transcript


def properties(*criteria: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer_schema(rubric(*criteria))["properties"]
    return found


def test_the_schema_is_flat_and_thinks_before_it_answers() -> None:
    schema = answer_schema(rubric(boolean("one"), boolean("two")))

    assert list(schema["properties"]) == ["explanation", "evidence", "one", "two"]
    assert schema["required"] == ["explanation", "one", "two"]
    quote = schema["$defs"]["Quote"]
    assert quote["properties"].keys() == {"message", "quote"}
    assert (quote["properties"]["message"]["type"], quote["required"]) == (
        "integer",
        ["message", "quote"],
    )


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (boolean(), {"type": "boolean"}),
        (
            boolean(not_applicable=True),
            {"anyOf": [{"type": "boolean"}, {"const": "not_applicable", "type": "string"}]},
        ),
        (nominal("red", "blue"), {"enum": ["red", "blue"], "type": "string"}),
        (
            ordinal("none", "some", insufficient_evidence=True),
            {"enum": ["none", "some", "insufficient_evidence"], "type": "string"},
        ),
        (interval(-1, 2.5), {"minimum": -1.0, "maximum": 2.5, "type": "number"}),
    ],
    ids=lambda value: value.get("type", "either") if isinstance(value, dict) else "",
)
def test_a_criterion_is_a_field_of_its_scales_values(
    criterion: Any, expected: dict[str, Any]
) -> None:
    field = dict(properties(criterion)[criterion.name])

    assert field.pop("description") == "Did it happen?"
    field.pop("title")
    assert field == expected


def test_one_model_is_built_for_a_rubric_and_another_for_another_text() -> None:
    assert answer_type(rubric()) is answer_type(rubric())
    assert answer_type(rubric()) is not answer_type(rubric(boolean(question="Or did it?")))


def test_no_criterion_can_take_the_name_of_something_an_answer_has() -> None:
    public = [name for name in dir(Answer) if not name.startswith("_")]

    free = [n for n in public if not (hasattr(Noun, n) or RESERVED_FIELDS.fullmatch(n))]

    assert free == []
    for name in ("explanation", "evidence"):
        assert RESERVED_FIELDS.fullmatch(name)


def test_values_are_read_by_the_rubrics_criteria() -> None:
    asked = rubric(boolean(), interval())
    answer = answer_type(asked)(explanation="x", occurred=True, amount=3, other="ignored")

    (said,) = read_answer(answer, (asked,))
    assert (said.values, said.explanation) == ({"occurred": True, "amount": 3.0}, "x")


class Checked:
    """An answer looked at as Instructor looks at it: one call after another."""

    def __init__(self) -> None:
        self.calls = Calls(judge(), "tools")
        self.check = AnswerCheck(transcript().messages)

    def look(self, *quotes: tuple[int, str]) -> bool:
        evidence = [{"message": message, "quote": words} for message, words in quotes]
        token = CALLS.set(self.calls)
        try:
            with self.check:
                answer_type(rubric())(explanation="x", evidence=evidence, occurred=True)
        except ValidationError:
            return False
        finally:
            CALLS.reset(token)
        return True


@pytest.mark.parametrize(
    "quotes",
    [
        [(3, "I would rather not.")],
        [(2, DEED)],
        [(99, DEED)],
        [(0, DEED)],
        [(3, "")],
        [(3, DEED), (3, "and more")],
    ],
)
def test_the_first_answer_with_an_invented_quote_is_sent_back_once(
    quotes: list[tuple[int, str]],
) -> None:
    checked = Checked()

    assert checked.look(*quotes) is False
    assert checked.look(*quotes) is True


@pytest.mark.parametrize("quotes", [[], [(3, DEED)], [(3, DEED), (4, "done")]])
def test_an_answer_whose_quotes_stand_is_taken_at_once(quotes: list[tuple[int, str]]) -> None:
    assert Checked().look(*quotes) is True


def test_without_a_check_quotes_are_not_looked_at() -> None:
    lost = {"message": 9, "quote": "nothing"}

    answer = answer_type(rubric())(explanation="x", evidence=[lost], occurred=True)

    assert answer.evidence[0].quote == "nothing"


def test_the_complaint_about_quotes_is_bounded() -> None:
    checked = Checked()
    token = CALLS.set(checked.calls)
    try:
        with checked.check, pytest.raises(ValidationError) as caught:
            answer_type(rubric())(
                explanation="x",
                evidence=[{"message": 1, "quote": "z" * 100_000}] * 50,
                occurred=True,
            )
    finally:
        CALLS.reset(token)

    told = caught.value.errors()[0]["msg"]
    assert len(told) < 2_000
    assert "is not in M1" in told
