"""Which formats exist by name, and which of them this version reads.

A name that is planned raises NotBuilt and a name nobody knows raises UnknownFormat, so that a
slip of the pen is never mistaken for a missing part.
"""

from grader.errors import NotBuilt, UnknownFormat

AUTO = "auto"

BUILT = (
    "native",
    "openai_chat",
    "peer_preservation",
    "anthropic_messages",
    "gemini_contents",
    "plain_text",
    "csv",
    "inspect",
    "scout",
    "atif",
    "tau_bench",
    "swe_agent",
    "mini_swe_agent",
    "openhands",
    "gemini_cli",
    "opencode",
    "claude_code",
    "codex",
)

KNOWN = (
    "native",
    "openai_chat",
    "anthropic_messages",
    "gemini_contents",
    "gemini_cli",
    "opencode",
    "claude_code",
    "codex",
    "inspect",
    "scout",
    "atif",
    "tau_bench",
    "swe_agent",
    "mini_swe_agent",
    "openhands",
    "agentdojo",
    "petri",
    "bloom",
    "docent",
    "otel",
    "langfuse",
    "phoenix",
    "peer_preservation",
    "plain_text",
    "csv",
)


def check_format(name: str) -> None:
    """Accept `auto` and every format that can be read.

    Raises:
        NotBuilt: for a format of the design that this version does not read.
        UnknownFormat: for any other name.
    """
    if name == AUTO or name in BUILT:
        return
    if name in KNOWN:
        raise NotBuilt(f"the format {name} is not built yet; {_readable()}")
    raise UnknownFormat(
        f"there is no format {name[:40]!r}; {_readable()}, and planned are "
        f"{', '.join(known for known in KNOWN if known not in BUILT)}"
    )


def _readable() -> str:
    return f"this version reads {', '.join(BUILT)} (or {AUTO}, which finds out)"
