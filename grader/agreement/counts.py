"""Tables of counts: one row a unit, one column a level, each cell how many raters chose it.

Who chose is not known: a unit's ratings stand in the order of the levels, under no rater's name.
"""

from collections.abc import Callable, Sequence

import numpy as np

from grader.agreement.cells import chosen_levels, guessed
from grader.agreement.choice import Choice
from grader.agreement.columns import Column, IntArray, code_values
from grader.agreement.ratings import MISSING, Ratings
from grader.agreement.tables import are_numbers, read_numbers
from grader.errors import InvalidRatings


def look_like_counts(answers: Sequence[Column]) -> bool:
    """Tell whether rows are whole numbers of one and the same sum, more than one of them big.

    Ratings hardly ever add up to the same in three rows and more.
    """
    if len(answers) < 2 or len(answers[0].codes) < 3:
        return False
    counts = []
    for answer in answers:
        if (answer.codes == MISSING).any() or len(answer.entries) > 1000:
            return False
        entries = [str(entry) for entry in answer.entries]
        if not all(entry.isdecimal() for entry in entries):
            return False
        counts.append(np.array([int(entry) for entry in entries])[answer.codes])
    table = np.array(counts)
    sums = table.sum(axis=0)
    n_big = int((table > 1).sum())
    return bool((sums == sums[0]).all() and n_big > 1 and (table == 0).any())


def ratings_from_counts(
    units: Column,
    answers: Sequence[Column],
    numbers: IntArray,
    *,
    choice: Choice,
    criterion: str | None,
    say: Callable[[str], None],
) -> Ratings:
    """Build the table of anonymous ratings that the counts of `answers`, one a level, stand for."""
    names = [answer.name for answer in answers]
    counts = np.zeros((len(numbers), len(answers)), dtype=np.int64)
    for level, answer in enumerate(answers):
        for entry, first in zip(answer.entries, answer.first_rows(), strict=True):
            text = str(entry)
            if first < len(numbers) and not text.isdecimal():
                raise InvalidRatings(
                    f"row {numbers[first]}, column {answer.name!r}: {text!r} is not a count; "
                    "a table of counts has whole numbers from 0"
                )
        worth = np.array([int(str(e)) if str(e).isdecimal() else 0 for e in answer.entries] + [0])
        counts[:, level] = worth[answer.codes]
    scale = choice.scale
    if scale is None:
        scale = "nominal"
        say(guessed(scale, criterion))
    elif scale == "boolean":
        raise InvalidRatings("a table of counts has levels by name; choose --scale nominal")
    texts = Column(np.arange(len(names)), names, "the first line")
    values = texts
    if scale != "nominal" and are_numbers(names).all():
        values = Column(texts.codes, read_numbers(names), texts.name)
    given = chosen_levels(choice, scale, values)
    if given is None and scale == "ordinal" and values is texts:
        given = names
    codes, levels = code_values(values, scale=scale, levels=given, place=lambda at: (0, names[at]))
    most = int(counts.sum(axis=1).max())
    if most < 1:
        raise InvalidRatings("the table counts no rating at all")
    table = np.full((len(numbers), most), MISSING, dtype=np.int64)
    # Where Σ counts of a row end, the next row's ratings begin.
    n_given = counts.sum(axis=1)
    starts = np.repeat(np.cumsum(n_given) - n_given, n_given)
    rows = np.repeat(np.arange(len(numbers)), n_given)
    table[rows, np.arange(len(rows)) - starts] = np.repeat(
        np.tile(codes, len(numbers)), counts.ravel()
    )
    return Ratings(
        units=tuple(units.entries[code] for code in units.codes),
        raters=tuple(f"rating {number}" for number in range(1, most + 1)),
        codes=table,
        levels=levels,
        scale=scale,
        are_anonymous=True,
    )
