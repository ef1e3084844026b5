"""A sample of transcripts: how it is asked for, and what was drawn from which stratum."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from grader.domain.noun import Noun

Allocation = Literal["proportional", "equal"]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SampleDesign(Noun):
    """How many transcripts are drawn, and from which strata."""

    n: int = Field(ge=1, le=1_000_000)
    """How many; where there are fewer, all of them."""

    by: tuple[Key, ...] = Field(default=(), max_length=5)
    """Metadata keys whose values make the strata; without any, the draw is simple and random."""

    allocation: Allocation = "proportional"
    """How `n` is shared out among the strata. `proportional`: by their sizes, and one at least for
    each if `n` allows it. `equal`: the same number for each, as far as each has so many."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """The same seed draws the same transcripts of the same content, on any installation."""


class Stratum(Noun):
    values: dict[str, Any]
    """The value of each key of `by`; null where a transcript has none."""

    transcripts: int
    """How many transcripts are in it."""

    sampled: int
    """How many of them were drawn."""

    inclusion_probability: float
    """`sampled` by `transcripts`: what a rate over all transcripts has to weigh by."""


class Sample(SampleDesign):
    """What was drawn."""

    of: int
    """How many transcripts there were to draw from."""

    sampled: int
    """How many were drawn: `n`, or all where there were fewer."""

    strata: tuple[Stratum, ...]
    """Each stratum with what was drawn from it; one alone without `by`."""


def allocate(sizes: Mapping[str, int], n: int, allocation: Allocation) -> dict[str, int]:
    """Share `n` out among strata of these sizes, never more to one than it has.

    Remainders go to the largest first (the method of Hamilton), and what is equal is taken in the
    order of the strata's names, so that the same sizes give the same shares.
    """
    n = min(n, sum(sizes.values()))
    if allocation == "equal":
        return _share_equally(sizes, n)
    ones: set[str] = set()
    if n >= len(sizes):
        # Who would get less than one gets one, which leaves less for the others: again from there.
        while True:
            rest = {name: size for name, size in sizes.items() if name not in ones}
            left, total = n - len(ones), sum(rest.values())
            small = {name for name, size in rest.items() if size * left < total}
            if not small:
                break
            ones |= small
    rest = {name: size for name, size in sizes.items() if name not in ones}
    left, total = n - len(ones), max(sum(rest.values()), 1)
    shares = {name: size * left // total for name, size in rest.items()}
    by_remainder = sorted(rest, key=lambda name: (-(rest[name] * left % total), name))
    for name in by_remainder[: left - sum(shares.values())]:
        shares[name] += 1
    return {name: 1 if name in ones else shares[name] for name in sizes}


def _share_equally(sizes: Mapping[str, int], n: int) -> dict[str, int]:
    shares: dict[str, int] = {}
    for place, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        # The smallest first: what it cannot take is shared among the larger ones.
        shares[name] = min(sizes[name], (n - sum(shares.values())) // (len(sizes) - place))
    return {name: shares[name] for name in sizes}
