"""What differs between two runs."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import InContext, Reader
from api.pages import Cursor, Limit, encode_cursor, find_id
from grader.domain.noun import Noun
from grader.reports.differences import DifferenceSummary, LabelDifference, RunComparison

router = APIRouter(prefix="/v1/runs", tags=["runs"])

_OF = "differences"


class RunDifferences(Noun):
    """Two runs beside each other, and a page of the labels that changed."""

    before: str
    """The run that was given as `against`."""
    after: str
    """The run of the address."""
    summary: DifferenceSummary | None
    """What differs altogether; null on later pages, where it would be the same."""
    items: list[LabelDifference]
    """Labels that differ in status or value."""
    next_cursor: str | None
    """Give it as `?cursor=` for the next page; null on the last one."""


@router.get("/{run_id}/diff", response_model=RunDifferences, dependencies=[Reader])
def compare_runs(
    run_id: str,
    context: InContext,
    against: Annotated[str, Query(description="The run to compare with: the one before")],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RunDifferences:
    """Tell which labels changed since the run `against`, and what of the declaration did."""
    beyond = find_id(cursor, of=_OF)
    with context.store.reading() as connection:
        comparison = RunComparison(connection, before=against, after=run_id)
        summary = comparison.summarize() if cursor is None else None
        items = comparison.find(beyond=beyond, limit=limit + 1)
    more = len(items) > limit
    shown = items[:limit]
    return RunDifferences(
        before=against,
        after=run_id,
        summary=summary,
        items=shown,
        next_cursor=encode_cursor(shown[-1].before.label_id, of=_OF) if more else None,
    )
