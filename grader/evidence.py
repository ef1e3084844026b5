"""Find a judge's quote in the transcript it judged.

Spacing, Unicode form, quotation marks and the width of a hyphen may differ; words may not. Edit
distance is not used: three edits turn "would not comply" into "would comply". A quote stands in the
message the judge named or it does not stand: the right words under a wrong number count as not
found. Where a quote does not stand as it is, JSON's escapes of a line break, a quotation mark or a
backslash count as what they stand for, because judges read tool calls as JSON and quote them either
way.

Both texts are folded to one spelling and compared by a plain search, in linear time: a quote comes
from a model and a text from an agent, and neither may choose how long the search takes.
"""

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from grader.domain.judgment import Evidence
from grader.domain.transcript import Message, ToolCall

NEUTRAL = "\u200b"
"""A zero-width space, by which a prompt breaks what looks like markup in a transcript."""

_MARK = '"'
_SINGLE = "'‘’‚‛‹›＇`´ʼ"
_HYPHENS = "-\u2010\u2011"
_JOINERS = re.escape(_SINGLE + _HYPHENS)
_SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What counts as white space in Unicode, but for the space itself."""
_ONE_FOR_ONE = (
    dict.fromkeys("“”„‟«»〝〞＂" + _SINGLE, _MARK)
    | dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys(_SPACES, " ")
)
_TABLE = str.maketrans(_ONE_FOR_ONE)
_SEVERAL = re.compile("(?P<space>  +)")
_SEVERAL_OR_NEUTRAL = re.compile(rf"(?P<space> [ {NEUTRAL}]+)|(?P<nothing>{NEUTRAL}+)")
_WITH_ESCAPES = re.compile(
    rf"(?P<space>(?:[\s{NEUTRAL}]|\\+[nrt])*(?:\s|\\+[nrt])(?:[\s{NEUTRAL}]|\\+[nrt])*)"
    rf'|(?P<nothing>{NEUTRAL}+|\\+(?="))|(?P<slash>\\+)'
)
# A word goes on across an apostrophe or a hyphen, a number across its point: "I can" does not stand
# in "I can't", nor "a score of 7" in "a score of 7.5".
_WORD_BEFORE = re.compile(rf"\w\\{{0,8}}[{_JOINERS}]\Z")
_WORD_AFTER = re.compile(rf"\\{{0,8}}[{_JOINERS}]\w")
_DIGITS_BEFORE = re.compile(r"\d[.,]\Z")
_DIGITS_AFTER = re.compile(r"[.,]\d")
_WORD_END = re.compile(r"\W|\Z")


def arguments_text(call: ToolCall) -> str:
    """Return a call's arguments as judges read them: JSON, or the raw text where it was no JSON."""
    if isinstance(call.arguments, str):
        return call.arguments
    return json.dumps(call.arguments, ensure_ascii=False)


def canonical_text(message: Message) -> str:
    """Return the text that spans of evidence count in: reasoning, content, calls, a line between.

    A call is its name, a space and its arguments as JSON.
    """
    parts = [message.reasoning or "", message.content]
    parts.extend(f"{call.name} {arguments_text(call)}" for call in message.tool_calls)
    return "\n".join(part for part in parts if part)


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Return where `quote` stands in `text` as (start, end), None when its words are not there."""
    if not unicodedata.is_normalized("NFC", text):
        return _locate_denormalised(quote, text)
    quote = unicodedata.normalize("NFC", quote)
    if not any(_is_wordlike(character) for character in quote):
        return None
    span = _find(_fold(quote).text.strip(), text, _fold(text))
    if span is None and ("\\" in text or "\\" in quote):
        span = _find(_fold_escapes(quote).text.strip(), text, _fold_escapes(text))
    return span


def check_quote(number: int, quote: str, messages: Sequence[Message]) -> Evidence:
    """Return the evidence of a quote from message `number`, found or not."""
    span = None
    if 1 <= number <= len(messages):
        span = locate(quote, canonical_text(messages[number - 1]))
    start, end = span or (None, None)
    return Evidence(message=number, quote=quote, found=span is not None, start=start, end=end)


class _Folded(NamedTuple):
    """A text in its one spelling, and the way back to the text as it was."""

    text: str
    stretches: list[int]
    """Where stretches that were taken over unchanged in length begin in the folded text."""
    sources: list[int]
    """Where they begin in the original."""

    def original(self, position: int) -> int:
        at = bisect_right(self.stretches, position) - 1
        return self.sources[at] + position - self.stretches[at]


@lru_cache(maxsize=8)
def _fold(text: str) -> _Folded:
    """Fold spaces, quotation marks and hyphens; a judge often quotes one message several times."""
    return _put(_flatten(text), _SEVERAL_OR_NEUTRAL if NEUTRAL in text else _SEVERAL)


def _fold_escapes(text: str) -> _Folded:
    """Fold JSON's escapes besides."""
    return _put(_flatten(text), _WITH_ESCAPES)


