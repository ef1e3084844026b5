"""Events and exports over a connection that breaks: events go on, half a file is an error."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.client import Client
from grader.errors import ServerAnswered, ServerFailed
from tests.cli.command import environment, grader

FIRST = b'retry: 1\n\nevent: status\nid: a..\ndata: {"status": "running", "reason": null}\n\n'
REST = b': still here\n\nevent: finished\nid: a.b.finished\ndata: {"status": "finished"}\n\n'


class _Answers(http.server.BaseHTTPRequestHandler):
    """Gives the answers of a list one after the other, each over a connection that breaks."""

    answers: list[bytes | int]
    asked: list[str | None]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Last-Event-ID"))
        answer = self.answers.pop(0)
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        if isinstance(answer, bytes):
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(*answers: bytes | int) -> Iterator[tuple[str, list[str | None]]]:
    asked: list[str | None] = []
    handler = type("Handler", (_Answers,), {"answers": list(answers), "asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_stream_of_events_that_breaks_goes_on_where_it_was() -> None:
    with answering(FIRST, 503, REST) as (url, asked), Client(url, "any") as client:
        events = list(client.iter_events("run_x"))
    assert [name for name, _ in events] == ["status", "finished"]
    assert asked == [None, "a..", "a.."]


def test_a_service_that_was_never_there_or_refuses_is_not_waited_for() -> None:
    with (
        answering(404) as (url, asked),
        Client(url, "any") as client,
        pytest.raises((ServerAnswered, ServerFailed)),
    ):
        list(client.iter_events("run_x"))
    assert len(asked) == 1
    with Client("http://127.0.0.1:9", "any") as client, pytest.raises(ServerFailed):
        list(client.iter_events("run_x"))


def test_half_an_export_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with answering(b'{"half": 1}\n', b'{"half": 1}\n') as (url, _):
        with Client(url, "any") as client, pytest.raises(ServerFailed, match="broke"):
            list(client.export_run("run_x"))
        known = environment(GRADER_URL=url, GRADER_KEY="any")
        done = grader("export", "--run", "run_x", "-o", "out.jsonl", cwd=tmp_path, env=known)
    assert done.returncode == 1
    assert "broke" in done.stderr
    assert list(tmp_path.iterdir()) == []
