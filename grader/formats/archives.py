"""The files in a zip or tar archive, one after another, each as a stream.

Nothing is unpacked to the disk and nothing but one member's buffer is held. Archives in archives
are not opened. What is damaged, encrypted or not a file is a Rejection with the member's place.
"""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from grader.formats.finding import Rejection, inside
from grader.formats.unpacking import BY_SUFFIX, DAMAGE, unpacked

_SHORT_TARS = {".tgz": ".gz", ".tbz2": ".bz2", ".tbz": ".bz2", ".txz": ".xz", ".tzst": ".zst"}
_MAX_HEADER_BYTES = 1 << 20
_ENCRYPTED = 0x1

_UNREADABLE = (*DAMAGE, NotImplementedError, OSError, ValueError, RuntimeError)
"""What opening an archive may raise besides: of a kind or version that the library lacks."""


class Member(NamedTuple):
    name: str
    stream: BinaryIO


def is_archive(name: str) -> bool:
    """Tell whether a file of this name holds files."""
    return name.lower().endswith(".zip") or _tar_compression(name) is not None


def iter_members(file: BinaryIO, path: Path) -> Iterator[Member | Rejection]:
    """Yield the files in an archive; a member's stream is good until the next one is asked for."""
    try:
        if path.name.lower().endswith(".zip"):
            yield from _in_zip(file, path)
        else:
            compression = _tar_compression(path.name)
            yield from _in_tar(unpacked(file, compression) if compression else file, path)
    except _UNREADABLE as error:
        yield Rejection(f"the archive cannot be read: {error or type(error).__name__}", path)


def _in_zip(file: BinaryIO, path: Path) -> Iterator[Member | Rejection]:
    with zipfile.ZipFile(file) as archive:
        for found in archive.infolist():
            if found.is_dir() or _is_hidden(found.filename):
                continue
            if found.flag_bits & _ENCRYPTED:
                cause = "this is encrypted; unpack the archive with its password first"
                yield Rejection(cause, inside(path, found.filename))
                continue
            try:
                stream: Any = archive.open(found)
            except _UNREADABLE as error:
                yield Rejection(f"cannot be unpacked: {error}", inside(path, found.filename))
                continue
            with stream:
                yield Member(found.filename, io.BufferedReader(stream, 1 << 18))


class _BoundedInfo(tarfile.TarInfo):
    """A header whose long names are no longer than names are."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isreg() and self.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header has {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def _in_tar(file: BinaryIO, path: Path) -> Iterator[Member | Rejection]:
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_BoundedInfo) as archive:
        for found in archive:
            # The library remembers every member, for seeking; a stream has no use for it.
            archive.members = []  # type: ignore[attr-defined]
            if found.isdir() or _is_hidden(found.name):
                continue
            stream: Any = archive.extractfile(found) if found.isreg() else None
            if stream is None:
                cause = "a link, a pipe or a device in an archive is not followed"
                yield Rejection(cause, inside(path, found.name))
            else:
                with stream:
                    yield Member(found.name, io.BufferedReader(stream, 1 << 18))


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") and part not in (".", "..") for part in parts) or (
        parts[:1] == ("__MACOSX",)
    )


def _tar_compression(name: str) -> str | None:
    """Return the suffix of a tar's compression, "" for a plain one, None for no tar."""
    stem, dot, suffix = name.lower().rpartition(".")
    suffix = dot + suffix
    if suffix == ".tar":
        return ""
    if suffix in BY_SUFFIX and stem.endswith(".tar"):
        return suffix
    return _SHORT_TARS.get(suffix)
