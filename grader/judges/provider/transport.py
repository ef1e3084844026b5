"""The transport below Instructor: slots, retries, and a record of every call, for every protocol.

Instructor is patched onto `_create`, which makes one call through a `Wire` and tries again what
failed on the way. A wire knows one vendor's protocol: how to send a request, what an answer holds,
and what its errors say. What follows from a status is decided here, once for all vendors.
"""

import asyncio
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import instructor

from grader.domain.identity import utc_now
from grader.domain.judge import LLMJudgeSpec, Mode
from grader.domain.rubric import Rubric
from grader.domain.transcript import Message
from grader.errors import JudgeUnavailable, ProviderBusy, ProviderFault
from grader.judges.limit import IN_LINE, RateLimiter
from grader.judges.limits.terms import UNHEARD, Slot
from grader.judges.provider.asking import Create, Prompt, Reply, ask_through_instructor
from grader.judges.provider.calls import CALLS, Calls, Heard
from grader.judges.provider.instructor_speed import quicken_instructor
from grader.judges.provider.limit_headers import read_limits
from grader.judges.provider.money import SetAside, set_aside

MAX_WAIT_SECONDS = 60.0
"""How long one call waits, all in all, for a provider that is busy before it is put back."""

BYTES_PER_TOKEN = 4
"""How many bytes of a request are taken for a token of the provider's limits, until calls tell."""

_LEAST_PAUSE_SECONDS = 0.01
_LEAST_KEY = 6
_NEVER = {401, 402, 403, 404}
_CONTEXT_WORDS = (
    "context_length",
    "context length",
    "context size",
    "maximum context",
    "too many tokens",
    "token count",
    "prompt is too long",
)
_FILTER_WORDS = ("content_filter", "content_policy", "content management policy", "flagged")
_MODE_WORDS = ("tool", "function call", "response_format", "json_schema", "json schema")
_KEY_WORDS = ("api key not valid", "api_key_invalid", "api key expired")
_MONEY_WORDS = ("insufficient_quota", "credit balance is too low")


@dataclass(frozen=True, slots=True)
class HttpTrouble(Exception):
    """An answer with an error's status, in no vendor's words."""

    status: int
    told: str
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"the provider answered {self.status}: {self.told}"[:300]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back for one call."""

    answer: Any
    """As Instructor reads it."""
    headers: Mapping[str, str]
    """The answer's HTTP headers; names in lower case, or looked up in any."""


class Wire(Protocol):
    """One vendor's protocol."""

    base_url: str
    api_key: str
    vendor: instructor.Provider
    modes: Mapping[Mode, instructor.Mode]
    """The output modes it has, by our names for them."""

    def parameters(self, spec: LLMJudgeSpec) -> dict[str, Any]:
        """Return the parameters of a call as this vendor names them."""

    def prepare(self, request: dict[str, Any]) -> Any:
        """Return a request in the form that `send` takes, made once for all tries."""

    async def send(self, prepared: Any, *, timeout_seconds: float) -> Answered:
        """Make one call and return what came back.

        Raises:
            HttpTrouble: an error's status.
            ProviderFault: anything else that went wrong on the way.
        """

    def read(self, answer: Any) -> Heard:
        """Return what an answer holds."""

    async def close(self) -> None: ...


