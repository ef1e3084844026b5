"""Break what in a transcript might pass for markup: tokens of chat templates, fences, verdicts.

A zero-width space after its first character is enough for tokenizers and parsers, and people do not
see it. Most text holds nothing of the kind, and prompts are long: what is rare is looked for first
by plain searches, which run many times faster than the patterns. Which characters get the space is
part of the prompt: any change needs a new PROMPT_VERSION in `grader/domain/judge.py`.
"""

import re

from grader.evidence import NEUTRAL

# Each begins with what a search can skip to: a pattern that begins with a choice is tried at every
# character.
_TOKENS = re.compile(
    r"[<|｜](?:(?<=<)[|｜]|(?<=[|｜])>"
    r"|(?<=<)(?=<?/?(?:s|bos|eos|sys|sop|think|tool_calls?|tool_response|function_calls?"
    r"|(?:start|end)_of_turn)\b))",
    re.IGNORECASE,
)
_BRACKETS = re.compile(
    r"\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS"
    r"|gMASK)\])",
    re.IGNORECASE,
)
_VERDICTS = re.compile(r"\"(?=(?:explanation|evidence)\"\s*:)", re.IGNORECASE)


def break_markup(text: str) -> str:
    """Return the text with a zero-width space in all that looks like markup."""
    if "<" in text or ">" in text:
        text = _TOKENS.sub(_break, text)
    if "[" in text:
        text = _BRACKETS.sub(_break, text)
    if '"' in text and _may_hold_verdict(text):
        text = _VERDICTS.sub(_break, text)
    return text


def _may_hold_verdict(text: str) -> bool:
    if not text.isascii():
        # Beyond ASCII other letters count as these in another case: ı as I.
        return True
    lowered = text.lower()
    return "evidence" in lowered or "explanation" in lowered


def _break(match: re.Match[str]) -> str:
    found = match.group()
    return found[:1] + NEUTRAL + found[1:]
