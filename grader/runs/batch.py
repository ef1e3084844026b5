"""Work on a run through the provider's batch API: one look at it, never a wait.

`BatchWork.advance` sees to the batches that are due, records what ended ones brought, plans new
ones for what nobody works on, and says when to look again. All state stands in the database and
with the provider: any worker goes on where another was killed, and a line is recorded and charged
once. What a batch did not answer is missing again, never failed; what two rounds left open is asked
live, at the end.

A run that is paused or cancelled has its batches cancelled; what they answered by then is recorded
all the same, because it was paid for.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from grader.domain.identity import utc_now
from grader.domain.judge import LLMJudgeSpec
from grader.errors import JudgeUnavailable, LeaseLost, ProviderBusy, ProviderFault
from grader.grading import Judges
from grader.runs.batch_collect import Collector
from grader.runs.batch_grip import Grip
from grader.runs.batch_plan import Planner
from grader.runs.batch_wave import Limits
from grader.store import Store, batches, runs
from grader.store.batches import LEAST_LOOK_SECONDS, BatchRow, seconds_until_due
from grader.store.runs import RunRow

if TYPE_CHECKING:
    from grader.judges.batch import BatchJudge
    from grader.runs.batch_files import InputFile

log = logging.getLogger(__name__)

JUDGE_UNAVAILABLE = "judge_unavailable"


class Advance(NamedTuple):
    """What there is to do after a look at a run."""

    look_again_seconds: float | None
    """When the next batch is due; None where none is under way."""
    ask_live: bool = False
    """Whether what is left is to be asked live now."""
    has_more: bool = False
    """Whether it was stopped before all that can be done now was done."""


class BatchWork:
    """One worker's look at one run in the mode `batch`."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        judges: Judges,
        build: "Callable[[LLMJudgeSpec], BatchJudge]",
        *,
        lease_seconds: float = 30.0,
        should_stop: Callable[[], str | None] = lambda: None,
        least_look_seconds: float = LEAST_LOOK_SECONDS,
        limits: Limits | None = None,
    ) -> None:
        """Prepare a look; `judges` answer what needs no batch, `build` makes the others."""
        self._store = store
        self._run_id = run_id
        self._judges = judges
        self._build = build
        self._lease_seconds = lease_seconds
        self._least_look_seconds = least_look_seconds
        self._limits = limits or Limits()
        self._grip = Grip(store, run_id, lease_seconds=lease_seconds, stop=should_stop)

    async def advance(self) -> Advance:
        """Do all that can be done now without waiting for a batch.

        Raises:
            StoreUnavailable: the database is away; nothing is lost.
        """
        with self._store.reading() as connection:
            run = runs.get_run(connection, self._run_id)
        try:
            specs = [judge for judge in run.spec.panel.judges if judge.kind == "llm"]
            batch_judges = {spec.judge_hash: self._build(spec) for spec in specs}
            self._planner = Planner(
                self._store,
                self._run_id,
                self._judges,
                batch_judges,
                self._grip,
                limits=self._limits,
            )
            self._collector = Collector(self._store, self._run_id, batch_judges, self._grip)
            async with self._grip.beating():
                await self._see_to_batches()
                ask_live = await self._plan()
        except JudgeUnavailable as error:
            self._pause(f"{JUDGE_UNAVAILABLE}: {error}")
            ask_live = False
        return Advance(self._find_pause(), ask_live, has_more=self._grip.stop() is not None)

    async def _see_to_batches(self) -> None:
        with self._store.reading() as connection:
            rows = batches.find_open_batches(connection, self._run_id)
        unavailable: JudgeUnavailable | None = None
        for row in rows:
            if self._grip.stop() or self._seconds_until_due(row) > 0 or not self._grip.take(row):
                continue
            with self._store.reading() as connection:
                run = runs.get_run(connection, self._run_id)
            with self._grip.seeing_to(row.batch_id):
                try:
                    await self._see_to(row, run)
                except JudgeUnavailable as error:
                    unavailable = error
                except (LeaseLost, ProviderBusy, ProviderFault) as error:
                    log.info("batch_put_off", extra={"batch_id": row.batch_id, "error": str(error)})
        if unavailable is not None:
            raise unavailable

    async def _see_to(self, row: BatchRow, run: RunRow) -> None:
        provider = self._collector.provider_of(row)
        if row.remote_id is None:
            remote = await provider.find(row.batch_id, since=row.created_at)
            if remote is None:
                await self._prepare_again(row, run)
                return
            self._grip.update(row.batch_id, remote_id=remote.remote_id, status="waiting")
        else:
            remote = await provider.look(row.remote_id)
            if remote is None:
                self._collector.end(row, "gone", detail="the provider knows the batch no more")
                return
        if not remote.is_ended and remote.status != "cancelling" and _is_unwanted(run):
            remote = await provider.cancel(remote.remote_id) or remote
        if not remote.is_ended:
            self._grip.update(row.batch_id, detail=remote.status)
            return
        reason = await self._collector.collect(row, remote)
        if reason is not None:
            self._pause(reason)

    async def _prepare_again(self, row: BatchRow, run: RunRow) -> None:
        """Hand in what was recorded, but never came to the provider."""
        with TemporaryDirectory(prefix="grader-batch-") as folder:
            file = None
            if run.status == "running" and row.input_file_id is None:
                file = await self._write_again(row, Path(folder))
            if run.status == "running" and (file is not None or row.input_file_id is not None):
                await self._planner.submit(row, file)
                return
        self._collector.end(row, "abandoned", detail="it was never submitted")

    async def _write_again(self, row: BatchRow, folder: Path) -> "InputFile | None":
        with self._store.reading() as connection:
            others = batches.find_open_batches(connection, self._run_id)
        shared = any(
            other.batch_id != row.batch_id
            and (other.lease, other.judge_hash) == (row.lease, row.judge_hash)
            for other in others
        )
        # Which of its judge's lines were in this file, and which in the other, nobody knows.
        return None if shared else await self._planner.write_again(row, folder)

    async def _plan(self) -> bool:
        """Plan as long as there is something to plan; tells whether to ask live."""
        while not self._grip.stop():
            with self._store.reading() as connection:
                if runs.get_status(connection, self._run_id) != "running":
                    return False
            try:
                if not await self._planner.plan():
                    return self._planner.ask_live()
            except (ProviderBusy, ProviderFault, LeaseLost) as error:
                log.info("batch_put_off", extra={"run_id": self._run_id, "error": str(error)})
                return False
        return False

    def _pause(self, reason: str) -> None:
        with self._store.transaction() as connection:
            runs.try_move_run(connection, self._run_id, "paused", reason=reason[:1000])

    def _find_pause(self) -> float | None:
        with self._store.reading() as connection:
            rows = batches.find_open_batches(connection, self._run_id)
        return min((max(0.0, self._seconds_until_due(row)) for row in rows), default=None)

    def _seconds_until_due(self, row: BatchRow) -> float:
        return seconds_until_due(
            row.status,
            row.created_at,
            row.checked_at,
            now=utc_now(),
            least_seconds=self._least_look_seconds,
            stale_seconds=self._lease_seconds,
        )


def _is_unwanted(run: RunRow) -> bool:
    """Tell whether a run's batches are to be cancelled.

    Not where a key or the money was missing: when it is there again, what is under way is wanted.
    """
    if run.status in ("running", "created"):
        return False
    return not (run.reason or "").startswith(JUDGE_UNAVAILABLE)
