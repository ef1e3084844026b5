"""What every judge is asked, and what every judge is: the two ends of the floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from grader.domain.judge import JudgeSpec
from grader.domain.judgment import Judgment, JudgmentKey
from grader.domain.rubric import Rubric
from grader.views import SeenTranscript


@dataclass(frozen=True, slots=True)
class Question:
    """One rubric about one transcript as it is seen, put to one judge for the nth time."""

    seen: SeenTranscript
    rubric: Rubric
    judge: JudgeSpec
    repeat: int

    @property
    def key(self) -> JudgmentKey:
        return JudgmentKey(
            self.seen.transcript_hash,
            self.rubric.rubric_hash,
            self.judge.judge_hash,
            self.seen.view_hash,
            self.repeat,
        )


def asked(question: Question) -> dict[str, Any]:
    """Return the fields of a judgment that its question determines."""
    key = question.key
    return {
        **key._asdict(),
        "rubric": question.rubric.name,
        "judge": question.judge.name,
        "view": question.seen.view.name,
    }


class RubricKey:
    """The rubrics of one call, as the key of what is made of them once: compared by hash alone."""

    def __init__(self, rubrics: Sequence[Rubric]) -> None:
        self.rubrics = tuple(rubrics)
        self._hashes = tuple(rubric.rubric_hash for rubric in rubrics)

    def __hash__(self) -> int:
        return hash(self._hashes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RubricKey) and other._hashes == self._hashes


class Judge(Protocol):
    """Whatever gives judgments.

    A failure that concerns one question is a judgment with that status. What concerns the judge
    as a whole is raised: JudgeUnavailable (a person must act), ProviderBusy (ask again later).
    """

    async def judge(self, question: Question) -> Judgment: ...


@runtime_checkable
class JointJudge(Judge, Protocol):
    """A judge that can be asked several rubrics about one transcript at once."""

    async def judge_jointly(self, questions: Sequence[Question]) -> list[Judgment]:
        """Return a judgment for each question, in their order; raises as `judge` does.

        The questions are of one transcript, judge and repeat, and of all the rubrics that the
        judge's hash names as its companions. They are answered by the same calls, whose tokens and
        cost stand with the first question's judgment: put one first whose answer will be kept.
        """
