"""The real app behind a real server, and a hand that works its runs off.

The app is served by uvicorn in a thread, over a real database and a real Redis. What a worker does
is done here in the test's own thread with the worker's parts (`Drain`, `JudgeFactory`), so that a
test decides when a run goes on. Judges that are models are asked at a simulated provider.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from grader.bootstrap import JudgeFactory, add_shipped
from grader.judges.limit import LocalRateLimiter
from grader.runs.drain import Drain, Pace
from grader.settings import Settings
from grader.store import Store, keys, runs, schema
from grader.store.keys import SCOPES
from grader.testing import SimulatedProvider
from tests.servers import wait_until

MAX_BODY_BYTES = 8_000_000
MAX_LINE_BYTES = 1_000_000
_PACE = Pace(max_active=16, lease_seconds=30, flush_seconds=0.01, stop_grace_seconds=5)

Problem = dict[str, Any]


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve the app on a free port; gives its address."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    # Named as TCP, or asyncio leaves it with a delay of 40 ms between headers and body.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="api")
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            assert server.started, "the server did not start"
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(15)


@dataclass(frozen=True)
class Service:
    """A running service, a client for each kind of key, and a look into its database."""

    address: str
    settings: Settings
    app: FastAPI
    store: Store
    provider: SimulatedProvider
    clients: dict[str, httpx2.Client]

    @property
    def admin(self) -> httpx2.Client:
        return self.clients["admin"]

    @property
    def nobody(self) -> httpx2.Client:
        """A client that sends no key."""
        return self.clients["nobody"]

    def only(self, scope: str) -> httpx2.Client:
        """Return the client whose key has this scope and no other."""
        return self.clients[scope]

    def add(self, text: str, **metadata: Any) -> str:
        """Store a transcript that says `text`, and return its id."""
        answer = self.admin.post("/v1/transcripts", json=saying(text, **metadata))
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["transcript_id"])

    def declare(self, **wanted: Any) -> str:
        """Declare a run that may not be refused, and return its id."""
        answer = self.admin.post("/v1/runs", json=wanted)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def show(self, run_id: str) -> dict[str, Any]:
        return dict(self.admin.get(f"/v1/runs/{run_id}").raise_for_status().json())

    def work(self, run_id: str) -> dict[str, Any]:
        """Do what a worker would until nothing is left, and return the run as it is then."""
        asyncio.run(self._drain(run_id))
        return self.show(run_id)

    async def _drain(self, run_id: str) -> None:
        with self.store.transaction() as connection:
            runs.start_run(connection, run_id)
            run = runs.get_run(connection, run_id)
        factory = JudgeFactory(self.settings, LocalRateLimiter(16), secret=self.store.secret)
        try:
            judges = factory.judges(run.spec.panel)
            await Drain(self.store, run, judges, _PACE, should_stop=lambda: None).drain()
        finally:
            await factory.close()

    def count_rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        with self.store.reading() as connection:
            return {
                table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in schema.metadata.sorted_tables
            }

    def walk(self, path: str, *, limit: int, **query: Any) -> list[dict[str, Any]]:
        """Return what all pages of a list hold, in order."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            asked = {**query, "limit": limit, **({"cursor": cursor} if cursor else {})}
            answer = self.admin.get(path, params=asked)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert len(page["items"]) <= limit
            assert page["items"] or cursor is None, "the page before said that more follow"
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


def settings_of(database_url: str, redis_url: str, provider_url: str, **more: Any) -> Settings:
    """Return settings in which nothing comes from the environment that would reach outside."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        max_body_bytes=MAX_BODY_BYTES,
        max_line_bytes=MAX_LINE_BYTES,
        openai_base_url=provider_url,
        openai_api_key=SecretStr("x"),
        anthropic_api_key=None,
        google_api_key=None,
        providers={},
        provider_tries=1,
        **more,
    )


@contextmanager
def running(
    database_url: str, redis_url: str, provider: SimulatedProvider, **more: Any
) -> Iterator[Service]:
    """Run the service over a migrated database, with the shipped rubrics, panels and keys."""
    settings = settings_of(database_url, redis_url, provider.base_url, **more)
    store = Store(database_url)
    try:
        with store.transaction() as connection:
            add_shipped(connection)
            for scope in SCOPES:
                keys.add_key(connection, name=scope, scopes=(scope,), token=f"grk_{scope}")
        app = create_app(settings)
        with serving(app) as address:
            clients = {"nobody": client(address, None)}
            clients.update((scope, client(address, f"grk_{scope}")) for scope in SCOPES)
            try:
                yield Service(address, settings, app, store, provider, clients)
            finally:
                for each in clients.values():
                    each.close()
    finally:
        store.close()


def vanish_after(service: Service, path: str, *pieces: bytes) -> None:
    """Send these pieces of a longer body, and be gone before its end.

    Not over a socket: whether a server still reads what was sent before the end is chance there.
    """
    waiting: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    headers = [(b"authorization", b"Bearer grk_admin"), (b"content-length", b"1000000")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "root_path": "", "headers": headers, "http_version": "1.1"}
    asyncio.run(service.app(scope, receive, send))


def client(address: str, token: str | None) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx2.Client(base_url=address, headers=headers, timeout=60, trust_env=False)


def saying(text: str, **metadata: Any) -> dict[str, Any]:
    """Return a native transcript in which the assistant says `text`."""
    messages = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": text}]
    return {"messages": messages, **({"metadata": metadata} if metadata else {})}


def problem_in(answer: httpx2.Response, status: int, code: str | None = None) -> Problem:
    """Return the problem that an answer is; fails unless it has the status, and the code."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    body: Problem = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert body["status"] == status
    assert len(body["detail"]) > 10, "the detail has to say what to do"
    if code is not None:
        assert body["code"] == code, body
    return body
