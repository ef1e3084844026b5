"""Count what a run would ask: judgments, calls and tokens, judge by judge. Money is elsewhere.

Judgments are counted by the very questions that a run would plan and the keys under which answers
are stored. Input tokens are counted offline; how long an answer will be nobody knows: it is taken
from what the same judge gave here before, best on the same rubric, or else assumed. Re-asks and
retries are not foreseen.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import sqlalchemy as sa

from grader.domain.judge import JudgeSpec, LLMJudgeSpec
from grader.domain.judgment import JudgmentKey
from grader.domain.panel import Panel
from grader.domain.rubric import Rubric
from grader.domain.transcript import Transcript
from grader.domain.view import View
from grader.grading import group_questions, plan_questions, repeats_of
from grader.judges.prompt import Rendering, build_prompt
from grader.store.sizes import Answers, Size, find_answered, find_answers
from grader.tokens import count_each, count_tokens
from grader.views import SeenTranscript

ASSUMED_OUTPUT_TOKENS = 400
"""The output of one judgment where nothing is known: explanation, quotes and values."""

SCHEMA_TOKENS = 120
CRITERION_TOKENS = 40
"""What the schema of a rubric's answer takes, and what each criterion adds to it, about."""

CACHED_FROM_TOKENS = 1_024
"""The shortest beginning of a prompt that providers keep."""

_CHUNK = 200


@dataclass(slots=True)
class Tally:
    """What one judge would be asked about the transcripts that were looked at."""

    expected: int = 0
    reused: int = 0
    """Stored already, or those of another transcript with the same messages."""
    excluded: int = 0
    missing: int = 0
    calls: int = 0
    too_long: int = 0
    """Calls that do not fit into the judge's context, and are not made."""
    input_tokens: int = 0
    cacheable_tokens: int = 0
    """Input that a provider's cache can have, as the judge would be asked."""
    shareable_tokens: int = 0
    """Input that it could have if the judge's first mode were `shared_tool`."""
    output_tokens: Fraction = Fraction(0)
    answers: int = 0
    """Answers to rubrics that the calls would bring, and"""
    measured: int = 0
    """how many of them have a length that is known from earlier ones."""


@dataclass(frozen=True, slots=True)
class Forecast:
    looked_at: int
    tallies: tuple[tuple[JudgeSpec, Tally], ...]
    """Each judge of the panel with what it would be asked."""


def sizes_of(given: Iterable[Transcript], *, limit: int) -> list[Size]:
    """Return the sizes of transcripts that are not stored, each once, the first by their hashes."""
    different = {(t.transcript_hash, t.metadata_hash): t for t in given}
    chosen = [different[pair] for pair in sorted(different)[:limit]]
    counted = count_each([t.messages for t in chosen])
    return [Size(t.transcript_hash, t.metadata, n) for t, n in zip(chosen, counted, strict=True)]


def forecast_run(
    connection: sa.Connection,
    sizes: Iterable[Size],
    *,
    rubrics: Sequence[Rubric],
    panel: Panel,
    view: View,
) -> Forecast:
    """Count what a run over these transcripts takes.

    They come in the order of their hashes, so that those which share their messages are next to
    one another.
    """
    return _Count(connection, rubrics, panel, view).count(sizes)


