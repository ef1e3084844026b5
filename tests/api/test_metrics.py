"""What Prometheus scrapes: it can be parsed, counts what happened, and its labels are bounded."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from grader.embedded import RedisServer
from grader.testing import SimulatedProvider
from tests.api.service import Service, running, saying
from tests.api.test_run_results import panel_of
from tests.api.test_runs import rules_run
from tests.store.migrated import migrated_sqlite

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(service: Service) -> Samples:
    text = service.nobody.get("/metrics").raise_for_status().text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_calls_tokens_and_cost_are_counted_by_model(service: Service, mark: str) -> None:
    panel = panel_of(mark, "one")
    panel["judges"][0]["prices"] = {"input": 1000.0, "output": 2000.0}
    run = service.work(service.declare(**rules_run(items=[saying(mark)]) | {"panel": panel}))
    (judge,) = run["judges"]
    samples = scrape(service)
    model = f"{mark}-one"
    assert value(samples, "grader_judgments", model=model, status="given") == 1
    assert value(samples, "grader_judgments", model=model, status="failed") == 0
    assert value(samples, "grader_calls_total", model=model) == judge["calls"] == 1
    tokens = value(samples, "grader_tokens_total", model=model, kind="input")
    assert tokens == judge["input_tokens"] > 0
    cost = value(samples, "grader_cost_usd_total", model=model)
    assert cost == judge["cost_usd"] == run["cost"]["spent"] > 0


def test_judgments_that_wait_are_counted_until_they_are_made(service: Service, mark: str) -> None:
    before = value(scrape(service), "grader_judgments_pending")
    run_id = service.declare(**rules_run(items=[saying(f"{mark} {n}") for n in range(3)]))
    assert value(scrape(service), "grader_judgments_pending") == before + 3
    service.work(run_id)
    assert value(scrape(service), "grader_judgments_pending") == before


def test_requests_are_counted_by_route_and_never_by_address(service: Service, mark: str) -> None:
    asked = {"method": "GET", "route": "/v1/runs/{run_id}", "status": "404"}
    name = "grader_http_request_seconds_count"
    before = value(scrape(service), name, **asked)
    service.admin.get(f"/v1/runs/{mark}")
    service.admin.get(f"/{mark}")
    samples = scrape(service)
    assert value(samples, name, **asked) == before + 1
    assert value(samples, name, method="GET", route="none", status="404") >= 1
    service.nobody.request(mark.upper(), "/healthz")
    text = service.nobody.get("/metrics").text
    assert mark not in text
    assert mark.upper() not in text


def test_without_redis_the_rest_is_still_told(
    tmp_path: Path, shared_provider: SimulatedProvider
) -> None:
    redis = RedisServer(tmp_path / "redis")
    (tmp_path / "redis").mkdir()
    redis.start()
    url = migrated_sqlite(tmp_path, tmp_path / "template.sqlite")
    try:
        with running(url, redis.url, shared_provider) as service:
            service.declare(**rules_run(items=[saying("a")]))
            samples = scrape(service)
            assert value(samples, "grader_redis_up") == 1
            assert value(samples, "grader_transcripts") == 1
            assert ("grader_jobs_waiting", frozenset()) in samples
            redis.stop()
            samples = scrape(service)
            assert ("grader_redis_up", frozenset()) in samples
            assert value(samples, "grader_redis_up") == 0
            assert ("grader_jobs_waiting", frozenset()) not in samples
            assert value(samples, "grader_runs", status="created") == 1
    finally:
        redis.stop()
