"""What a run shows of its judges, its speed, and the servers that it waits for."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from redis import Redis

from grader.store import runs
from tests.api.service import Service, saying
from tests.api.test_run_results import panel_of
from tests.api.test_runs import rules_run
from worker.limits_seen import SEEN_KEY, seen_key


@pytest.fixture
def told(service: Service) -> Iterator[dict[str, Any]]:
    """What a worker tells of the simulated provider."""
    server = {
        "server": service.provider.base_url,
        "in_flight": 7,
        "limit": 20,
        "waiting": 3,
        "held_seconds": 1.5,
        "outage": None,
        "workers": 1,
        "models": [],
    }
    with Redis.from_url(service.settings.redis_url) as redis:
        redis.sadd(SEEN_KEY, "test")
        redis.set(seen_key("test"), orjson.dumps([server, {**server, "server": "http://other"}]))
        yield server
        redis.delete(seen_key("test"))


def test_each_judge_shows_what_it_did_and_cost(service: Service, mark: str) -> None:
    panel = panel_of(mark, "one", "two")
    panel["judges"][0]["prices"] = {"input": 1000.0, "output": 1000.0}
    service.provider.behave(model=f"{mark}-two", fails=["refusal"])
    body = rules_run(items=[saying(f"{mark} {n}") for n in range(2)]) | {"panel": panel}
    run = service.work(service.declare(**body))
    one, two = run["judges"]
    assert (one["judge"], one["asked_model"]) == (f"{mark}-one", f"{mark}-one")
    assert (one["given"], one["refused"], one["calls"]) == (2, 0, 2)
    assert (two["given"], two["refused"]) == (0, 2)
    assert one["input_tokens"] + one["output_tokens"] == round(one["cost_usd"] * 1000)
    assert run["cost"]["spent"] == one["cost_usd"] > 0 == two["cost_usd"]
    assert (run["mode"], run["speed"]) == ("live", None)
    again = service.work(service.declare(**body))
    assert [judge["calls"] for judge in again["judges"]] == [0, 0]
    assert again["counts"]["judgments"]["reused"] == 4


def test_a_running_run_shows_its_speed_and_the_servers_of_its_judges(
    service: Service, mark: str, told: dict[str, Any]
) -> None:
    items = [saying(f"{mark} {n}") for n in range(3)]
    body = rules_run(items=items) | {"panel": panel_of(mark, "one"), "rubrics": ["refusal"]}
    service.work(service.declare(**body | {"transcripts": {"items": items[:1]}}))
    run_id = service.declare(**body)
    assert service.show(run_id)["speed"] is None
    with service.store.transaction() as connection:
        runs.start_run(connection, run_id)
    speed = service.show(run_id)["speed"]
    assert speed["judgments_per_minute"] == 0
    assert speed["eta_seconds"] is None
    (shown,) = speed["servers"].items()
    assert shown[0] == told["server"]
    assert {name: shown[1][name] for name in ("in_flight", "limit", "waiting")} == {
        "in_flight": 7,
        "limit": 20,
        "waiting": 3,
    }
    (listed,) = service.admin.get("/v1/runs", params={"limit": 1}).json()["items"]
    assert (listed["run_id"], listed["speed"]) == (run_id, None)
    service.work(run_id)
    assert service.show(run_id)["speed"] is None


def test_speed_counts_what_the_run_paid_for_and_its_end_follows_from_it(
    service: Service, mark: str
) -> None:
    """Two of three judgments are made when the third call is refused for good, and then resumed."""
    items = [saying(f"{mark} {n}") for n in range(4)]
    body = rules_run(items=items) | {"panel": panel_of(mark, "one"), "rubrics": ["refusal"]}
    service.work(service.declare(**body | {"transcripts": {"items": items[:1]}}))
    panel = panel_of(mark, "one")
    panel["judges"].append({**panel["judges"][0], "name": "dead", "model": f"{mark}-dead"})
    service.provider.behave(model=f"{mark}-dead", fails=["unauthorized"])
    run_id = service.declare(**body | {"panel": panel})
    run = service.work(run_id)
    assert run["status"] == "paused"
    made = sum(judge["given"] for judge in run["judges"])
    service.admin.post(f"/v1/runs/{run_id}:resume").raise_for_status()
    shown = service.show(run_id)
    assert shown["speed"]["judgments_per_minute"] >= made
    if made:
        assert shown["speed"]["eta_seconds"] > 0
