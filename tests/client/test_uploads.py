"""Uploads go in parts: a part that meets trouble is sent again, and nothing is doubled or lost."""

import http.server
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from grader.client import Client, uploads
from grader.domain.identity import new_id
from grader.embedded.service import EmbeddedService
from grader.errors import ServerAnswered

BUSY = b'{"code": "store_unavailable", "detail": "the database does not answer"}'
FULL = b'{"code": "store_full", "detail": "the disk of the database is full"}'


@contextmanager
def standing_between(service: EmbeddedService, *troubles: str) -> Iterator[tuple[str, list[str]]]:
    """Give the address of a proxy where uploads meet these troubles, one after another."""
    waiting = list(troubles)
    done: list[str] = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            trouble = waiting.pop(0) if body and waiting else ""
            done.append(trouble or ("passed" if body else "asked"))
            if trouble in ("busy", "full"):
                self._answer(503 if trouble == "busy" else 507, BUSY if trouble == "busy" else FULL)
                return
            if trouble == "cut before":
                self._cut()
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            answer = httpx2.post(
                service.url + self.path, content=body, headers=headers, trust_env=False
            )
            if trouble == "cut after":
                self._cut()
                return
            self._answer(answer.status_code, answer.content, answer.headers["content-type"])

        def _answer(self, status: int, body: bytes, kind: str = "application/problem+json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _cut(self) -> None:
            # A reset, as a machine that vanishes leaves it.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def finish(self) -> None:
            if self.connection.fileno() >= 0:
                super().finish()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", done
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_PART_LINES", 3)


def saying(count: int) -> list[dict[str, Any]]:
    mark = new_id("mark")
    return [
        {"messages": [{"role": "assistant", "content": f"{mark} {number}"}]}
        for number in range(count)
    ]


@pytest.mark.usefixtures("small_parts")
def test_lines_are_numbered_and_counted_over_all_parts(client: Client) -> None:
    documents: list[Any] = saying(10)
    documents[4] = {"messages": "none"}
    documents[9] = documents[0]
    *answers, last = client.add_transcripts(documents)
    assert [answer["line"] for answer in answers] == list(range(1, 11))
    assert [answer["status"] for answer in answers] == (
        ["created"] * 4 + ["rejected"] + ["created"] * 4 + ["existing"]
    )
    assert last == {"summary": {"received": 10, "created": 8, "existing": 1, "rejected": 1}}


@pytest.mark.usefixtures("small_parts")
def test_a_part_that_meets_trouble_is_sent_again(service: EmbeddedService) -> None:
    with (
        standing_between(service, "", "busy", "cut before", "", "cut after") as (url, done),
        Client(url, service.key) as client,
    ):
        *answers, last = client.add_transcripts(saying(9))
    assert [answer["line"] for answer in answers] == list(range(1, 10))
    # The last part had been stored before the connection broke.
    assert last == {"summary": {"received": 9, "created": 6, "existing": 3, "rejected": 0}}
    assert [what for what in done if what != "asked"] == [
        "passed",
        "busy",
        "cut before",
        "passed",
        "cut after",
        "passed",
    ]


@pytest.mark.usefixtures("small_parts")
def test_a_full_disk_is_told_at_once_and_what_came_before_stays(service: EmbeddedService) -> None:
    documents = saying(9)
    with (
        standing_between(service, "", "full") as (url, _),
        Client(url, service.key) as client,
    ):
        answers = client.add_transcripts(documents)
        assert [next(answers)["status"] for _ in range(3)] == ["created"] * 3
        with pytest.raises(ServerAnswered, match="full") as problem:
            next(answers)
        assert problem.value.status == 507
    with Client(service.url, service.key) as client:
        *_, last = client.add_transcripts(documents)
    assert last["summary"] == {"received": 9, "created": 6, "existing": 3, "rejected": 0}


@pytest.mark.usefixtures("small_parts")
def test_no_more_than_two_parts_are_read_ahead(client: Client) -> None:
    taken = 0

    def documents() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for document in saying(300):
            taken += 1
            yield document

    answers = client.add_transcripts(documents())
    next(answers)
    assert taken <= 12
    answers.close()
