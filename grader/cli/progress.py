"""A progress bar for what reads files: bytes, transcripts, rate and time left, on a terminal only.

Elsewhere it is silent but for notices, which say what was guessed. It counts bytes of the files as
they lie on the disk, so it knows the end of compressed files too.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli.output import console, note
from grader.formats import Watcher, count_bytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar(Watcher):
    """Hears how far reading has come; draws nothing by itself."""

    def advance(self, count: int) -> None:
        """So many more bytes were read."""

    def notice(self, text: str) -> None:
        note(text)

    def count(self, transcripts: int) -> None:
        """So many transcripts are done."""


class _Drawn(Bar):
    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)

    def count(self, transcripts: int) -> None:
        self._progress.update(self._task, transcripts=transcripts)


@contextmanager
def progress_bar(paths: Sequence[Path], doing: str) -> Iterator[Bar]:
    """Give a bar over all bytes below the paths; it is gone when the command ends."""
    if not sys.stderr.isatty():
        yield Bar()
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[transcripts]:,} transcripts"),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        total = sum(count_bytes(path) for path in paths)
        yield _Drawn(progress, progress.add_task(doing, total=total or None, transcripts=0))
