"""Read the ratings a command was given: options become choices, guesses are said on stderr.

How a file is read is in `grader.agreement.files`; here are only the words of the command line.
"""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from grader.cli.output import note

if TYPE_CHECKING:
    from grader.agreement.files import Form, Table
    from grader.agreement.values import Scale


def load_ratings(
    path: Path,
    *,
    scale: str | None = None,
    levels: str | None = None,
    form: str | None = None,
    **columns: str | None,
) -> "list[Table]":
    """Return the tables in a CSV or Parquet file, one a criterion.

    `columns` name unit, rater, value, cluster, weight and criterion where they are not guessed.

    Raises:
        InvalidRatings: with row and column.
    """
    from grader.agreement.files import Choice, load_tables

    words = None if levels is None else [word.strip() for word in levels.split(",")]
    choice = Choice(
        **columns,
        form=cast("Form | None", form),
        scale=cast("Scale | None", scale),
        levels=words,
    )
    return load_tables(path, choice, say=note)
