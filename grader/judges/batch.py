"""An LLM judge through a provider's batch API: questions become lines, lines become judgments.

The live judge does both: below it stands a provider that writes the request down, or one that has
the answer already. So prompt, schema, reading, checks and record are those of a live call. What a
batch cannot do is ask again: invented quotes stand and are marked, and an answer that cannot be
read leaves its question open, with the call that was paid for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from grader.domain.judge import LLMJudgeSpec, Mode
from grader.domain.judgment import Attempt, Judgment
from grader.errors import JudgeUnavailable, Unanswered
from grader.judges.llm import LLMJudge
from grader.judges.provider.batch import OpenAIBatches, RemoteBatch, Written
from grader.judges.provider.batch_lines import Line, find_fault, render_line
from grader.judges.provider.money import most_output_tokens
from grader.judges.question import Question

if TYPE_CHECKING:
    from grader.judges.provider.batch import LineProvider

WORST_BYTES_PER_TOKEN = 3
"""How few bytes of a request make a token, when the most it can cost is worked out."""


class Read(NamedTuple):
    """What a line brought."""

    judgments: list[Judgment]
    """One for each question; none where the questions stay open."""
    attempts: tuple[Attempt, ...] = ()
    """What was paid for questions that stay open."""
    missing: str | None = None
    """Why they stay open."""
    unavailable: JudgeUnavailable | None = None
    """Set where the provider refuses the judge for good."""


class BatchJudge:
    """One LLM judge and the batch API of its server."""

    def __init__(self, spec: LLMJudgeSpec, batches: OpenAIBatches, *, secret: bytes) -> None:
        priced = None if spec.prices is None else spec.prices.through_batch()
        self.spec = spec.model_copy(update={"prices": priced})
        self.batches = batches
        self.modes: tuple[Mode, ...] = tuple(m for m in spec.modes if batches.supports(m))
        self._secret = secret
        if not self.modes:
            raise JudgeUnavailable(f"{spec.name}: no output mode that {batches.base_url} has")

    async def write(
        self, questions: Sequence[Question], *, custom_id: str, mode: Mode
    ) -> bytes | list[Judgment]:
        """Return the line that asks these questions, or their judgments where none is needed.

        None is needed for a prompt that is longer than the judge's context.
        """
        try:
            return await self._judge(self.batches.writer(mode), questions)
        except Written as written:
            return render_line(custom_id, written.body)

    async def read(
        self, questions: Sequence[Question], line: Line, remote: RemoteBatch, *, mode: Mode
    ) -> Read:
        """Read a line as a live answer to these questions is read."""
        fault = find_fault(line)
        if fault is not None:
            return Read([], missing=fault)
        try:
            judgments = await self._judge(self.batches.reader(mode, line, remote), questions)
        except JudgeUnavailable as error:
            return Read([], error.attempts, missing=str(error), unavailable=error)
        except Unanswered as error:
            return Read([], error.attempts, missing=str(error))
        if judgments[0].reason == "unparsable":
            return Read([], judgments[0].attempts, missing=judgments[0].detail or "unparsable")
        return Read(judgments)

    def most_microusd(self, line: bytes) -> int:
        """Return the most that a line can cost; 0 where nobody knows prices."""
        if self.spec.prices is None:
            return 0
        return self.spec.prices.cost_microusd(
            input_tokens=-(-len(line) // WORST_BYTES_PER_TOKEN),
            cached_tokens=0,
            output_tokens=most_output_tokens(self.spec),
        )

    async def _judge(
        self, provider: "LineProvider", questions: Sequence[Question]
    ) -> list[Judgment]:
        return await LLMJudge(self.spec, provider, secret=self._secret).judge_jointly(questions)
