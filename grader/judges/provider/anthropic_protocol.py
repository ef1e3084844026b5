"""Anthropic's messages; needs the extra `anthropic`."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import anthropic
import instructor

from grader.domain.judge import LLMJudgeSpec, Mode
from grader.errors import ProviderFault
from grader.judges.provider.answer import SHARED_TOOL
from grader.judges.provider.calls import Heard
from grader.judges.provider.transport import Answered, HttpTrouble


class AnthropicWire:
    """Anthropic's messages: tools, or JSON in text with the schema among the instructions."""

    vendor = instructor.Provider.ANTHROPIC
    modes: Mapping[Mode, instructor.Mode] = MappingProxyType(
        {
            "tools": instructor.Mode.TOOLS,
            "shared_tool": instructor.Mode.TOOLS,
            "json_text": instructor.Mode.JSON,
        }
    )

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self._client = anthropic.AsyncAnthropic(
            base_url=base_url, api_key=api_key or "none", max_retries=0
        )

    def parameters(self, spec: LLMJudgeSpec) -> dict[str, Any]:
        return {"max_tokens": spec.max_output_tokens, **spec.parameters}

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        first, *others = request["messages"]
        if not isinstance(first["content"], str):
            return request
        is_shared = any(tool["name"] == SHARED_TOOL for tool in request.get("tools", ()))
        blocks = _mark_prefix(first["content"], past_transcript=is_shared)
        return {**request, "messages": [{**first, "content": blocks}, *others]}

    async def send(self, prepared: dict[str, Any], *, timeout_seconds: float) -> Answered:
        try:
            raw = await self._client.messages.with_raw_response.create(
                **prepared, timeout=timeout_seconds
            )
            return Answered(raw.parse(), raw.headers)
        except anthropic.APITimeoutError as error:
            raise ProviderFault("no answer in time", timed_out=True) from error
        except anthropic.APIStatusError as error:
            raise HttpTrouble(error.status_code, str(error), error.response.headers) from error
        except anthropic.AnthropicError as error:
            raise ProviderFault(f"the connection failed: {error!r}"[:300]) from error

    def read(self, answer: Any) -> Heard:
        parts = [
            json.dumps(part.input, ensure_ascii=False) if part.type == "tool_use" else part.text
            for part in answer.content
            if part.type in ("tool_use", "text")
        ]
        usage = answer.usage
        cached = usage.cache_read_input_tokens or 0
        # Anthropic counts what it read from or wrote to its cache beside the input tokens.
        written = usage.cache_creation_input_tokens or 0
        return Heard(
            raw_output="\n".join(parts) or None,
            refusal="the model declined" if answer.stop_reason == "refusal" else None,
            is_filtered=False,
            is_truncated=answer.stop_reason == "max_tokens",
            finish_reason=answer.stop_reason,
            served_model=answer.model,
            fingerprint=None,
            input_tokens=usage.input_tokens + cached + written,
            cached_tokens=cached,
            output_tokens=usage.output_tokens,
        )

    async def close(self) -> None:
        await self._client.close()


_FENCE = re.compile(r"^===== TRANSCRIPT (\S+) BEGIN =====$", re.MULTILINE)
_LEAST_CACHED_BYTES = 4 * 1024
"""Anthropic caches nothing below 1,024 tokens, and for some models nothing below 4,096."""


def _mark_prefix(prompt: str, *, past_transcript: bool) -> str | list[dict[str, Any]]:
    """Return a prompt in two blocks, the first of which is to be cached, or as it is.

    What is written to the cache costs a quarter more, so only what other calls will begin with is:
    the questions that stand before the transcript, the same for all transcripts, or the transcript
    where the tool before it is the same for all rubrics.
    """
    fence = _FENCE.search(prompt)
    if fence is None:
        return prompt
    end = fence.start()
    if past_transcript:
        last = f"\n===== TRANSCRIPT {fence[1]} END =====\n"
        end = prompt.find(last, fence.end()) + len(last)
    if end < _LEAST_CACHED_BYTES:
        return prompt
    return [
        {"type": "text", "text": prompt[:end], "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": prompt[end:]},
    ]
