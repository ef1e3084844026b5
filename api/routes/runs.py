"""Runs: declare one, watch it, steer it, read what came out."""

import asyncio
import time
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.agreement_formats import AGREEMENT_FORMATS, AgreementQuery, render_as
from api.context import Context, InContext, Reader, Submitter
from api.pages import Cursor, Limit, Page, encode_cursor, find_id, find_numbers, page_by_id
from api.replays import keep_reply
from api.run_requests import RunRequest, declare_run, enqueue, estimate_run, microdollars
from api.servers import find_servers
from api.strict_json import StrictJsonRoute
from grader.domain.judgment import JudgmentStatus
from grader.domain.label import LabelStatus
from grader.domain.noun import Noun
from grader.domain.run import RunStatus
from grader.reports.agreement import RunAgreement, measure_run
from grader.reports.progress import show_run
from grader.reports.records import JudgmentRecord, LabelRecord, label_record
from grader.reports.run_judgments import Position, find_run_judgments
from grader.reports.run_records import RunRecord, run_record
from grader.runs.estimate import RunEstimate
from grader.runs.steer import NewBudget, cancel_run, pause_run, resume_run, retry_run
from grader.store import labels, runs
from grader.store.replies import Reply

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=StrictJsonRoute)

_MAX_WAIT_SECONDS = 300.0
_POLL_SECONDS = 0.1
_LABELS_IN_ANSWER = 1_000


class RunLabelFilter(Noun):
    """Which labels of a run; all that is given must hold."""

    rubric: str | None = None
    criterion: str | None = None
    status: LabelStatus | None = None
    limit: Limit = 100
    cursor: Cursor = None


class ResumeRequest(Noun):
    """How a run goes on; without a body, as it was."""

    budget_usd: float | None = Field(default=None, ge=0, le=1e9)
    """The most the whole run may cost, in dollars, what it has spent included; null lifts the
    budget, and without the field it stays."""


class RunWithLabels(RunRecord):
    labels: list[LabelRecord]
    """The first thousand labels."""

    labels_cursor: str | None
    """`?cursor=` for the labels after these, at /v1/runs/{id}/labels."""


@router.post(
    "",
    status_code=202,
    response_model=RunWithLabels | RunRecord | RunEstimate,
    responses={
        200: {
            "model": RunWithLabels | RunEstimate,
            "description": "Finished within `Prefer: wait`, or the estimate of a `dry_run`",
        }
    },
    dependencies=[Submitter],
)
async def add_run(
    wanted: RunRequest,
    request: Request,
    response: Response,
    context: InContext,
    prefer: Annotated[
        str | None, Header(description="`wait=30` holds the answer until the run is finished")
    ] = None,
) -> RunWithLabels | RunRecord | RunEstimate:
    """Declare a run; workers make it true. Answers 202 at once, or 200 when it was waited for.

    With `dry_run` nothing is stored, and 200 tells what the run would ask and cost; it is refused
    where the run would be.
    """
    seconds = _wait_seconds(prefer)
    if wanted.dry_run:
        response.status_code = 200
        return await run_in_threadpool(estimate_run, context, wanted)

    def keep(connection: sa.Connection, run_id: str) -> None:
        kept = show_run(connection, run_id).model_dump_json().encode()
        headers = {"content-type": "application/json", "location": f"/v1/runs/{run_id}"}
        keep_reply(request.scope, connection, Reply(202, headers, kept))

    run_id = await run_in_threadpool(declare_run, context, wanted, keep=keep)
    response.headers["Location"] = f"/v1/runs/{run_id}"
    if seconds is None:
        return await run_in_threadpool(_show, context, run_id)
    response.headers["Preference-Applied"] = f"wait={seconds:g}"
    deadline = time.monotonic() + seconds
    while True:
        record = await run_in_threadpool(_show, context, run_id)
        if record.status == "finished":
            response.status_code = 200
            return await run_in_threadpool(_with_labels, context, record)
        left = deadline - time.monotonic()
        if record.status not in ("created", "running") or left <= 0:
            return record
        await asyncio.sleep(min(_POLL_SECONDS, left))