class _Count:
    def __init__(
        self, connection: sa.Connection, rubrics: Sequence[Rubric], panel: Panel, view: View
    ) -> None:
        self._connection = connection
        self._rubrics = {rubric.rubric_hash: rubric for rubric in rubrics}
        self._panel = panel
        self._view = view
        self._tallies = {judge.judge_hash: Tally() for judge in panel.judges}
        llm = [judge.judge_hash for judge in panel.judges if judge.kind == "llm"]
        self._answers = find_answers(connection, llm) if llm else []
        self._around: dict[tuple[str, ...], int] = {}
        self._lengths: dict[tuple[str, str], tuple[Fraction, bool]] = {}
        self._answered: set[JudgmentKey] = set()

    def count(self, sizes: Iterable[Size]) -> Forecast:
        looked_at = 0
        for some in _chunks(sizes):
            looked_at += len(some)
            seen = [self._see(size) for size in some]
            last = some[0].transcript_hash
            # The last chunk may have ended between two transcripts with the same messages.
            self._answered = {key for key in self._answered if key.transcript_hash == last}
            self._answered |= find_answered(
                self._connection,
                list(dict.fromkeys(size.transcript_hash for size in some)),
                rubric_hashes=list(self._rubrics),
                judge_hashes=list(self._tallies),
                view_hashes=list({each.view_hash for each in seen}),
            )
            for size, each in zip(some, seen, strict=True):
                self._count_transcript(each, size.tokens)
        judges = self._panel.judges
        return Forecast(looked_at, tuple((j, self._tallies[j.judge_hash]) for j in judges))

    def _see(self, size: Size) -> SeenTranscript:
        return SeenTranscript(
            self._view,
            transcript_hash=size.transcript_hash,
            metadata=size.metadata,
            load=_read_nothing,
        )

    def _count_transcript(self, seen: SeenTranscript, tokens: int) -> None:
        rubrics = tuple(self._rubrics.values())
        questions = plan_questions(seen, rubrics, self._panel)
        planned = Counter(question.judge.judge_hash for question in questions)
        for judge in self._panel.judges:
            expected = repeats_of(judge, self._panel) * len(rubrics)
            tally = self._tallies[judge.judge_hash]
            tally.expected += expected
            tally.excluded += expected - planned[judge.judge_hash]
        warm: set[tuple[str, ...]] = set()
        for group in group_questions(questions):
            judge = group[0].judge
            missing = [q.key for q in group if q.key not in self._answered]
            tally = self._tallies[judge.judge_hash]
            tally.reused += len(group) - len(missing)
            tally.missing += len(missing)
            # Another transcript with the same messages gets these answers as well.
            self._answered.update(missing)
            if missing and judge.kind == "llm":
                # A joint call asks every rubric again, even if only one is missing.
                self._count_call([q.rubric for q in group], judge, tokens, warm)

    def _count_call(
        self,
        rubrics: Sequence[Rubric],
        judge: LLMJudgeSpec,
        tokens: int,
        warm: set[tuple[str, ...]],
    ) -> None:
        """Count one call; `warm` has the prompts that this transcript's calls have sent so far."""
        tally = self._tallies[judge.judge_hash]
        around = self._tokens_around(rubrics, judge)
        prompt = around + tokens
        if judge.context_tokens is not None and prompt > judge.context_tokens:
            tally.too_long += 1
            return
        tally.calls += 1
        tally.input_tokens += prompt
        same = (judge.judge_hash, *(rubric.rubric_hash for rubric in rubrics))
        any_call = (judge.judge_hash,)
        cached = shared = 0
        if same in warm:
            cached = shared = prompt
        elif any_call in warm:
            # What stands before the transcript is equal for all rubrics if they share a tool.
            shared = tokens
            cached = tokens if judge.modes[0] == "shared_tool" else 0
        elif len(rubrics) > 1:
            # Rubrics that are asked together stand before every transcript in the same words.
            cached = shared = around
        warm |= {same, any_call}
        tally.cacheable_tokens += cached if cached >= CACHED_FROM_TOKENS else 0
        tally.shareable_tokens += shared if shared >= CACHED_FROM_TOKENS else 0
        for rubric in rubrics:
            length, is_known = self._output_tokens(rubric, judge)
            tally.output_tokens += length
            tally.answers += 1
            tally.measured += is_known

    def _tokens_around(self, rubrics: Sequence[Rubric], judge: LLMJudgeSpec) -> int:
        """Return the tokens of a prompt and its schema, the transcript apart."""
        mode = judge.modes[0]
        key = (mode, *(rubric.rubric_hash for rubric in rubrics))
        if key not in self._around:
            prompt = build_prompt(Rendering(""), rubrics, mode)
            texts = "\n".join(message["content"] for message in prompt.messages)
            criteria = sum(len(rubric.criteria) for rubric in rubrics)
            schema = SCHEMA_TOKENS * len(rubrics) + CRITERION_TOKENS * criteria
            self._around[key] = count_tokens(texts) + schema
        return self._around[key]

    def _output_tokens(self, rubric: Rubric, judge: LLMJudgeSpec) -> tuple[Fraction, bool]:
        """Return the length of one answer, and whether it is known from earlier ones."""
        key = (judge.judge_hash, rubric.rubric_hash)
        if key not in self._lengths:
            of_judge = [each for each in self._answers if each.judge_hash == judge.judge_hash]
            of_both = [each for each in of_judge if rubric.rubric_hash in each.rubric_hashes]
            known = _mean_output(of_both or of_judge)
            assumed = Fraction(min(ASSUMED_OUTPUT_TOKENS, judge.max_output_tokens))
            self._lengths[key] = (assumed, False) if known is None else (known, True)
        return self._lengths[key]


def _mean_output(answers: Sequence[Answers]) -> Fraction | None:
    total = sum(each.judgments for each in answers)
    return Fraction(sum(each.output_tokens for each in answers), total) if total else None


def _read_nothing() -> Transcript:
    raise AssertionError("a forecast reads no messages")


def _chunks(sizes: Iterable[Size]) -> Iterator[list[Size]]:
    remaining = iter(sizes)
    while some := list(islice(remaining, _CHUNK)):
        yield some
