"""Agreement vote by vote between groups of raters who each rate some items, as in MT-Bench.

Where hundreds of people each see a few items, a table of units × raters is nearly empty and the
question is about groups: does a vote of one group agree with a vote of the other on the same item?
Every such pair of votes is a unit; pairs of one item share votes, so intervals resample clusters.
Zheng et al. 2023 (arXiv 2306.05685), section 4, report this; so does Chatbot Arena.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations, product
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from grader.agreement.columns import Column
from grader.agreement.ratings import MISSING, Ratings
from grader.agreement.report import build_report
from grader.agreement.statistic import Statistic
from grader.agreement.tables import open_table
from grader.errors import InvalidRatings

FIRST, SECOND, TIE = "first", "second", "tie"
_NO_ORDER = "votes of one group have no order, and Cohen's kappa depends on who stands first"
_FROZEN = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True)
class VoteColumns:
    """Which column of a table of votes is what."""

    item: Sequence[str]
    """Together they name what was voted on; with `pair`, both sides are part of it."""
    rater: str
    value: str
    pair: tuple[str, str] | None = None
    """The columns of the two sides, where a vote is for one of them. Their order is not meant:
    (A, B) and (B, A) are one item."""
    by: str | None = None
    """Split the votes by this column, and report each part."""
    cluster: str | None = None
    """What intervals resample; items, when not given."""


class VoteAgreement(BaseModel):
    """How two groups' votes agree, pair by pair of votes on the same item."""

    model_config = _FROZEN

    part: str | None
    """The part of the votes, where they are split."""
    groups: tuple[str, str]
    """The groups; twice the same for pairs of votes within one."""
    ties: Literal["kept", "dropped"]
    """Whether votes for a tie are compared as a third value, or left out."""
    n: int
    """Pairs of votes."""
    n_items: int
    """Items that have such a pair."""
    raw_agreement: Statistic
    """Share of the pairs that agree."""
    cohen_kappa: Statistic
    """Between groups only."""
    krippendorff_alpha: Statistic
    """Each pair of votes a unit."""


class Verdicts(BaseModel):
    """What a group's votes say in the file's own words."""

    model_config = _FROZEN

    group: str
    beside: str | None
    """Null for all of the group's votes; else those on items which this group voted on, too."""
    n: int
    """Votes."""
    shares: dict[str, float]
    """Share of each word."""


class VoteReport(BaseModel):
    model_config = _FROZEN

    n_votes: int
    """Votes of the groups."""
    n_left_out: int
    """Votes of raters that belong to no group."""
    clusters: str
    """What the intervals resample."""
    draws: int
    seed: int
    agreement: list[VoteAgreement]
    verdicts: list[Verdicts]


@dataclass(frozen=True)
class _Vote:
    value: str
    word: str
    cluster: str


_Votes = dict[str, dict[str, list[_Vote]]]
"""Votes by item, then by group."""


