"""Read files that hold text or tables; a text is held whole, a table row by row where it can be.

The file's name tells which it is, or the format that was asked for.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

from grader.errors import InvalidTranscript, UnknownFormat
from grader.formats.csv_table import iter_table
from grader.formats.finding import Found, FoundTranscript, Rejection, Watcher
from grader.formats.names import AUTO
from grader.formats.plain_text import read_plain_text
from grader.formats.texts import TEXT_FORMATS, decoded

_BY_SUFFIX = {
    ".txt": "plain_text",
    ".text": "plain_text",
    ".md": "plain_text",
    ".markdown": "plain_text",
    ".csv": "csv",
    ".tsv": "csv",
}

TEXT_SUFFIXES = frozenset(_BY_SUFFIX)


def text_format_of(file: PurePath, wanted: str) -> str | None:
    """Return the text format in which a file is read; None leaves it to the others.

    Tables are tables whatever is wanted: that is then the format of the transcripts in their cells.
    """
    by_name = _BY_SUFFIX.get(file.suffix.lower())
    if wanted in TEXT_FORMATS:
        return by_name if by_name == "csv" else wanted
    return by_name if by_name == "csv" or wanted == AUTO else None


def iter_text(
    stream: BinaryIO, path: Path, name: str, *, wanted: str, most_bytes: int, watcher: Watcher
) -> Iterator[Found]:
    """Yield what stands in a file of the text format `name`; nothing raises but a damaged stream.

    `wanted` is the format that was asked for: of a table, of the transcripts in its cells.
    """
    try:
        if name == "csv":
            yield from _in_table(stream, path, wanted, most_bytes, watcher)
            return
        data = stream.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise InvalidTranscript(f"the text is longer than {most_bytes:,} bytes")
        for transcript in read_plain_text(decoded(data)):
            yield FoundTranscript(transcript, name, path)
    except (InvalidTranscript, UnknownFormat) as error:
        yield Rejection(str(error), path)


def _in_table(
    stream: BinaryIO, path: Path, wanted: str, most_bytes: int, watcher: Watcher
) -> Iterator[Found]:
    in_cells = AUTO if wanted == "csv" else wanted
    lines = _Lines(stream, most_bytes=most_bytes)
    for found in iter_table(lines, watcher, name=path.name, wanted=in_cells):
        if isinstance(found.transcript, str):
            yield Rejection(found.transcript, path, found.line)
        else:
            yield FoundTranscript(found.transcript, found.format, path, found.line)


class _Lines:
    """The lines of a stream as text."""

    def __init__(self, stream: BinaryIO, *, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._most_bytes + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) > self._most_bytes:
            raise InvalidTranscript(
                f"line {self._number} is longer than {self._most_bytes:,} bytes"
            )
        return decoded(line, line=self._number)
