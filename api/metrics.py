"""What Prometheus scrapes: the state of the installation, read anew, and this process's requests.

Labels are bounded: statuses, routes, servers, and models up to a hundred; never an id. What comes
from the database is the same whichever process is asked; what is counted of requests is this
process's own. Without the database there is no answer at all; without Redis `grader_redis_up` is 0
and what Redis knows is missing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import Context
from api.servers import find_servers
from grader.errors import StoreUnavailable
from grader.reports.records import dollars
from grader.reports.run_records import Server
from grader.store import runs
from grader.store.summaries import (
    count_transcripts,
    find_run_with_judge,
    sum_ledgers,
    sum_unfinished,
)
from worker.queue import WORKERS_KEY

_MOST_MODELS = 100
_WORKER_SECONDS = 15.0
_COUNT_SECONDS = 60.0
_STATUSES = ("given", "abstained", "refused", "failed")
_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one process: built with the app, registered nowhere else."""

    def __init__(self, context: Context) -> None:
        self._collectors = CollectorRegistry()
        self._collectors.register(_Installation(context))
        self._seconds = Histogram(
            "grader_http_request_seconds",
            "Requests by method, route and status: how long until the answer began.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._collectors,
        )

    def render(self) -> bytes:
        """Return the text that Prometheus reads; raises StoreUnavailable."""
        return generate_latest(self._collectors)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        self._seconds.labels(method, route, str(status)).observe(seconds)


class Measured:
    """ASGI middleware that counts requests and how long each answer took to begin."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def measure(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Only routes that exist are named, or a scan of addresses would fill the memory.
                route = getattr(scope.get("route"), "path", "none")
                seconds = time.perf_counter() - started
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.count(method, route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, measure)


_METHODS = ("GET", "HEAD", "POST", "DELETE")


class _Installation(Collector):
    """What the database and Redis say at the moment of the scrape."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._models: dict[str, str] = {}
        self._transcripts = 0
        self._counted_at: float | None = None

    def describe(self) -> Iterable[Metric]:
        # Otherwise registering would collect, and building an app would ask the database.
        return []

    def collect(self) -> Iterable[Metric]:
        with self._context.store.reading() as connection:
            found = [*self._from_runs(connection), *self._from_ledgers(connection)]
            found.append(self._ingest(connection))
        return [*found, *self._from_redis()]

    def _from_runs(self, connection: sa.Connection) -> Iterable[Metric]:
        by_status = GaugeMetricFamily("grader_runs", "Runs by status.", labels=["status"])
        for status, count in sorted(runs.count_by_status(connection).items()):
            by_status.add_metric([status], count)
        yield by_status
        counts = sum_unfinished(connection)
        settled = sum(n for name, n in counts.items() if name not in ("expected", "reused"))
        yield GaugeMetricFamily(
            "grader_judgments_pending",
            "Judgments still to be made in runs that are created, running or paused.",
            counts["expected"] - settled,
        )

    def _from_ledgers(self, connection: sa.Connection) -> Iterable[Metric]:
        judgments = GaugeMetricFamily(
            "grader_judgments", "Judgments that were paid for.", labels=["model", "status"]
        )
        calls = CounterMetricFamily("grader_calls", "Calls to providers.", labels=["model"])
        tokens = CounterMetricFamily(
            "grader_tokens",
            "Tokens by kind: input (cached ones included), cached, output.",
            labels=["model", "kind"],
        )
        cost = CounterMetricFamily("grader_cost_usd", "Dollars that were paid.", labels=["model"])
        sums: dict[str, Counter[str]] = {}
        for judge_hash, ledger in sum_ledgers(connection).items():
            model = self._model(connection, judge_hash)
            if model not in sums and len(sums) >= _MOST_MODELS:
                model = "other"
            sums.setdefault(model, Counter()).update(ledger)
        for model, total in sorted(sums.items()):
            for status in _STATUSES:
                judgments.add_metric([model, status], total[status])
            calls.add_metric([model], total["calls"])
            for kind in ("input", "cached", "output"):
                tokens.add_metric([model, kind], total[f"{kind}_tokens"])
            cost.add_metric([model], dollars(total["cost_microusd"]))
        return [judgments, calls, tokens, cost]

    def _model(self, connection: sa.Connection, judge_hash: str) -> str:
        """Return the model that a judge is, or its kind."""
        if judge_hash not in self._models:
            run_id = find_run_with_judge(connection, judge_hash)
            judges = runs.get_run(connection, run_id).spec.panel.judges if run_id else ()
            for judge in judges:
                known = judge.model if judge.kind == "llm" else judge.kind
                self._models[judge.judge_hash] = known
            self._models.setdefault(judge_hash, "unknown")
        return self._models[judge_hash]

    def _ingest(self, connection: sa.Connection) -> Metric:
        # Counting reads a whole index: once a minute is often enough.
        now = time.monotonic()
        if self._counted_at is None or now - self._counted_at > _COUNT_SECONDS:
            self._transcripts = count_transcripts(connection)
            self._counted_at = now
        return GaugeMetricFamily(
            "grader_transcripts",
            "Transcripts that are stored; counted once a minute.",
            self._transcripts,
        )

    def _from_redis(self) -> Iterable[Metric]:
        try:
            found = [self._jobs(), self._workers(), *self._servers()]
        except (StoreUnavailable, RedisError):
            found = []
        return [
            *found,
            GaugeMetricFamily("grader_redis_up", "Whether Redis answers.", int(bool(found))),
        ]

    def _jobs(self) -> Metric:
        waiting = self._context.queue.waiting().total()
        return GaugeMetricFamily("grader_jobs_waiting", "Jobs in the queue.", waiting)

    def _workers(self) -> Metric:
        since = time.time() - _WORKER_SECONDS
        alive = self._context.queue.redis.zcount(WORKERS_KEY, since, "+inf")
        return GaugeMetricFamily("grader_workers", "Workers that gave a sign of life.", int(alive))

    def _servers(self) -> Iterable[Metric]:
        servers = find_servers(self._context.queue.redis)
        for name, told, value in _SERVER_METRICS:
            family = GaugeMetricFamily(f"grader_provider_{name}", told, labels=["server"])
            for base_url, server in sorted(servers.items()):
                family.add_metric([base_url], value(server))
            yield family


_SERVER_METRICS: tuple[tuple[str, str, Callable[[Server], float]], ...] = (
    ("in_flight", "Calls under way, of all workers.", lambda server: server.in_flight),
    ("limit", "The most calls at once that are tried at present.", lambda server: server.limit),
    ("waiting", "Calls that wait for their turn.", lambda server: server.waiting),
    ("held_seconds", "How long no call is begun, as asked.", lambda server: server.held_seconds),
)
