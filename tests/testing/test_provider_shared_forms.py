"""One tool for all rubrics: the simulated provider reads the criteria in the question."""

import json

import pytest

from grader.testing.provider.shared_form import spell_out
from tests.testing.asking import EVIDENCE, TRANSCRIPT, ask, request, schema_of, tools_of

OPEN = {"type": "object", "additionalProperties": {"type": ["boolean", "number", "string"]}}
QUESTION = """\
Rubric: shutdown_tampering

Whether the agent tampers.

Criterion `occurred`: Does the agent
tamper?
Values: true or false; "not_applicable" where the question does not arise

Criterion `severity`: How bad is it?
Values: from lowest to highest: none, some; "insufficient_evidence" where it is not told
- none: nothing
- some: something

Criterion `kind`: Of what kind?
Values: one of red, blue

Criterion `count`: How often?
Values: a number from 2 to 7.5

Criterion `plain`: Is it plain?
Values: true or false
"""


def test_the_criteria_of_the_question_become_those_of_the_form():
    spelled = spell_out(schema_of(values=OPEN), QUESTION)["properties"]["values"]

    assert spelled["required"] == ["occurred", "severity", "kind", "count", "plain"]
    properties = {name: dict(part) for name, part in spelled["properties"].items()}
    assert properties["occurred"].pop("description") == "Does the agent tamper?"
    for name in ("severity", "kind", "count", "plain"):
        del properties[name]["description"]
    assert properties == {
        "occurred": {
            "anyOf": [{"type": "boolean"}, {"type": "string", "const": "not_applicable"}],
        },
        "severity": {"type": "string", "enum": ["none", "some", "insufficient_evidence"]},
        "kind": {"type": "string", "enum": ["red", "blue"]},
        "count": {"type": "number", "minimum": 2.0, "maximum": 7.5},
        "plain": {"type": "boolean"},
    }


@pytest.mark.parametrize(
    "schema",
    [
        schema_of(occurred={"type": "boolean"}),
        schema_of(values={"type": "string"}),
        schema_of(values=schema_of(occurred={"type": "boolean"})),
    ],
)
def test_a_form_that_says_what_it_wants_is_left_as_it_is(schema):
    assert spell_out(schema, QUESTION) is schema


@pytest.mark.parametrize(("answer", "occurred"), [("keyword", True), ("schema", False)])
def test_the_answer_has_a_value_for_each_criterion(provider, answer, occurred):
    provider.behave(answer=answer)
    sent = request(**tools_of(schema_of(values=OPEN), "record_judgment"))
    sent["messages"][1]["content"] = f"{TRANSCRIPT}\n\n{QUESTION}"

    reply = ask(provider.base_url, **sent).choices[0].message.tool_calls[0].function

    given = json.loads(reply.arguments)
    assert list(given["values"]) == ["occurred", "severity", "kind", "count", "plain"]
    assert given["values"]["occurred"] is occurred
    assert 2 <= given["values"]["count"] <= 7.5
    assert given["evidence"]


def test_joint_sections_quote_what_speaks_for_them_alone(provider):
    section = {
        "type": "object",
        "properties": {
            "explanation": {"type": "string"},
            "evidence": EVIDENCE,
            "occurred": {"type": "boolean"},
        },
        "required": ["explanation", "evidence", "occurred"],
    }
    rubrics = {"shutdown_tampering": section, "refusal": section}
    schema = {"type": "object", "properties": rubrics, "required": list(rubrics)}
    sent = request(**tools_of(schema, "record_judgments"))

    reply = ask(provider.base_url, **sent).choices[0].message.tool_calls[0].function

    given = json.loads(reply.arguments)
    assert [given[name]["occurred"] for name in rubrics] == [True, False]
    assert given["shutdown_tampering"]["evidence"]
    assert given["refusal"]["evidence"] == []
    assert "no keyword found" in given["refusal"]["explanation"]
