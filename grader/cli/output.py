"""What the command line prints: JSON and tables on stdout, everything else on stderr.

Texts of transcripts and models pass through `plain`: they are other people's data and may hold
sequences that steer a terminal, or what rich would take for markup.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 150
"""Columns of a table that goes into a file or a pipe."""

FAILURES_AMONG_ITEMS = 3
"""The exit code of a command that was done, but not for every item."""


def note(message: str) -> None:
    """Say something to the person, on stderr."""
    print(plain(message), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print a value as JSON; nouns become what REST shows."""
    import orjson
    from pydantic import BaseModel

    def dump(noun: Any) -> Any:
        if isinstance(noun, BaseModel):
            return noun.model_dump(mode="json")
        raise TypeError(f"{type(noun).__name__} is no JSON")

    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, default=dump, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Print text as it is, but for what would steer a terminal."""
    print(plain(text), flush=True)


def console(*, stderr: bool = False) -> "Console":
    """Return where rich draws: as wide as the terminal, or wide where there is none."""
    from rich.console import Console

    file = sys.stderr if stderr else sys.stdout
    width = None if file.isatty() else WIDE
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def build_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> "Table":
    """Return a table of texts.

    A column whose name begins with `>` is aligned right; one with `=` is never folded, as an id
    that is to be copied.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    has_names = any(column.strip("=>") for column in columns)
    table = Table(
        box=box.SIMPLE_HEAD if has_names else None,
        show_header=has_names,
        pad_edge=False,
        padding=(0, 1),
    )
    for column in columns:
        table.add_column(
            Text(column.lstrip(">=")),
            justify="right" if column.startswith(">") else "left",
            overflow="fold",
            no_wrap=column.lstrip(">").startswith("="),
        )
    for row in rows:
        table.add_row(*(Text(plain(show(cell))) for cell in row))
    return table


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    console().print(build_table(columns, rows))


def show(value: object) -> str:
    """Return a value as it stands in a table: nothing for None, JSON's words for booleans."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def plain(text: str) -> str:
    """Return text with control characters made visible, all but line breaks and tabs."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter in "\n\t" or letter.isprintable() or (letter.isspace() and ord(letter) > 0x9F)
        else letter.encode("unicode_escape", "backslashreplace").decode()
        for letter in text
    )


def shorten(text: str, length: int = 80) -> str:
    """Return text on one line, cut to a length."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
