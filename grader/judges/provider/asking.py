"""Ask one rubric, or several in one call, through Instructor in one output mode; tell how it ended.

Instructor owns the re-asks: one, for an answer that is malformed or quotes what is not there.
Retries in transport belong to the provider's `create` below it, and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from grader.domain.judge import LLMJudgeSpec, Mode
from grader.domain.judgment import Attempt, Evidence, FailureReason, JudgmentStatus
from grader.domain.rubric import Rubric, Value
from grader.domain.transcript import Message
from grader.errors import GraderError, Unanswered
from grader.judges.provider.answer import AnswerCheck, CheckedAnswer, answer_type, read_answer
from grader.judges.provider.calls import CALLS, Calls, storable
from grader.judges.provider.instructor_speed import re_asks

RE_ASKS = 1

Prompt = list[dict[str, str]]
Create = Callable[..., Awaitable[CheckedAnswer]]


@dataclass(frozen=True, slots=True)
class RubricAnswer:
    """What was answered to one rubric, its quotes looked up."""

    values: dict[str, Value]
    explanation: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """How the asking ended: given with answers, or another status with its reason."""

    status: JudgmentStatus
    attempts: tuple[Attempt, ...]
    answers: tuple[RubricAnswer, ...] = ()
    """One for each rubric that was asked, in that order; none unless given."""
    reason: FailureReason | None = None
    detail: str | None = None


class Provider(Protocol):
    """A server of models behind Instructor."""

    def supports(self, mode: Mode) -> bool:
        """Tell whether this server's protocol has an output mode."""

    async def ask(
        self,
        spec: LLMJudgeSpec,
        mode: Mode,
        *,
        prompt: Prompt,
        rubrics: tuple[Rubric, ...],
        messages: tuple[Message, ...],
    ) -> Reply:
        """Make the call that asks these rubrics; raises Unanswered, all else is in the reply."""

    async def close(self) -> None: ...


async def ask_through_instructor(
    create: Create,
    calls: Calls,
    *,
    prompt: Prompt,
    rubrics: tuple[Rubric, ...],
    messages: tuple[Message, ...],
    parameters: dict[str, Any],
) -> Reply:
    """Call a patched `create`, whose transport writes into `calls`, and read how it ended.

    Raises:
        Unanswered: the rubrics stay open, for now or for good; with the calls that were made.
    """
    token = CALLS.set(calls)
    trouble: Exception | None = None
    answer: CheckedAnswer | None = None
    with AnswerCheck(messages) as check:
        try:
            answer = await create(
                response_model=answer_type(*rubrics, mode=cast(Mode, calls.mode)),
                messages=prompt,
                model=calls.spec.model,
                max_retries=re_asks(RE_ASKS),
                strict=False,
                **parameters,
            )
        except asyncio.CancelledError as error:
            # Called off between two calls: what the first ones cost must be told.
            error.attempts = tuple(calls.attempts)  # type: ignore[attr-defined]
            raise
        except Exception as error:
            # Whatever Instructor wrapped: its exceptions keep the whole request alive, ours tell.
            trouble = _ours(error) or error
        finally:
            CALLS.reset(token)
        if answer is None and check.first is not None:
            answer = check.first
            if len(calls.attempts) > check.first_attempt:
                calls.reject_last(_first_line(trouble))
        answers = _look_up(answer, rubrics, check) if answer is not None else ()
    attempts = tuple(calls.attempts)
    if answer is not None:
        return Reply("given", attempts, answers)
    if isinstance(trouble, Unanswered):
        trouble.attempts = attempts
        raise trouble
    if calls.status is not None:
        return Reply(calls.status, attempts, reason=calls.reason, detail=calls.detail)
    assert trouble is not None
    if not calls.attempts or calls.attempts[-1].outcome != "answered":
        # No answer that cannot be read, but an error that nobody foresaw: it must be seen.
        raise trouble
    calls.reject_last(_first_line(trouble))
    return Reply(
        "failed",
        tuple(calls.attempts),
        reason="unparsable",
        detail=_first_line(trouble),
    )


def _look_up(
    answer: CheckedAnswer, rubrics: tuple[Rubric, ...], check: AnswerCheck
) -> tuple[RubricAnswer, ...]:
    return tuple(
        RubricAnswer(
            said.values,
            storable(said.explanation),
            tuple(
                found.model_copy(update={"quote": storable(found.quote)})
                for found in check.locate(said.quotes)
            ),
        )
        for said in read_answer(answer, rubrics)
    )


def _ours(error: BaseException) -> GraderError | None:
    """Return the error of ours that Instructor wrapped, if there is one."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None or isinstance(seen, GraderError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _first_line(error: Exception | None) -> str:
    cause = error.__cause__ if error is not None else None
    told = " ".join(str(cause or error).split())
    return f"no usable answer: {told}"[:300]
