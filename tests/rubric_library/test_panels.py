"""Panels from text, and the shipped ones."""

import re
from importlib.resources import files

import pytest

from grader.domain.judge import LLMJudgeSpec
from grader.errors import InvalidPanel, NotFound
from grader.rubric_library import get_panel, panel_source, read_panel, shipped_panels

GOOD = """\
name: two
judges:
  - {kind: rules}
  - {kind: llm, name: big, model: gpt-5.2}
"""


def _complaint(text: str) -> str:
    with pytest.raises(InvalidPanel) as caught:
        read_panel(text, source="panels/two.yaml")
    return str(caught.value)


def test_a_good_panel_is_read() -> None:
    panel = read_panel(GOOD, source="panels/two.yaml")
    assert [(judge.kind, judge.name) for judge in panel.judges] == [
        ("rules", "rules"),
        ("llm", "big"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            GOOD.replace("rules}", "rule}"),
            "3: judges.0.kind: 'rule' is not allowed here; allowed: l",
        ),
        (
            GOOD.replace("kind: rules", ""),
            "3: judges.0.kind: is missing, and it is required; allow",
        ),
        (
            GOOD.replace("name: big", "name: a b"),
            "4: judges.1.name: 'a b' is not allowed here; allo",
        ),
        (
            GOOD.replace("model: gpt-5.2", "model: m, provider: opnai"),
            "4: judges.1.provider: 'opnai' is not allowed here; allowed: openai, anthropic, google "
            "(did you mean openai?)",
        ),
        (
            GOOD.replace("model: gpt-5.2", "model: m, prices: {input: 1, ouput: 2, output: 2}"),
            "4: judges.1.prices.ouput: is not a field here; allowed: batch, cached_input, input, ",
        ),
        (
            GOOD.replace("model: gpt-5.2", "model: m, parameters: {seed: 99999999999999999999}"),
            "4: judges.1.parameters.seed: an integer beyond 64 bits cannot be stored",
        ),
        (GOOD + "quorum: two\n", "5: quorum: needs a whole number, found 'two'"),
        (GOOD + "quorum: 3\n", "1: quorum 3 can't be reached by 2 votes"),
        (GOOD + "repeats: 1000\n", "5: repeats: input should be less than or equal to 100"),
        (
            GOOD + "conflict: {same_model: no}\n",
            "5: conflict.same_model: 'no' is not allowed here; a",
        ),
        (
            GOOD + "agregation: mean\n",
            "5: agregation: is not a field here; allowed: aggregation, as",
        ),
        (
            GOOD.replace("llm, name: big, model: gpt-5.2", "rules, name: b"),
            "two judges are the same",
        ),
        ("name: two\njudges: []\n", "2: judges: needs at least 1 entries, found 0"),
        ("[]", "1: a panel must be a mapping"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_path(text: str, told: str) -> None:
    complaint = _complaint(text)
    assert told in complaint
    assert complaint.startswith("panels/two.yaml:")
    assert len(complaint.splitlines()) == 1


def test_the_shipped_panels_bear_the_names_that_scripts_rely_on() -> None:
    assert list(shipped_panels()) == ["mixed", "offline", "openai", "openai_bulk", "rules"]
    names = [entry.name for entry in files("rubrics").joinpath("panels").iterdir()]
    assert sorted(names) == [f"{name}.yaml" for name in shipped_panels()]


@pytest.mark.parametrize("name", ["rules", "offline"])
def test_panels_without_a_key_have_the_rules_judge_alone(name: str) -> None:
    assert [judge.kind for judge in get_panel(name).judges] == ["rules"]


@pytest.mark.parametrize(
    ("name", "providers"),
    [
        ("openai", ["openai"] * 3),
        ("openai_bulk", ["openai"] * 3),
        ("mixed", ["openai", "anthropic", "google"]),
    ],
)
def test_panels_of_models_ask_once_separately_and_price_every_token(
    name: str, providers: list[str]
) -> None:
    panel = get_panel(name)
    judges = [judge for judge in panel.judges if isinstance(judge, LLMJudgeSpec)]
    assert [judge.provider for judge in judges] == providers
    assert (panel.repeats, panel.asking, panel.quorum) == (1, "separately", 2)
    assert (panel.conflict.same_model, panel.conflict.same_family) == ("exclude", "flag")
    for judge in judges:
        assert judge.prices is not None
        assert judge.prices.cached_input is not None
        assert 0 < judge.prices.cached_input < judge.prices.input < judge.prices.output
        assert judge.context_tokens is not None


def test_prices_say_when_they_were_known() -> None:
    for name in ("openai", "openai_bulk", "mixed"):
        assert re.search(r"prices as known in November 2026 — check them", panel_source(name))


def test_the_bulk_panel_differs_from_its_model_in_the_modes_alone() -> None:
    plain, bulk = get_panel("openai"), get_panel("openai_bulk")

    assert {judge.modes for judge in bulk.judges} == {("shared_tool", "json_schema", "json_text")}
    modes = {"modes": plain.judges[0].modes}
    assert [judge.model_copy(update=modes) for judge in bulk.judges] == list(plain.judges)
    names = {"name": plain.name, "description": plain.description, "judges": plain.judges}
    assert bulk.model_copy(update=names) == plain


def test_the_judge_that_the_comments_of_offline_show_can_be_added_to_it() -> None:
    text = panel_source("offline")
    shown = [line[2:] for line in text.splitlines() if re.match(r"#   (-|  )", line)]
    panel = read_panel(text.replace("\nquorum:", "\n".join(["", *shown, "quorum:"])), source="mine")
    assert [judge.kind for judge in panel.judges] == ["rules", "llm"]


def test_a_panel_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(NotFound, match=r"'ofline'; there are: mixed, offline, .*mean offline\?"):
        get_panel("ofline")
