"""A run and its shards, with the changes of status that are legal.

run     created → running → finished | paused | cancelled | failed
        paused → running | finished (its last calls landed) | cancelled
        failed → running (resume or retry) | cancelled
        finished → running (retry of what failed)
shard   open → leased → open | finished;  finished → open (retry)
"""

from typing import Literal

from grader.domain.noun import JsonObject, Noun
from grader.domain.panel import Panel
from grader.domain.view import View
from grader.errors import IllegalTransition

RunMode = Literal["live", "batch"]
Priority = Literal["interactive", "bulk"]
RunStatus = Literal["created", "running", "paused", "finished", "cancelled", "failed"]
ShardStatus = Literal["open", "leased", "finished"]

RUN_MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    "created": frozenset({"running", "paused", "finished", "cancelled", "failed"}),
    "running": frozenset({"paused", "finished", "cancelled", "failed"}),
    "paused": frozenset({"running", "finished", "cancelled"}),
    "finished": frozenset({"running"}),
    "cancelled": frozenset(),
    "failed": frozenset({"running", "cancelled"}),
}
SHARD_MOVES: dict[ShardStatus, frozenset[ShardStatus]] = {
    "open": frozenset({"leased", "finished"}),
    "leased": frozenset({"open", "finished"}),
    "finished": frozenset({"open"}),
}


def check_run_move(now: RunStatus, then: RunStatus) -> None:
    """Raise IllegalTransition unless a run may go from `now` to `then`."""
    if then not in RUN_MOVES[now]:
        allowed = ", ".join(sorted(RUN_MOVES[now])) or "nothing"
        raise IllegalTransition(f"a {now} run cannot become {then}; it can become {allowed}")


def check_shard_move(now: ShardStatus, then: ShardStatus) -> None:
    """Raise IllegalTransition unless a shard may go from `now` to `then`."""
    if then not in SHARD_MOVES[now]:
        raise IllegalTransition(f"a {now} shard cannot become {then}")


class RubricReference(Noun):
    name: str
    """The rubric's name."""

    version: str
    """Its version."""

    rubric_hash: str
    """Its very text."""


class RunSpec(Noun):
    """The declaration of a run, with everything resolved that could change later."""

    rubrics: tuple[RubricReference, ...]
    """The rubrics, each fixed by its hash."""

    panel: Panel
    """The panel as it was when the run was created, repeats and servers included."""

    view: View
    """What the judges see."""

    selection: JsonObject
    """Which transcripts were asked for: `where` and `sample`, or how many ids or inline items."""

    mode: RunMode = "live"
    """`live`: call by call; `batch`: through the provider's batch API."""


class Counts(Noun):
    """Judgments of a run by what became of them; all but `reused` add up to `expected`."""

    expected: int = 0
    """How many judgments the run is made of."""

    reused: int = 0
    """How many of them another run had paid for already."""

    given: int = 0
    """With values."""

    abstained: int = 0
    """The judge declined to answer this rubric."""

    refused: int = 0
    """The model declined to judge."""

    failed: int = 0
    """Without an answer, for one of the closed reasons."""

    excluded: int = 0
    """Kept out by the panel's conflict policy."""

    pending: int = 0
    """Still to be made."""
