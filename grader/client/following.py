"""Follow a run until it is settled: by asking again and again, or by its stream of events.

A service that is started again meanwhile is waited for.
"""

import time
from collections.abc import Iterable, Iterator

import httpx2
import orjson

from grader.client.connection import Json, problem_in, segment, translated
from grader.client.runs import Runs
from grader.errors import ServerAnswered, ServerFailed

UNSETTLED = ("created", "running")
"""The statuses of a run that change by themselves."""

_RECONNECT_SECONDS = 0.5
_SILENCE_SECONDS = 30.0
"""How long a stream of events may be silent: the service gives signs of life more often."""


class Following(Runs):
    def watch_run(
        self, run_id: str, *, poll_seconds: float = 0.5, patience_seconds: float = 30.0
    ) -> Iterator[Json]:
        """Yield the run now, whenever it has changed, and last when it is settled.

        A run that is paused, failed or cancelled is settled too. A service that is away for up to
        `patience_seconds`, because it is started again, is waited for.
        """
        shown: Json | None = None
        away_since: float | None = None
        pause = min(0.1, poll_seconds)
        while True:
            try:
                run = self.get_run(run_id)
                away_since = None
            except (ServerFailed, ServerAnswered) as error:
                if isinstance(error, ServerAnswered) and error.status != 503:
                    raise
                if shown is None:
                    raise
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > patience_seconds:
                    raise
                run = shown
            if run != shown:
                yield run
                shown = run
            if run["status"] not in UNSETTLED:
                return
            time.sleep(pause)
            pause = min(pause * 1.5, poll_seconds)

    def wait_for_run(self, run_id: str, *, seconds: float | None = None) -> Json:
        """Return the run when it is settled, or as it is after so many seconds."""
        deadline = None if seconds is None else time.monotonic() + seconds
        pause = 0.1
        while True:
            run = self.get_run(run_id)
            is_late = deadline is not None and time.monotonic() >= deadline
            if is_late or run["status"] not in UNSETTLED:
                return run
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def iter_events(
        self, run_id: str, *, patience_seconds: float = 30.0
    ) -> Iterator[tuple[str, Json]]:
        """Yield (name, data) of a run's events until it has ended: `status`, `progress`, and last
        `finished`, `cancelled` or `failed`.

        A connection that breaks is made again, and goes on where it was; a service that is away
        is waited for up to `patience_seconds`, once the first event has come.
        """
        last_id: str | None = None
        heard_at = time.monotonic()
        while True:
            try:
                for name, its_id, data in self._listen(run_id, last_id):
                    last_id, heard_at = its_id, time.monotonic()
                    yield name, data
                    if name not in ("status", "progress"):
                        return
            except (ServerFailed, ServerAnswered) as error:
                if isinstance(error, ServerAnswered) and error.status != 503:
                    raise
                if last_id is None or time.monotonic() - heard_at > patience_seconds:
                    raise
            time.sleep(_RECONNECT_SECONDS)

    def _listen(self, run_id: str, last_id: str | None) -> Iterator[tuple[str, str, Json]]:
        """Yield (name, id, data) of events until the connection ends."""
        with (
            translated(self.base_url),
            self._http.stream(
                "GET",
                f"{self.base_url}/v1/runs/{segment(run_id)}/events",
                headers={"Last-Event-ID": last_id} if last_id else {},
                timeout=httpx2.Timeout(_SILENCE_SECONDS, connect=10.0),
            ) as response,
        ):
            if not response.is_success:
                raise problem_in(response)
            fields: dict[str, str] = {}
            for line in _split(response.iter_bytes()):
                name, _, value = line.decode().partition(":")
                if line:
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield fields["event"], fields["id"], orjson.loads(fields["data"])
                if not line:
                    fields = {}


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, empty ones too.

    The library's own splitter also cuts at U+2028, which JSON leaves in texts.
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
