"""Plan batches: claim shards one by one, write down what is missing, hand it to the provider.

A wave is a set of shards under one lease, with one input file for each judge that is asked about
them. Its batches are recorded before anything is sent: whatever is killed after that finds by the
batch's id, which goes along as metadata, whether the provider has it. Before that nothing has
happened, and the lease on the shards soon runs out.

Rules judges answer at once. What two rounds of batches left open is put aside for live calls.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from grader.domain.judgment import Judgment, JudgmentKey
from grader.grading import Judges
from grader.runs.batch_files import InputFile, custom_id_of, digest_of
from grader.runs.batch_grip import Grip
from grader.runs.batch_shards import Brought, Claimed, claim_shard, load_held, write_shard
from grader.runs.batch_wave import Limits, Wave
from grader.runs.shard import Ask, ShardWork
from grader.store import Store, batches, reservations, runs
from grader.store.batches import BatchRow
from grader.store.overlaps import BATCH_LEASE
from grader.store.runs import RunRow
from grader.store.unanswered import OpenCalls

if TYPE_CHECKING:
    from grader.judges.batch import BatchJudge

log = logging.getLogger(__name__)

ROUNDS = 2
"""How many batches may leave a shard's questions open before they are asked live."""

COUNTED_ENDS = ("completed", "expired", "gone")
"""How a batch ends that counts as a round: it was the provider's doing, and it did take it."""

_ASIDE_SECONDS = 60.0


