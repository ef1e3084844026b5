"""What differs between the declarations of two runs: rubrics, judges, view and the panel's rule.

Rubrics are compared criterion by criterion, judges by what can change an answer. What became of
the labels is in `differences.py`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from grader.domain.noun import JsonObject, Noun
from grader.domain.rubric import Rubric
from grader.domain.run import RubricReference
from grader.store.catalogue import get_rubric_by_hash
from grader.store.comparison import Pairs
from grader.store.runs import RunRow

Cause = Literal["rubric", "judges", "view", "panel", "outcomes"]
"""What may have changed a label: its rubric's text; which judges, or what they are; what they see;
the panel's rule (quorum, aggregation, ties, conflict, repeats, asking); or none of these, and a
judgment that had failed or was missing in one run is there in the other."""

_RULE = ("repeats", "quorum", "aggregation", "ties", "conflict", "asking")


class Change(Noun):
    """A field of a declaration, before and after."""

    field: str
    before: Any
    after: Any


class CriterionChange(Noun):
    criterion: str
    fields: tuple[str, ...]
    """The fields of the criterion that differ; `added` or `removed` where one version alone has
    it."""


class RubricChange(Noun):
    rubric: str
    before: RubricReference | None
    """Null where the run before has no such rubric."""
    after: RubricReference | None
    """Null where the run after has no such rubric."""
    criteria: tuple[CriterionChange, ...] = ()
    """The criteria that differ; none where only a description does."""


class JudgeChange(Noun):
    judge: str
    """The judge's name; a judge that has another name now and is the same is no change."""
    what: Literal["added", "removed", "changed"]
    before_hash: str | None = None
    after_hash: str | None = None
    fields: tuple[Change, ...] = ()
    """What differs, of what can change an answer."""


class DeclarationChanges(Noun):
    """What differs between two declarations; everything is empty where they ask the same."""

    rubrics: tuple[RubricChange, ...]
    judges: tuple[JudgeChange, ...]
    view: tuple[Change, ...]
    panel: tuple[Change, ...]
    """The rule by which judgments become labels."""
    causes: tuple[Cause, ...]
    """Which of rubric, judges, view and panel differ."""


def compare_declarations(
    connection: sa.Connection, before: RunRow, after: RunRow
) -> DeclarationChanges:
    rubrics = _compare_rubrics(connection, before.spec.rubrics, after.spec.rubrics)
    judges = _compare_judges(before, after)
    one, other = before.spec, after.spec
    view = _changes(one.view.model_dump(mode="json"), other.view.model_dump(mode="json"))
    rule = _changes(
        one.panel.model_dump(mode="json", include=set(_RULE)),
        other.panel.model_dump(mode="json", include=set(_RULE)),
    )
    differing: dict[Cause, Any] = {
        "rubric": rubrics,
        "judges": judges,
        "view": view,
        "panel": rule,
    }
    return DeclarationChanges(
        rubrics=rubrics,
        judges=judges,
        view=view,
        panel=rule,
        causes=tuple(cause for cause, changes in differing.items() if changes),
    )


def pair_rubrics(before: Sequence[RubricReference], after: Sequence[RubricReference]) -> Pairs:
    """Return which rubric of the run after each one of the run before is compared with, by hash.

    Equal texts first; then, of one name, in the order they are named. Some may have no partner.
    """
    theirs = [r.rubric_hash for r in after]
    pairs = {r.rubric_hash: r.rubric_hash for r in before if r.rubric_hash in theirs}
    left = defaultdict(list)
    for reference in after:
        if reference.rubric_hash not in pairs:
            left[reference.name].append(reference.rubric_hash)
    for reference in before:
        if reference.rubric_hash not in pairs and left[reference.name]:
            pairs[reference.rubric_hash] = left[reference.name].pop(0)
    return pairs


def _compare_rubrics(
    connection: sa.Connection, before: Sequence[RubricReference], after: Sequence[RubricReference]
) -> tuple[RubricChange, ...]:
    pairs = pair_rubrics(before, after)
    theirs_by_hash = {r.rubric_hash: r for r in after}
    changes = []
    for mine in {r.rubric_hash: r for r in before}.values():
        partner = pairs.get(mine.rubric_hash)
        if partner is None:
            changes.append(RubricChange(rubric=mine.name, before=mine, after=None))
        elif partner != mine.rubric_hash:
            criteria = _compare_criteria(
                get_rubric_by_hash(connection, mine.rubric_hash),
                get_rubric_by_hash(connection, partner),
            )
            theirs = theirs_by_hash[partner]
            changes.append(
                RubricChange(rubric=mine.name, before=mine, after=theirs, criteria=criteria)
            )
    changes += [
        RubricChange(rubric=theirs.name, before=None, after=theirs)
        for theirs in theirs_by_hash.values()
        if theirs.rubric_hash not in pairs.values()
    ]
    return tuple(changes)


def _compare_criteria(before: Rubric, after: Rubric) -> tuple[CriterionChange, ...]:
    one = {c.name: c.model_dump(mode="json") for c in before.criteria}
    other = {c.name: c.model_dump(mode="json") for c in after.criteria}
    changes = []
    for name in {**one, **other}:
        if name not in other:
            changes.append(CriterionChange(criterion=name, fields=("removed",)))
        elif name not in one:
            changes.append(CriterionChange(criterion=name, fields=("added",)))
        elif fields := tuple(c.field for c in _changes(one[name], other[name])):
            changes.append(CriterionChange(criterion=name, fields=fields))
    return tuple(changes)


def _compare_judges(before: RunRow, after: RunRow) -> tuple[JudgeChange, ...]:
    one = {j.judge_hash: j for j in before.spec.panel.judges}
    other = {j.judge_hash: j for j in after.spec.panel.judges}
    gone = {j.name: j for key, j in one.items() if key not in other}
    new = {j.name: j for key, j in other.items() if key not in one}
    changes = []
    for name in {**gone, **new}:
        mine, theirs = gone.get(name), new.get(name)
        changes.append(
            JudgeChange(
                judge=name,
                what="removed" if theirs is None else "added" if mine is None else "changed",
                before_hash=mine.judge_hash if mine else None,
                after_hash=theirs.judge_hash if theirs else None,
                fields=_changes(mine.model_dump(mode="json"), theirs.model_dump(mode="json"))
                if mine and theirs
                else (),
            )
        )
    return tuple(changes)


def _changes(before: JsonObject, after: JsonObject) -> tuple[Change, ...]:
    return tuple(
        Change(field=name, before=before.get(name), after=after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )
