"""A gold set: which transcripts people are asked about, and what their answers come to.

Transcripts are drawn on purpose (more where judges differ), so each keeps the probability with
which it was drawn. Every draw is a simple random one within strata, also the one that puts
disagreements first: so the probabilities are exact. Here are the nouns and the plan; what is drawn
from is read by `grader/store/gold.py`.
"""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from grader.domain.noun import Noun
from grader.domain.rubric import Value
from grader.errors import InvalidSelection

GoldMethod = Literal["random", "stratified", "disagreement_first"]
GoldRule = Literal["unanimous", "majority"]
GoldStatus = Literal["adjudicated", "agreed", "open"]
Split = Literal["development", "held_out"]
MAX_STRATA = 1_000
_METHOD_OF = {"by": "stratified", "allocation": "stratified", "floor": "disagreement_first"}
_LEAST = 2
"""Items of a stratum, if it has so many: from one, no spread can be told."""


class GoldDesign(Noun):
    """How the items of a gold set are drawn from the labels of a run."""

    method: GoldMethod = "random"
    """`random`; `stratified` by the judges' votes; or `disagreement_first`, more of those on which
    judges differ."""

    n: int = Field(ge=1, le=100_000)
    """How many items; where there are fewer labels, all of them."""

    by: Literal["positive_votes", "pattern"] = "positive_votes"
    """What makes the strata: how many judges said true (on other scales: how many said what), or
    who said what."""

    allocation: Literal["equal", "optimal"] = "optimal"
    """How `n` is shared out among strata: the same to each, or by size times the spread to be
    expected from the votes (Neyman 1934)."""

    floor: float = Field(default=0.05, gt=0, le=1)
    """With `disagreement_first`: what a transcript weighs on which all agree, where one on which
    every two judges differ weighs 1."""

    held_out: float = Field(default=0.5, ge=0, lt=1)
    """The share of the items that is kept for the end; rubrics are developed on the others."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """The same seed draws the same items from the same labels of the same content."""

    @model_validator(mode="after")
    def _say_only_what_counts(self) -> Self:
        for name, method in _METHOD_OF.items():
            default = type(self).model_fields[name].default
            if self.method != method and getattr(self, name) != default:
                raise ValueError(f"`{name}` belongs to the method `{method}`")
        return self


class GoldStratum(Noun):
    name: str
    """What its transcripts have in common."""
    transcripts: int
    """How many transcripts are in it."""
    sampled: int
    """How many of them are items."""
    held_out: int
    """How many of these are held out."""
    inclusion_probability: float
    """`sampled` by `transcripts`: estimates weigh by one over it."""


class Candidate(NamedTuple):
    """A transcript with a label, from which items are drawn."""

    transcript_id: str
    transcript_hash: str
    metadata_hash: str
    votes: tuple[Value | None, ...]
    """What each judge of the panel said first, in the panel's order; None for no value."""


class DrawnItem(NamedTuple):
    transcript_id: str
    transcript_hash: str
    stratum: str
    inclusion_probability: float
    split: Split


class DrawnGold(NamedTuple):
    items: tuple[DrawnItem, ...]
    """In the order in which they are to be rated: the first ones are of all strata."""
    strata: tuple[GoldStratum, ...]
    population: int


class GoldValue(NamedTuple):
    status: GoldStatus
    value: Value | None
    reason: str | None
    """Why it is open."""


def draw_gold(candidates: Iterable[Candidate], design: GoldDesign) -> DrawnGold:
    """Draw the items of a gold set.

    Raises:
        InvalidSelection: there is nothing to draw from, or there are more strata than items.
    """
    members: dict[str, list[tuple[int, Candidate]]] = {}
    scores: defaultdict[str, float] = defaultdict(float)
    for candidate in candidates:
        name, score = _stratum(candidate.votes, design)
        members.setdefault(name, []).append((_number(design.seed, "draw", candidate), candidate))
        scores[name] += score
        if len(members) > MAX_STRATA:
            raise InvalidSelection(
                f"the votes make more than {MAX_STRATA:,} strata; use `by: positive_votes`"
            )
    if not members:
        raise InvalidSelection("the run has no label of this criterion yet: nothing to draw from")
    sizes = {name: len(members[name]) for name in sorted(members)}
    is_equal = design.method == "stratified" and design.allocation == "equal"
    wanted = _allocate(sizes, dict.fromkeys(sizes, 1.0) if is_equal else scores, design.n)
    held_out = _hold_out(wanted, design.held_out)
    items: list[tuple[int, DrawnItem]] = []
    for name, n in wanted.items():
        drawn = [candidate for _, candidate in heapq.nsmallest(n, members[name])]
        drawn.sort(key=lambda candidate: _number(design.seed, "split", candidate))
        for place, candidate in enumerate(drawn):
            split: Split = "held_out" if place < held_out[name] else "development"
            order = _number(design.seed, "order", candidate)
            item = DrawnItem(
                candidate.transcript_id, candidate.transcript_hash, name, n / sizes[name], split
            )
            items.append((order, item))
    items.sort()
    strata = tuple(
        GoldStratum(
            name=name,
            transcripts=sizes[name],
            sampled=wanted[name],
            held_out=held_out[name],
            inclusion_probability=wanted[name] / sizes[name],
        )
        for name in sizes
    )
    return DrawnGold(tuple(item for _, item in items), strata, sum(sizes.values()))


