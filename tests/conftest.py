"""Fixtures every test may ask for, and the rule that continuous integration skips nothing.

Servers start when the first test of a process asks for them, one set for each xdist worker, and
end with it. The databases and queues on them are fresh for each test.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from redis import Redis

from grader.embedded import RedisServer
from tests.servers import PostgresDatabases, postgres_databases

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("grader", deadline=None)
hypothesis.settings.load_profile("grader")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis-compatible server, shared by all tests of this process."""
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(folder, binary=os.environ.get("GRADER_REDIS_BINARY")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresDatabases]:
    """A running PostgreSQL server that gives fresh databases."""
    with postgres_databases() as databases:
        yield databases


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database, once for each kind that the store supports."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'grader.sqlite'}"
    else:
        server: PostgresDatabases = request.getfixturevalue("postgres_server")
        url = server.fresh_database()
        yield url
        server.drop_database(url)


@pytest.fixture
def shared_data(request: pytest.FixtureRequest) -> Path:
    """The folder of real data beside the repository; the test is skipped where there is none."""
    if request.node.get_closest_marker("real_data") is None:
        pytest.fail("a test that reads shared data must be marked real_data", pytrace=False)
    if not SHARED_DATA.is_dir():
        pytest.skip("real data are absent")
    return SHARED_DATA


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI"):
        config.pluginmanager.register(_NothingIsSkipped())


class _NothingIsSkipped:
    """With CI set, a skipped test fails the session: a test that does not run guards nothing.

    Only tests marked real_data may be skipped, and only where the real data are absent. xdist
    sends the reports of its workers to these hooks of the process that decides.
    """

    def __init__(self) -> None:
        self._skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        excused = "real_data" in report.keywords and not SHARED_DATA.is_dir()
        if report.skipped and not hasattr(report, "wasxfail") and not excused:
            self._skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._skipped:
            names = ", ".join(sorted(set(self._skipped)))
            terminalreporter.write_line(f"skipped, which CI does not allow: {names}", red=True)
