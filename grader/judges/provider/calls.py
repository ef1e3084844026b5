"""What happened while one question was put to a provider: each call, and how it ended.

Instructor makes the calls and re-asks; this record is written at the transport, below it, so that
no attempt's output, tokens or cost can get lost on the way, whether the question ends well or not.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from grader.domain.judge import LLMJudgeSpec
from grader.domain.judgment import Attempt, FailureReason, JudgmentStatus
from grader.errors import JudgeUnavailable


class Ended(Exception):
    """The answer is final although it is no answer: refused, filtered, cut off."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one call brought, in no vendor's words."""

    raw_output: str | None
    refusal: str | None
    is_filtered: bool
    is_truncated: bool
    finish_reason: str | None
    served_model: str | None
    fingerprint: str | None
    input_tokens: int
    """Cached ones included."""
    cached_tokens: int
    output_tokens: int


@dataclass(slots=True)
class Calls:
    """The calls made for one question in one output mode."""

    spec: LLMJudgeSpec
    mode: str
    attempts: list[Attempt] = field(default_factory=list)
    status: JudgmentStatus | None = None
    """How the question ended, where the calls themselves tell; None while they do not."""
    reason: FailureReason | None = None
    detail: str | None = None

    def end(self, status: JudgmentStatus, reason: FailureReason | None, detail: str) -> Ended:
        """Note how the question ended, and return what to raise."""
        self.status, self.reason, self.detail = status, reason, storable(detail)
        return Ended(detail)

    def record_fault(self, outcome: str, *, started_at: datetime, seconds: float) -> None:
        """Keep a call that brought no answer."""
        self.attempts.append(
            Attempt(
                mode=self.mode,
                outcome=storable(outcome[:500]),
                asked_model=self.spec.model,
                started_at=started_at,
                seconds=seconds,
            )
        )

    def record_answer(self, heard: Heard, *, started_at: datetime, seconds: float) -> None:
        """Keep what a call brought, and raise Ended where it can be no answer.

        Raises:
            JudgeUnavailable: another model answered than the one that must.
        """
        tokens = {
            "input_tokens": heard.input_tokens,
            "cached_tokens": heard.cached_tokens,
            "output_tokens": heard.output_tokens,
        }
        prices = self.spec.prices
        self.attempts.append(
            Attempt(
                mode=self.mode,
                outcome="answered",
                raw_output=None if heard.raw_output is None else storable(heard.raw_output),
                asked_model=self.spec.model,
                served_model=heard.served_model,
                fingerprint=heard.fingerprint,
                finish_reason=heard.finish_reason,
                **tokens,
                cost_microusd=prices.cost_microusd(**tokens) if prices else 0,
                started_at=started_at,
                seconds=seconds,
            )
        )
        wanted, served = self.spec.snapshot, heard.served_model
        if wanted and served and served != wanted:
            told = f"{self.spec.model} was answered by {served}, and only {wanted} may answer"
            self.reject_last(told)
            raise JudgeUnavailable(f"{self.spec.name}: {told}")
        if heard.refusal:
            self.reject_last(f"refused: {heard.refusal}")
            raise self.end("refused", None, heard.refusal)
        if heard.is_filtered:
            self.reject_last(told := "the provider filtered the answer")
            raise self.end("failed", "content_filter", told)
        if heard.is_truncated:
            self.reject_last(told := "the answer was cut off at the token limit")
            raise self.end("failed", "truncated", told)

    def reject_last(self, why: str) -> None:
        """Note that the last answer, if there was one, was not accepted, and why."""
        if self.attempts and self.attempts[-1].outcome == "answered":
            self.attempts[-1] = self.attempts[-1].model_copy(
                update={"outcome": storable(why[:500])}
            )


def storable(text: str) -> str:
    """Return the text without what no database and no JSON can carry: NUL and half surrogates."""
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return whole.replace("\x00", "\ufffd")


CALLS: ContextVar[Calls] = ContextVar("calls")
