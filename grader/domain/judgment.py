"""A judgment: one judge's answer for one rubric on one transcript, and every attempt at it.

A failure is a status with a reason, never a value. Its natural key is the five things that make an
answer what it is; two runs that ask the same share the judgment.
"""

from datetime import datetime
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from grader.domain.noun import Noun
from grader.domain.rubric import Value

JudgmentStatus = Literal["given", "abstained", "refused", "failed", "excluded", "pending"]
FailureReason = Literal[
    "unparsable", "truncated", "context_overflow", "content_filter", "provider_error", "timeout"
]


class JudgmentKey(NamedTuple):
    """What a judgment is of: the same key is the same question to the same judge."""

    transcript_hash: str
    rubric_hash: str
    judge_hash: str
    view_hash: str
    repeat: int


class Evidence(Noun):
    message: int
    """The number of the message the judge named: 3 for M3."""

    quote: str
    """The quote, as the judge gave it."""

    found: bool
    """Whether the quote's words stand in that message."""

    start: int | None = None
    """Where it begins in the message's canonical text, in characters; null if not found."""

    end: int | None = None
    """Where it ends, exclusive."""


class Usage(Noun):
    input_tokens: int = 0
    """Tokens sent, cached ones included, over all attempts."""

    cached_tokens: int = 0
    """Tokens of these that the provider read from its cache."""

    output_tokens: int = 0
    """Tokens received, over all attempts."""

    attempts: int = 0
    """How many calls were made; one that asked several rubrics counts with the first."""


class Attempt(Noun):
    """One call to a provider, whatever came of it."""

    mode: str
    """The step of the judge's mode ladder."""

    outcome: str
    """What came of it: `answered`, or what was wrong."""

    raw_output: str | None = None
    """The answer as it arrived, before anything was read from it; null if none did."""

    asked_model: str
    """The model that was asked for."""

    served_model: str | None = None
    """The model that says it answered."""

    fingerprint: str | None = None
    """The provider's fingerprint of what answered."""

    finish_reason: str | None = None
    """Why the model stopped."""

    input_tokens: int = 0
    """Tokens sent, cached ones included."""

    cached_tokens: int = 0
    """Tokens of these read from the provider's cache."""

    output_tokens: int = 0
    """Tokens received."""

    cost_microusd: int = 0
    """What it cost, in millionths of a dollar."""

    counted_with: str | None = Field(default=None, exclude_if=lambda rubric: rubric is None)
    """Of rubrics that are asked in one call, the one whose judgment bears its tokens and cost; null
    where that is this one."""

    started_at: datetime
    """When the call was made, UTC."""

    seconds: float
    """How long it took."""


class Judgment(Noun):
    judgment_id: str
    """The judgment's id."""

    transcript_hash: str
    """The messages that were judged."""

    rubric: str
    """The rubric's name."""

    rubric_hash: str
    """The rubric's very text."""

    judge: str
    """The judge's name."""

    judge_hash: str
    """Everything that can change the judge's answer."""

    view: str
    """The view's name."""

    view_hash: str
    """What the judge was shown."""

    repeat: int = 0
    """Which of the repeats this is, from 0."""

    status: JudgmentStatus
    """What became of it."""

    reason: FailureReason | None = None
    """Why it failed, from a closed set."""

    detail: str | None = None
    """What was said about a failure, a refusal or an abstention, in words."""

    values: dict[str, Value] = Field(default_factory=dict)
    """The value of each criterion; empty unless given."""

    explanation: str = ""
    """Why, in the judge's words."""

    evidence: tuple[Evidence, ...] = ()
    """What the judge quoted, and where it stands."""

    attempts: tuple[Attempt, ...] = ()
    """Every call, in order."""

    mode: str | None = None
    """The step of the mode ladder that worked."""

    coverage: float | None = None
    """The share of the transcript's characters that the judge was shown; null where no prompt was
    made."""

    prompt_hash: str | None = None
    """The hash of the prompt that was sent; null for judges that read none."""

    created_at: datetime
    """When it was made, UTC."""

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        if (self.status == "failed") != (self.reason is not None):
            raise ValueError("a reason belongs to a failed judgment, and to no other")
        if (self.status == "given") != bool(self.values):
            raise ValueError("values belong to a given judgment, and to no other")
        return self

    @property
    def key(self) -> JudgmentKey:
        return JudgmentKey(
            self.transcript_hash, self.rubric_hash, self.judge_hash, self.view_hash, self.repeat
        )

    @property
    def usage(self) -> Usage:
        """Tokens and calls over all attempts."""
        return Usage(
            input_tokens=sum(a.input_tokens for a in self.attempts),
            cached_tokens=sum(a.cached_tokens for a in self.attempts),
            output_tokens=sum(a.output_tokens for a in self.attempts),
            attempts=sum(a.counted_with is None for a in self.attempts),
        )

    @property
    def cost_microusd(self) -> int:
        """What all attempts cost, in millionths of a dollar."""
        return sum(a.cost_microusd for a in self.attempts)
