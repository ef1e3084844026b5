"""Drain a run: lease shards, ask what is missing, write what comes, until nothing is left.

One pool of calls that never runs empty: new shards are leased before the questions run out, so no
call waits for the last one of its shard. Judgments are written in small batches, every tenth of a
second; what is written is safe from any kill. The pool ends when no shard is free, when its owner
says so, or when the run is paused or cancelled.

The store is sync and runs in one thread beside the loop, so that a slow disk does not stop calls.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from grader.domain.judgment import Judgment, JudgmentKey
from grader.domain.run import RunStatus
from grader.errors import (
    BudgetReached,
    JudgeUnavailable,
    ProviderBusy,
    StoreUnavailable,
    Unanswered,
)
from grader.grading import Judges
from grader.grading import ask as put
from grader.judges.limit import IN_LINE
from grader.judges.purse import PURSE
from grader.runs.holding import Holding
from grader.runs.leading import Line
from grader.runs.shard import Ask
from grader.store import Store
from grader.store.runs import RunRow
from grader.store.unanswered import OpenCalls, open_calls

T = TypeVar("T")

Stop = Literal["hand over", "shut down", "drop"]
"""Why a pool stops early: others wait (calls in flight are finished), the process ends (they are
given a grace), or the run was cancelled (they are dropped)."""

_MAX_CLAIM = 16
_MOST_HELD_FACTOR = 8
"""How much may wait for a leader, or for another worker, for each place in the pool."""
_WATCH_SECONDS = 0.5
_BATCH = 100
_STORE_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How a pool works: its size and its rhythm."""

    max_active: int
    """Questions under way at once."""
    lease_seconds: float
    flush_seconds: float
    stop_grace_seconds: float


