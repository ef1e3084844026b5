"""Providers: the one place that knows instructor and openai.

A provider is asked one rubric's question in one output mode and replies with an answer or with how
the asking ended. Importing this costs over a second and 70 MB: a process does it once, never a
forked job.
"""

from grader.errors import JudgeUnavailable
from grader.judges.limit import RateLimiter
from grader.judges.provider.answer import answer_schema
from grader.judges.provider.asking import Provider, Reply, RubricAnswer
from grader.judges.provider.openai_protocol import OpenAIProvider, OpenAIWire
from grader.judges.provider.transport import InstructorProvider, Wire

__all__ = ["OpenAIProvider", "Provider", "Reply", "RubricAnswer", "answer_schema", "build_provider"]


def build_provider(
    kind: str,
    base_url: str,
    api_key: str,
    limiter: RateLimiter,
    *,
    tries: int,
    backoff_seconds: float,
) -> Provider:
    """Return the provider that speaks a server's protocol.

    Raises:
        JudgeUnavailable: the protocol's package is not installed.
    """
    wire = _build_wire(kind, base_url, api_key)
    return InstructorProvider(wire, limiter, tries=tries, backoff_seconds=backoff_seconds)


def _build_wire(kind: str, base_url: str, api_key: str) -> Wire:
    try:
        match kind:
            case "openai":
                return OpenAIWire(base_url, api_key)
            case "anthropic":
                from grader.judges.provider.anthropic_protocol import AnthropicWire

                return AnthropicWire(base_url, api_key)
            case _:
                from grader.judges.provider.google_protocol import GoogleWire

                return GoogleWire(base_url, api_key)
    except ImportError as error:
        raise JudgeUnavailable(
            f"judges of the provider {kind!r} need a package that is not installed: "
            f'pip install "grader[{kind}]"'
        ) from error