def measure_votes(
    path: Path,
    columns: VoteColumns,
    groups: Mapping[str, str],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> VoteReport:
    """Return the agreement between every two groups, and within each, ties kept and dropped.

    `groups` are patterns of raters' names, with commas between: {"people": "expert_*,author_*"}.

    Raises:
        InvalidRatings: a column is not there, or a vote is for neither side.
    """
    parts, n_votes, n_left_out = _load_votes(path, columns, groups)
    found = [
        _measure(part, pair, ties, votes, draws=draws, seed=seed)
        for part, votes in parts.items()
        for pair in (*combinations(groups, 2), *((name, name) for name in groups))
        for ties in _settings(parts)
    ]
    return VoteReport(
        n_votes=n_votes,
        n_left_out=n_left_out,
        clusters=columns.cluster or "items",
        draws=draws,
        seed=seed,
        agreement=found,
        verdicts=list(_verdicts(parts, list(groups))),
    )


def _load_votes(
    path: Path, columns: VoteColumns, groups: Mapping[str, str]
) -> tuple[dict[str | None, _Votes], int, int]:
    table = open_table(path)
    names = [*columns.item, columns.rater, columns.value, *(columns.pair or ())]
    names += [name for name in (columns.by, columns.cluster) if name is not None]
    for name in names:
        if name not in table.names:
            raise InvalidRatings(
                f"{path}: there is no column {name!r}; there are {', '.join(table.names)}"
            )
    read = table.read(sorted({table.names.index(name) for name in names}))
    cells = {name: _texts(read[table.names.index(name)]) for name in dict.fromkeys(names)}
    parts: dict[str | None, _Votes] = {}
    n_votes = n_left_out = 0
    for row in range(len(cells[columns.rater])):
        for name in names:
            if not cells[name][row]:
                raise InvalidRatings(f"{path}: row {row + 1}, column {name!r}: it is empty")
        rater = cells[columns.rater][row]
        group = next((name for name, globs in groups.items() if _is_of(rater, globs)), None)
        if group is None:
            n_left_out += 1
            continue
        n_votes += 1
        key = [cells[name][row] for name in columns.item]
        word = cells[columns.value][row]
        value = word
        if columns.pair is not None:
            sides = [cells[name][row] for name in columns.pair]
            key += sorted(sides)
            value = _side(word, columns.pair, sides)
            if not value:
                raise InvalidRatings(
                    f"{path}: row {row + 1}, column {columns.value!r}: {word!r} is none of "
                    f"{', '.join(columns.pair)}, {', '.join(sides)}, tie"
                )
        item = "\x1f".join(key)
        part = None if columns.by is None else cells[columns.by][row]
        cluster = item if columns.cluster is None else cells[columns.cluster][row]
        votes = parts.setdefault(part, {}).setdefault(item, defaultdict(list))
        votes[group].append(_Vote(value, word, cluster))
    if not n_votes:
        raise InvalidRatings(f"{path}: no rater belongs to {', '.join(groups.values())}")
    return parts, n_votes, n_left_out


def _is_of(rater: str, globs: str) -> bool:
    return any(fnmatchcase(rater, glob.strip()) for glob in globs.split(","))


def _texts(column: Column) -> list[str]:
    entries = [str(entry) for entry in column.entries]
    return ["" if code == MISSING else entries[code] for code in column.codes.tolist()]


def _side(word: str, pair: tuple[str, str], sides: Sequence[str]) -> str:
    """Return which of the sides, in the order of their names, a vote is for."""
    if word.lower().startswith(TIE):
        return TIE
    named = dict(zip(pair, sides, strict=True)).get(word, word)
    if named not in sides:
        return ""
    return FIRST if named == min(sides) else SECOND


def _settings(parts: Mapping[str | None, _Votes]) -> tuple[Literal["kept", "dropped"], ...]:
    has_ties = any(
        vote.value == TIE
        for votes in parts.values()
        for by_group in votes.values()
        for given in by_group.values()
        for vote in given
    )
    return ("kept", "dropped") if has_ties else ("kept",)


def _measure(
    part: str | None,
    groups: tuple[str, str],
    ties: Literal["kept", "dropped"],
    votes: _Votes,
    *,
    draws: int,
    seed: int,
) -> VoteAgreement:
    one, other = groups
    pairs: list[tuple[_Vote, _Vote]] = []
    n_items = 0
    for by_group in votes.values():
        kept = {
            name: [v for v in by_group.get(name, ()) if ties == "kept" or v.value != TIE]
            for name in {one, other}
        }
        some = (
            list(combinations(kept[one], 2))
            if one == other
            else list(product(kept[one], kept[other]))
        )
        n_items += bool(some)
        pairs += some
    if not pairs:
        why = (
            f"no item has two votes of {one}"
            if one == other
            else f"no item has votes of both {one} and {other}"
        )
        none = Statistic(value=None, n=0, reason=why)
        statistics = dict.fromkeys(("raw_agreement", "cohen_kappa", "krippendorff_alpha"), none)
    else:
        report = build_report(_ratings(pairs), draws=draws, seed=seed)
        statistics = {
            "raw_agreement": report.pairs[0].raw_agreement,
            "cohen_kappa": report.pairs[0].cohen_kappa,
            "krippendorff_alpha": report.overall["krippendorff_alpha"],
        }
        if one == other:
            statistics["cohen_kappa"] = Statistic(value=None, n=len(pairs), reason=_NO_ORDER)
    return VoteAgreement(
        part=part, groups=groups, ties=ties, n=len(pairs), n_items=n_items, **statistics
    )


def _ratings(pairs: Sequence[tuple[_Vote, _Vote]]) -> Ratings:
    levels = tuple(sorted({vote.value for pair in pairs for vote in pair}))
    codes = [[levels.index(vote.value) for vote in pair] for pair in pairs]
    clusters = np.unique([one.cluster for one, _ in pairs], return_inverse=True)[1]
    return Ratings(
        units=tuple(map(str, range(len(pairs)))),
        raters=("one", "other"),
        codes=np.array(codes, dtype=np.int64),
        levels=levels,
        scale="nominal",
        clusters=clusters.astype(np.int64),
    )


def _verdicts(parts: Mapping[str | None, _Votes], groups: Sequence[str]) -> Iterator[Verdicts]:
    for group in groups:
        for beside in (None, *(name for name in groups if name != group)):
            words: dict[str, int] = defaultdict(int)
            for votes in parts.values():
                for by_group in votes.values():
                    if beside is None or by_group.get(beside):
                        for vote in by_group.get(group, ()):
                            words[vote.word] += 1
            n = sum(words.values())
            shares = {word: count / n for word, count in sorted(words.items())}
            yield Verdicts(group=group, beside=beside, n=n, shares=shares)
