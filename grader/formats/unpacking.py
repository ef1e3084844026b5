"""Compressed streams, unpacked piece by piece in bounded memory: gzip, zstd, bzip2, xz.

A decoder turns pieces of the stream into pieces of its content; `unpacked` makes a file of it.
Several members in a row are one stream, and one that ends in the middle is an error, never the
end. A few bytes may hold gigabytes: no decoder gives more than a few megabytes at once. Archives
are not known here.
"""

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import zstandard

from grader.errors import InvalidInput
from grader.formats.finding import Watcher

PIECE = 1 << 20

_CUT_OFF = "the compressed stream ends in the middle"
_MAX_MEMORY = 1 << 28
_MAX_WINDOW = 1 << 27
_ZSTD_PIECE = 256
"""zstd gives all that its input holds at once: 128 kB for each 4 bytes of a bomb."""
_ZSTD_MOST = 1024
_SUSPICIOUS_BYTES = 8 << 30
_SUSPICIOUS_RATIO = 2_000


class Decoder(Protocol):
    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece of the stream holds, bit by bit; raises InvalidInput."""

    def finish(self) -> None:
        """Raise InvalidInput where the stream ended in the middle."""


class Plain:
    """What is not compressed."""

    def decode(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def finish(self) -> None:
        pass


class Gzip:
    """Gunzips in bounded pieces, several members in a row included."""

    def __init__(self) -> None:
        self._inner: Any = None

    def decode(self, piece: bytes) -> Iterator[bytes]:
        is_full = False
        while piece or is_full:
            if self._inner is None:
                # Between members there may be padding, as tar and tapes leave it.
                piece = piece.lstrip(b"\x00")
                if not piece:
                    return
                self._inner = zlib.decompressobj(wbits=31)
            try:
                decoded = self._inner.decompress(piece, PIECE)
            except zlib.error as error:
                raise InvalidInput(f"this is no gzip: {error}") from error
            yield decoded
            # A full piece may leave something behind although all its input is used up.
            piece, is_full = self._inner.unconsumed_tail, len(decoded) == PIECE
            if self._inner.eof:
                piece, is_full = self._inner.unused_data, False
                self._inner = None

    def finish(self) -> None:
        if self._inner is not None:
            raise InvalidInput(_CUT_OFF)


class Zstd:
    """Reads zstd, several frames in a row included."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        self._inner: Any = None
        self._size = _ZSTD_PIECE

    def decode(self, piece: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(piece):
            some = piece[at : at + self._size]
            at += len(some)
            given = 0
            for decoded in self._decode(some):
                given += len(decoded)
                yield decoded
            # Larger bites are quicker; whoever abuses them gets small ones again.
            is_dense = given > 64 * len(some)
            self._size = _ZSTD_PIECE if is_dense else min(2 * self._size, _ZSTD_MOST)

    def _decode(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            self._inner = self._inner or self._decompressor.decompressobj()
            try:
                yield self._inner.decompress(piece)
            except zstandard.ZstdError as error:
                raise InvalidInput(f"this is no zstd: {error}") from error
            piece = b""
            if self._inner.eof:
                piece, self._inner = self._inner.unused_data, None

    def finish(self) -> None:
        if self._inner is not None:
            raise InvalidInput(_CUT_OFF)


class _Members:
    """Reads bzip2 or xz: several members in a row, each with a decompressor of its own."""

    def __init__(self, name: str, build: Callable[[], Any]) -> None:
        self._name = name
        self._build = build
        self._inner: Any = None

    def decode(self, piece: bytes) -> Iterator[bytes]:
        while True:
            if self._inner is None:
                piece = piece.lstrip(b"\x00")
                if not piece:
                    return
                self._inner = self._build()
            try:
                yield self._inner.decompress(piece, PIECE)
            except (lzma.LZMAError, OSError, EOFError) as error:
                raise InvalidInput(f"this is no {self._name}: {error}") from error
            piece = b""
            if self._inner.eof:
                piece, self._inner = self._inner.unused_data, None
            elif self._inner.needs_input:
                return

    def finish(self) -> None:
        if self._inner is not None:
            raise InvalidInput(_CUT_OFF)


def _bzip2() -> Decoder:
    return _Members("bzip2", bz2.BZ2Decompressor)


def _xz() -> Decoder:
    return _Members("xz", lambda: lzma.LZMADecompressor(memlimit=_MAX_MEMORY))


BY_SUFFIX: dict[str, Callable[[], Decoder]] = {
    ".gz": Gzip,
    ".zst": Zstd,
    ".zstd": Zstd,
    ".bz2": _bzip2,
    ".xz": _xz,
}

DAMAGE = (InvalidInput, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)
"""What reading a damaged stream may raise, whichever library reads it."""

BY_ENCODING: dict[str, Callable[[], Decoder]] = {
    "": Plain,
    "identity": Plain,
    "gzip": Gzip,
    "zstd": Zstd,
}
"""What a Content-Encoding of HTTP asks for."""


def unpacked(source: BinaryIO, suffix: str) -> BinaryIO:
    """Return a file with the content of a compressed one; reading it may raise InvalidInput."""
    return io.BufferedReader(_Unpacked(source, BY_SUFFIX[suffix]()), PIECE)


class CountedFile(io.FileIO):
    """A file on the disk whose watcher hears how much of it was read."""

    def __init__(self, path: str, watcher: Watcher) -> None:
        super().__init__(path, "rb")
        self._watcher = watcher

    def readinto(self, buffer: Any, /) -> int | None:
        count = super().readinto(buffer)
        self._watcher.advance(count or 0)
        return count


class _Unpacked(io.RawIOBase):
    def __init__(self, source: BinaryIO, decoder: Decoder) -> None:
        self._source = source
        self._decoder = decoder
        self._pieces: Iterator[bytes] = iter(())
        self._left = memoryview(b"")
        self._taken = self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                packed = self._source.read(1 << 16)
                if not packed:
                    self._decoder.finish()
                    return 0
                self._taken += len(packed)
                self._pieces = self._decoder.decode(packed)
            else:
                self._given += len(piece)
                self._refuse_bombs()
                self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _refuse_bombs(self) -> None:
        if self._given > max(_SUSPICIOUS_BYTES, _SUSPICIOUS_RATIO * self._taken):
            raise InvalidInput(
                f"{self._taken:,} bytes unpack to more than {self._given:,}: this is taken for a "
                "bomb and left; unpack it by hand if it is meant"
            )
