"""What probes ask, without a key: alive, ready, and how much there is to do."""

import re
from pathlib import Path

import pytest

from api.app import create_app
from grader.embedded import RedisServer
from grader.testing import SimulatedProvider
from tests.api.service import Service, client, problem_in, running, saying, serving, settings_of
from tests.api.test_runs import rules_run
from tests.servers import PostgresDatabases
from tests.store.migrated import build, migrated_postgresql, migrated_sqlite


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/healthz?at=now"])
def test_probes_need_no_key(service: Service, path: str) -> None:
    assert service.nobody.get(path).status_code == 200


def test_metrics_count_runs_and_waiting_jobs(service: Service, mark: str) -> None:
    def measured(name: str) -> int:
        answer = service.nobody.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = re.search(rf"^{re.escape(name)} ([\d.]+)$", answer.text, re.MULTILINE)
        return int(float(found[1])) if found else 0

    names = ('grader_runs{status="created"}', "grader_jobs_waiting")
    before = [measured(name) for name in names]
    service.declare(**rules_run(items=[saying(mark)]))
    assert [measured(name) for name in names] == [count + 1 for count in before]


def test_it_is_not_ready_until_the_database_is_migrated(
    database_url: str, redis_url: str, shared_provider: SimulatedProvider
) -> None:
    app = create_app(settings_of(database_url, redis_url, shared_provider.base_url))
    with serving(app) as address, client(address, "grk_x") as caller:
        assert caller.get("/healthz").status_code == 200
        problem = problem_in(caller.get("/readyz"), 503, "store_unavailable")
        assert "grader db migrate" in problem["detail"]
        problem_in(caller.get("/v1/runs"), 503, "store_unavailable")
        build(database_url)
        assert caller.get("/readyz").status_code == 200
        problem_in(caller.get("/v1/runs"), 401)


def test_without_redis_it_is_not_ready_and_still_takes_runs(
    tmp_path: Path, shared_provider: SimulatedProvider, mark: str
) -> None:
    url = migrated_sqlite(tmp_path, tmp_path / "template.sqlite")
    redis = RedisServer(tmp_path / "redis")
    (tmp_path / "redis").mkdir()
    redis.start()
    try:
        with running(url, redis.url, shared_provider) as service:
            assert service.nobody.get("/readyz").status_code == 200
            redis.stop()
            problem_in(service.nobody.get("/readyz"), 503, "store_unavailable")
            assert service.nobody.get("/healthz").status_code == 200
            run_id = service.declare(**rules_run(items=[saying(mark)]))
            assert service.work(run_id)["status"] == "finished"
            redis.start()
            assert service.nobody.get("/readyz").status_code == 200
    finally:
        redis.stop()


def test_without_its_database_it_says_so_and_recovers_nothing_by_itself(
    postgres_server: PostgresDatabases, redis_url: str, shared_provider: SimulatedProvider
) -> None:
    url = migrated_postgresql(postgres_server)
    with running(url, redis_url, shared_provider) as service:
        assert service.admin.get("/v1/runs").status_code == 200
        postgres_server.drop_database(url)
        for path in ("/readyz", "/v1/runs", "/metrics"):
            problem_in(service.admin.get(path), 503, "store_unavailable")
        problem_in(service.admin.post("/v1/transcripts", json=saying("a")), 503)
        assert service.nobody.get("/healthz").status_code == 200
