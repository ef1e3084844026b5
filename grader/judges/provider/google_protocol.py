"""Google's Gemini; needs the extra `google`."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import httpx
import instructor
from google import genai
from google.genai import errors, types

from grader.domain.judge import LLMJudgeSpec, Mode
from grader.errors import ProviderFault
from grader.judges.provider.calls import Heard
from grader.judges.provider.transport import Answered, HttpTrouble

_FILTERED = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}


class GoogleWire:
    """Gemini's generateContent: tools, or JSON held to a schema."""

    vendor = instructor.Provider.GENAI
    modes: Mapping[Mode, instructor.Mode] = MappingProxyType(
        {
            "tools": instructor.Mode.TOOLS,
            "json_schema": instructor.Mode.JSON,
        }
    )

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self.api_key = api_key
        # Left to itself the client takes aiohttp where it finds it, in a way aiohttp warns about.
        self._http = httpx.AsyncClient()
        options = types.HttpOptions(base_url=base_url, httpx_async_client=self._http)
        self._client = genai.Client(api_key=api_key or "none", http_options=options)

    def parameters(self, spec: LLMJudgeSpec) -> dict[str, Any]:
        limits = {"max_tokens": spec.max_output_tokens}
        return {"generation_config": {**limits, **spec.parameters}}

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        return request

    async def send(self, prepared: dict[str, Any], *, timeout_seconds: float) -> Answered:
        try:
            answer = await self._client.aio.models.generate_content(**prepared)
            response = answer.sdk_http_response
            return Answered(answer, (response.headers if response else None) or {})
        except errors.APIError as error:
            headers = getattr(error.response, "headers", None) or {}
            raise HttpTrouble(error.code, str(error), headers) from error
        except httpx.TimeoutException as error:
            raise ProviderFault("no answer in time", timed_out=True) from error
        except httpx.HTTPError as error:
            raise ProviderFault(f"the connection failed: {error!r}"[:300]) from error

    def read(self, answer: Any) -> Heard:
        candidate = answer.candidates[0] if answer.candidates else None
        content = candidate.content if candidate else None
        parts: list[str] = []
        for part in (content.parts if content else None) or ():
            if part.function_call is not None:
                parts.append(json.dumps(part.function_call.args, ensure_ascii=False))
            elif part.text and not part.thought:
                parts.append(part.text)
        finish = candidate.finish_reason.name if candidate and candidate.finish_reason else None
        usage = answer.usage_metadata
        return Heard(
            raw_output="\n".join(parts) or None,
            refusal=None,
            # A prompt that was blocked has no candidate at all.
            is_filtered=finish in _FILTERED or candidate is None,
            is_truncated=finish == "MAX_TOKENS",
            finish_reason=finish,
            served_model=answer.model_version,
            fingerprint=None,
            input_tokens=(usage.prompt_token_count or 0) if usage else 0,
            cached_tokens=(usage.cached_content_token_count or 0) if usage else 0,
            output_tokens=(
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
                if usage
                else 0
            ),
        )

    async def close(self) -> None:
        await self._http.aclose()
