"""What one worker may still spend of a run's budget, without asking the database for each call.

It holds an allowance that is reserved in the database. A call sets its highest price aside before
it is made, and then what it cost; what was written into the run's ledger leaves the allowance. So
all workers together never spend more than the budget.
"""

import sqlalchemy as sa

from grader.errors import BudgetReached
from grader.store.reservations import lock_allowance, set_reservation

_NO_BOUND = 1 << 50


class RunPurse:
    """The allowance of one worker.

    `reserve` and `settle` are called on the loop, everything else where the store is written.
    """

    def __init__(self, *, max_active: int) -> None:
        self.held = 0
        """What is reserved in the database, in millionths of a dollar."""
        self.dearest = 0
        """The highest price that was to be set aside for one call."""
        self.refused = 0
        """The price that could not be set aside last."""
        self.is_returning = False
        """Nothing may be set aside while what is not needed goes back."""
        self._max_active = max_active
        self._in_flight = 0
        self._spent = 0
        self._written = 0

    def reserve(self, microusd: int) -> None:
        self.dearest = max(self.dearest, microusd)
        if microusd > self.free:
            self.refused = microusd
            raise BudgetReached("the next call may cost more than is left of the budget")
        self._in_flight += microusd

    def settle(self, reserved: int, spent: int) -> None:
        self._in_flight -= reserved
        self._spent += spent

    @property
    def outstanding(self) -> int:
        """What calls in flight may cost, and what others cost that is not in the ledger yet."""
        return self._in_flight + self._spent - self._written

    @property
    def free(self) -> int:
        return 0 if self.is_returning else self.held - self.outstanding

    @property
    def is_low(self) -> bool:
        """Whether more should be reserved before calls have to wait for it."""
        return self.free < self._max_active * self.dearest

    def write(self, microusd: int, *, held: int) -> None:
        """Note that so much stands in the ledger, and what is reserved since then."""
        # In this order: in between, too little is free, not too much.
        self.held = held
        self._written += microusd

    def raise_money(
        self,
        connection: sa.Connection,
        run_id: str,
        *,
        lease: str,
        number: int,
        need: int,
        is_idle: bool,
    ) -> str | None:
        """Reserve more on shard `number`; returns why the run must pause, if the budget is used up.

        A worker without calls in flight that cannot have what it needs gives back what it has, so
        that two of them don't wait for each other; one that needs nothing gives it back too. While
        others hold reservations, what they don't need may still come back.
        """
        allowance = lock_allowance(connection, run_id, lease=lease)
        amount = self._choose(allowance.left_microusd)
        is_short = amount - self.outstanding < need
        if is_idle and (is_short or not need):
            amount = self.outstanding
        self.held = set_reservation(connection, run_id, lease=lease, number=number, microusd=amount)
        if not (is_idle and is_short) or allowance.others_microusd:
            return None
        assert allowance.budget_microusd is not None
        return (
            f"budget_reached: spent {_dollars(allowance.spent_microusd)} of "
            f"{_dollars(allowance.budget_microusd)}; resume with a larger budget_usd"
        )

    def _choose(self, left: int | None) -> int:
        """Return how much to reserve where `left` is all there is for this worker.

        Never less than now, as calls may be reserving from it at this moment; and not more than
        half of what is free, for other workers' sake, unless not even one call could be made.
        """
        if left is None:
            return self.outstanding + _NO_BOUND
        free = max(0, left - self.outstanding)
        if self.dearest:
            more = min(2 * self._max_active * self.dearest, max(free // 2, self.dearest))
        else:
            more = free // 4
        return min(left, max(self.held, self.outstanding + min(more, free)))


def _dollars(microusd: int) -> str:
    return f"${microusd / 1_000_000:.6f}".rstrip("0").rstrip(".")
