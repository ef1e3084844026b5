"""Two workers and a real provider under a budget: never more is spent than it allows."""

from grader.domain.panel import Panel
from grader.runs.steer import NewBudget, resume_run
from grader.testing import SimulatedProvider
from tests.worker.installation import Installation

PRICED = Panel(
    name="priced",
    judges=[
        {
            "kind": "llm",
            "name": "one",
            "model": "simulated",
            "max_output_tokens": 500,
            "prices": {"input": 1.0, "output": 4.0},
        }
    ],
)
BUDGET = 40_000


def test_two_workers_spend_a_budget_and_no_more_and_resume_finishes_the_run(
    on_sqlite: Installation, provider: SimulatedProvider
) -> None:
    provider.behave(latency="lognormal:0.05:0.5:3")
    on_sqlite.ask_at(provider.base_url)
    on_sqlite.configure({"GRADER_PROVIDER_MAX_IN_FLIGHT": "10"})
    run_id = on_sqlite.create_run(150, panel=PRICED, budget_microusd=BUDGET)
    for worker in [on_sqlite.start_worker(), on_sqlite.start_worker()]:
        on_sqlite.await_ready(worker)
    on_sqlite.await_status(run_id, "paused")
    assert (on_sqlite.reason(run_id) or "").startswith("budget_reached: spent $0.0")
    spent = on_sqlite.progress(run_id).cost_microusd
    stats = provider.stats()
    assert spent == stats["prompt_tokens"] + 4 * stats["completion_tokens"]
    assert BUDGET - 5_000 < spent <= BUDGET
    with on_sqlite.store.transaction() as connection:
        resume_run(connection, run_id, budget=NewBudget(None))
    on_sqlite.queue.enqueue(run_id)
    on_sqlite.await_status(run_id, "finished")
    assert provider.stats()["received"] == 150
    assert len(on_sqlite.labels(run_id)) == 150