def _flatten(text: str) -> str:
    """Replace what is folded one for one."""
    if text.isascii():
        return text.translate(_TABLE)
    # Beyond ASCII a translation looks every character up; these searches run through memory.
    for one, put in _ONE_FOR_ONE.items():
        text = text.replace(one, put)
    return text


def _put(text: str, pieces: re.Pattern[str]) -> _Folded:
    """Make each piece a space, a backslash or nothing, and note where that shifts the rest."""
    parts: list[str] = []
    stretches, sources = [0], [0]
    length = taken = 0
    for piece in pieces.finditer(text):
        start, end = piece.span()
        put = {"space": " ", "slash": "\\"}.get(piece.lastgroup or "", "")
        if end - start == len(put) and piece.group() == put:
            continue
        parts += (text[taken:start], put)
        length += start - taken
        stretches.append(length)
        sources.append(start)
        length += len(put)
        stretches.append(length)
        sources.append(end)
        taken = end
    parts.append(text[taken:])
    return _Folded("".join(parts), stretches, sources)


def _find(wanted: str, text: str, folded: _Folded) -> tuple[int, int] | None:
    if not wanted:
        return None
    start = folded.text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        span = folded.original(start), folded.original(end)
        if not _cuts_a_word((start, end), folded.text, span, text):
            return span
        following = start + 1
        if _is_word(wanted[0]) and (gap := _WORD_END.search(folded.text, following)):
            # Every other start inside this word would cut it too.
            following = max(following, gap.start())
        start = folded.text.find(wanted, following)
    return None


def _cuts_a_word(match: tuple[int, int], folded: str, span: tuple[int, int], text: str) -> bool:
    """Tell whether a match begins or ends inside a word or a number.

    The match counts in the folded text, where an escaped line break is a space; the span in the
    text as it is, where an apostrophe is not a quotation mark.
    """
    (start, end), (first, last) = match, span
    before = folded[start - 1] if start else " "
    after = folded[end] if end < len(folded) else " "
    earlier = text[max(0, first - 10) : first]
    if _is_word(folded[start]) and (
        _is_word(before)
        or _WORD_BEFORE.search(earlier)
        or (folded[start].isdigit() and _DIGITS_BEFORE.search(earlier))
    ):
        return True
    if _is_word(folded[end - 1]) and (
        _is_word(after)
        or _WORD_AFTER.match(text, last)
        or (folded[end - 1].isdigit() and _DIGITS_AFTER.match(text, last))
    ):
        return True
    opens_inside = text[first] in _SINGLE + _HYPHENS and _is_word(before)
    closes_inside = text[last - 1] in _SINGLE + _HYPHENS and _is_word(after)
    return (opens_inside and _is_word(folded[start + 1 : start + 2])) or (
        closes_inside and _is_word(folded[end - 2 : end - 1])
    )


def _is_word(character: str) -> bool:
    if character.isalnum() or character == "_":
        return True
    return character > "\u02ff" and unicodedata.category(character).startswith("M")


def _is_wordlike(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) == "So"


def _locate_denormalised(quote: str, text: str) -> tuple[int, int] | None:
    """Search in the NFC form and carry the span back to the text as it is."""
    starts: list[int] = []
    folded: list[str] = []
    at = 0
    for cluster in _clusters(text):
        normal = unicodedata.normalize("NFC", cluster)
        folded.append(normal)
        starts.extend([at] * len(normal))
        at += len(cluster)
    starts.append(at)
    whole = "".join(folded)
    if not unicodedata.is_normalized("NFC", whole):  # pragma: no cover - no such script is known
        return None
    span = locate(quote, whole)
    return None if span is None else (starts[span[0]], starts[span[1]])


def _clusters(text: str) -> list[str]:
    """Part a text where NFC never reaches across: before whatever can't join what precedes it."""
    clusters: list[str] = []
    begun = 0
    for at, character in enumerate(text):
        if at and character > "\u02ff" and _joins(character):
            continue
        if at:
            clusters.append(text[begun:at])
        begun = at
    clusters.append(text[begun:])
    return clusters


def _joins(character: str) -> bool:
    # Combining marks, and the vowels and final consonants that Hangul syllables are composed of.
    return (
        "\u1161" <= character <= "\u1175"
        or "\u11a8" <= character <= "\u11c2"
        or unicodedata.category(character).startswith("M")
    )