class Drain:
    """One worker's time on one run."""

    def __init__(
        self,
        store: Store,
        run: RunRow,
        judges: Judges,
        pace: Pace,
        *,
        should_stop: Callable[[], Stop | None],
    ) -> None:
        self._judges = judges
        self._pace = pace
        self._should_stop = should_stop
        self._holding = Holding(
            store, run, lease_seconds=pace.lease_seconds, max_active=pace.max_active
        )
        self._line = Line()
        self._short: deque[Ask] = deque()
        """What the budget does not allow at present."""
        self._under_way: set[JudgmentKey] = set()
        """What stands in the line, is asked, or is answered and not written yet."""
        self._active: set[asyncio.Task[None]] = set()
        self._in_line: set[asyncio.Task[Any]] = set()
        self._answers: list[Judgment] = []
        self._unanswered: list[OpenCalls] = []
        self._nothing_free = False
        self._may_raise = True
        """Whether the budget may be looked at again: twice a second is often enough."""
        self._status: RunStatus = "running"
        self._stop: Stop | None = None
        self._trouble: Exception | None = None
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    async def drain(self) -> bool:
        """Work until nothing is left here; True if the run is to be gone on with by somebody.

        A judge that a provider refuses for good pauses the run, and so does a budget that is used
        up, with the reason. Any other error is raised after what was answered has been written.
        """
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._flush_often())]
        try:
            await self._feed()
            if isinstance(self._trouble, JudgeUnavailable):
                self._call_off_the_line()
                await self._pause(f"judge_unavailable: {self._trouble}")
            await self._let_finish()
        finally:
            # Never in the middle of a write: it would be written again.
            async with self._flushing:
                for task in (*tasks, *self._active):
                    task.cancel()
            await asyncio.gather(*tasks, *self._active, return_exceptions=True)
            try:
                await self._insist(self._flush)
            finally:
                # Where the database is away, the leases run out by themselves.
                with suppress(StoreUnavailable):
                    await self._in_thread(self._holding.release)
                self._thread.shutdown()
        if self._trouble is not None and not isinstance(self._trouble, JudgeUnavailable):
            raise self._trouble
        return self._stop is not None and self._status == "running"

    async def _feed(self) -> None:
        """Keep the pool full while there is anything to ask."""
        while self._stop is None and self._trouble is None:
            self._wake.clear()
            if self._has_room():
                await self._insist(self._claim)
            if self._short:
                await self._raise_money()
            while self._line and not self._short and len(self._active) < self._pace.max_active:
                self._start(self._line.pop())
            if not (self._active or self._line or self._short):
                await self._insist(self._flush)
                if self._nothing_free and not self._holding.works:
                    return
            await self._wake.wait()

    def _has_room(self) -> bool:
        """Tell whether more should be leased: little may start, and not too much is held."""
        most = _MOST_HELD_FACTOR * self._pace.max_active
        return (
            len(self._line) < self._pace.max_active
            and self._line.held < most
            and self._holding.elsewhere < most
            and not (self._nothing_free or self._short)
        )

    async def _claim(self) -> None:
        limit = max(1, _MAX_CLAIM // 4) if self._holding.works else _MAX_CLAIM
        asks = await self._in_thread(partial(self._holding.claim, limit))
        self._nothing_free = asks is None
        self._enter(asks or [])
        await self._flush()
        purse = self._holding.purse
        if purse is not None and not purse.held:
            await self._in_thread(partial(self._holding.raise_money, 0, is_idle=False))
        if asks is not None:
            self._wake.set()

    def _enter(self, asks: list[Ask]) -> None:
        fresh = [ask for ask in asks if self._under_way.isdisjoint(ask.keys)]
        for ask in fresh:
            self._under_way.update(ask.keys)
        self._line.add(fresh)

    def _start(self, ask: Ask) -> None:
        if not self._holding.wants(ask):
            # Whoever holds the shards by now asks this.
            self._under_way.difference_update(ask.keys)
            self._line.follow(ask)
            return
        task = asyncio.create_task(self._ask(ask))
        self._active.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._active.discard(task)
        self._wake.set()

    async def _ask(self, ask: Ask) -> None:
        PURSE.set(self._holding.purse)
        IN_LINE.set(self._in_line)
        try:
            answers = await put(ask.questions, self._judges)
        except Unanswered as error:
            if error.attempts:
                self._unanswered.append(open_calls(ask.keys[0], error.attempts))
            if isinstance(error, ProviderBusy):
                # Not an answer and not a failure: it goes to the end of the line.
                self._line.put_back(ask)
            elif isinstance(error, BudgetReached):
                self._short.append(ask)
            else:
                self._trouble = self._trouble or error
        except asyncio.CancelledError as error:
            if paid := getattr(error, "attempts", ()):
                self._unanswered.append(open_calls(ask.keys[0], paid))
            raise
        except Exception as error:
            self._trouble = self._trouble or error
        else:
            self._answers += answers[: len(ask.keys)]
            self._line.follow(ask)

    async def _raise_money(self) -> None:
        """Let as much start as the budget allows, or pause the run if it allows nothing more."""
        purse = self._holding.purse
        assert purse is not None, "only a purse says that the budget is reached"
        need = purse.refused
        is_idle = not self._active
        if purse.free < need and (is_idle or self._may_raise):
            self._may_raise = False
            if is_idle:
                await self._insist(self._flush)
            if not await self._in_thread(partial(self._holding.raise_money, need, is_idle=is_idle)):
                self._status, self._stop = "paused", "hand over"
                return
        affordable = purse.free // max(1, need)
        if not self._holding.works:
            # Their shards are somebody else's by now: none of these is asked here.
            affordable = len(self._short)
        for _ in range(min(len(self._short), affordable)):
            self._start(self._short.popleft())

    async def _let_finish(self) -> None:
        """Wait for what is in flight, as long as the reason for stopping allows."""
        clock = asyncio.get_running_loop().time
        deadline: float | None = None
        while self._active and self._stop != "drop":
            if self._status != "running" or self._trouble is not None:
                self._call_off_the_line()
            if self._stop == "shut down":
                deadline = deadline or clock() + self._pace.stop_grace_seconds
                if clock() >= deadline:
                    return
            await asyncio.wait(self._active, timeout=_WATCH_SECONDS / 2)

    def _call_off_the_line(self) -> None:
        """Cancel what waits for its turn: it is not paid yet, and is not to be."""
        for task in tuple(self._in_line):
            task.cancel()

    async def _watch(self) -> None:
        """Look twice a second whether the run is still wanted, and keep the leases alive."""
        beat = self._pace.lease_seconds / 3
        clock = asyncio.get_running_loop().time
        last_beat = clock()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            is_due = clock() - last_beat >= beat
            last_beat = clock() if is_due else last_beat
            try:
                await self._look(is_due)
            except StoreUnavailable:
                # The flush decides how long a database that is away is waited for.
                continue
            except Exception as error:
                self._trouble = self._trouble or error
                self._wake.set()
                return
            if self._status == "cancelled":
                self._stop = "drop"
                for task in self._active:
                    task.cancel()
            elif self._status != "running":
                self._stop = self._stop or "hand over"
            elif self._stop is None:
                outdated = self._holding.is_outdated
                self._stop = "hand over" if outdated else self._should_stop()
            elif self._stop == "hand over" and self._should_stop() == "shut down":
                self._stop = "shut down"
            # A shard of a worker that died, or one opened for a retry, may be free by now.
            self._nothing_free = False
            self._may_raise = True
            self._wake.set()

    async def _look(self, is_due: bool) -> None:
        self._status = await self._in_thread(partial(self._holding.look, extend=is_due))
        if self._stop is not None:
            return
        if self._holding.elsewhere:
            self._enter(await self._in_thread(self._holding.look_again))
        purse = self._holding.purse
        if purse is None or self._short:
            return
        if not (self._active or self._line):
            purse.is_returning = True
            try:
                await self._in_thread(partial(self._holding.raise_money, 0, is_idle=True))
            finally:
                purse.is_returning = False
        elif purse.is_low:
            await self._in_thread(partial(self._holding.raise_money, 0, is_idle=False))

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(self._pace.flush_seconds)
            try:
                await self._insist(self._flush)
            except Exception as error:
                self._trouble = self._trouble or error
                self._wake.set()
                return

    async def _flush(self) -> None:
        """Write what has come in; a judgment counts only from here on."""
        async with self._flushing:
            while self._answers or self._unanswered or self._holding.has_touched:
                batch, self._answers = self._answers[:_BATCH], self._answers[_BATCH:]
                calls, self._unanswered = self._unanswered, []
                try:
                    await self._in_thread(partial(self._holding.write, batch, calls))
                except BaseException:
                    self._answers = batch + self._answers
                    self._unanswered = calls + self._unanswered
                    raise
                self._under_way.difference_update(answer.key for answer in batch)
                self._wake.set()

    async def _insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step, waiting a while for a database that is away: what is in memory is paid."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + _STORE_PATIENCE_SECONDS
        while True:
            try:
                return await step()
            except StoreUnavailable:
                if clock() >= deadline:
                    raise
                await asyncio.sleep(_WATCH_SECONDS)

    async def _pause(self, reason: str) -> None:
        await self._insist(lambda: self._in_thread(partial(self._holding.pause, reason)))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        running: Awaitable[T] = asyncio.get_running_loop().run_in_executor(self._thread, work)
        return await asyncio.shield(running)
