"""`.eval` files: zips whose members together are one log, sample by sample.

A sample is one member, or a folder of chunks. A member that was written again stands twice, and the
last one counts. The log's header is `header.json`, or `_journal/start.json` while the evaluation
runs. Members packed with zstd (the package's present way) are unpacked here, because the standard
library of this Python can't. One sample is in memory at a time.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from grader.domain.noun import JsonObject
from grader.errors import InvalidTranscript
from grader.formats.chat_turns import object_or_empty
from grader.formats.complaints import shorten
from grader.formats.finding import Rejection, inside
from grader.formats.inspect.values import pooled
from grader.formats.unpacking import DAMAGE, unpacked

_SAMPLE = re.compile(r"samples/(?P<name>.+?)(?P<shell>/sample)?\.json")
_CHUNK = re.compile(
    r"samples/(?P<name>.+)/(?P<part>messages|attachments|events)/(?P<start>\d{1,15})\.json"
)
_SIDE = re.compile(r"samples/.+/(metadata|skeleton|events/[a-z]+|calls/[^/]+)\.json")
_HEADERS = ("header.json", "_journal/start.json")
_LOG = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:')
_ZSTD = 93
_BOM = b"\xef\xbb\xbf"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_UNREADABLE = (*DAMAGE, NotImplementedError, OSError, ValueError, RuntimeError, struct.error)


def is_eval(name: str) -> bool:
    """Tell whether a file of this name is an archive of Inspect's."""
    return name.lower().endswith(".eval")


def looks_like_log(data: bytes) -> bool:
    """Tell a log in JSON by its first bytes, before it is parsed."""
    return _LOG.match(data[:200].removeprefix(_BOM)) is not None


def iter_eval(
    file: BinaryIO, path: Path, *, most_bytes: int
) -> Iterator[tuple[str, JsonObject] | Rejection]:
    """Yield each sample with its member's name, as a document that says which log it is of."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield from _Eval(archive, file, path, most_bytes).samples()
    except _UNREADABLE as error:
        told = shorten(str(error) or type(error).__name__, 200)
        yield Rejection(f"this .eval file cannot be read: {told}", path)


class _Eval:
    def __init__(
        self, archive: zipfile.ZipFile, file: BinaryIO, path: Path, most_bytes: int
    ) -> None:
        self._archive = archive
        self._file = file
        self._path = path
        self._most_bytes = most_bytes
        self._members = {found.filename: found for found in archive.infolist()}
        self._chunks: dict[tuple[str, str], list[int]] = {}

    def samples(self) -> Iterator[tuple[str, JsonObject] | Rejection]:
        found: list[tuple[str, re.Match[str]]] = []
        for name in self._members:
            if chunk := _CHUNK.fullmatch(name):
                key = (chunk["name"], chunk["part"])
                self._chunks.setdefault(key, []).append(int(chunk["start"]))
            elif (sample := _SAMPLE.fullmatch(name)) and not _SIDE.fullmatch(name):
                found.append((name, sample))
        header = self._header()
        if isinstance(header, Rejection):
            yield header
            header = {}
        if not found:
            yield Rejection("there is no sample in this .eval file", self._path)
        for name, sample in sorted(found, key=lambda each: _natural(each[0])):
            try:
                document = self._read(name)
                if sample["shell"]:
                    document = self._assembled(document, sample["name"])
            except InvalidTranscript as error:
                yield Rejection(str(error), inside(self._path, name))
            except _UNREADABLE as error:
                told = shorten(str(error) or type(error).__name__, 200)
                yield Rejection(f"cannot be unpacked: {told}", inside(self._path, name))
            else:
                yield name, {"inspect_log": header, "sample": document}

    def _header(self) -> JsonObject | Rejection:
        for name in _HEADERS:
            if name in self._members:
                try:
                    return object_or_empty(self._read(name))
                except (InvalidTranscript, *_UNREADABLE) as error:
                    told = shorten(str(error) or type(error).__name__, 200)
                    cause = f"what the log says of itself cannot be read: {told}"
                    return Rejection(cause, inside(self._path, name))
        return {}

    def _assembled(self, shell: Any, name: str) -> JsonObject:
        """Return a sample stored in chunks with messages, events and attachments in it."""
        shell = object_or_empty(shell)
        messages = self._sequence(name, "messages")
        attachments = self._sequence(name, "attachments")
        assembled = {**shell, "events": self._sequence(name, "events")}
        assembled["events_data"] = {"messages": messages}
        if shell.get("message_refs") is not None:
            assembled["messages"] = pooled(shell["message_refs"], messages, "message_refs")
        else:
            assembled.setdefault("messages", messages)
        assembled["attachments"] = {str(index): text for index, text in enumerate(attachments)}
        metadata = f"samples/{name}/metadata.json"
        if metadata in self._members:
            assembled["metadata"] = self._read(metadata)
        return assembled

    def _sequence(self, name: str, part: str) -> list[Any]:
        items: list[Any] = []
        for start in sorted(self._chunks.get((name, part), ())):
            place = f"samples/{name}/{part}/{start}.json"
            chunk = self._read(place)
            if start != len(items) or not isinstance(chunk, list):
                raise InvalidTranscript(
                    f"{place}: a chunk is missing before this, or it is no list"
                )
            items += chunk
        return items

    def _read(self, name: str) -> Any:
        found = self._members[name]
        if found.compress_type == _ZSTD:
            data = self._unpack_zstd(found)
        else:
            with self._archive.open(found) as stream:
                data = stream.read(self._most_bytes + 1)
        if len(data) > self._most_bytes:
            raise InvalidTranscript(f"the member is longer than {self._most_bytes:,} bytes")
        return read_logged(data)

    def _unpack_zstd(self, found: zipfile.ZipInfo) -> bytes:
        self._file.seek(found.header_offset)
        fields = _LOCAL_HEADER.unpack(self._file.read(_LOCAL_HEADER.size))
        if fields[0] != b"PK\x03\x04":
            raise zipfile.BadZipFile("a member does not stand where the archive says")
        self._file.seek(fields[-2] + fields[-1], io.SEEK_CUR)
        packed = io.BytesIO(self._file.read(min(found.compress_size, self._most_bytes)))
        data = unpacked(packed, ".zst").read(self._most_bytes + 1)
        if len(data) <= self._most_bytes and zlib.crc32(data) != found.CRC:
            raise zipfile.BadZipFile("the member's checksum is wrong")
        return data


def read_logged(data: bytes) -> Any:
    """Return the JSON that the package writes: NaN and infinite numbers stand in it as they are.

    Raises:
        InvalidTranscript: for anything else that is no JSON.
    """
    try:
        return from_json(data.removeprefix(_BOM), allow_inf_nan=True)
    except ValueError as error:
        raise InvalidTranscript(f"this is not usable JSON: {shorten(str(error), 200)}") from error


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order names as people count: sample 2 before sample 10."""
    return [
        (0, int(piece), "") if piece.isdecimal() and len(piece) < 18 else (1, 0, piece)
        for piece in re.split(r"(\d+)", name)
    ]
