"""The record of a run, by REST and in exports: how far it is, what it costs, how quick it is.

Labels and judgments are in `records.py`. What is only known by looking around, as the speed is, is
put together in `progress.py`.
"""

from datetime import datetime
from typing import Any

from grader.domain.noun import JsonObject, Noun
from grader.domain.panel import Panel
from grader.domain.run import Counts, Priority, RubricReference, RunMode, RunStatus
from grader.reports.records import dollars
from grader.store.runs import Paid, RunProgress, RunRow


class TranscriptCounts(Noun):
    expected: int
    """How many transcripts the run is made of."""
    finished: int
    """How many have all their judgments."""
    pending: int
    """How many have not."""


class RunCounts(Noun):
    transcripts: TranscriptCounts
    judgments: Counts


class RunCost(Noun):
    currency: str = "USD"
    estimated: float | None = None
    """What the whole run will cost, in dollars; null where it is not estimated."""
    spent: float
    """What the run has paid, in dollars, failures and re-asks included."""
    budget: float | None = None
    """The most the run may cost, in dollars; null for no bound."""
    unpriced_judges: tuple[str, ...] = ()
    """Judges whose panel gives no prices: their calls are counted as 0."""


class RunJudge(Noun):
    """What one judge has done for a run, and what that cost.

    Judgments that other runs paid for are not counted here; those of `counts` that are missing
    here are reused.
    """

    judge: str
    """The judge's name in the panel."""
    judge_hash: str
    kind: str
    """`llm`, `rules` or `human`."""
    asked_model: str | None
    """The model that is asked for; null for a judge that is no model."""
    given: int = 0
    abstained: int = 0
    refused: int = 0
    failed: int = 0
    calls: int = 0
    """Calls to the provider, failures and re-asks included."""
    input_tokens: int = 0
    """Tokens sent, cached ones included."""
    cached_tokens: int = 0
    """Tokens of these that the provider read from its cache."""
    output_tokens: int = 0
    cost_usd: float = 0.0


class Server(Noun):
    """How busy one provider's server is, with the calls of all runs and workers together."""

    in_flight: int
    """Calls under way."""
    limit: int
    """The most calls at once that are tried at present."""
    held_seconds: float
    """How long no new call is begun, because the server asked to wait; 0 where it did not."""
    waiting: int
    """Calls that wait for their turn."""
    waits_for: str | None
    """What the first of them waits for: `slots` (the limit of calls at once), `requests` or
    `tokens` a minute, `first answer`, `told to wait`, `outage`."""
    outage: str | None
    """The last of the faults, while the server answers nothing else."""


class Speed(Noun):
    """How quick a run is, and how busy the servers are that its judges are asked at."""

    judgments_per_minute: float
    """Judgments that the run paid for in the last minute (or since it began, if that was later),
    by the clocks of the workers; reused ones are not counted."""
    eta_seconds: float | None = None
    """When it will be finished at this speed, if as large a share of the rest is reused as so far;
    null where that cannot be told."""
    servers: dict[str, Server] | None = None
    """By base URL; null where that is not known because Redis does not answer."""


class RunRecord(Noun):
    """A run: the declaration, and how far it is true."""

    run_id: str
    status: RunStatus
    reason: str | None
    """Why a run is paused or failed."""
    rubrics: tuple[RubricReference, ...]
    panel: Panel
    view: str
    selection: JsonObject
    mode: RunMode
    """`live`, or `batch` through the providers' batch APIs."""
    priority: Priority
    """`interactive` goes before `bulk`."""
    counts: RunCounts
    cost: RunCost
    judges: tuple[RunJudge, ...]
    """What each judge of the panel has done."""
    speed: Speed | None = None
    """How quick it is at present; only where one run that is running is asked for."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def run_record(row: RunRow, progress: RunProgress, *, speed: Speed | None = None) -> RunRecord:
    return RunRecord(
        run_id=row.run_id,
        status=row.status,
        reason=row.reason,
        rubrics=row.spec.rubrics,
        panel=row.spec.panel,
        view=row.spec.view.name,
        selection=row.spec.selection,
        mode=row.spec.mode,
        priority=row.priority,
        counts=run_counts(row, progress),
        cost=run_cost(row, progress),
        judges=run_judges(row, progress),
        speed=speed,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def run_counts(row: RunRow, progress: RunProgress) -> RunCounts:
    finished = progress.finished_transcripts
    return RunCounts(
        transcripts=TranscriptCounts(
            expected=row.transcripts, finished=finished, pending=row.transcripts - finished
        ),
        judgments=progress.counts,
    )


def run_cost(row: RunRow, progress: RunProgress) -> RunCost:
    estimated, budget = row.estimated_microusd, row.budget_microusd
    return RunCost(
        estimated=None if estimated is None else dollars(estimated),
        spent=dollars(progress.cost_microusd),
        budget=None if budget is None else dollars(budget),
        unpriced_judges=tuple(
            j.name for j in row.spec.panel.judges if j.kind == "llm" and j.prices is None
        ),
    )


def run_judges(row: RunRow, progress: RunProgress) -> tuple[RunJudge, ...]:
    """Return the panel's judges in its order, those that have done nothing yet among them."""
    paid = {each.judge_hash: each for each in progress.paid}
    return tuple(
        RunJudge(
            judge=judge.name,
            judge_hash=judge.judge_hash,
            kind=judge.kind,
            asked_model=judge.model if judge.kind == "llm" else None,
            **_done(paid.get(judge.judge_hash)),
        )
        for judge in row.spec.panel.judges
    )


def _done(paid: Paid | None) -> dict[str, Any]:
    if paid is None:
        return {}
    fields = paid._asdict()
    del fields["judge_hash"]
    cost_microusd = fields.pop("cost_microusd")
    return {**fields, "cost_usd": dollars(cost_microusd)}
