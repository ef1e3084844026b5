"""Runs that are drained here, by judges that answer as a test says: no provider, no queue."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

from grader.domain.identity import new_id, utc_now
from grader.domain.judgment import Attempt, Judgment, JudgmentKey
from grader.domain.panel import Panel
from grader.domain.rubric import Rubric
from grader.domain.run import Priority
from grader.domain.transcript import Transcript
from grader.judges.purse import PURSE
from grader.judges.question import Judge, Question, asked
from grader.runs.create import create_run, resolve_panel
from grader.runs.drain import Drain, Pace, Stop
from grader.store import Store, catalogue, labels, runs, transcripts
from grader.views import get_view

PACE = Pace(max_active=16, lease_seconds=30, flush_seconds=0.02, stop_grace_seconds=5)
SERVERS = {"openai": ("http://127.0.0.1:9/v1",)}

Answer = Callable[[Question], object]
"""A judgment to answer, an error to raise, or None for a plain yes."""


def rubric(name: str = "says_yes") -> Rubric:
    return Rubric(
        name=name,
        version="1",
        description="Whether the agent agrees.",
        criteria=[{"name": "occurred", "question": "Does it?", "scale": {"type": "boolean"}}],
    )


def panel(judges: int = 1, *, modes: Sequence[str] = ("tools",), **changes: object) -> Panel:
    """Return a panel of LLM judges, all of them priced."""
    return Panel(
        name="scripted",
        judges=[
            {
                "kind": "llm",
                "name": f"judge-{n}",
                "model": f"scripted-{n}",
                "modes": list(modes),
                "prices": {"input": 1.0, "output": 1.0},
            }
            for n in range(judges)
        ],
        **changes,
    )


def attempt(cost_microusd: int = 0, outcome: str = "answered") -> Attempt:
    return Attempt(
        mode="tools",
        outcome=outcome,
        asked_model="scripted",
        cost_microusd=cost_microusd,
        started_at=utc_now(),
        seconds=0.1,
    )


def answer(question: Question, **changes: object) -> Judgment:
    """Return a given judgment that says yes."""
    fields = {
        "judgment_id": new_id("jdg"),
        **asked(question),
        "status": "given",
        "values": {"occurred": True},
        "attempts": (attempt(),),
        "created_at": utc_now(),
    }
    return Judgment.model_validate({**fields, **changes})


def failure(question: Question) -> Judgment:
    return answer(question, status="failed", reason="truncated", values={})


class ScriptedJudge:
    """Answers after a while, pays from the purse like a real one, and remembers what it was asked.

    What it pays is lognormal, as real usage is, and never more than it set aside.
    """

    def __init__(
        self,
        *,
        seconds: float = 0.01,
        answering: Answer = lambda question: None,
        most_microusd: int = 0,
    ) -> None:
        self.asked: Counter[JudgmentKey] = Counter()
        self.log: list[tuple[str, Question]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.paid_microusd = 0
        self._seconds = seconds
        self._answering = answering
        self._most_microusd = most_microusd
        self._random = random.Random(7)

    async def judge(self, question: Question) -> Judgment:
        purse = PURSE.get()
        if purse is not None:
            purse.reserve(self._most_microusd)
        self.asked[question.key] += 1
        self.log.append(("start", question))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        usual = self._most_microusd / 8
        cost = min(self._most_microusd, round(usual * self._random.lognormvariate(0, 0.8)))
        try:
            await asyncio.sleep(self._seconds * self._random.lognormvariate(0, 0.5))
        finally:
            self.in_flight -= 1
            self.log.append(("end", question))
        self.paid_microusd += cost
        if purse is not None:
            purse.settle(self._most_microusd, cost)
        found = self._answering(question)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Judgment):
            return found
        return answer(question, attempts=(attempt(cost),))


class ScriptedJointJudge(ScriptedJudge):
    """Answers several questions by one call, whose cost stands with the first."""

    async def judge_jointly(self, questions: Sequence[Question]) -> list[Judgment]:
        first = await self.judge(questions[0])
        rest = [self._answering(question) for question in questions[1:]]
        return [
            first,
            *(
                found if isinstance(found, Judgment) else answer(question, attempts=())
                for question, found in zip(questions[1:], rest, strict=True)
            ),
        ]


def make_run(
    store: Store,
    count: int,
    *,
    rubrics: Sequence[Rubric] = (),
    panel: Panel,
    shard_transcripts: int = 5,
    budget_microusd: int | None = None,
    priority: Priority = "bulk",
    conditions: int = 1,
    characters: int = 10,
    backwards: bool = False,
) -> str:
    """Store `count` transcripts, each under so many conditions, and a running run over them."""
    given = [
        Transcript(
            messages=[{"role": "user", "content": f"{n}".ljust(characters, ".")}],
            metadata={"condition": condition},
        )
        for condition in range(conditions)
        for n in range(count)
    ]
    chosen = rubrics or (rubric(),)
    with store.transaction() as connection:
        for each in chosen:
            catalogue.add_rubric(connection, each, source="")
        added = transcripts.add_transcripts(connection, given)
        run_id = create_run(
            connection,
            rubrics=chosen,
            panel=resolve_panel(panel, SERVERS),
            view=get_view("plain"),
            selection={},
            shard_transcripts=shard_transcripts,
            ids=[each.transcript_id for each in (reversed(added) if backwards else added)],
            budget_microusd=budget_microusd,
            priority=priority,
        )
        runs.start_run(connection, run_id)
    return run_id


async def drain(
    store: Store,
    run_id: str,
    judge: Judge,
    *,
    pace: Pace = PACE,
    should_stop: Callable[[], Stop | None] = lambda: None,
) -> bool:
    with store.reading() as connection:
        run = runs.get_run(connection, run_id)
    judges = {each.judge_hash: judge for each in run.spec.panel.judges}
    async with asyncio.timeout(30):
        return await Drain(store, run, judges, pace, should_stop=should_stop).drain()


def drain_all(store: Store, *tasks: tuple[str, ScriptedJudge]) -> None:
    """Drain runs at once, each by a worker of its own."""

    async def work() -> None:
        await asyncio.gather(*(drain(store, run_id, judge) for run_id, judge in tasks))

    asyncio.run(work())


def find_run(store: Store, run_id: str) -> runs.RunRow:
    with store.reading() as connection:
        return runs.get_run(connection, run_id)


def progress(store: Store, run_id: str) -> runs.RunProgress:
    with store.reading() as connection:
        return runs.get_progress(connection, run_id)


def count_labels(store: Store, run_id: str) -> int:
    with store.reading() as connection:
        return len(labels.find_labels(connection, run_id=run_id, limit=100_000))
