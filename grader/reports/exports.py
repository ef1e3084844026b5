"""What leaves a run as a file: its labels, its judgments or its failures, row by row.

A row is a plain dictionary with the same fields in every format; `export_formats` writes them. One
read transaction gives one moment's picture, page by page, so that memory does not grow with the
run.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Literal

import sqlalchemy as sa

from grader.reports.run_judgments import Position, find_run_judgments
from grader.store.catalogue import get_rubric_by_hash
from grader.store.runs import RunRow
from grader.store.summaries import find_metadata, iter_labels

What = Literal["labels", "judgments", "failures"]
Row = dict[str, Any]

KNOWN_METADATA = (
    "agent_model",
    "harness",
    "task_type",
    "condition",
    "subject",
    "dataset",
    "group",
    "external_id",
)
"""The keys of metadata that are columns of their own where a format has columns."""

_PAGE = 1_000


def iter_rows(connection: sa.Connection, run: RunRow, what: What) -> Iterator[list[Row]]:
    """Yield the rows of an export in pages."""
    if what == "labels":
        return _label_rows(connection, run)
    return _judgment_rows(connection, run, failures_only=what == "failures")


def _label_rows(connection: sa.Connection, run: RunRow) -> Iterator[list[Row]]:
    rubrics = [get_rubric_by_hash(connection, r.rubric_hash) for r in run.spec.rubrics]
    scales = {
        (rubric.rubric_hash, criterion.name): criterion.scale.type
        for rubric in rubrics
        for criterion in rubric.criteria
    }
    panel, view = run.spec.panel, run.spec.view
    for rows in iter_labels(connection, run.run_id, page=_PAGE):
        yield [
            {
                "label_id": row["label_id"],
                "run_id": row["run_id"],
                "transcript_id": row["transcript_id"],
                "transcript_hash": row["transcript_hash"],
                "rubric": row["rubric"],
                "rubric_version": row["rubric_version"],
                "rubric_hash": row["rubric_hash"],
                "criterion": row["criterion"],
                "scale": scales[row["rubric_hash"], row["criterion"]],
                "status": row["status"],
                "value": row["value"],
                "votes": row["votes"],
                "evidence": row["evidence"],
                "flags": row["flags"],
                "panel": panel.name,
                "panel_hash": panel.panel_hash,
                "view": view.name,
                "view_hash": view.view_hash(row["metadata"]),
                "metadata": row["metadata"],
                "created_at": row["created_at"],
            }
            for row in rows
        ]


def _judgment_rows(
    connection: sa.Connection, run: RunRow, *, failures_only: bool
) -> Iterator[list[Row]]:
    versions = {r.rubric_hash: r.version for r in run.spec.rubrics}
    position: Position | None = Position()
    while position is not None:
        records, position = find_run_judgments(
            connection,
            run,
            start=position,
            limit=_PAGE,
            status="failed" if failures_only else None,
        )
        metadata = find_metadata(connection, {record.transcript_id for record in records})
        yield [
            {
                "judgment_id": record.judgment_id,
                "run_id": run.run_id,
                "transcript_id": record.transcript_id,
                "transcript_hash": record.transcript_hash,
                "rubric": record.rubric,
                "rubric_version": versions[record.rubric_hash],
                "rubric_hash": record.rubric_hash,
                "judge": record.judge,
                "judge_hash": record.judge_hash,
                "view": record.view,
                "view_hash": record.view_hash,
                "repeat": record.repeat,
                "status": record.status,
                "reason": record.reason,
                "detail": record.detail,
                "values": record.values,
                "explanation": record.explanation,
                "evidence": [found.model_dump(mode="json") for found in record.evidence],
                "asked_model": record.asked_model,
                "served_model": record.served_model,
                "fingerprint": record.fingerprint,
                "input_tokens": record.usage.input_tokens,
                "cached_tokens": record.usage.cached_tokens,
                "output_tokens": record.usage.output_tokens,
                "attempts": record.usage.attempts,
                "cost_usd": record.cost_usd,
                "mode": record.mode,
                "coverage": record.coverage,
                "metadata": metadata[record.transcript_id],
                "created_at": record.created_at,
            }
            for record in records
        ]


def regroup(pages: Iterable[list[Row]], size: int) -> Iterator[list[Row]]:
    """Yield the rows of some pages in groups of `size`, the last one smaller."""
    group: list[Row] = []
    for row in chain.from_iterable(pages):
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
