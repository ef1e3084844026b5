"""Labels as they are kept: derived, never edited. A new one supersedes the old, which stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from grader.domain.identity import new_id, utc_now
from grader.domain.label import Label
from grader.domain.rubric import Rubric
from grader.store.schema import labels
from grader.store.statements import chunked


class LabelRow(NamedTuple):
    label_id: str
    run_id: str
    transcript_id: str
    transcript_hash: str
    rubric: str
    rubric_version: str
    rubric_hash: str
    label: Label
    created_at: datetime


class NewLabels(NamedTuple):
    """The labels of one rubric on one transcript of a run."""

    transcript_id: str
    transcript_hash: str
    rubric: Rubric
    labels: Sequence[Label]


def record_labels(connection: sa.Connection, run_id: str, given: Sequence[NewLabels]) -> None:
    """Store labels; one that differs from the label that stands supersedes it."""
    if not given:
        return
    now = utc_now()
    standing: dict[tuple[str, str, str], LabelRow] = {}
    for some in chunked(list({new.transcript_id: None for new in given})):
        query = _current().where(labels.c.run_id == run_id, labels.c.transcript_id.in_(some))
        for row in _read_all(connection, query):
            standing[row.transcript_id, row.rubric_hash, row.label.criterion] = row
    fresh: list[dict[str, Any]] = []
    outdated: list[str] = []
    for new in given:
        for label in new.labels:
            key = (new.transcript_id, new.rubric.rubric_hash, label.criterion)
            before = standing.get(key)
            if before is not None:
                if before.label == label:
                    continue
                outdated.append(before.label_id)
            fresh.append(_row(run_id, new, label, now))
    for some in chunked(outdated):
        connection.execute(
            labels.update().where(labels.c.label_id.in_(some)).values(superseded_at=now)
        )
    if fresh:
        connection.execute(labels.insert(), fresh)


def find_labels(
    connection: sa.Connection,
    *,
    run_id: str | None = None,
    transcript_id: str | None = None,
    after: str | None = None,
    limit: int = 1000,
    **equal: str | None,
) -> list[LabelRow]:
    """Return labels that stand, in the order of their ids.

    `equal` are further columns: rubric, criterion, status.
    """
    query = _current()
    conditions = {"run_id": run_id, "transcript_id": transcript_id, **equal}
    for name, value in conditions.items():
        if value is not None:
            query = query.where(labels.c[name] == value)
    if equal.get("status") not in (None, "decided"):
        # Said once more in the words of the partial indexes, or the planner would not use them.
        query = query.where(sa.text("labels.status <> 'decided'"))
    if after is not None:
        query = query.where(labels.c.label_id > after)
    return _read_all(connection, query.order_by(labels.c.label_id).limit(limit))


def _current() -> sa.Select[Any]:
    return sa.select(labels).where(labels.c.superseded_at.is_(None))


def _row(run_id: str, new: NewLabels, label: Label, now: datetime) -> dict[str, Any]:
    # JSON's null is a value of its own; a label without a value has none.
    return {
        "label_id": new_id("lbl"),
        "run_id": run_id,
        "transcript_id": new.transcript_id,
        "transcript_hash": new.transcript_hash,
        "rubric": new.rubric.name,
        "rubric_version": new.rubric.version,
        "rubric_hash": new.rubric.rubric_hash,
        "criterion": label.criterion,
        "status": label.status,
        "value": label.value,
        "votes": [vote.model_dump(mode="json") for vote in label.votes],
        "evidence": [found.model_dump(mode="json") for found in label.evidence],
        "flags": list(label.flags),
        "created_at": now,
    }


def _read_all(connection: sa.Connection, query: sa.Select[Any]) -> list[LabelRow]:
    rows = []
    for row in connection.execute(query).mappings():
        label = Label.model_validate(
            {name: row[name] for name in ("criterion", "status", "value", "votes", "evidence")}
            | {"flags": tuple(row["flags"])}
        )
        rows.append(
            LabelRow(
                row["label_id"],
                row["run_id"],
                row["transcript_id"],
                row["transcript_hash"],
                row["rubric"],
                row["rubric_version"],
                row["rubric_hash"],
                label,
                row["created_at"],
            )
        )
    return rows