def decide_gold(
    values: Sequence[Value], adjudicated: Value | None, *, rule: GoldRule, wanted: int
) -> GoldValue:
    """Return an item's gold value: the adjudicated one, else what its raters agree on.

    With `majority` more than half of the raters must give it; `wanted` raters at least must have
    rated.
    """
    if adjudicated is not None:
        return GoldValue("adjudicated", adjudicated, None)
    if len(values) < wanted:
        return GoldValue("open", None, f"{len(values)} of {wanted} ratings")
    # true and 1 are different values, 5 and 5.0 are the same.
    counts = Counter((isinstance(value, bool), value) for value in values)
    (_, value), most = counts.most_common(1)[0]
    enough = most == len(values) if rule == "unanimous" else 2 * most > len(values)
    if enough:
        return GoldValue("agreed", value, None)
    return GoldValue("open", None, f"the raters differ; {rule} is wanted, or an adjudication")


def disagreement(votes: Sequence[Value | None]) -> float:
    """Return the share of pairs of votes that differ; 0 where there are fewer than two."""
    given = [(isinstance(vote, bool), vote) for vote in votes if vote is not None]
    pairs = list(combinations(given, 2))
    return sum(a != b for a, b in pairs) / len(pairs) if pairs else 0.0


def _stratum(votes: Sequence[Value | None], design: GoldDesign) -> tuple[str, float]:
    """Return the name of a transcript's stratum, and what it adds to the stratum's claim on n."""
    if design.method == "random":
        return "all", 1.0
    if design.method == "disagreement_first":
        share = disagreement(votes)
        return f"disagreement {share:.2f}", design.floor + (1 - design.floor) * share
    if design.by == "pattern":
        name = " ".join(_word(vote) for vote in votes)
    elif all(isinstance(vote, bool) for vote in votes if vote is not None):
        given = [vote for vote in votes if vote is not None]
        name = f"{sum(map(bool, given))} of {len(given)} true"
    else:
        counted = Counter(_word(vote) for vote in votes)
        name = ", ".join(f"{n} × {word}" for word, n in sorted(counted.items()))
    return name, _spread(votes)


def _spread(votes: Sequence[Value | None]) -> float:
    """Return the standard deviation to expect of gold: of the commonest vote's share, shrunk."""
    counts = Counter((isinstance(vote, bool), vote) for vote in votes if vote is not None)
    most = max(counts.values(), default=0)
    share = (most + 0.5) / (counts.total() + 1)
    return float((share * (1 - share)) ** 0.5)


def _allocate(sizes: Mapping[str, int], scores: Mapping[str, float], n: int) -> dict[str, int]:
    """Share out n items: a few to each stratum, the rest by highest quotient (d'Hondt).

    Scores are what the strata's numbers of items go by.
    """
    if n < len(sizes):
        raise InvalidSelection(
            f"the votes make {len(sizes)} strata, more than the {n} items asked for; ask for more "
            "items, or for fewer strata with `by: positive_votes`"
        )
    least = _LEAST if n >= sum(min(_LEAST, size) for size in sizes.values()) else 1
    wanted = {name: min(least, size) for name, size in sizes.items()}
    heap = [(-scores[name] / (wanted[name] + 1), name) for name in sizes]
    heapq.heapify(heap)
    for _ in range(min(n, sum(sizes.values())) - sum(wanted.values())):
        while True:
            _, name = heapq.heappop(heap)
            if wanted[name] < sizes[name]:
                break
        wanted[name] += 1
        heapq.heappush(heap, (-scores[name] / (wanted[name] + 1), name))
    return wanted


def _hold_out(wanted: Mapping[str, int], share: float) -> dict[str, int]:
    """Return how many items of each stratum are held out; what rounding leaves goes to the next."""
    held: dict[str, int] = {}
    due = 0.0
    for name, n in wanted.items():
        due += share * n
        least = 1 if n >= _LEAST and share > 0 else 0
        most = n - 1 if n >= _LEAST else n
        held[name] = min(max(round(due), least), most) if share > 0 else 0
        due -= held[name]
    return held


def _number(seed: int, purpose: str, candidate: Candidate) -> int:
    """Return a number made of the seed and the content alone: neither ids nor order play a part."""
    told = f"gold {purpose} {seed} {candidate.transcript_hash} {candidate.metadata_hash}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:16], "big")


def _word(vote: Value | None) -> str:
    if vote is None:
        return "–"
    return str(vote).lower() if isinstance(vote, bool) else str(vote)
