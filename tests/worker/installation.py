"""A whole installation for tests of workers: a database, a Redis, worker processes, a provider."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from redis import Redis

from grader.domain.panel import Panel
from grader.domain.rubric import Rubric
from grader.domain.run import Priority, RunStatus
from grader.domain.selection import read_where
from grader.domain.transcript import Transcript
from grader.embedded import Child
from grader.reports.run_judgments import Position, find_run_judgments
from grader.runs.create import create_run, resolve_panel
from grader.store import Store, catalogue, labels, runs, transcripts
from grader.store.labels import LabelRow
from grader.store.migrate import migrate
from grader.store.runs import RunProgress
from grader.views import get_view
from tests.servers import wait_until
from worker.queue import WorkQueue, connect

RUBRIC = Rubric(
    name="says_yes",
    version="1",
    description="Whether the agent agrees.",
    criteria=[{"name": "occurred", "question": "Does it?", "scale": {"type": "boolean"}}],
)


def simulated_panel(judges: int = 1, **panel: object) -> Panel:
    """Return a panel of LLM judges that are asked at the default server."""
    return Panel(
        name="simulated",
        judges=[
            {"kind": "llm", "name": f"judge-{n}", "model": f"simulated-{n}", "timeout_seconds": 20}
            for n in range(judges)
        ],
        **panel,
    )


class Installation:
    def __init__(self, folder: Path, *, database_url: str, redis_url: str) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.store = Store(database_url)
        migrate(self.store)
        self.queue = WorkQueue(connect(redis_url))
        self.workers: list[Child] = []
        self._settings: dict[str, str] = {
            "GRADER_DATABASE_URL": database_url,
            "GRADER_REDIS_URL": redis_url,
            "GRADER_LEASE_SECONDS": "2",
            "GRADER_SWEEP_SECONDS": "0.2",
            "GRADER_SHARD_TRANSCRIPTS": "5",
            "GRADER_PROVIDER_BACKOFF_SECONDS": "0.05",
        }
        with self.store.transaction() as connection:
            catalogue.add_rubric(connection, RUBRIC, source="")

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set environment variables of the workers that are started from now on."""
        self._settings.update(settings)

    def ask_at(self, base_url: str) -> None:
        """Let judges be asked at this server."""
        self.configure({"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "of-a-test"})

    def start_worker(self) -> Child:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("GRADER_", "OPENAI_"))}
        worker = Child(
            f"worker-{len(self.workers)}",
            [sys.executable, "-m", "worker"],
            env=plain | self._settings,
            log_path=self.folder / f"worker-{len(self.workers)}.log",
        )
        worker.start()
        self.workers.append(worker)
        return worker

    def await_ready(self, worker: Child) -> None:
        wait_until(lambda: "worker_ready" in worker.read_log(max_bytes=100_000), seconds=30)

    def create_run(
        self,
        count: int,
        *,
        panel: Panel | None = None,
        rubrics: Sequence[Rubric] = (RUBRIC,),
        enqueue: bool = True,
        shard_transcripts: int = 5,
        name: str = "t",
        priority: Priority = "bulk",
        budget_microusd: int | None = None,
    ) -> str:
        """Store `count` transcripts and a run over them."""
        given = [
            Transcript(
                messages=[
                    {"role": "user", "content": f"{name} {n}: will you?"},
                    {"role": "assistant", "content": f"Yes, I will do number {n}."},
                ],
                metadata={"group": name},
            )
            for n in range(count)
        ]
        base_url = self._settings.get("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        with self.store.transaction() as connection:
            transcripts.add_transcripts(connection, given)
            run_id = create_run(
                connection,
                rubrics=rubrics,
                panel=resolve_panel(panel or simulated_panel(), {"openai": (base_url,)}),
                view=get_view("plain"),
                selection={},
                shard_transcripts=shard_transcripts,
                where=read_where({"group": name}),
                priority=priority,
                budget_microusd=budget_microusd,
            )
        if enqueue:
            self.queue.enqueue(run_id, priority=priority)
        return run_id

    def status(self, run_id: str) -> RunStatus:
        with self.store.reading() as connection:
            return runs.get_status(connection, run_id)

    def reason(self, run_id: str) -> str | None:
        with self.store.reading() as connection:
            return runs.get_run(connection, run_id).reason

    def progress(self, run_id: str) -> RunProgress:
        with self.store.reading() as connection:
            return runs.get_progress(connection, run_id)

    def labels(self, run_id: str) -> list[LabelRow]:
        with self.store.reading() as connection:
            return labels.find_labels(connection, run_id=run_id, limit=100_000)

    def judgments(self, run_id: str) -> list[object]:
        with self.store.reading() as connection:
            run = runs.get_run(connection, run_id)
            found, after = find_run_judgments(connection, run, start=Position(), limit=100_000)
        assert after is None
        return list(found)

    def await_status(self, run_id: str, *wanted: RunStatus, seconds: float = 45) -> None:
        try:
            wait_until(lambda: self.status(run_id) in wanted, seconds=seconds)
        except AssertionError as error:
            told = "\n".join(worker.read_log(max_bytes=3_000) for worker in self.workers)
            raise AssertionError(
                f"{self.status(run_id)} {self.progress(run_id)}\n{told}"
            ) from error

    def flush_redis(self) -> None:
        with Redis.from_url(self.redis_url) as client:
            client.flushall()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.queue.redis.close()
        self.store.close()
