"""Read a session from the lines of a file: look at the first ones, then read all of them together.

A line that cannot be read is refused with its number, and the session is read without it: its
metadata then count `unreadable_lines`, because harnesses that are killed leave half a line behind.
A session is held in memory whole.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.finding import Found, FoundTranscript, Rejection
from grader.formats.sessions import MOST_PEEKED, MOST_PEEKED_BYTES, read_event, read_session


class PeekedLines:
    """Lines of a stream, the first of which may be looked at without being taken."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._first: deque[bytes] = deque()

    def peek(self) -> Iterator[bytes]:
        """Yield the first lines that are not blank, up to one that is too long to be looked at."""
        for _ in range(MOST_PEEKED):
            line = self._stream.readline(MOST_PEEKED_BYTES)
            if not line:
                return
            self._first.append(line)
            if len(line) >= MOST_PEEKED_BYTES and not line.endswith(b"\n"):
                return
            if not line.isspace():
                yield line

    def readline(self, size: int) -> bytes:
        """Return the next line, or the first `size` bytes of it."""
        if not self._first:
            return self._stream.readline(size)
        line = self._first.popleft()
        if len(line) > size:
            self._first.appendleft(line[size:])
            return line[:size]
        # Only the last line that was looked at may go on in the stream.
        if line.endswith(b"\n") or self._first:
            return line
        return line + self._stream.readline(size - len(line))


def iter_session(
    lines: PeekedLines, path: Path, name: str, *, max_line_bytes: int, max_document_bytes: int
) -> Iterator[Found]:
    """Yield the transcripts of a session, and before them the lines that cannot be read."""
    events = []
    number = size = unreadable = 0
    while line := lines.readline(max_line_bytes + 1):
        number += 1
        size += len(line)
        if size > max_document_bytes:
            yield Rejection(f"the session is longer than {max_document_bytes:,} bytes", path)
            return
        try:
            if len(line) > max_line_bytes and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = lines.readline(1 << 20)
                    size += len(line)
                raise InvalidTranscript(f"the line is longer than {max_line_bytes} bytes")
            if not line.isspace():
                events.append(read_event(line))
        except InvalidTranscript as error:
            unreadable += 1
            yield Rejection(str(error), path, number)
    if not events:
        return
    try:
        for transcript in read_session(events, name):
            yield FoundTranscript(_noting(transcript, unreadable), name, path)
    except InvalidTranscript as error:
        yield Rejection(str(error), path)


def _noting(transcript: Transcript, unreadable: int) -> Transcript:
    if not unreadable:
        return transcript
    return Transcript.load(transcript.body, {**transcript.metadata, "unreadable_lines": unreadable})
