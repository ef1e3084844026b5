from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.testing import SimulatedProvider
from tests.runs.batch.batching import Batching
from tests.servers import PostgresDatabases
from tests.store.migrated import migrated_postgresql, migrated_sqlite


@pytest.fixture(scope="session")
def migrated_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "template.sqlite"


@pytest.fixture
def batch_provider() -> Iterator[SimulatedProvider]:
    with SimulatedProvider(answer="schema") as server:
        yield server


@pytest.fixture
def batching(
    tmp_path: Path, migrated_template: Path, batch_provider: SimulatedProvider
) -> Iterator[Batching]:
    """Runs in the mode `batch` on SQLite."""
    made = Batching(migrated_sqlite(tmp_path, migrated_template), batch_provider)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def batching_on_each(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    migrated_template: Path,
    batch_provider: SimulatedProvider,
) -> Iterator[Batching]:
    """The same on each kind of database."""
    if request.param == "sqlite":
        url = migrated_sqlite(tmp_path, migrated_template)
    else:
        server: PostgresDatabases = request.getfixturevalue("postgres_server")
        url = migrated_postgresql(server)
    made = Batching(url, batch_provider)
    yield made
    made.close()
