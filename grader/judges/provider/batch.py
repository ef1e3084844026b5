"""OpenAI's Batch API: input files up, batches made and looked at, outputs down, line by line.

A line is what a live call would have sent: it goes through Instructor onto a wire that writes the
request down instead of sending it. An answer comes back through Instructor as well, onto a wire
that has it already, so that it is read, validated and checked as a live one is. Only a re-ask is
not possible: where a live call would ask again, the reading ends.

Nothing here knows runs, shards or a database. Retries are the client's own, except for making a
batch, which must not happen twice: who does not know whether it did looks with `find`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx2
import openai
from openai.types import Batch
from openai.types.chat import ChatCompletion

from grader.domain.identity import utc_now
from grader.domain.judge import LLMJudgeSpec, Mode
from grader.domain.judgment import Attempt
from grader.domain.rubric import Rubric
from grader.domain.transcript import Message
from grader.errors import JudgeUnavailable, ProviderBusy, ProviderFault, Unanswered
from grader.judges.limit import LocalRateLimiter
from grader.judges.provider.asking import Prompt, Reply
from grader.judges.provider.batch_lines import ENDPOINT, LATER, Line, tell_error
from grader.judges.provider.calls import CALLS, Calls, Ended
from grader.judges.provider.openai_protocol import OpenAIWire
from grader.judges.provider.transport import Answered, HttpTrouble, InstructorProvider

RemoteStatus = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]

_ENDED = ("completed", "expired", "cancelled", "failed")
_CLIENT_TRIES = 3
_TRANSFER_SECONDS = 1_800.0
_CONTROL_SECONDS = 60.0
_CLOCKS_DIFFER = timedelta(hours=1)
_MONEY = ("insufficient_quota", "billing", "credit balance")
_LEAST_KEY = 6


class RemoteBatch(NamedTuple):
    """A batch as the provider tells it."""

    remote_id: str
    status: RemoteStatus
    output_file_id: str | None
    error_file_id: str | None
    codes: tuple[str, ...]
    """The codes with which validation failed."""
    told: str
    """What the provider says of errors, in words; empty where it says nothing."""
    created_at: datetime
    ended_at: datetime | None

    @property
    def is_ended(self) -> bool:
        return self.status in _ENDED


class Written(Unanswered):
    """The request was written down instead of sent."""

    def __init__(self, body: bytes) -> None:
        super().__init__("the request was written down")
        self.body = body


class OpenAIBatches:
    """The Batch API of one server, on one event loop."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self._wire = _LineWire(base_url, api_key)
        self._instructor = InstructorProvider(self._wire, LocalRateLimiter(1_000_000), tries=1)
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            # Servers without keys still want a header that is not empty.
            api_key=api_key or "none",
            max_retries=_CLIENT_TRIES - 1,
            http_client=openai.DefaultAioHttpClient(),
        )

    def supports(self, mode: Mode) -> bool:
        return self._instructor.supports(mode)

    def writer(self, mode: Mode) -> "LineProvider":
        """Return a provider that raises `Written` with the request, in this mode alone."""
        return LineProvider(self._instructor, mode, None)

    def reader(self, mode: Mode, line: Line, remote: RemoteBatch) -> "LineProvider":
        """Return a provider that answers every question with this line's response."""
        return LineProvider(self._instructor, mode, line, remote)

    def attempt(self, spec: LLMJudgeSpec, mode: Mode, line: Line, remote: RemoteBatch) -> Attempt:
        """Return the call of a line that holds an answer, whatever is to be thought of the answer.

        For answers that nobody waits for any more: they were paid for.
        """
        calls = Calls(spec, mode)
        heard = self._wire.read(ChatCompletion.construct(**line.body))
        with suppress(Ended):
            calls.record_answer(heard, **_when(remote))
        return calls.attempts[-1]

    async def upload(self, path: Path, name: str) -> str:
        """Send an input file, streamed, and return its id."""
        with path.open("rb") as content:
            async with self._translated("the input file was not taken"):
                made = await self._client.files.create(
                    file=(name, content, "application/jsonl"),
                    purpose="batch",
                    timeout=_TRANSFER_SECONDS,
                )
        return made.id

    async def submit(self, file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """Make a batch of an input file; not tried again, whatever happens."""
        once = self._client.with_options(max_retries=0)
        async with self._translated("the batch was not taken"):
            made = await once.batches.create(
                input_file_id=file_id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata=dict(metadata),
                timeout=_CONTROL_SECONDS,
            )
        return _read_batch(made)

    async def find(self, batch_id: str, *, since: datetime) -> RemoteBatch | None:
        """Return the batch whose metadata bear this `batch_id`, if one was made after `since`."""
        oldest = since - _CLOCKS_DIFFER
        async with self._translated("batches cannot be listed"):
            pages = self._client.batches.list(limit=100, timeout=_CONTROL_SECONDS)
            async for each in pages:
                if (each.metadata or {}).get("batch_id") == batch_id:
                    return _read_batch(each)
                if datetime.fromtimestamp(each.created_at, UTC) < oldest:
                    break
        return None

    async def look(self, remote_id: str) -> RemoteBatch | None:
        """Return a batch as it is now, or None where the provider knows it no more."""
        try:
            found = await self._client.batches.retrieve(remote_id, timeout=_CONTROL_SECONDS)
        except openai.NotFoundError:
            return None
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._ours(error, "the batch cannot be looked at") from error
        return _read_batch(found)

    async def cancel(self, remote_id: str) -> RemoteBatch | None:
        """Ask the provider to stop; what was answered by then is still to be had."""
        try:
            await self._client.batches.cancel(remote_id, timeout=_CONTROL_SECONDS)
        except (openai.ConflictError, openai.BadRequestError):
            # It ended meanwhile: the look tells how.
            pass
        except openai.OpenAIError as error:
            raise self._ours(error, "the batch cannot be cancelled") from error
        return await self.look(remote_id)

    async def download(self, file_id: str, path: Path) -> bool:
        """Append a file's content to `path`, streamed; False where the provider has it no more."""
        try:
            with path.open("ab") as target:
                async with self._client.files.with_streaming_response.content(
                    file_id, timeout=_TRANSFER_SECONDS
                ) as response:
                    async for piece in response.iter_bytes():
                        target.write(piece)
        except openai.NotFoundError:
            return False
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._ours(error, "the output cannot be read") from error
        return True

    async def close(self) -> None:
        await self._client.close()

    @asynccontextmanager
    async def _translated(self, what: str) -> AsyncIterator[None]:
        try:
            yield
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._ours(error, what) from error

    def _ours(self, error: Exception, what: str) -> Exception:
        told = str(error)
        if len(self._wire.api_key) >= _LEAST_KEY:
            told = told.replace(self._wire.api_key, "[our key]")
        told = f"{self.base_url}: {what}: {told}"[:500]
        if not isinstance(error, openai.APIStatusError):
            return ProviderFault(told, timed_out=isinstance(error, openai.APITimeoutError))
        if error.status_code in LATER or error.status_code >= 500:
            if error.status_code == 429:
                if any(word in told.lower() for word in _MONEY):
                    return JudgeUnavailable(told)
                return ProviderBusy(told)
            return ProviderFault(told)
        # A server without a Batch API says 404 or 405; other refusals need a person as well.
        return JudgeUnavailable(told)


class LineProvider:
    """A provider for one line: it writes the request down, or has the answer already."""

    def __init__(
        self,
        instructor: InstructorProvider,
        mode: Mode,
        line: Line | None,
        remote: RemoteBatch | None = None,
    ) -> None:
        self._instructor = instructor
        self._mode = mode
        self._line = line
        self._remote = remote

    def supports(self, mode: Mode) -> bool:
        return mode == self._mode and self._instructor.supports(mode)

    async def ask(
        self,
        spec: LLMJudgeSpec,
        mode: Mode,
        *,
        prompt: Prompt,
        rubrics: tuple[Rubric, ...],
        messages: tuple[Message, ...],
    ) -> Reply:
        """Read the line as the answer; raises Written where there is none yet."""
        token = _LINE.set(self._line)
        try:
            reply = await self._instructor.ask(
                spec, mode, prompt=prompt, rubrics=rubrics, messages=messages
            )
        finally:
            _LINE.reset(token)
        assert self._remote is not None
        when = _when(self._remote)
        return replace(reply, attempts=tuple(a.model_copy(update=when) for a in reply.attempts))

    async def close(self) -> None:
        """Leave everything open: the connections are not its own."""


class _LineWire(OpenAIWire):
    """OpenAI's protocol without a call: requests are written down, answers are at hand."""

    async def send(self, prepared: bytes, *, timeout_seconds: float) -> Answered:
        line = _LINE.get()
        if line is None:
            raise Written(prepared)
        calls = CALLS.get()
        if calls.attempts:
            # Instructor wants to ask again, which a batch cannot.
            raise calls.end("failed", "unparsable", calls.attempts[-1].outcome)
        if line.status != 200:
            raise HttpTrouble(line.status or 0, tell_error(line.body), {})
        return Answered(ChatCompletion.construct(**line.body), {})


_LINE: ContextVar[Line | None] = ContextVar("line", default=None)


def _when(remote: RemoteBatch) -> dict[str, Any]:
    """Return when a line was asked, and how long the answer took: as long as its batch."""
    took = ((remote.ended_at or utc_now()) - remote.created_at).total_seconds()
    return {"started_at": remote.created_at, "seconds": max(0.0, took)}


def _read_batch(given: Batch) -> RemoteBatch:
    errors = (given.errors.data if given.errors is not None else None) or []
    ended = (given.completed_at, given.expired_at, given.cancelled_at, given.failed_at)
    moment = next((each for each in ended if each is not None), None)
    return RemoteBatch(
        remote_id=given.id,
        status=given.status,
        output_file_id=given.output_file_id,
        error_file_id=given.error_file_id,
        codes=tuple(each.code or "" for each in errors),
        told="; ".join(f"{e.code or ''} {e.message or ''}".strip() for e in errors[:5])[:500],
        created_at=datetime.fromtimestamp(given.created_at, UTC),
        ended_at=None if moment is None else datetime.fromtimestamp(moment, UTC),
    )
