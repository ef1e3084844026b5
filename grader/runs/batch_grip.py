"""What one worker holds while it sees to batches: rows it may write to, a lease on shards, a pulse.

Signs of life go out every few seconds, from a task while files travel, and in between from whoever
works without a pause. A batch without them is taken over by another worker.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from grader.errors import LeaseLost, StoreUnavailable
from grader.store import Store, batches, shards
from grader.store.batches import STALE_SECONDS, BatchRow

_PULSES = 3
"""Signs of life in the shorter of the two times after which somebody else takes over."""


class Grip:
    """One worker's hold on the batches of a run."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        *,
        lease_seconds: float,
        stop: Callable[[], str | None],
    ) -> None:
        self.lease: str | None = None
        """The lease on shards that are being planned."""
        self.lease_seconds = lease_seconds
        self.stop = stop
        self._store = store
        self._run_id = run_id
        self._seen: dict[str, datetime] = {}
        self._pause = min(lease_seconds, STALE_SECONDS) / _PULSES
        self._last = 0.0

    def hold(self, row: BatchRow) -> None:
        """Hold a batch that was just recorded."""
        assert row.checked_at is not None
        self._seen[row.batch_id] = row.checked_at

    def take(self, row: BatchRow) -> bool:
        """Take a batch to see to it; False where somebody else was faster."""
        with self._store.transaction() as connection:
            now = batches.update_batch(connection, row.batch_id, seen=row.checked_at)
        if now is None:
            return False
        self._seen[row.batch_id] = now
        return True

    def update(self, batch_id: str, **values: Any) -> None:
        """Change a batch that is held, in a transaction of its own; raises LeaseLost."""
        with self.updating(batch_id, **values):
            pass

    @contextmanager
    def updating(self, batch_id: str, **values: Any) -> Iterator[sa.Connection]:
        """Change a batch in one transaction with what the block does; raises LeaseLost."""
        with self._store.transaction() as connection:
            now = batches.update_batch(connection, batch_id, seen=self._seen[batch_id], **values)
            if now is None:
                raise LeaseLost(f"another worker sees to the batch {batch_id} by now")
            yield connection
        self._seen[batch_id] = now

    @contextmanager
    def seeing_to(self, batch_id: str) -> Iterator[None]:
        """Let a batch go at the end, however that comes."""
        try:
            yield
        finally:
            self._seen.pop(batch_id, None)

    def let_go_now(self, batch_id: str) -> None:
        """Let anybody take a batch at once, because this worker stops in the middle of it."""
        with self._store.transaction() as connection:
            batches.let_go(connection, batch_id, seen=self._seen[batch_id])

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Give signs of life while the block waits for something."""
        self._last = asyncio.get_running_loop().time()
        pulse = asyncio.create_task(self._beat_often())
        try:
            yield
        finally:
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)

    def beat_if_due(self) -> None:
        """Give a sign of life from within work that does not pause."""
        if asyncio.get_running_loop().time() - self._last >= self._pause:
            self._beat()

    async def _beat_often(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            # The next one comes soon; what is written fails by itself where it must.
            with suppress(StoreUnavailable):
                self.beat_if_due()

    def _beat(self) -> None:
        self._last = asyncio.get_running_loop().time()
        if self.lease is None and not self._seen:
            return
        seen: dict[str, datetime] = {}
        with self._store.transaction() as connection:
            if self.lease is not None:
                shards.extend_leases(
                    connection, self._run_id, lease=self.lease, lease_seconds=self.lease_seconds
                )
            for batch_id, before in self._seen.items():
                # One that was lost keeps its old time, so that the next write to it fails.
                now = batches.update_batch(connection, batch_id, seen=before)
                seen[batch_id] = before if now is None else now
        self._seen |= seen