class InstructorProvider:
    """One server behind Instructor, with its own connections, on one event loop."""

    def __init__(
        self, wire: Wire, limiter: RateLimiter, *, tries: int = 4, backoff_seconds: float = 0.5
    ) -> None:
        quicken_instructor()
        self._wire = wire
        self._limiter = limiter
        self._tries = tries
        self._backoff_seconds = backoff_seconds
        self._creates: dict[Mode, Create] = {
            mode: instructor.patch(create=self._create, mode=theirs, provider=wire.vendor)
            for mode, theirs in wire.modes.items()
        }

    def supports(self, mode: Mode) -> bool:
        return mode in self._creates

    async def ask(
        self,
        spec: LLMJudgeSpec,
        mode: Mode,
        *,
        prompt: Prompt,
        rubrics: tuple[Rubric, ...],
        messages: tuple[Message, ...],
    ) -> Reply:
        return await ask_through_instructor(
            self._creates[mode],
            Calls(spec, mode),
            prompt=prompt,
            rubrics=rubrics,
            messages=messages,
            parameters=self._wire.parameters(spec),
        )

    async def close(self) -> None:
        await self._wire.close()

    async def _create(self, **request: Any) -> Any:
        """Make one call for Instructor; transport faults are tried again here and only here."""
        calls = CALLS.get()
        # A second call means that the first answer was not accepted; its end says why.
        if calls.attempts:
            calls.reject_last(f"not accepted: {_last_words(request)}")
        prepared = self._wire.prepare(request)
        size = len(prepared) if isinstance(prepared, bytes) else len(repr(prepared))
        faults = busy = 0
        waited = 0.0
        while True:
            pause = self._pause(busy)
            found = await self._call(calls, prepared, size, pause_seconds=pause)
            if isinstance(found, Answered):
                return found.answer
            if isinstance(found, ProviderBusy):
                busy += 1
                waited += found.retry_after_seconds or pause
                if waited > MAX_WAIT_SECONDS:
                    raise found
                continue
            faults += 1
            if faults >= self._tries:
                calls.end("failed", "timeout" if found.timed_out else "provider_error", str(found))
                raise found
            await asyncio.sleep(self._pause(faults - 1))

    async def _call(
        self, calls: Calls, prepared: Any, size: int, *, pause_seconds: float
    ) -> Answered | ProviderBusy | ProviderFault:
        """Make one call when limits and budget allow it; returns a fault that may be tried again.

        What ends the question is raised: a refusal, a judge that is not available, a server that
        is out, a budget that is reached.
        """
        line, task = IN_LINE.get(), asyncio.current_task()
        if line is not None and task is not None:
            line.add(task)
        try:
            slot = await self._limiter.acquire(
                self._wire.base_url, calls.spec.model, tokens=size // BYTES_PER_TOKEN
            )
        finally:
            if line is not None and task is not None:
                line.discard(task)
        money: SetAside | None = None
        try:
            money = set_aside(calls.spec, size)
            started_at, started = utc_now(), time.monotonic()
            answered = await self._send(prepared, calls.spec.timeout_seconds)
            heard = self._wire.read(answered.answer)
        except (HttpTrouble, ProviderFault) as error:
            assert money is not None
            money.settle(0)
            seconds = time.monotonic() - started
            calls.record_fault(str(error), started_at=started_at, seconds=seconds)
            return self._take_fault(slot, error, calls, pause_seconds)
        except BaseException:
            # Cancelled, most likely, and the provider may go on and charge for it.
            if money is not None:
                money.settle(None)
            self._limiter.release(slot, "cancelled")
            raise
        seconds = time.monotonic() - started
        tokens = heard.input_tokens + heard.output_tokens
        limits = read_limits(answered.headers)
        self._limiter.release(slot, "answered", tokens=tokens or None, heard=limits)
        try:
            calls.record_answer(heard, started_at=started_at, seconds=seconds)
        finally:
            money.settle(calls.attempts[-1].cost_microusd)
        return answered

    def _take_fault(
        self, slot: Slot, error: HttpTrouble | ProviderFault, calls: Calls, pause_seconds: float
    ) -> ProviderBusy | ProviderFault:
        """Tell the limiter of a call without an answer, and return or raise what it means."""
        trouble = _judge(error, calls) if isinstance(error, HttpTrouble) else error
        heard = read_limits(error.headers) if isinstance(error, HttpTrouble) else UNHEARD
        if isinstance(trouble, ProviderBusy):
            # Waited in any case: a question that is put back must not come again at once.
            pause = min(trouble.retry_after_seconds or pause_seconds, MAX_WAIT_SECONDS)
            self._limiter.release(slot, "busy", heard=heard, pause_seconds=pause)
            return trouble
        if isinstance(trouble, ProviderFault):
            meaning = self._limiter.release(slot, "fault", heard=heard, told=str(trouble))
            if meaning is not None:
                raise meaning from error
            return trouble
        self._limiter.release(slot, "answered", heard=heard)
        raise trouble from error

    async def _send(self, prepared: Any, timeout_seconds: float) -> Answered:
        # A client's own time-out is for each read; this one is for the whole call.
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._wire.send(prepared, timeout_seconds=timeout_seconds)
        except TimeoutError as error:
            raise ProviderFault(
                f"no answer within {timeout_seconds:g} seconds", timed_out=True
            ) from error
        except HttpTrouble as error:
            raise self._without_key(error) from error
        except (ValueError, OSError) as error:
            raise ProviderFault(f"the answer cannot be read: {error!r}"[:300]) from error

    def _without_key(self, error: HttpTrouble) -> HttpTrouble:
        """Return what a server said without our key, which some repeat when they refuse it."""
        key = self._wire.api_key
        told = error.told.replace(key, "[our key]") if len(key) >= _LEAST_KEY else error.told
        return HttpTrouble(error.status, told, error.headers)

    def _pause(self, failures: int) -> float:
        pause = min(30.0, self._backoff_seconds * 2.0**failures) * random.uniform(0.75, 1.25)
        # Never none at all: a server that is always busy must come to an end.
        return max(_LEAST_PAUSE_SECONDS, pause)


def _judge(trouble: HttpTrouble, calls: Calls) -> Exception:
    """Return the error of ours that a status means; notes in `calls` what ends the question."""
    status, told = trouble.status, trouble.told[:300]
    words = told.lower()
    if status in (400, 429) and any(word in words for word in _MONEY_WORDS):
        return JudgeUnavailable(f"{calls.spec.name}: no money left at the provider: {told}")
    if status == 429:
        return ProviderBusy(told, retry_after_seconds=_retry_after(trouble.headers))
    if status in (400, 403) and any(word in words for word in _FILTER_WORDS):
        return calls.end("failed", "content_filter", told)
    if status in (400, 404, 422) and "support" in words and any(w in words for w in _MODE_WORDS):
        # This server lacks the output mode; the next step of the ladder may be one it has.
        return calls.end("failed", "unparsable", told)
    if status in _NEVER or (status == 400 and any(word in words for word in _KEY_WORDS)):
        return JudgeUnavailable(f"{calls.spec.name}: {trouble}")
    if status == 413 or (status in (400, 422) and any(word in words for word in _CONTEXT_WORDS)):
        return calls.end("failed", "context_overflow", told)
    if status == 503 and "retry-after" in trouble.headers:
        return ProviderBusy(told, retry_after_seconds=_retry_after(trouble.headers))
    if status >= 500 or status in (408, 409, 425):
        return ProviderFault(str(trouble))
    return calls.end("failed", "provider_error", str(trouble))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, (until - utc_now()).total_seconds())
    except (TypeError, ValueError):
        return None


def _last_words(request: dict[str, Any]) -> str:
    """Return what the last message of a request says, in whatever form the vendor has it."""
    last = (request.get("messages") or request.get("contents") or [""])[-1]
    content = last.get("content") if isinstance(last, dict) else last
    return str(content)
