"""What an import would find: counts, the first rows, and what would be rejected and why.

Flat memory over any number of files: of rejections the first twenty are kept, and counts by cause,
where causes that differ only in numbers and quoted words are one.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from grader.domain.noun import JsonObject, Noun
from grader.formats.complaints import shorten
from grader.formats.files import iter_file
from grader.formats.finding import Found, FoundTranscript, Rejection, Watcher, place_of
from grader.formats.names import AUTO

MOST_ERRORS = 20
MOST_ROWS = 5
_MOST_CAUSES = 50
_MOST_PLACES = 3
_MOST_TEXT = 120
_PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9][0-9.,_]*")


class PreviewRow(Noun):
    """A transcript as it would be stored, cut short."""

    place: str
    """Where it stood: file, line or row, index in a list."""

    format: str
    """The format in which it was read."""

    messages: int
    """How many messages it has."""

    first_message: str
    """The beginning of its first message that has a text."""

    metadata: JsonObject
    """Its metadata; long texts in it are cut."""


class Cause(Noun):
    """Why items would be rejected."""

    cause: str
    """The cause as the first of them told it."""

    count: int
    """How many items it concerns."""

    places: list[str]
    """The first places."""


class ImportPreview(Noun):
    """What an import would find, without importing."""

    format: str
    """The one format of all transcripts, `mixed`, or the one asked for where there are none."""

    transcripts: int
    """How many transcripts were read."""

    messages: int
    """How many messages they hold together."""

    tool_calls: int
    """How many tool calls these messages make."""

    rejected: int
    """How many items could not be read."""

    errors: list[str] = Field(max_length=MOST_ERRORS)
    """The first 20 rejections: file, line and cause."""

    formats: dict[str, int]
    """How many transcripts were read in each format."""

    causes: list[Cause]
    """Why items were rejected, the most frequent first."""

    rows: list[PreviewRow]
    """The first five transcripts as they would be stored."""

    notices: list[str]
    """What was taken for granted: which columns of a table hold what."""


@dataclass(slots=True)
class _CauseCount:
    cause: str
    count: int = 0
    places: list[str] = field(default_factory=list)


class Causes:
    """Counts rejections by their cause."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []
        self._by_cause: dict[str, _CauseCount] = {}

    def add(self, place: str, cause: str) -> bool:
        """Count one; returns whether it is among the first of its cause."""
        self.count += 1
        if len(self.first) < MOST_ERRORS:
            self.first.append(f"{place}: {cause}")
        key = _PARTICULAR.sub("…", cause)
        if key not in self._by_cause and len(self._by_cause) >= _MOST_CAUSES:
            key, cause = "", "other causes"
        counted = self._by_cause.setdefault(key, _CauseCount(cause))
        counted.count += 1
        if len(counted.places) < _MOST_PLACES:
            counted.places.append(place)
            return True
        return False

    def ranked(self) -> list[Cause]:
        """Return the causes, the most frequent first."""
        found = sorted(self._by_cause.values(), key=lambda each: -each.count)
        return [Cause(cause=each.cause, count=each.count, places=each.places) for each in found]


class Preview:
    """Counts what is found, one item after another."""

    def __init__(self) -> None:
        self.causes = Causes()
        self.notices: list[str] = []
        self.transcripts = 0
        self._messages = self._tool_calls = 0
        self._formats: dict[str, int] = {}
        self._rows: list[PreviewRow] = []

    def add(self, found: Found) -> None:
        if isinstance(found, Rejection):
            self.causes.add(place_of(found), found.cause)
            return
        messages = found.transcript.messages
        self.transcripts += 1
        self._messages += len(messages)
        self._tool_calls += sum(len(message.tool_calls) for message in messages)
        self._formats[found.format] = self._formats.get(found.format, 0) + 1
        if len(self._rows) < MOST_ROWS:
            self._rows.append(_row(found))

    def result(self, wanted: str = AUTO) -> ImportPreview:
        """Return what was counted so far; `wanted` is the format that was asked for."""
        formats = self._formats
        return ImportPreview(
            format=wanted if not formats else next(iter(formats)) if len(formats) == 1 else "mixed",
            transcripts=self.transcripts,
            messages=self._messages,
            tool_calls=self._tool_calls,
            rejected=self.causes.count,
            errors=self.causes.first,
            formats=dict(sorted(formats.items())),
            causes=self.causes.ranked(),
            rows=self._rows,
            notices=self.notices,
        )


def preview_file(
    path: Path,
    format: str = AUTO,  # noqa: A002
    *,
    watcher: Watcher | None = None,
) -> ImportPreview:
    """Count what `iter_file` finds; raises as it does."""
    preview = Preview()
    for found in iter_file(path, format, watcher=_Noting(preview, watcher or Watcher())):
        preview.add(found)
    return preview.result(format)


class _Noting(Watcher):
    """Keeps notices for the preview, and passes on how far reading has come."""

    def __init__(self, preview: Preview, watcher: Watcher) -> None:
        self._preview = preview
        self._watcher = watcher

    def advance(self, count: int) -> None:
        self._watcher.advance(count)

    def notice(self, text: str) -> None:
        if len(self._preview.notices) < MOST_ERRORS:
            self._preview.notices.append(text)


def _row(found: FoundTranscript) -> PreviewRow:
    messages = found.transcript.messages
    return PreviewRow(
        place=place_of(found),
        format=found.format,
        messages=len(messages),
        first_message=_cut(next((m.content for m in messages if m.content.strip()), "")),
        metadata={
            key: _cut(value) if isinstance(value, str) else value
            for key, value in found.transcript.metadata.items()
        },
    )


def _cut(text: str) -> str:
    return shorten(" ".join(text[: 4 * _MOST_TEXT].split()), _MOST_TEXT)
