"""The batch half of the simulated provider: files, batches, and every odd way in which they end.

Knows nothing of HTTP; `batch_routes` carries it. A line is answered as a call would be, by the same
script, chance and settings, but past the limits and without latency: a batch as a whole takes
`BatchBehaviour.seconds`. What a batch is told to do is read when it is created.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from grader.errors import InvalidInput
from grader.testing.provider.batch_behaviour import BatchBehaviour
from grader.testing.provider.behaviour import draw_uniform
from grader.testing.provider.wire import Reply

ENDPOINT = "/v1/chat/completions"
_MOST_LINES = 50_000
_MOST_BYTES = 200 * 1024 * 1024
_OPEN = ("validating", "in_progress", "finalizing")
_LINES_AT_ONCE = 20


@dataclass(slots=True)
class _Batch:
    fields: dict[str, Any]
    behaviour: BatchBehaviour
    lines: list[bytes]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Batches:
    """Files and batches of one simulated provider."""

    def __init__(
        self,
        answer: Callable[[Mapping[str, Any], int], Reply],
        behaviour: Callable[[str], BatchBehaviour],
    ) -> None:
        self._answer = answer
        self._behaviour = behaviour
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._batches: dict[str, _Batch] = {}
        self._counts: Counter[str] = Counter()
        self._lost_replies = 0

    def stats(self) -> dict[str, int]:
        """Return how many files and batches were made, and lines answered."""
        names = ("uploads", "created", "cancelled", "lines", "looks", "lists")
        return {name: self._counts[name] for name in names}

    def add_file(self, name: str, purpose: str, content: bytes) -> dict[str, Any]:
        if purpose == "batch":
            self._counts["uploads"] += 1
        file_id = f"file-simulated{len(self._files)}"
        fields = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name,
            "purpose": purpose,
            "status": "processed",
        }
        self._files[file_id] = (fields, content)
        return fields

    def find_file(self, file_id: str) -> tuple[dict[str, Any], bytes] | None:
        """Return a file's fields and content."""
        return self._files.get(file_id)

    def remove_file(self, file_id: str) -> bool:
        return self._files.pop(file_id, None) is not None

    def add(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Create a batch; returns its fields, and whether its reply gets lost on the way.

        Raises:
            InvalidInput: what OpenAI answers with status 400.
        """
        given = self._files.get(str(asked.get("input_file_id")))
        if given is None:
            raise InvalidInput(f"there is no file {asked.get('input_file_id')!r}")
        if asked.get("endpoint") != ENDPOINT or asked.get("completion_window") != "24h":
            raise InvalidInput(f"endpoint is not {ENDPOINT}, or completion_window is not 24h")
        if given[0]["purpose"] != "batch":
            raise InvalidInput("the file's purpose is not batch")
        lines = given[1].splitlines()
        first = _read(lines[0]) if lines else None
        body = first.get("body") if first else None
        behaviour = self._behaviour(str(body.get("model")) if isinstance(body, dict) else "")
        self._counts["created"] += 1
        batch_id = f"batch_simulated{len(self._batches):04d}"
        fields = {
            "id": batch_id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "input_file_id": given[0]["id"],
            "completion_window": "24h",
            "status": "validating",
            "created_at": int(time.time()),
            "errors": None,
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        batch = _Batch(fields, behaviour, lines)
        self._batches[batch_id] = batch
        batch.tasks.append(asyncio.ensure_future(self._work(batch, given[1])))
        lost = self._lost_replies < behaviour.lost_replies
        self._lost_replies += lost
        return fields, lost

    def find(self, batch_id: str) -> dict[str, Any] | None:
        self._counts["looks"] += 1
        batch = self._batches.get(batch_id)
        return None if batch is None else batch.fields

    def page(self, *, after: str | None, limit: int) -> dict[str, Any]:
        """Return some batches, newest first."""
        self._counts["lists"] += 1
        every = [batch.fields for batch in reversed(self._batches.values())]
        ids = [each["id"] for each in every]
        start = ids.index(after) + 1 if after in ids else 0
        some = every[start : start + limit]
        return {
            "object": "list",
            "data": some,
            "first_id": some[0]["id"] if some else None,
            "last_id": some[-1]["id"] if some else None,
            "has_more": start + limit < len(every),
        }

    def cancel(self, batch_id: str) -> dict[str, Any] | None:
        """Cancel a batch.

        Raises:
            InvalidInput: it has ended already.
        """
        batch = self._batches.get(batch_id)
        if batch is None:
            return None
        if batch.fields["status"] in _OPEN:
            self._counts["cancelled"] += 1
            for task in batch.tasks:
                task.cancel()
            batch.fields["status"] = "cancelling"
            batch.tasks.append(asyncio.ensure_future(self._end_cancelled(batch)))
        elif batch.fields["status"] not in ("cancelling", "cancelled"):
            raise InvalidInput(f"cannot cancel a batch with status {batch.fields['status']!r}")
        return batch.fields

    async def _work(self, batch: _Batch, content: bytes) -> None:
        behaviour = batch.behaviour
        if faults := list(_faults(batch.lines, content, behaviour)):
            self._finish(batch, "failed", errors={"object": "list", "data": faults})
            return
        batch.fields["status"] = "in_progress"
        batch.fields["request_counts"]["total"] = len(batch.lines)
        await asyncio.sleep(behaviour.seconds)
        share = behaviour.expired_share
        await self._answer_lines(batch, 1.0 if share is None else share)
        self._finish(batch, "completed" if share is None else "expired")

    async def _end_cancelled(self, batch: _Batch) -> None:
        await self._answer_lines(batch, batch.behaviour.cancelled_share)
        self._finish(batch, "cancelled")

    async def _answer_lines(self, batch: _Batch, share: float) -> None:
        """Write the output and error files for a share of the lines; the rest ran out of time."""
        behaviour = batch.behaviour
        answered = round(len(batch.lines) * share)
        output: list[bytes] = []
        errors: list[bytes] = []
        for number, line in enumerate(batch.lines):
            if not number % _LINES_AT_ONCE:
                await asyncio.sleep(0)
            asked = orjson.loads(line)
            if number >= answered:
                told = {"code": "batch_expired", "message": "This request was not executed."}
                errors.append(_line(asked["custom_id"], None, told, number))
                continue
            if draw_uniform(behaviour.seed, number, salt=1 << 40) < behaviour.missing_share:
                continue
            if draw_uniform(behaviour.seed, number, salt=5 << 40) < behaviour.malformed_share:
                output.append(b'{"id": "batch_req_broken", "custom_id": "' + line[:5])
                continue
            status, body = self._respond(asked, number, behaviour)
            response = {"status_code": status, "request_id": f"req_{number}", "body": body}
            made = _line(asked["custom_id"], response, None, number)
            if status == 200 or behaviour.errors_in_output:
                output.append(made)
            else:
                errors.append(made)
            batch.fields["request_counts"]["completed" if status == 200 else "failed"] += 1
            if draw_uniform(behaviour.seed, number, salt=2 << 40) < behaviour.duplicate_share:
                output.append(made.replace(b"batch_req_", b"batch_req_again_", 1))
        output += [self._unknown(number, output) for number in range(behaviour.unknown)]
        if behaviour.shuffled:
            random.Random(behaviour.seed).shuffle(output)
        if output and not behaviour.without_output:
            batch.fields["output_file_id"] = self._write("output", output)
        if errors:
            batch.fields["error_file_id"] = self._write("error", errors)

    def _respond(
        self, asked: Mapping[str, Any], number: int, behaviour: BatchBehaviour
    ) -> tuple[int, Any]:
        if draw_uniform(behaviour.seed, number, salt=3 << 40) < behaviour.error_share:
            return 400, {"error": {"message": "It cannot be done (simulated).", "code": None}}
        if draw_uniform(behaviour.seed, number, salt=4 << 40) < behaviour.busy_share:
            return 429, {"error": {"message": "Rate limit reached (simulated).", "code": None}}
        self._counts["lines"] += 1
        reply = self._answer(asked["body"], number)
        if reply.cut is not None:
            return 500, {"error": {"message": "No answer in time (simulated).", "code": None}}
        return reply.status, orjson.loads(reply.body)

    def _unknown(self, number: int, output: list[bytes]) -> bytes:
        some = orjson.loads(output[0])["response"] if output else None
        return _line(f"nobody-sent-{number}", some, None, 1_000_000 + number)

    def _write(self, kind: str, lines: list[bytes]) -> str:
        content = b"".join(line + b"\n" for line in lines)
        return str(self.add_file(f"{kind}.jsonl", "batch_output", content)["id"])

    def _finish(self, batch: _Batch, status: str, **more: object) -> None:
        batch.fields.update({"status": status, f"{status}_at": int(time.time()), **more})


def _faults(
    lines: list[bytes], content: bytes, behaviour: BatchBehaviour
) -> Iterator[dict[str, Any]]:
    """Yield what OpenAI finds wrong with an input file."""
    if behaviour.invalid is not None:
        yield {"code": behaviour.invalid, "message": "As it was told to say (simulated)."}
    if not lines or len(lines) > _MOST_LINES or len(content) > _MOST_BYTES:
        yield {"code": "invalid_size", "message": f"{len(lines)} lines, {len(content)} bytes"}
    seen: set[str] = set()
    models: set[object] = set()
    for number, line in enumerate(lines, start=1):
        asked = _read(line) or {}
        custom_id, body = asked.get("custom_id"), asked.get("body")
        if asked.get("method") != "POST" or asked.get("url") != ENDPOINT:
            yield {"code": "invalid_url", "message": "method or url", "line": number}
        if not isinstance(custom_id, str) or not 0 < len(custom_id) <= 64:
            yield {"code": "invalid_custom_id", "message": f"{custom_id!r}", "line": number}
        elif custom_id in seen:
            yield {"code": "duplicate_custom_id", "message": custom_id, "line": number}
        else:
            seen.add(custom_id)
        models.add(body.get("model") if isinstance(body, dict) else None)
    if len(models) > 1:
        yield {"code": "mismatched_model", "message": f"{len(models)} models in one file"}


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _line(custom_id: str, response: object, error: object, number: int) -> bytes:
    return orjson.dumps(
        {
            "id": f"batch_req_{number}",
            "custom_id": custom_id,
            "response": response,
            "error": error,
        }
    )
