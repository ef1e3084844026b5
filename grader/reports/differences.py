"""What differs between two runs: which labels, and what of the declarations may be the cause.

A label is compared with the label of the same transcript, rubric and criterion. Where a run has a
rubric in several versions, equal versions are compared with each other and the rest in the order
they are named. Labels that one run alone has are counted, not listed. How declarations differ is in
`declaration_differences.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from grader.domain.label import Flag, LabelEvidence, LabelStatus, Vote
from grader.domain.noun import Noun
from grader.domain.rubric import IntervalScale, Rubric, Value
from grader.domain.run import RubricReference
from grader.reports.declaration_differences import (
    Cause,
    DeclarationChanges,
    compare_declarations,
    pair_rubrics,
)
from grader.store import runs
from grader.store.catalogue import get_rubric_by_hash
from grader.store.comparison import (
    ChangedLabel,
    Transition,
    count_labels,
    count_transitions,
    find_changed,
)


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
        self._pairs = pair_rubrics(self._before.spec.rubrics, self._after.spec.rubrics)
        self._declaration = compare_declarations(connection, self._before, self._after)

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


def _said(side: LabelSide) -> list[tuple[str | None, Value | None, str]]:
    return sorted(
        ((v.judgment_id, v.value, v.status) for v in side.votes), key=lambda said: str(said[0])
    )
