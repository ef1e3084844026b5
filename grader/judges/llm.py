"""The LLM judge: what is asked in one call, down the mode ladder, to a judgment for each rubric.

It renders the prompt and turns what the provider replies into judgments; it knows no client, no
transport and no store. The ladder goes one step down only where a mode gave nothing usable: a
refusal, a filter or an overflow would be the same in every mode.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.domain.identity import new_id, utc_now
from grader.domain.judge import LLMJudgeSpec, Mode
from grader.domain.judgment import Attempt, Judgment
from grader.domain.rubric import Rubric
from grader.errors import JudgeUnavailable, Unanswered
from grader.hashing import keyed_nonce
from grader.judges.prompt import Prompt, Rendering, build_prompt, render_transcript
from grader.judges.provider import Provider, Reply, RubricAnswer
from grader.judges.question import Question, asked
from grader.views import SeenTranscript

BYTES_PER_TOKEN = 4
"""How many bytes of prompt make a token, roughly; the provider's own count is what is paid."""


class LLMJudge:
    """A judge that asks a model."""

    def __init__(self, spec: LLMJudgeSpec, provider: Provider, *, secret: bytes) -> None:
        self._spec = spec
        self._provider = provider
        self._secret = secret
        self._modes = [mode for mode in spec.modes if provider.supports(mode)]
        if not self._modes:
            raise JudgeUnavailable(
                f"{spec.name}: the provider {spec.provider!r} has none of the output modes "
                f"{', '.join(spec.modes)}"
            )

    async def judge(self, question: Question) -> Judgment:
        (judgment,) = await self.judge_jointly((question,))
        return judgment

    async def judge_jointly(self, questions: Sequence[Question]) -> list[Judgment]:
        """Answer questions about one transcript by one call; see `JointJudge`."""
        seen = questions[0].seen
        rubrics = in_order([question.rubric for question in questions])
        outcome = await self._ask(seen, rubrics)
        reply = outcome.reply
        said = dict(zip((r.rubric_hash for r in rubrics), reply.answers, strict=False))
        made_at = utc_now()
        attempts = outcome.attempts
        judgments = []
        for question in questions:
            answer = said.get(question.rubric.rubric_hash, _NOTHING)
            judgments.append(
                Judgment(
                    judgment_id=new_id("jdg"),
                    **asked(question),
                    status=reply.status,
                    reason=reply.reason,
                    detail=reply.detail,
                    values=answer.values,
                    explanation=answer.explanation,
                    evidence=answer.evidence,
                    attempts=attempts,
                    mode=outcome.mode if reply.status == "given" else None,
                    coverage=seen.coverage,
                    prompt_hash=outcome.prompt.prompt_hash,
                    created_at=made_at,
                )
            )
            if attempts is outcome.attempts and len(questions) > 1:
                attempts = tuple(_counted_with(question.rubric.name, attempts))
        return judgments

    async def _ask(self, seen: SeenTranscript, rubrics: tuple[Rubric, ...]) -> "_Outcome":
        companions = self._spec.companions
        assert not companions or sorted(r.rubric_hash for r in rubrics) == sorted(companions), (
            f"{self._spec.name} is asked {len(companions)} rubrics in one call, never some of them"
        )
        attempts: tuple[Attempt, ...] = ()
        for mode in self._modes:
            prompt = render_prompt_of(seen, rubrics, mode, self._secret)
            if overlong := self._refuse_overlong(prompt):
                reply = overlong
                break
            try:
                reply = await self._provider.ask(
                    self._spec,
                    mode,
                    prompt=prompt.messages,
                    rubrics=rubrics,
                    messages=seen.transcript.messages,
                )
            except (Unanswered, asyncio.CancelledError) as error:
                # The question stays open, but its calls were paid for.
                error.attempts = attempts + getattr(error, "attempts", ())  # type: ignore[union-attr]
                raise
            attempts += reply.attempts
            if reply.reason != "unparsable":
                break
        return _Outcome(reply, attempts, mode, prompt)

    def _refuse_overlong(self, prompt: Prompt) -> Reply | None:
        size = prompt.size // BYTES_PER_TOKEN
        room = self._spec.context_tokens
        if room is None or size <= room:
            return None
        told = f"about {size:,} tokens do not fit into the judge's context of {room:,}"
        return Reply("failed", (), reason="context_overflow", detail=told)


@dataclass(frozen=True, slots=True)
class _Outcome:
    reply: Reply
    attempts: tuple[Attempt, ...]
    mode: Mode
    """The last step of the ladder that was tried."""
    prompt: Prompt


_NOTHING = RubricAnswer({}, "", ())


def render_prompt_of(
    seen: SeenTranscript, rubrics: Sequence[Rubric], mode: Mode, secret: bytes
) -> Prompt:
    """Return the prompt that asks these rubrics, the same each time for one installation's secret.

    Several rubrics must be in the order that `in_order` gives them.
    """
    nonce = keyed_nonce(secret, seen.transcript_hash)
    rendering = seen.renderings.get(nonce)
    if rendering is None:
        rendering = seen.renderings[nonce] = Rendering(render_transcript(seen.messages, nonce))
    return build_prompt(rendering, rubrics, mode)


def prompt_of(question: Question, secret: bytes) -> list[dict[str, str]]:
    """Return the chat messages of a question that is asked by itself with its own schema."""
    return render_prompt_of(question.seen, (question.rubric,), "tools", secret).messages


def in_order(rubrics: Sequence[Rubric]) -> tuple[Rubric, ...]:
    """Return rubrics as one call asks them, whatever order a run names them in.

    The order can change the answer, and the judge's hash does not hold it.
    """
    return tuple(sorted(rubrics, key=lambda rubric: (rubric.name, rubric.rubric_hash)))


def _counted_with(rubric: str, attempts: Sequence[Attempt]) -> Iterator[Attempt]:
    """Yield the calls that a judgment shares with another rubric's, which bears tokens and cost."""
    for attempt in attempts:
        yield attempt.model_copy(
            update={
                "counted_with": rubric,
                "input_tokens": 0,
                "cached_tokens": 0,
                "output_tokens": 0,
                "cost_microusd": 0,
            }
        )
