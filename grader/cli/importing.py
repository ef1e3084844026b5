"""`grader import`: bring transcripts into a service, or see what would come."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.output import (
    FAILURES_AMONG_ITEMS,
    note,
    print_json,
    print_table,
    shorten,
    show,
)
from grader.cli.reading import Format, Reading, check_format, ease_collector

if TYPE_CHECKING:
    from grader.formats import ImportPreview


def import_(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE|FOLDER", exists=True, help="A file or folder of transcripts."),
    ],
    *,
    format: Format = "auto",  # noqa: A002
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would come and what not; needs no server.")
    ] = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Bring transcripts into a service, or with --preview only see what is there.

    Reads JSON, JSONL and Parquet; gzip, zstd, bzip2 and xz; zip and tar; folders of all these.
    """
    if preview:
        rejected = _preview(path, format, as_json=as_json)
    else:
        from grader.cli.uploading import Upload, counts_of

        with open_client(url, key, data) as client:
            upload = Upload(client, Reading([path], format))
            upload.send_all()
        rejected = upload.rejections
        counts = counts_of(upload)
        if as_json:
            print_json(counts | {"errors": upload.rejected[:20]})
        else:
            print_table(("", ">"), counts.items())
    if rejected:
        raise typer.Exit(FAILURES_AMONG_ITEMS)


def _preview(path: Path, format: str, *, as_json: bool) -> int:  # noqa: A002
    check_format(format)
    from grader.cli.progress import progress_bar
    from grader.formats import preview_file

    ease_collector()
    with progress_bar([path], "reading") as bar:
        found = preview_file(path, format, watcher=bar)
    if as_json:
        print_json(found)
    else:
        _show(found)
    return found.rejected


def _show(found: "ImportPreview") -> None:
    counts = {
        "format": found.format,
        "transcripts": found.transcripts,
        "messages": found.messages,
        "tool_calls": found.tool_calls,
        "rejected": found.rejected,
    }
    print_table(("", ">"), counts.items())
    if len(found.formats) > 1:
        print_table(("format", ">transcripts"), found.formats.items())
    for notice in found.notices:
        note(notice)
    if found.rows:
        print_table(
            ("place", "format", ">messages", "first message", "metadata"),
            (
                (row.place, row.format, row.messages, row.first_message, _about(row.metadata))
                for row in found.rows
            ),
        )
    for cause in found.causes:
        more = cause.count - len(cause.places)
        places = ", ".join(cause.places) + (f" and {more:,} more" if more else "")
        note(f"rejected: {cause.cause}\n  {places}")


def _about(metadata: dict[str, Any]) -> str:
    """Return metadata on one line, small enough for a table."""
    return shorten(", ".join(f"{key}={show(value)}" for key, value in metadata.items()), 200)
