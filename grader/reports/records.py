"""The records of REST and exports: labels and judgments with money in dollars.

Each is the stored noun with the ids it stands under; nothing is computed here that a reader could
not follow back to the store. Runs are in `run_records.py`.
"""

from datetime import datetime
from typing import Any

from grader.domain.judgment import (
    Attempt,
    Evidence,
    FailureReason,
    Judgment,
    JudgmentStatus,
    Usage,
)
from grader.domain.label import Flag, LabelEvidence, LabelStatus, Vote
from grader.domain.noun import JsonObject, Noun
from grader.domain.rubric import Value
from grader.store.labels import LabelRow

MICRO = 1_000_000


def dollars(microusd: int) -> float:
    """Return millionths of a dollar as dollars."""
    return microusd / MICRO


class LabelRecord(Noun):
    """A label: the panel's value for one criterion of one transcript, with its votes."""

    label_id: str
    run_id: str
    transcript_id: str
    transcript_hash: str
    rubric: str
    rubric_version: str
    rubric_hash: str
    criterion: str
    status: LabelStatus
    """`decided`, `tied`, or `undecided` where too few judges gave a value."""
    value: Value | None
    """The value; null unless decided."""
    votes: tuple[Vote, ...]
    """Every judge's vote, failures and exclusions included."""
    evidence: tuple[LabelEvidence, ...]
    """The quotes of the judges who gave the label's value, and where they stand."""
    flags: tuple[Flag, ...]
    """`unverified`, `conflict`, `adjudicated`."""
    created_at: datetime


class JudgmentRecord(Noun):
    """One judge's answer for one rubric on one transcript."""

    judgment_id: str | None
    """Null for a judge that the panel's conflict policy kept out."""
    transcript_id: str
    transcript_hash: str
    rubric: str
    rubric_hash: str
    judge: str
    judge_hash: str
    view: str
    view_hash: str
    repeat: int
    status: JudgmentStatus
    reason: FailureReason | None = None
    """Why it failed, from a closed set; null unless it did."""
    detail: str | None = None
    """What was said about a failure, a refusal or an abstention, in words."""
    values: dict[str, Value]
    explanation: str
    evidence: tuple[Evidence, ...]
    usage: Usage
    cost_usd: float
    mode: str | None
    asked_model: str | None = None
    """The model that was asked for; null for a judge that is no model."""
    served_model: str | None = None
    """The model that says it answered; null where none said."""
    fingerprint: str | None = None
    """The provider's fingerprint of what answered."""
    coverage: float | None = None
    created_at: datetime | None


class AttemptRecord(Noun):
    """One call to a provider, with its raw output and what it cost."""

    number: int
    mode: str
    outcome: str
    raw_output: str | None
    asked_model: str
    served_model: str | None
    fingerprint: str | None
    finish_reason: str | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    counted_with: str | None = None
    """Of rubrics asked in one call, the one whose judgment bears tokens and cost; null for this."""
    started_at: datetime
    seconds: float


class Proof(JudgmentRecord):
    """The whole proof of a judgment: what was sent, and everything that came back."""

    run_id: str
    """The run that paid for it."""
    judge_spec: JsonObject | None
    """The judge as it was asked; null where no run that is stored has it."""
    prompt: list[dict[str, str]] | None
    """The prompt as it was sent; null for judges that read none."""
    prompt_hash: str | None
    """The hash of the prompt that was sent."""
    prompt_is_exact: bool | None
    """Whether the prompt shown has that hash."""
    answer_schema: JsonObject | None
    """The JSON schema that the answer was held to."""
    attempts: list[AttemptRecord]
    """Every call, in order."""


def label_record(row: LabelRow) -> LabelRecord:
    label = row.label
    return LabelRecord(
        **{name: value for name, value in row._asdict().items() if name != "label"},
        criterion=label.criterion,
        status=label.status,
        value=label.value,
        votes=label.votes,
        evidence=label.evidence,
        flags=label.flags,
    )


def judgment_record(judgment: Judgment, *, transcript_id: str) -> JudgmentRecord:
    return JudgmentRecord(**_shown(judgment), transcript_id=transcript_id)


def proof(
    judgment: Judgment,
    *,
    transcript_id: str,
    run_id: str,
    judge_spec: JsonObject | None,
    prompt: list[dict[str, str]] | None,
    prompt_is_exact: bool | None,
    answer_schema: JsonObject | None,
) -> Proof:
    return Proof(
        **_shown(judgment),
        transcript_id=transcript_id,
        run_id=run_id,
        judge_spec=judge_spec,
        prompt=prompt,
        prompt_hash=judgment.prompt_hash,
        prompt_is_exact=prompt_is_exact,
        answer_schema=answer_schema,
        attempts=[_attempt(n, attempt) for n, attempt in enumerate(judgment.attempts, start=1)],
    )


_NOT_A_FIELD = {"transcript_id", "cost_usd", "asked_model", "served_model", "fingerprint"}
"""What a judgment's record has and the judgment has not by that name."""


def _shown(judgment: Judgment) -> dict[str, Any]:
    names = JudgmentRecord.model_fields.keys() - _NOT_A_FIELD
    fields = {name: getattr(judgment, name) for name in names}
    calls = judgment.attempts
    return {
        **fields,
        "cost_usd": dollars(judgment.cost_microusd),
        "asked_model": calls[-1].asked_model if calls else None,
        "served_model": next((c.served_model for c in reversed(calls) if c.served_model), None),
        "fingerprint": next((c.fingerprint for c in reversed(calls) if c.fingerprint), None),
    }


def _attempt(number: int, attempt: Attempt) -> AttemptRecord:
    fields = attempt.model_dump(exclude={"cost_microusd"})
    return AttemptRecord(number=number, cost_usd=dollars(attempt.cost_microusd), **fields)
