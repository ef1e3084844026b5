"""Everything that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp and others.

One POST over a bare aiohttp session, and openai's own types for what comes back: the client
between them costs more than everything else that is done for a judgment. What it would settle is
settled here as it does it: its headers and environment variables, redirects, proxies, and the words
of its errors. Time-outs and retries are not: the transport above owns both.
"""

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import instructor
import orjson
from openai._models import construct_type
from openai.types.chat import ChatCompletion
from pydantic import ValidationError

from grader.domain.judge import LLMJudgeSpec, Mode
from grader.errors import ProviderFault
from grader.judges.limit import RateLimiter
from grader.judges.provider.calls import Heard
from grader.judges.provider.transport import Answered, HttpTrouble, InstructorProvider

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""The largest answer that is read, unpacked: hundreds of times what the longest model writes."""

_MAX_CONNECTIONS = 2_000
_KEEP_ALIVE_SECONDS = 30.0
_FROM_ENVIRONMENT = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
"""Who pays, for keys that belong to several; the variables are openai's."""


class OpenAIProvider(InstructorProvider):
    """A server that speaks OpenAI's protocol."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        limiter: RateLimiter,
        *,
        tries: int = 4,
        backoff_seconds: float = 0.5,
    ) -> None:
        wire = OpenAIWire(base_url, api_key)
        super().__init__(wire, limiter, tries=tries, backoff_seconds=backoff_seconds)


class OpenAIWire:
    """OpenAI's chat completions."""

    vendor = instructor.Provider.OPENAI
    modes: Mapping[Mode, instructor.Mode] = MappingProxyType(
        {
            "tools": instructor.Mode.TOOLS,
            "shared_tool": instructor.Mode.TOOLS,
            "json_schema": instructor.Mode.JSON_SCHEMA,
            "json_text": instructor.Mode.MD_JSON,
        }
    )

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._proxy = _find_proxy(self._url)
        # Sent with each call: what a session sends by itself, a proxy would be told too.
        self._headers = _headers(api_key)
        self._opened: aiohttp.ClientSession | None = None

    def parameters(self, spec: LLMJudgeSpec) -> dict[str, Any]:
        if "max_tokens" in spec.parameters:
            # Older servers know only the older name.
            return dict(spec.parameters)
        return {"max_completion_tokens": spec.max_output_tokens, **spec.parameters}

    def prepare(self, request: dict[str, Any]) -> bytes:
        try:
            return orjson.dumps(request)
        except TypeError:
            # A re-ask repeats the answer, which may hold half a surrogate.
            return json.dumps(request).encode()

    async def send(self, prepared: bytes, *, timeout_seconds: float) -> Answered:
        try:
            async with self._session().post(
                self._url, data=_Body(prepared), headers=self._headers, proxy=self._proxy
            ) as response:
                body = await _read(response)
        except aiohttp.ClientConnectorError as error:
            raise ProviderFault(f"no connection to {self.base_url}: {error}"[:300]) from error
        except aiohttp.ClientError as error:
            # Never its repr, which may show the request's headers and so the key.
            told = f"the connection failed: {type(error).__name__}: {error}"
            raise ProviderFault(told[:300]) from None
        if not 200 <= response.status < 300:
            raise HttpTrouble(response.status, _told(response.status, body), response.headers)
        return Answered(_completion(body), response.headers)

    def read(self, answer: ChatCompletion) -> Heard:
        # Servers leave out what they please, and such answers are built unchecked. The usage is
        # taken out: Instructor would add it up over attempts, in deep copies that nobody reads.
        choice = answer.choices[0]
        message = choice.message
        refusal = _text(getattr(message, "refusal", None))
        sent = getattr(message, "tool_calls", None)
        arguments = [
            _text(getattr(getattr(call, "function", None), "arguments", None)) or ""
            for call in (sent if isinstance(sent, list) else ())
        ]
        usage, answer.usage = getattr(answer, "usage", None), None
        details = getattr(usage, "prompt_tokens_details", None)
        cached = _count(getattr(details, "cached_tokens", None))
        finish = _text(getattr(choice, "finish_reason", None))
        return Heard(
            raw_output="\n".join(arguments) if arguments else _text(message.content) or refusal,
            refusal=refusal,
            is_filtered=finish == "content_filter",
            is_truncated=finish == "length",
            finish_reason=finish,
            served_model=_text(getattr(answer, "model", None)),
            fingerprint=_text(getattr(answer, "system_fingerprint", None)),
            # Some count what was cached apart: the input is never less than it.
            input_tokens=max(_count(getattr(usage, "prompt_tokens", None)), cached),
            cached_tokens=cached,
            output_tokens=_count(getattr(usage, "completion_tokens", None)),
        )

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def _session(self) -> aiohttp.ClientSession:
        # Opened by the first call, because it belongs to the loop that is running then.
        if self._opened is None:
            self._opened = _open_session(self._url)
        return self._opened


