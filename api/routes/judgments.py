"""A judgment with its whole proof; and judgments that were made elsewhere, taken in."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from api.context import InContext, Labeller, Reader
from api.strict_json import StrictJsonRoute
from grader.domain.noun import Noun
from grader.reports.judgments_elsewhere import JudgmentElsewhere, add_elsewhere
from grader.reports.proofs import prove
from grader.reports.records import JudgmentRecord, Proof

router = APIRouter(prefix="/v1/judgments", tags=["judgments"], route_class=StrictJsonRoute)


class JudgmentsRequest(Noun):
    judgments: list[JudgmentElsewhere] = Field(min_length=1, max_length=10_000)
    """All are taken, or none."""


class TakenJudgment(Noun):
    created: bool
    """False where it was there already."""
    judgment: JudgmentRecord


class JudgmentsAnswer(Noun):
    items: list[TakenJudgment]
    """In the order in which they were sent."""


@router.get("/{judgment_id}", response_model=Proof, dependencies=[Reader])
def get_judgment(judgment_id: str, context: InContext) -> Proof:
    """Return the proof of a judgment: the prompt, the schema, every attempt with raw output."""
    with context.store.reading() as connection:
        return prove(connection, judgment_id, secret=context.store.secret)


@router.post(
    "",
    status_code=201,
    response_model=TakenJudgment | JudgmentsAnswer,
    responses={
        200: {"model": TakenJudgment | JudgmentsAnswer, "description": "They were there already"}
    },
    dependencies=[Labeller],
)
def add_judgments(
    given: Annotated[JudgmentElsewhere | JudgmentsRequest, Field(union_mode="smart")],
    response: Response,
    context: InContext,
) -> TakenJudgment | JudgmentsAnswer:
    """Take in a judgment made elsewhere or by a person, or a list of them.

    They are kept as judgments of their rater. Those of people count as ratings in gold sets of the
    same rubric, those of models and rules are measured beside a run's judges.
    """
    whole = given.judgments if isinstance(given, JudgmentsRequest) else [given]
    with context.store.transaction() as connection:
        taken = [
            TakenJudgment(created=created, judgment=judgment)
            for judgment, created in add_elsewhere(connection, whole)
        ]
    response.status_code = 201 if any(each.created for each in taken) else 200
    return JudgmentsAnswer(items=taken) if isinstance(given, JudgmentsRequest) else taken[0]
