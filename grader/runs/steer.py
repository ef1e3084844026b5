"""Steer a run: cancel, pause, resume, retry. Workers see it within a second."""

from typing import NamedTuple

import sqlalchemy as sa

from grader.errors import BudgetReached, IllegalTransition
from grader.prices import check_priced
from grader.runs.finish import finish_if_done
from grader.store import runs, shards

BUDGET_REACHED = "budget_reached"
"""How the reason begins for which a run is paused whose budget is used up."""

_MICRO = 1_000_000


class NewBudget(NamedTuple):
    """The most a run may cost from now on, what it has spent included."""

    microusd: int | None
    """None for no bound."""


def cancel_run(connection: sa.Connection, run_id: str) -> None:
    """Stop a run for good; twice is fine.

    Raises:
        IllegalTransition: it is finished.
    """
    runs.move_run(connection, run_id, "cancelled")


def pause_run(connection: sa.Connection, run_id: str) -> None:
    """Hold a run; raises IllegalTransition unless it is created or running."""
    runs.move_run(connection, run_id, "paused", reason="paused by request")


def resume_run(connection: sa.Connection, run_id: str, *, budget: NewBudget | None = None) -> None:
    """Let a run go on, with another budget if one is given.

    Raises:
        IllegalTransition: it is finished or cancelled.
        BudgetReached: its budget is used up, or the new one would be.
        UnpricedModel: the new budget could not be kept, as nobody knows what a judge costs.
    """
    run = runs.get_run(connection, run_id)
    runs.check_resumable(run.status)
    before = run.budget_microusd
    after = before if budget is None else budget.microusd
    if after is not None:
        check_priced(run.spec.panel)
        spent = runs.get_progress(connection, run_id).cost_microusd
        is_used_up = run.status == "paused" and (run.reason or "").startswith(BUDGET_REACHED)
        is_larger = before is not None and after > before
        if (budget is not None and after <= spent) or (is_used_up and not is_larger):
            raise BudgetReached(
                f"the run has spent {_dollars(spent)} of its budget of {_dollars(before)}, and "
                f"{_dollars(after)} is not enough to go on; resume it with a larger `budget_usd`, "
                "or with null for no budget"
            )
    if budget is not None:
        runs.set_budget(connection, run_id, after)
    runs.move_run(connection, run_id, "running")
    finish_if_done(connection, run_id)


def retry_run(connection: sa.Connection, run_id: str) -> None:
    """Open the failed judgments of a run to be asked again, and let it go on if there are any.

    A run without failures stays as it is. In a shard that is being worked on, failures are opened
    when it ends.

    Raises:
        IllegalTransition: it was cancelled, and going on would ask much more than what failed.
    """
    if runs.get_status(connection, run_id) == "cancelled":
        raise IllegalTransition(
            "a cancelled run is not taken up again; declare it anew: what was answered is reused"
        )
    runs.mark_retried(connection, run_id)
    if shards.reopen_failed_shards(connection, run_id):
        runs.move_run(connection, run_id, "running")


def _dollars(microusd: int | None) -> str:
    return "none" if microusd is None else f"${microusd / _MICRO:.6f}"
