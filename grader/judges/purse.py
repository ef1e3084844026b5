"""What a run may still spend, as the transport sees it: asked before each call, told after it.

The purse of a run stands in a ContextVar while its questions are asked, because one provider, with
its connections, serves several runs at once. Without a purse there is no budget.
"""

from contextvars import ContextVar
from typing import Protocol


class Purse(Protocol):
    """What is left of a run's budget in this process."""

    def reserve(self, microusd: int) -> None:
        """Set aside the most that a call can cost; raises BudgetReached where it is not there."""

    def settle(self, reserved: int, spent: int) -> None:
        """Replace what was set aside by what the call cost."""


PURSE: ContextVar[Purse | None] = ContextVar("purse", default=None)