class Planner:
    """Makes the waves of one run."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        judges: Judges,
        batch_judges: "Mapping[str, BatchJudge]",
        grip: Grip,
        *,
        limits: Limits,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._judges = judges
        self._batch_judges = batch_judges
        self._grip = grip
        self._limits = limits
        self._aside = f"{BATCH_LEASE}aside_{run_id}"

    async def plan(self) -> bool:
        """Make one wave and hand it in; False where no shard is left to be planned."""
        with TemporaryDirectory(prefix="grader-batch-") as folder:
            wave = Wave(Path(folder))
            self._grip.lease = wave.lease
            try:
                await self._fill(wave)
                if self._grip.stop() != "shut down":
                    await self._launch(wave)
            finally:
                self._grip.lease = None
                wave.close()
                self._release(wave)
        return wave.shards > 0 and not wave.is_short

    def ask_live(self) -> bool:
        """Open what was put aside once nothing else is under way; tells whether there is any."""
        with self._store.transaction() as connection:
            if batches.has_open_batches(connection, self._run_id):
                return False
            held = batches.count_leases(connection, self._run_id)
            others = [lease for lease in held if lease and lease.startswith(BATCH_LEASE)]
            if self._aside not in held or others != [self._aside]:
                return False
            batches.free_shards(connection, self._run_id, lease=self._aside)
        return True

    async def write_again(self, row: BatchRow, folder: Path) -> InputFile | None:
        """Write the file of a batch that was recorded but never submitted; None if nothing is open.

        Only for a batch that shares no shard with another one of its judge.
        """
        judge = self._batch_judges[row.judge_hash]
        file = InputFile(judge, folder / "again.jsonl", batch_id=row.batch_id)
        asked: set[str] = set()
        try:
            for number in row.shards.numbers:
                if number in row.shards.in_part:
                    # What the budget, or another worker, kept out of it nobody knows: planned anew.
                    continue
                self._grip.beat_if_due()
                work, earlier = load_held(self._store, self._run_id, number)
                for ask in work.open_asks():
                    digest = digest_of(ask.questions)
                    if ask.judge.judge_hash != row.judge_hash or digest in asked:
                        continue
                    asked.add(digest)
                    step = _next_step(judge, _paid_for(ask, earlier))
                    line = await judge.write(
                        ask.questions, custom_id=custom_id_of(digest, step), mode=judge.modes[step]
                    )
                    if isinstance(line, bytes):
                        file.write(line, number=number, most_microusd=0)
        finally:
            file.close()
        return file if file.requests else None

    async def submit(self, row: BatchRow, file: InputFile | None) -> None:
        """Hand a recorded batch in; a file that is with the provider already needs none."""
        provider = self._batch_judges[row.judge_hash].batches
        file_id = row.input_file_id
        if file_id is None:
            assert file is not None
            file_id = await provider.upload(file.path, file.name)
            self._grip.update(row.batch_id, input_file_id=file_id, requests=file.requests)
        remote = await provider.submit(file_id, {"run_id": self._run_id, "batch_id": row.batch_id})
        self._grip.update(row.batch_id, remote_id=remote.remote_id, status="waiting")

    async def _fill(self, wave: Wave) -> None:
        rounds = self._find_rounds()
        wave.left_microusd = self._find_left(wave)
        lines = 0
        while not self._grip.stop() and not wave.is_full and not wave.is_short:
            claimed = claim_shard(
                self._store,
                self._run_id,
                lease=wave.lease,
                lease_seconds=self._grip.lease_seconds,
            )
            if claimed is None:
                return
            if claimed.run.status != "running":
                return
            wave.shards += 1
            before = lines
            lines = await self._add(wave, claimed, rounds)
            self._grip.beat_if_due()
            # The next shard may be as large as this one; a file that it does not fit into is split.
            fullest = max((file.requests for file in wave.files), default=0)
            if fullest + (lines - before) > self._limits.requests:
                wave.is_full = True

    async def _add(
        self, wave: Wave, claimed: Claimed, rounds: Mapping[tuple[str, int], int]
    ) -> int:
        """Write down what is missing in a shard; returns the lines of the wave so far."""
        work = claimed.work
        number = work.shard.number
        brought = Brought()
        waits = aside = False
        for ask in work.open_asks():
            if ask.judge.kind != "llm":
                judge = self._judges[ask.judge.judge_hash]
                brought.judgments += [await judge.judge(question) for question in ask.questions]
                continue
            if not claimed.elsewhere.isdisjoint(ask.keys):
                wave.in_part.add(number)
                continue
            if rounds.get((ask.judge.judge_hash, number), 0) >= ROUNDS:
                aside = True
                continue
            at_once = await self._write_line(wave, ask, number, claimed.earlier)
            # Other runs are worked on by the same loop.
            await asyncio.sleep(0)
            if at_once is None:
                continue
            if isinstance(at_once, list):
                brought.judgments += at_once
            else:
                waits = True
        if brought.judgments or work.is_finished:
            with self._store.transaction() as connection:
                write_shard(connection, work, brought, lease=wave.lease)
            work.forget_labels()
        if not work.is_finished and not waits and not wave.is_short:
            # Nothing of it is in this wave: it comes up again by itself after a while.
            self._put_aside(wave, work, live=aside)
        return sum(file.requests for file in wave.files)

    async def _write_line(
        self,
        wave: Wave,
        ask: Ask,
        number: int,
        earlier: Mapping[JudgmentKey, list[OpenCalls]],
    ) -> bool | list[Judgment] | None:
        """Return True for a line that is in the wave, None for one that the budget keeps out."""
        judge = self._batch_judges[ask.judge.judge_hash]
        digest = digest_of(ask.questions)
        if digest in wave.asked:
            wave.file_for(judge, 0, self._limits).include(number)
            return True
        step = _next_step(judge, _paid_for(ask, earlier))
        line = await judge.write(
            ask.questions, custom_id=custom_id_of(digest, step), mode=judge.modes[step]
        )
        if isinstance(line, list):
            return line
        most = judge.most_microusd(line)
        if wave.left_microusd is not None and wave.reserved_microusd + most > wave.left_microusd:
            wave.is_short = True
            wave.in_part.add(number)
            return None
        wave.reserved_microusd += most
        wave.asked.add(digest)
        file = wave.file_for(judge, len(line), self._limits)
        file.write(line, number=number, most_microusd=most)
        return True

    async def _launch(self, wave: Wave) -> None:
        """Record the wave's batches, then hand them in one after the other."""
        files = [file for file in wave.files if file.requests]
        if not files:
            if wave.is_short:
                self._pause_for_budget(wave)
            return
        wave.close()
        rows = [wave.row_of(file, self._run_id) for file in files]
        with self._store.transaction() as connection:
            if runs.get_status(connection, self._run_id) != "running":
                return
            allowance = reservations.lock_allowance(connection, self._run_id, lease=wave.lease)
            left = allowance.left_microusd
            if left is not None and wave.reserved_microusd > left:
                # Another worker reserved meanwhile: planned again with what is left.
                wave.is_short = False
                return
            batches.add_batches(connection, rows, run_id=self._run_id, lease=wave.lease)
        self._grip.lease = None
        for row in rows:
            self._grip.hold(row)
        for row, file in zip(rows, files, strict=True):
            with self._grip.seeing_to(row.batch_id):
                await self.submit(row, file)

    def _release(self, wave: Wave) -> None:
        """Free the wave's shards unless a batch holds them by now."""
        with self._store.transaction() as connection:
            batches.free_shards(connection, self._run_id, lease=wave.lease)

    def _put_aside(self, wave: Wave, work: ShardWork, *, live: bool) -> None:
        # What another run asks live comes up again under a lease of its own: it is not asked live.
        to = self._aside if live else f"{BATCH_LEASE}later_{self._run_id}"
        with self._store.transaction() as connection:
            batches.hand_shard(
                connection,
                self._run_id,
                work.shard.number,
                lease=wave.lease,
                to=to,
                seconds=_ASIDE_SECONDS,
            )

    def _find_left(self, wave: Wave) -> int | None:
        with self._store.transaction() as connection:
            allowance = reservations.lock_allowance(connection, self._run_id, lease=wave.lease)
        return allowance.left_microusd

    def _pause_for_budget(self, wave: Wave) -> None:
        with self._store.transaction() as connection:
            allowance = reservations.lock_allowance(connection, self._run_id, lease=wave.lease)
            if allowance.others_microusd:
                # What batches under way turn out to cost less comes back.
                return
            spent, budget = allowance.spent_microusd, allowance.budget_microusd or 0
            told = (
                f"budget_reached: spent ${spent / 1e6:.6f} of ${budget / 1e6:.6f}; resume with a "
                "larger budget_usd"
            )
            runs.try_move_run(connection, self._run_id, "paused", reason=told)

    def _find_rounds(self) -> dict[tuple[str, int], int]:
        """Return how many batches had each shard in vain, by judge and the shard's number."""
        with self._store.reading() as connection:
            run = runs.get_run(connection, self._run_id)
            ended = batches.find_ended_batches(connection, self._run_id)
        found: Counter[tuple[str, int]] = Counter()
        waves: set[tuple[str, str, int]] = set()
        for row in ended:
            if row.status not in COUNTED_ENDS or _is_before(row, run):
                continue
            for number in set(row.shards.numbers) - set(row.shards.in_part):
                # Two files of one judge in one wave are one round.
                once = (row.lease, row.judge_hash, number)
                found[row.judge_hash, number] += once not in waves
                waves.add(once)
        return found


def _is_before(row: BatchRow, run: RunRow) -> bool:
    return run.retried_at is not None and row.created_at < run.retried_at


def _paid_for(ask: Ask, earlier: Mapping[JudgmentKey, list[OpenCalls]]) -> list[OpenCalls]:
    return [calls for key in ask.keys for calls in earlier.get(key, ())]


def _next_step(judge: "BatchJudge", earlier: list[OpenCalls]) -> int:
    """Return the first step of the judge's mode ladder that gave no answer yet."""
    tried = {a.mode for calls in earlier for a in calls.attempts if a.raw_output is not None}
    steps = (step for step, mode in enumerate(judge.modes) if mode not in tried)
    return next(steps, len(judge.modes) - 1)
