"""What differs between two runs: their declarations first, then the labels.

A label is compared with the label of the same transcript, rubric and criterion. Where a run has a
rubric in several versions, equal versions are compared with each other and the rest in the order
they are named. Labels that one run alone has are counted, not listed.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from grader.domain.label import Flag, LabelEvidence, LabelStatus, Vote
from grader.domain.noun import JsonObject, Noun
from grader.domain.rubric import IntervalScale, Rubric, Value
from grader.domain.run import RubricReference
from grader.store import runs
from grader.store.catalogue import get_rubric_by_hash
from grader.store.comparison import (
    ChangedLabel,
    Pairs,
    Transition,
    count_labels,
    count_transitions,
    find_changed,
)
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


class LabelCounts(Noun):
    """What became of the labels."""

    same: int = 0
    flipped: int = 0
    """Decided in both, with another value."""
    became_decided: int = 0
    became_undecided: int = 0
    """Decided before, and tied or undecided after."""
    undecided_otherwise: int = 0
    """Decided in neither: tied in one, undecided in the other."""
    only_before: int = 0
    only_after: int = 0


class State(Noun):
    status: LabelStatus
    value: Value | None


class StateChange(Noun):
    before: State
    after: State
    labels: int


class CriterionDifference(Noun):
    rubric: str
    criterion: str
    counts: LabelCounts
    transitions: tuple[StateChange, ...]
    """How many labels went from which state to which, unchanged ones included. Values of an
    interval scale are null here."""


class DifferenceSummary(Noun):
    declaration: DeclarationChanges
    counts: LabelCounts
    criteria: tuple[CriterionDifference, ...]


class LabelSide(Noun):
    """A label as one of the two runs has it."""

    label_id: str
    rubric_version: str
    rubric_hash: str
    status: LabelStatus
    value: Value | None
    votes: tuple[Vote, ...]
    evidence: tuple[LabelEvidence, ...]
    flags: tuple[Flag, ...]


class LabelDifference(Noun):
    transcript_id: str
    transcript_hash: str
    rubric: str
    criterion: str
    before: LabelSide
    after: LabelSide
    because: tuple[Cause, ...]
    """Which differences of the declaration may have changed this label."""


class RunComparison:
    """Two runs beside each other, within one read transaction."""

    def __init__(self, connection: sa.Connection, *, before: str, after: str) -> None:
        self._connection = connection
        self._before = runs.get_run(connection, before)
        self._after = runs.get_run(connection, after)
        self._pairs = _pair(self._before.spec.rubrics, self._after.spec.rubrics)
        self._declaration = self._compare_declarations()

    def summarize(self) -> DifferenceSummary:
        """Return what differs, and how many labels went from what to what."""
        measured = [
            (reference.rubric_hash, criterion.name)
            for reference in self._before.spec.rubrics
            for criterion in self._rubric(reference).criteria
            if isinstance(criterion.scale, IntervalScale)
        ]
        transitions = count_transitions(
            self._connection,
            self._before.run_id,
            self._after.run_id,
            pairs=self._pairs,
            measured=measured,
        )
        criteria = self._by_criterion(transitions)
        total: Counter[str] = Counter()
        for criterion in criteria:
            total.update(criterion.counts.model_dump())
        return DifferenceSummary(
            declaration=self._declaration, counts=LabelCounts(**total), criteria=tuple(criteria)
        )

    def find(self, *, beyond: str | None, limit: int) -> list[LabelDifference]:
        """Return the labels that changed, after the one whose label before is `beyond`."""
        found = find_changed(
            self._connection,
            self._before.run_id,
            self._after.run_id,
            pairs=self._pairs,
            beyond=beyond,
            limit=limit,
        )
        return [self._difference(each) for each in found]

    def _rubric(self, reference: RubricReference) -> Rubric:
        return get_rubric_by_hash(self._connection, reference.rubric_hash)

    def _by_criterion(self, transitions: Sequence[Transition]) -> list[CriterionDifference]:
        before = count_labels(self._connection, self._before.run_id)
        after = count_labels(self._connection, self._after.run_id)
        both: dict[tuple[str, str], list[Transition]] = defaultdict(list)
        for transition in transitions:
            both[transition.rubric_hash, transition.criterion].append(transition)
        names = {
            r.rubric_hash: r.name for r in (*self._before.spec.rubrics, *self._after.spec.rubrics)
        }
        partner = {theirs: mine for mine, theirs in self._pairs.items()}
        # Each criterion of the run before, and those that only the run after has.
        keys = list(before)
        keys += [k for k in after if (partner.get(k[0], k[0]), k[1]) not in before]
        return [
            self._criterion(
                names[rubric_hash],
                criterion,
                both.get((rubric_hash, criterion), []),
                before=before.get((rubric_hash, criterion), 0),
                after=after.get((self._pairs.get(rubric_hash, rubric_hash), criterion), 0),
            )
            for rubric_hash, criterion in keys
        ]

    def _criterion(
        self, rubric: str, criterion: str, found: list[Transition], *, before: int, after: int
    ) -> CriterionDifference:
        counts: Counter[str] = Counter()
        for each in found:
            counts[_what_became(each)] += each.labels
        matched = sum(each.labels for each in found)
        counts |= {"only_before": before - matched, "only_after": after - matched}
        changes = [
            StateChange(
                before=State(status=each.status_before, value=each.value_before),
                after=State(status=each.status_after, value=each.value_after),
                labels=each.labels,
            )
            for each in sorted(found, key=lambda each: -each.labels)
        ]
        return CriterionDifference(
            rubric=rubric,
            criterion=criterion,
            counts=LabelCounts(**counts),
            transitions=tuple(changes),
        )

    def _difference(self, found: ChangedLabel) -> LabelDifference:
        before = LabelSide.model_validate(found.before)
        after = LabelSide.model_validate(found.after)
        return LabelDifference(
            transcript_id=found.transcript_id,
            transcript_hash=found.transcript_hash,
            rubric=found.rubric,
            criterion=found.criterion,
            before=before,
            after=after,
            because=self._because(before, after),
        )

    def _because(self, before: LabelSide, after: LabelSide) -> tuple[Cause, ...]:
        causes = [
            cause
            for cause in self._declaration.causes
            if cause != "rubric" or before.rubric_hash != after.rubric_hash
        ]
        if _said(before) == _said(after) and "panel" in causes:
            # The judges said the same: only what was made of it can have changed.
            causes = ["panel"]
        return tuple(causes) or ("outcomes",)

    def _compare_declarations(self) -> DeclarationChanges:
        one, other = self._before.spec, self._after.spec
        rubrics = self._compare_rubrics()
        judges = _compare_judges(self._before, self._after)
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

    def _compare_rubrics(self) -> tuple[RubricChange, ...]:
        before = {r.rubric_hash: r for r in self._before.spec.rubrics}
        after = {r.rubric_hash: r for r in self._after.spec.rubrics}
        changes = []
        for mine, reference in before.items():
            theirs = self._pairs.get(mine)
            if theirs is None:
                changes.append(RubricChange(rubric=reference.name, before=reference, after=None))
            elif theirs != mine:
                changes.append(
                    RubricChange(
                        rubric=reference.name,
                        before=reference,
                        after=after[theirs],
                        criteria=_compare_criteria(
                            self._rubric(reference), self._rubric(after[theirs])
                        ),
                    )
                )
        changes += [
            RubricChange(rubric=reference.name, before=None, after=reference)
            for theirs, reference in after.items()
            if theirs not in self._pairs.values()
        ]
        return tuple(changes)


def _pair(before: Sequence[RubricReference], after: Sequence[RubricReference]) -> Pairs:
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


def _what_became(transition: Transition) -> str:
    if transition.is_same:
        return "same"
    match transition.status_before == "decided", transition.status_after == "decided":
        case True, True:
            return "flipped"
        case False, True:
            return "became_decided"
        case True, False:
            return "became_undecided"
        case _:
            return "undecided_otherwise"


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


def _said(side: LabelSide) -> list[tuple[str | None, Value | None, str]]:
    return sorted(
        ((v.judgment_id, v.value, v.status) for v in side.votes), key=lambda said: str(said[0])
    )
