"""Make a gold set: draw its items from the labels that a run has, and store them for good."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from grader.domain.gold import Candidate, DrawnItem, GoldDesign, GoldRule, draw_gold
from grader.domain.identity import new_id, utc_now
from grader.domain.rubric import Criterion, Rubric
from grader.errors import Conflict, NotFound
from grader.store.catalogue import get_rubric_by_hash
from grader.store.gold import GoldSet, get_gold_set, plain_value
from grader.store.runs import RunRow, get_run
from grader.store.schema import gold_items, gold_sets, labels, transcripts
from grader.store.statements import insert_ignoring

_ROWS_AT_ONCE = 1_000


def make_gold_set(
    connection: sa.Connection,
    *,
    name: str,
    run_id: str,
    design: GoldDesign,
    rubric: str | None = None,
    criterion: str | None = None,
    ratings_per_item: int = 2,
    rule: GoldRule = "majority",
) -> tuple[GoldSet, bool]:
    """Draw and store a gold set from the labels that a run has; False where it was there.

    Raises:
        NotFound: the run, its rubric or the criterion.
        Conflict: a set of that name was made otherwise.
        InvalidSelection: nothing to draw from, or more strata than items.
    """
    run = get_run(connection, run_id)
    chosen, asked = choose_criterion(connection, run, rubric, criterion)
    declared = {
        "name": name,
        "rubric": chosen.name,
        "rubric_version": chosen.version,
        "rubric_hash": chosen.rubric_hash,
        "criterion": asked.name,
        "run_id": run_id,
        "design": design.model_dump(mode="json"),
        "ratings_per_item": ratings_per_item,
        "rule": rule,
    }
    query = sa.select(gold_sets).where(gold_sets.c.name == name)
    stored = connection.execute(query).mappings().one_or_none()
    if stored is not None:
        different = [field for field, value in declared.items() if stored[field] != value]
        if different:
            raise Conflict(
                f"a gold set {name!r} is there already with another {', '.join(different)}; gold "
                "sets never change: give another name"
            )
        return get_gold_set(connection, name), False
    drawn = draw_gold(_iter_candidates(connection, run_id, chosen.rubric_hash, asked.name), design)
    gold_id = new_id("gld")
    row = declared | {
        "gold_id": gold_id,
        "strata": [stratum.model_dump(mode="json") for stratum in drawn.strata],
        "population": drawn.population,
        "created_at": utc_now(),
    }
    if not connection.execute(insert_ignoring(connection, gold_sets).values(**row)).rowcount:
        # Somebody made a set of that name since we looked: it is compared with this one.
        return make_gold_set(
            connection,
            name=name,
            run_id=run_id,
            design=design,
            rubric=rubric,
            criterion=criterion,
            ratings_per_item=ratings_per_item,
            rule=rule,
        )
    connection.execute(
        gold_items.insert(),
        [_item_row(gold_id, number, item) for number, item in enumerate(drawn.items)],
    )
    return get_gold_set(connection, name), True


def choose_criterion(
    connection: sa.Connection, run: RunRow, rubric: str | None, criterion: str | None
) -> tuple[Rubric, Criterion]:
    """Return the rubric and criterion of a run that are meant: the first ones unless named."""
    references = [r for r in run.spec.rubrics if rubric is None or r.name == rubric]
    for reference in references:
        found = get_rubric_by_hash(connection, reference.rubric_hash)
        for each in found.criteria:
            if criterion is None or each.name == criterion:
                return found, each
    wanted = " ".join(filter(None, (rubric, criterion and f"with the criterion {criterion}")))
    asked = ", ".join(reference.name for reference in run.spec.rubrics)
    raise NotFound(f"the run {run.run_id} does not ask {wanted or 'anything'}; it asks {asked}")


def _iter_candidates(
    connection: sa.Connection, run_id: str, rubric_hash: str, criterion: str
) -> Iterator[Candidate]:
    query = (
        sa.select(
            labels.c.transcript_id,
            labels.c.transcript_hash,
            transcripts.c.metadata_hash,
            labels.c.votes,
        )
        .join(transcripts, transcripts.c.transcript_id == labels.c.transcript_id)
        .where(
            labels.c.run_id == run_id,
            labels.c.rubric_hash == rubric_hash,
            labels.c.criterion == criterion,
            labels.c.superseded_at.is_(None),
        )
    )
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows:
            votes = tuple(plain_value(v["value"]) for v in row.votes if not v["repeat"])
            yield Candidate(row.transcript_id, row.transcript_hash, row.metadata_hash, votes)


def _item_row(gold_id: str, number: int, item: DrawnItem) -> dict[str, Any]:
    return {"gold_id": gold_id, "number": number, **item._asdict()}
