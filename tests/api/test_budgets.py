"""Budgets: taken only where they can be kept, shown, and raised when they are used up."""

from pathlib import Path
from typing import Any

import pytest

from grader.store import runs
from grader.testing import SimulatedProvider
from tests.api.service import Service, problem_in, running, saying
from tests.api.test_runs import model, rules_run

PRICES = {"input": 2, "cached_input": 0.5, "output": 8}


def priced(mark: str, *, prices: Any = PRICES, **more: Any) -> dict[str, Any]:
    judge = model(f"{mark}-one", **({"prices": prices} if prices else {}))
    wanted = {"rubrics": ["refusal"], "panel": {"judges": [judge]}, **more}
    return {"transcripts": {"items": [saying(mark)]}, **wanted}


def stored(service: Service, run_id: str) -> runs.RunRow:
    with service.store.reading() as connection:
        return runs.get_run(connection, run_id)


def used_up(service: Service, run_id: str) -> None:
    """Pause a run as a worker does whose next call the budget does not cover."""
    with service.store.transaction() as connection:
        reason = "budget_reached: spent $0.000100 of $0.000500"
        runs.start_run(connection, run_id)
        runs.move_run(connection, run_id, "paused", reason=reason)


def resume(service: Service, run_id: str, body: Any = None) -> Any:
    return service.admin.post(f"/v1/runs/{run_id}:resume", json=body)


def test_a_budget_is_kept_in_millionths_of_a_dollar(service: Service, mark: str) -> None:
    run_id = service.declare(**priced(mark, budget_usd=1.234567))
    assert stored(service, run_id).budget_microusd == 1_234_567
    assert stored(service, service.declare(**priced(mark))).budget_microusd is None
    nothing = service.declare(**rules_run(items=[saying(mark)]), budget_usd=0)
    assert stored(service, nothing).budget_microusd == 0


def test_a_budget_needs_prices_and_nothing_is_a_price(service: Service, mark: str) -> None:
    refused = service.admin.post("/v1/runs", json=priced(mark, prices=None, budget_usd=1))
    detail = problem_in(refused, 422, "unpriced_model")["detail"]
    assert f"{mark}-one" in detail
    assert "GRADER_PRICES" in detail
    free = priced(mark, prices={"input": 0, "output": 0}, budget_usd=1)
    assert service.admin.post("/v1/runs", json=free).status_code == 202


def test_prices_of_the_installation_are_fixed_when_a_run_is_declared(
    tmp_path: Path, shared_provider: SimulatedProvider, shared_service: Service, mark: str
) -> None:
    """The file is read when the service starts; a run keeps what it found there."""
    path = tmp_path / "prices.yaml"
    path.write_text(f"openai/{mark}-one: {{input: 3, output: 4}}")
    url = shared_service.settings.database_url
    redis = shared_service.settings.redis_url
    with running(url, redis, shared_provider, prices=path) as service:
        run_id = service.declare(**priced(mark, prices=None, budget_usd=1))
        (judge,) = service.show(run_id)["panel"]["judges"]
        assert judge["prices"] == {"input": 3, "output": 4, "cached_input": None}
        own = service.show(service.declare(**priced(mark, budget_usd=1)))
        assert own["panel"]["judges"][0]["prices"] == PRICES
    path.write_text("")
    (judge,) = shared_service.show(run_id)["panel"]["judges"]
    assert judge["prices"]["output"] == 4


@pytest.mark.parametrize("body", [None, {}, {"budget_usd": 0.0005}, {"budget_usd": 0.0001}])
def test_a_run_whose_budget_is_used_up_goes_on_only_with_a_larger_one(
    service: Service, mark: str, body: Any
) -> None:
    run_id = service.declare(**priced(mark, budget_usd=0.0005))
    used_up(service, run_id)
    detail = problem_in(resume(service, run_id, body), 409, "budget_reached")["detail"]
    assert "$0.000500" in detail
    assert "larger" in detail
    assert stored(service, run_id).status == "paused"
    assert stored(service, run_id).budget_microusd == 500


@pytest.mark.parametrize(("usd", "expected"), [(0.75, 750_000), (None, None)])
def test_a_larger_budget_or_none_lets_it_go_on(
    service: Service, mark: str, usd: float | None, expected: int | None
) -> None:
    run_id = service.declare(**priced(mark, budget_usd=0.0005))
    used_up(service, run_id)
    answer = resume(service, run_id, {"budget_usd": usd})
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert stored(service, run_id).budget_microusd == expected
    assert service.work(run_id)["status"] == "finished"


def test_a_budget_below_what_was_spent_is_refused(service: Service, mark: str) -> None:
    items = [saying(f"{mark} {number}") for number in range(2)]
    run_id = service.declare(**priced(mark, budget_usd=5) | {"transcripts": {"items": items}})
    spent = service.work(run_id)["cost"]["spent"]
    assert spent > 0
    with service.store.transaction() as connection:
        runs.try_move_run(connection, run_id, "running")
        runs.move_run(connection, run_id, "paused", reason="paused by request")
    detail = problem_in(resume(service, run_id, {"budget_usd": spent}), 409)["detail"]
    assert f"${spent:.6f}" in detail
    assert resume(service, run_id).status_code == 200


def test_a_budget_for_a_run_that_cannot_keep_one_is_refused(service: Service, mark: str) -> None:
    run_id = service.declare(**priced(mark, prices=None))
    service.admin.post(f"/v1/runs/{run_id}:pause").raise_for_status()
    problem_in(resume(service, run_id, {"budget_usd": 3}), 422, "unpriced_model")
    assert resume(service, run_id, {"budget_usd": None}).status_code == 200


@pytest.mark.parametrize("body", [{"budget_usd": -1}, {"budget_usd": "much"}, {"money": 1}, [1]])
def test_a_resume_that_is_not_understood_changes_nothing(
    service: Service, mark: str, body: Any
) -> None:
    run_id = service.declare(**priced(mark))
    service.admin.post(f"/v1/runs/{run_id}:pause").raise_for_status()
    problem_in(resume(service, run_id, body), 422, "invalid_request")
    assert stored(service, run_id).status == "paused"