def _text(value: Any) -> str | None:
    """Return what should be text; what a server sent instead, as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def _count(value: Any) -> int:
    try:
        return max(0, round(float(value or 0)))
    except (TypeError, ValueError, OverflowError):
        return 0


class _Body(aiohttp.BytesPayload):
    """A request's bytes, without aiohttp's warning about those of more than a megabyte."""

    def __init__(self, value: bytes) -> None:
        aiohttp.Payload.__init__(self, value, content_type="application/json")
        self._size = len(value)


def _headers(api_key: str) -> dict[str, str]:
    return {
        # Servers without keys still want a header that is not empty.
        "Authorization": f"Bearer {api_key or 'none'}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"grader/{version('grader')}",
        **{name: os.environ[key] for name, key in _FROM_ENVIRONMENT.items() if key in os.environ},
    }


def _open_session(url: str) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=_MAX_CONNECTIONS,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        ssl=httpx2.create_ssl_context() if url.startswith("https:") else True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    )


def _find_proxy(url: str) -> str | None:
    """Return the proxy that the environment names for a server, if any.

    Looked up once: aiohttp's own `trust_env` asks anew, in another thread, for every call.
    """
    asked = urlsplit(url)
    if not asked.hostname or proxy_bypass(asked.hostname):
        return None
    known = getproxies()
    found = known.get(asked.scheme) or known.get("all")
    return found if not found or "://" in found else f"http://{found}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return a body, unpacked, if it is no larger than any answer can be."""
    length = response.content_length
    if (
        length is not None
        and length <= MAX_ANSWER_BYTES
        and "Content-Encoding" not in response.headers
    ):
        return await response.read()
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise ProviderFault(f"the answer is larger than {MAX_ANSWER_BYTES:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _told(status: int, body: bytes) -> str:
    """Return what an error says, in the words that openai's client gives it."""
    text = body.decode("utf-8", "replace").strip()
    try:
        return f"Error code: {status} - {json.loads(text)}"
    except (ValueError, RecursionError):
        return text or f"Error code: {status}"


def _completion(body: bytes) -> ChatCompletion:
    """Return an answer as openai's type: checked where it is as OpenAI's are, unchecked otherwise.

    Raises:
        ProviderFault: it is no chat completion, or one without a choice.
        ValueError: it is no JSON.
    """
    try:
        answer = ChatCompletion.model_validate_json(body)
    except ValidationError:
        answer = _build_unchecked(body)
    choices = getattr(answer, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    if not hasattr(getattr(first, "message", None), "content"):
        # Some gateways report their own faults under status 200.
        told = getattr(answer, "error", None)
        raise ProviderFault(f"the server answered without a choice: {told}"[:300])
    return answer


def _build_unchecked(body: bytes) -> ChatCompletion:
    try:
        found = json.loads(body)
        if isinstance(found, dict):
            built: ChatCompletion = construct_type(type_=ChatCompletion, value=found)  # type: ignore[assignment]
            return built
    except RecursionError as error:
        raise ProviderFault("the answer cannot be read: it is nested too deeply") from error
    raise ProviderFault("the server answered something other than a chat completion")
