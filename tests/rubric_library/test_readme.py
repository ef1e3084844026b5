"""The examples of rubrics/README.md load, so that they can't rot."""

import re
from importlib.resources import files
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from grader.domain import rule as rules
from grader.domain.noun import Noun
from grader.domain.rubric import BooleanScale, IntervalScale, NominalScale, OrdinalScale
from grader.domain.rule import Rule
from grader.errors import InvalidRubric
from grader.rubric_library import read_panel, read_rubric, shipped_panels, shipped_rubrics

README = files("rubrics").joinpath("README.md").read_text(encoding="utf-8")
RUBRIC, RULE, PANEL = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
KINDS: list[type[BaseModel]] = [
    part for part in get_args(get_args(Rule)[0]) if issubclass(part, Noun)
]


def test_the_rubric_loads_and_shows_every_scale() -> None:
    rubric = read_rubric(RUBRIC, source="README.md")
    shown = [type(criterion.scale) for criterion in rubric.criteria]
    assert shown == [BooleanScale, NominalScale, OrdinalScale, IntervalScale]
    assert all(criterion.rule is not None for criterion in rubric.criteria)


def test_the_rubric_and_the_panel_show_every_field_that_people_choose() -> None:
    rubric = read_rubric(RUBRIC, source="README.md")
    panel = read_panel(PANEL, source="README.md")
    assert set().union(*(criterion.model_fields_set for criterion in rubric.criteria)) == set(
        type(rubric.criteria[0]).model_fields
    )
    assert panel.model_fields_set == set(type(panel).model_fields)
    llm = [judge for judge in panel.judges if judge.kind == "llm"]
    shown = set().union(*(judge.model_fields_set for judge in llm))
    assert set(type(llm[0]).model_fields) - shown == {"companions", "family", "prompt_version"}


def test_the_rule_loads() -> None:
    rule = TypeAdapter[Rule](Rule).validate_python(yaml.safe_load(RULE))
    assert isinstance(rule, rules.AllOf)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_table_of_rules_names_every_kind_and_its_fields(kind: type[BaseModel]) -> None:
    name = kind.model_fields["kind"].default
    (row,) = [line for line in README.splitlines() if re.match(rf"\| .*`{name}`", line)]
    assert set(kind.model_fields) - {"kind"} <= set(re.findall(r"`(\w+)`", row))


def test_every_shipped_rubric_and_panel_is_named() -> None:
    for name in (*shipped_rubrics(), *shipped_panels()):
        assert f"`{name}`" in README


def test_the_complaints_it_shows_are_those_that_are_given() -> None:
    bad = RUBRIC.replace("{type: boolean}", "{type: bool}").replace(
        "value: asked\n", "value: yes\n", 1
    )
    with pytest.raises(InvalidRubric) as caught:
        read_rubric(bad, source="mine.yaml")
    given = {re.sub(r"^mine\.yaml:\d+: ", "", line) for line in str(caught.value).splitlines()}
    shown = re.findall(r"^ +mine\.yaml:\d+: (.*)$", README, re.MULTILINE)
    assert len(shown) == 2
    assert given == set(shown)