@router.get("", response_model=Page[RunRecord], dependencies=[Reader])
def list_runs(
    context: InContext,
    status: RunStatus | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List runs, newest first."""
    with context.store.reading() as connection:
        rows = runs.find_runs(
            connection, before=find_id(cursor, of="runs"), limit=limit + 1, status=status
        )
        records = [run_record(row, runs.get_progress(connection, row.run_id)) for row in rows]
    return page_by_id(records, [row.run_id for row in rows], limit, of="runs")


@router.get("/{run_id}", response_model=RunRecord, dependencies=[Reader])
def get_run(run_id: str, context: InContext) -> RunRecord:
    """Return a run: the declaration, how far it is true, and how quick it is at present."""
    with context.store.reading() as connection:
        return show_run(connection, run_id, find_servers=lambda: find_servers(context.queue.redis))


@router.post("/{run_id}:cancel", response_model=RunRecord, dependencies=[Submitter])
def cancel(run_id: str, context: InContext) -> RunRecord:
    """Stop a run; what was answered stays. Calls in flight are dropped within two seconds."""
    with context.store.transaction() as connection:
        cancel_run(connection, run_id)
    return _show(context, run_id)


@router.post("/{run_id}:pause", response_model=RunRecord, dependencies=[Submitter])
def pause(run_id: str, context: InContext) -> RunRecord:
    """Hold a run; calls in flight are finished."""
    with context.store.transaction() as connection:
        pause_run(connection, run_id)
    return _show(context, run_id)


@router.post("/{run_id}:resume", response_model=RunRecord, dependencies=[Submitter])
def resume(run_id: str, context: InContext, wanted: ResumeRequest | None = None) -> RunRecord:
    """Let a paused or failed run go on, with another budget if one is given."""
    budget = None
    if wanted is not None and "budget_usd" in wanted.model_fields_set:
        budget = NewBudget(microdollars(wanted.budget_usd))
    with context.store.transaction() as connection:
        resume_run(connection, run_id, budget=budget)
    record = _show(context, run_id)
    enqueue(context, run_id, record.priority)
    return record


@router.post("/{run_id}:retry", response_model=RunRecord, dependencies=[Submitter])
def retry(run_id: str, context: InContext) -> RunRecord:
    """Ask again for the judgments that failed; no other judgment is ever replaced."""
    with context.store.transaction() as connection:
        retry_run(connection, run_id)
    record = _show(context, run_id)
    enqueue(context, run_id, record.priority)
    return record


@router.get("/{run_id}/labels", response_model=Page[LabelRecord], dependencies=[Reader])
def list_labels(
    run_id: str, context: InContext, chosen: Annotated[RunLabelFilter, Query()]
) -> dict[str, Any]:
    """List a run's labels, as far as there are any."""
    with context.store.reading() as connection:
        runs.get_status(connection, run_id)
        rows = labels.find_labels(
            connection,
            run_id=run_id,
            after=find_id(chosen.cursor, of="labels"),
            **chosen.model_dump(exclude={"limit", "cursor"}),
            limit=chosen.limit + 1,
        )
    ids = [row.label_id for row in rows]
    return page_by_id([label_record(row) for row in rows], ids, chosen.limit, of="labels")


@router.get("/{run_id}/judgments", response_model=Page[JudgmentRecord], dependencies=[Reader])
def list_judgments(
    run_id: str,
    context: InContext,
    status: JudgmentStatus | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List a run's judgments, those it reuses and those kept out among them."""
    start = find_numbers(cursor, of="run judgments", length=2)
    with context.store.reading() as connection:
        run = runs.get_run(connection, run_id)
        page, after = find_run_judgments(
            connection, run, start=Position(*(start or ())), limit=limit, status=status
        )
    further = encode_cursor(list(after), of="run judgments") if after else None
    return {"items": page, "next_cursor": further}


@router.get("/{run_id}/failures", response_model=Page[JudgmentRecord], dependencies=[Reader])
def list_failures(
    run_id: str, context: InContext, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """List a run's failed judgments, each with its reason."""
    return list_judgments(run_id, context, status="failed", limit=limit, cursor=cursor)


@router.get(
    "/{run_id}/agreement",
    response_model=RunAgreement,
    responses={200: {"content": AGREEMENT_FORMATS}},
    dependencies=[Reader],
)
def get_agreement(
    run_id: str,
    context: InContext,
    request: Request,
    asked: Annotated[AgreementQuery, Query()],
) -> RunAgreement | Response:
    """Return how far the judges agree, criterion by criterion, each number with its interval.

    As JSON, or by `Accept` as text/markdown, or as a page, text/html.
    """
    with context.store.reading() as connection:
        report = measure_run(
            connection,
            runs.get_run(connection, run_id),
            others=[runs.get_run(connection, other) for other in dict.fromkeys(asked.run)],
            **asked.model_dump(exclude={"run"}),
        )
    return render_as(report, request.headers.get("accept", ""))


def _show(context: Context, run_id: str) -> RunRecord:
    with context.store.reading() as connection:
        row = runs.get_run(connection, run_id)
        return run_record(row, runs.get_progress(connection, run_id))


def _with_labels(context: Context, record: RunRecord) -> RunWithLabels:
    with context.store.reading() as connection:
        rows = labels.find_labels(connection, run_id=record.run_id, limit=_LABELS_IN_ANSWER + 1)
    more = len(rows) > _LABELS_IN_ANSWER
    shown = rows[:_LABELS_IN_ANSWER]
    return RunWithLabels(
        **dict(record),
        labels=[label_record(row) for row in shown],
        labels_cursor=encode_cursor(shown[-1].label_id, of="labels") if more else None,
    )


def _wait_seconds(prefer: str | None) -> float | None:
    for preference in (prefer or "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait":
            try:
                return min(_MAX_WAIT_SECONDS, max(0.0, float(value.strip('"'))))
            except ValueError:
                return None
    return None
