"""What workers have set aside of a run's budget, so that all together never spend more than it.

A worker's reservation stands on one of the shards it holds, and dies with the lease. What was spent
and what is reserved are read in one statement: a worker that writes a cost takes it out of its
reservation in the same transaction, and the two must not be seen apart.
"""

from typing import NamedTuple

import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.store.schema import run_judges, runs, shards
from grader.store.shards import lock_run


class Allowance(NamedTuple):
    """What a run may still cost, seen by one worker."""

    budget_microusd: int | None
    spent_microusd: int
    others_microusd: int
    """What other workers have reserved."""

    @property
    def left_microusd(self) -> int | None:
        """What this worker may have at most; None for no bound."""
        if self.budget_microusd is None:
            return None
        return max(0, self.budget_microusd - self.spent_microusd - self.others_microusd)


def lock_allowance(connection: sa.Connection, run_id: str, *, lease: str) -> Allowance:
    """Return what is left for the holder of `lease`; others who ask wait for this transaction."""
    lock_run(connection, run_id)
    spent = sa.select(sa.func.coalesce(sa.func.sum(run_judges.c.cost_microusd), 0)).where(
        run_judges.c.run_id == run_id
    )
    reserved = sa.select(sa.func.coalesce(sa.func.sum(shards.c.reserved_microusd), 0)).where(
        shards.c.run_id == run_id,
        shards.c.status == "leased",
        shards.c.lease_expires_at >= utc_now(),
        shards.c.lease != lease,
    )
    query = sa.select(
        runs.c.budget_microusd, spent.scalar_subquery(), reserved.scalar_subquery()
    ).where(runs.c.run_id == run_id)
    budget, already, others = connection.execute(query).one()
    return Allowance(budget, int(already), int(others))


def set_reservation(
    connection: sa.Connection, run_id: str, *, lease: str, number: int | None, microusd: int
) -> int:
    """Reserve so much on shard `number` and nothing on the others; returns what is reserved now.

    That is nothing where the shard is not held any more.
    """
    held = (shards.c.run_id == run_id) & (shards.c.status == "leased") & (shards.c.lease == lease)
    connection.execute(
        shards.update()
        .where(held, shards.c.reserved_microusd != 0, shards.c.number != (number or 0))
        .values(reserved_microusd=0)
    )
    if number is None:
        return 0
    result = connection.execute(
        shards.update().where(held, shards.c.number == number).values(reserved_microusd=microusd)
    )
    return microusd if result.rowcount else 0
