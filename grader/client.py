"""Speak to a running Grader over HTTP, from Python and from the command line.

    with Client("http://127.0.0.1:8321", key) as client:
        run = client.create_run(rubrics=["refusal"], panel="rules", transcripts={"where": {}})
        run = client.wait_for_run(run["run_id"])
        labels = list(client.iter_labels(run["run_id"]))

Records are the JSON of the REST API as it came, not classes of their own: a client that is older
than its server must not stumble over a new field. Lists are read page by page while they are
iterated. There is no async twin; who needs one speaks HTTP.
"""

import ipaddress
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote

import httpx2
import orjson
import zstandard

from grader.errors import ServerAnswered, ServerFailed

Json = dict[str, Any]
RunAction = Literal["cancel", "pause", "resume", "retry"]

UNSETTLED = ("created", "running")
"""The statuses of a run that change by themselves."""

_PAGE = 500
_PART_BYTES = 8_000_000
_PART_LINES = 10_000
_PARTS_AHEAD = 2
_PASSING = (502, 503, 504)
"""Statuses of a service that is away for a moment."""
_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_RECONNECT_SECONDS = 0.5
_SILENCE_SECONDS = 30.0
"""How long a stream of events may be silent: the service gives signs of life more often."""


class Client:
    """A connection to one service, with one key.

    Every method raises ServerAnswered where the service answers with a problem, and ServerFailed
    where none answers.
    """

    def __init__(self, base_url: str, key: str | None, *, timeout_seconds: float = 60.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(timeout_seconds, connect=10.0),
            # A proxy for the open network cannot reach this machine's own address.
            trust_env=not _is_this_machine(self.base_url),
        )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def ping(self) -> None:
        """Raise ServerFailed unless a service answers at the address; its key is not tried."""
        self._request("GET", "/healthz")

    def add_transcript(self, document: Json, *, format: str = "auto") -> Json:  # noqa: A002
        """Store one transcript, native or in any known format."""
        return self._post("/v1/transcripts", document, params={"format": format})

    def add_transcripts(
        self,
        documents: Iterable[Json | bytes],
        *,
        format: str = "auto",  # noqa: A002
    ) -> Iterator[Json]:
        """Store a stream of transcripts; yield what became of each, and the summary last.

        Bytes must be JSON on one line. Nothing is sent before the first answer is asked for. The
        stream goes in compressed parts of a few megabytes, one under way while the next is made,
        and no more is held. A part that is cut off or meets a service that is away is sent again,
        for some half a minute; what had been stored of it then answers `existing`.
        """
        # A server that refuses is heard only after the upload: an empty one asks what it thinks.
        self._request("POST", "/v1/transcripts/bulk", params={"format": format})
        total = {"received": 0, "created": 0, "existing": 0, "rejected": 0}
        lines_before = 0
        sender = ThreadPoolExecutor(1, thread_name_prefix="upload")
        under_way: deque[tuple[int, Future[list[Json]]]] = deque()
        parts = _parts(documents)
        try:
            part = next(parts, None)
            while part is not None or under_way:
                if part is not None and len(under_way) < _PARTS_AHEAD:
                    before = under_way[-1][1] if under_way else None
                    sending = sender.submit(self._send_part, part.body, format, before)
                    under_way.append((part.lines, sending))
                    part = next(parts, None)
                    continue
                lines, sending = under_way.popleft()
                *answers, last = sending.result()
                for answer in answers:
                    yield answer | {"line": answer["line"] + lines_before}
                lines_before += lines
                for name in total:
                    total[name] += last["summary"].get(name, 0)
                if error := last.get("error"):
                    raise ServerAnswered(error["detail"], status=last["status"], code=error["code"])
        finally:
            sender.shutdown(cancel_futures=True)
        yield {"summary": total}

    def _send_part(
        self,
        body: bytes,
        format: str,  # noqa: A002
        before: "Future[list[Json]] | None",
    ) -> list[Json]:
        """Send a part until it is taken, unless the one before was not; return its answers."""
        if before is not None and "error" in before.result()[-1]:
            return before.result()[-1:]
        for pause in (*_PAUSES_SECONDS, None):
            try:
                return self._try_part(body, format)
            except ServerFailed:
                if pause is None:
                    raise
            except ServerAnswered as answered:
                if pause is None or answered.status not in _PASSING:
                    raise
            time.sleep(pause)
        raise AssertionError("the last pause is None")  # pragma: no cover

    def _try_part(self, body: bytes, format: str) -> list[Json]:  # noqa: A002
        with _translated(self.base_url):
            response = self._http.request(
                "POST",
                self.base_url + "/v1/transcripts/bulk",
                params={"format": format},
                content=body,
                headers={"content-type": "application/x-ndjson", "content-encoding": "zstd"},
                timeout=httpx2.Timeout(600.0, connect=10.0),
            )
        # A stream that ended early is answered with its problem, line by line as far as it came.
        if not response.headers.get("content-type", "").startswith("application/x-ndjson"):
            raise _problem(response)
        answers: list[Json] = [orjson.loads(line) for line in response.content.split(b"\n") if line]
        if error := answers[-1].get("error"):
            if response.status_code in _PASSING:
                raise ServerAnswered(
                    error["detail"], status=response.status_code, code=error["code"]
                )
            answers[-1]["status"] = response.status_code
        return answers

    def create_run(
        self,
        *,
        rubrics: list[str],
        panel: str | Json,
        transcripts: Json,
        view: str = "plain",
        repeats: int | None = None,
        budget_usd: float | None = None,
        mode: str = "live",
        priority: str | None = None,
        wait_seconds: float | None = None,
    ) -> Json:
        """Declare a run and return it; with `wait_seconds`, finished if it can be by then."""
        given = {"repeats": repeats, "budget_usd": budget_usd, "priority": priority}
        wanted: Json = {
            "rubrics": rubrics,
            "panel": panel,
            "transcripts": transcripts,
            "view": view,
            "mode": mode,
            **{name: value for name, value in given.items() if value is not None},
        }
        if wait_seconds is None:
            return self._post("/v1/runs", wanted)
        return self._post(
            "/v1/runs",
            wanted,
            headers={"Prefer": f"wait={wait_seconds:g}"},
            timeout=httpx2.Timeout(wait_seconds + 30.0, connect=10.0),
        )

    def estimate_run(self, **wanted: Any) -> Json:
        """Return what a run would ask and cost, by the arguments of `create_run`; none is made."""
        given = {name: value for name, value in wanted.items() if value is not None}
        timeout = httpx2.Timeout(600.0, connect=10.0)
        return self._post("/v1/runs", {**given, "dry_run": True}, timeout=timeout)

    def resume_run(self, run_id: str, *, budget_usd: float | None) -> Json:
        """Let a run go on with another budget, or with None without any; see `steer_run`."""
        return self._post(f"/v1/runs/{_segment(run_id)}:resume", {"budget_usd": budget_usd})

    def get_run(self, run_id: str) -> Json:
        return self._get(f"/v1/runs/{_segment(run_id)}")

    def iter_runs(self, *, status: str | None = None) -> Iterator[Json]:
        """Yield the runs, newest first."""
        return self._pages("/v1/runs", status=status)

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

    def steer_run(self, run_id: str, action: RunAction) -> Json:
        """Cancel, pause, resume or retry a run."""
        return self._post(f"/v1/runs/{_segment(run_id)}:{action}", None)

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

    def export_run(
        self,
        run_id: str,
        *,
        format: str = "jsonl",  # noqa: A002
        what: str = "labels",
    ) -> Iterator[bytes]:
        """Yield a run's labels, judgments or failures as a file, in pieces.

        Raises ServerFailed where the connection breaks before the end: what came is not whole.
        """
        with (
            _translated(self.base_url),
            self._http.stream(
                "GET",
                f"{self.base_url}/v1/runs/{_segment(run_id)}/export",
                params={"format": format, "what": what},
                timeout=httpx2.Timeout(600.0, connect=10.0),
            ) as response,
        ):
            if not response.is_success:
                raise _problem(response)
            yield from response.iter_bytes()

    def compare_runs(self, before: str, after: str, *, limit: int = 100) -> Json:
        """Return what differs between two runs, with the first `limit` labels that changed."""
        return self._get(f"/v1/runs/{_segment(after)}/diff", against=before, limit=limit)

    def iter_differences(self, before: str, after: str) -> Iterator[Json]:
        """Yield every label that differs between two runs."""
        return self._pages(f"/v1/runs/{_segment(after)}/diff", against=before)

    def get_manifest(self, run_id: str, *, transcripts: bool = False) -> Json:
        """Return all that is needed to redo a run; with `transcripts`, each one's hash."""
        return self._get(
            f"/v1/runs/{_segment(run_id)}/manifest", transcripts="true" if transcripts else None
        )

    def iter_labels(self, run_id: str) -> Iterator[Json]:
        return self._pages(f"/v1/runs/{_segment(run_id)}/labels")

    def iter_judgments(self, run_id: str, *, status: str | None = None) -> Iterator[Json]:
        return self._pages(f"/v1/runs/{_segment(run_id)}/judgments", status=status)

    def iter_failures(self, run_id: str) -> Iterator[Json]:
        return self._pages(f"/v1/runs/{_segment(run_id)}/failures")

    def get_judgment(self, judgment_id: str) -> Json:
        """Return a judgment with its whole proof."""
        return self._get(f"/v1/judgments/{_segment(judgment_id)}")

    def get_agreement(self, run_id: str, *, draws: int = 1000, seed: int = 0, **asked: Any) -> Json:
        """Return how far a run's judges agree; `asked` are the other parameters of REST."""
        return self._get(f"/v1/runs/{_segment(run_id)}/agreement", draws=draws, seed=seed, **asked)

    def iter_rubrics(self) -> Iterator[Json]:
        return self._pages("/v1/rubrics")

    def get_rubric(self, name: str, *, version: str | None = None) -> Json:
        return self._get(f"/v1/rubrics/{_segment(name)}", version=version)

    def add_rubric(self, source: str) -> Json:
        """Store a rubric from its YAML or JSON; the same text twice is fine."""
        return self._post("/v1/rubrics", source)

    def iter_panels(self) -> Iterator[Json]:
        return self._pages("/v1/panels")

    def add_panel(self, source: str) -> Json:
        """Store a panel from its YAML or JSON; it becomes the panel of its name."""
        return self._post("/v1/panels", source)

    def check_panel(self, name: str) -> Json:
        """Let the service ask every judge of a panel one tiny question."""
        return self._post(f"/v1/panels/{_segment(name)}:check", None, timeout=httpx2.Timeout(600.0))

    def iter_keys(self) -> Iterator[Json]:
        return self._pages("/v1/keys")

    def add_key(self, name: str, scopes: list[str]) -> Json:
        """Make a key; the answer's `key` is shown this once."""
        return self._post("/v1/keys", {"name": name, "scopes": scopes})

    def revoke_key(self, key_id: str) -> None:
        self._request("DELETE", f"/v1/keys/{_segment(key_id)}")

    def _listen(self, run_id: str, last_id: str | None) -> Iterator[tuple[str, str, Json]]:
        """Yield (name, id, data) of events until the connection ends."""
        with (
            _translated(self.base_url),
            self._http.stream(
                "GET",
                f"{self.base_url}/v1/runs/{_segment(run_id)}/events",
                headers={"Last-Event-ID": last_id} if last_id else {},
                timeout=httpx2.Timeout(_SILENCE_SECONDS, connect=10.0),
            ) as response,
        ):
            if not response.is_success:
                raise _problem(response)
            fields: dict[str, str] = {}
            for line in _split(response.iter_bytes(), keep_empty=True):
                name, _, value = line.decode().partition(":")
                if line:
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield fields["event"], fields["id"], orjson.loads(fields["data"])
                if not line:
                    fields = {}

    def _get(self, path: str, **params: Any) -> Json:
        given = {name: value for name, value in params.items() if value is not None}
        answer: Json = _read(self._request("GET", path, params=given))
        return answer

    def _post(self, path: str, body: Json | str | None, **options: Any) -> Json:
        headers = dict(options.pop("headers", {}))
        if isinstance(body, str):
            options["content"] = body.encode()
            headers["content-type"] = "application/yaml"
        elif body is not None:
            options["content"] = orjson.dumps(body)
            headers["content-type"] = "application/json"
        answer: Json = _read(self._request("POST", path, headers=headers, **options))
        return answer

    def _pages(self, path: str, **params: Any) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            page = self._get(path, **params, limit=_PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        with _translated(self.base_url):
            response = self._http.request(method, self.base_url + path, **options)
        if response.is_success:
            return response
        raise _problem(response)


class _translated:  # noqa: N801 - read as `with _translated(url):`
    """Turn the library's errors into ours; not a generator, so that it may wrap one."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        url = self._base_url
        match error:
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                told = f"no Grader answers at {url}; start one with `grader up`"
            case httpx2.TimeoutException():
                told = f"{url} did not answer in time"
            case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
                told = f"{url!r} is no address of a Grader; give one such as http://127.0.0.1:8321"
            case httpx2.TransportError():
                told = f"the connection to {url} broke: {error or type(error).__name__}"
            case _:
                return
        raise ServerFailed(told) from error


def _read(response: httpx2.Response) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise _stranger(response) from error


def _problem(response: httpx2.Response) -> ServerAnswered:
    """Return the problem that a response is."""
    try:
        problem = orjson.loads(response.read())
        return ServerAnswered(
            str(problem["detail"]), status=response.status_code, code=str(problem["code"])
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return _stranger(response)


def _stranger(response: httpx2.Response) -> ServerAnswered:
    return ServerAnswered(
        f"{response.url} answered {response.status_code} as no Grader does: "
        f"{response.text[:200]!r}; is this the right address?",
        status=response.status_code,
        code="no_problem",
    )


class _Part(NamedTuple):
    body: bytes
    """Lines, compressed."""
    lines: int


def _parts(documents: Iterable[Json | bytes]) -> Iterator[_Part]:
    """Pack documents into parts of bounded size."""
    compressor = zstandard.ZstdCompressor(level=1)
    lines: list[bytes] = []
    size = 0
    for document in documents:
        line = document if isinstance(document, bytes) else orjson.dumps(document)
        lines += (line, b"\n")
        size += len(line)
        if size >= _PART_BYTES or len(lines) >= 2 * _PART_LINES:
            yield _Part(compressor.compress(b"".join(lines)), len(lines) // 2)
            lines, size = [], 0
    if lines:
        yield _Part(compressor.compress(b"".join(lines)), len(lines) // 2)


def _split(pieces: Iterable[bytes], *, keep_empty: bool = False) -> Iterator[bytes]:
    """Yield lines. The library's own splitter also cuts at U+2028, which JSON leaves in texts."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line or keep_empty)
    if rest:
        yield rest


def _segment(name: str) -> str:
    """Return a name as one part of a path, whatever somebody typed."""
    return quote(name, safe="")


def _is_this_machine(url: str) -> bool:
    try:
        host = httpx2.URL(url).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (ValueError, httpx2.InvalidURL):
        return False
