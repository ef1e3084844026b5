"""`grader export`, `grader runs export` and `grader runs manifest`: a run as files."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Literal

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, Data, Key, Url, open_client
from grader.cli.output import console, note, print_json

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
Format = Annotated[
    Literal["jsonl", "csv", "parquet"] | None,
    typer.Option(
        "--format",
        show_default=False,
        help="By the output's ending where it is not given, and jsonl otherwise.",
    ),
]
What = Annotated[Literal["labels", "judgments", "failures"], typer.Option("--what")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        show_default=False,
        help="The file; it appears when it is whole. Without one, stdout.",
    ),
]
_ENDINGS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


def export(
    *,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="The run's id.")],
    output_format: Format = None,
    what: What = "labels",
    output: Output = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a run's labels, judgments or failures as JSONL, CSV or Parquet."""
    export_run(
        run, output_format=output_format, what=what, output=output, url=url, key=key, data=data
    )


def export_run(
    run_id: RunId,
    *,
    output_format: Format = None,
    what: What = "labels",
    output: Output = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a run's labels, judgments or failures as JSONL, CSV or Parquet."""
    chosen = output_format or _ENDINGS.get(output.suffix.lower() if output else "", "jsonl")
    if output is None and chosen == "parquet" and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is no text; name a file", param_hint="--output")
    with open_client(url, key, data) as client:
        pieces = client.export_run(run_id, format=chosen, what=what)
        # Before any file is made, and where stdout is closed early nothing more is asked for.
        first = next(pieces, b"")
        if output is None:
            _write_out(first, pieces)
        else:
            with _replacing(output) as file:
                size = _write(first, pieces, file)
            note(f"{output}: {size:,} bytes")


def show_manifest(
    run_id: RunId,
    *,
    transcripts: Annotated[
        bool, typer.Option("--transcripts", help="List every transcript with its hash.")
    ] = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print, as JSON, everything that is needed to redo a run and to compare the redo."""
    with open_client(url, key, data) as client:
        print_json(client.get_manifest(run_id, transcripts=transcripts))


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of `path` at the end, or leaves no trace of itself."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write(first: bytes, pieces: Iterator[bytes], file: IO[bytes]) -> int:
    """Write everything, with progress on a terminal; return how many bytes."""
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    show = console(stderr=True)
    size = 0
    with Progress(*columns, console=show, transient=True, disable=not show.is_terminal) as progress:
        bar = progress.add_task("exporting", total=None)
        for piece in chain((first,), pieces):
            size += file.write(piece)
            progress.update(bar, completed=size)
    return size


def _write_out(first: bytes, pieces: Iterator[bytes]) -> None:
    sys.stdout.flush()
    try:
        for piece in chain((first,), pieces):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does; nothing may be flushed into the pipe later.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
