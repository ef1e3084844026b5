"""Drawing a gold set, and what its raters' values come to."""

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from grader.domain.gold import Candidate, GoldDesign, decide_gold, disagreement, draw_gold
from grader.domain.rubric import Value
from grader.errors import InvalidSelection

T, F = True, False


def candidates(*groups: tuple[int, tuple[Value | None, ...]]) -> list[Candidate]:
    made: list[Candidate] = []
    for times, votes in groups:
        for _ in range(times):
            number = len(made)
            made.append(Candidate(f"trn_{number}", f"hash {number}", "metadata", votes))
    return made


MANY = candidates((880, (F, F, F)), (60, (T, F, F)), (40, (T, T, F)), (20, (T, T, T)))


def design(**fields: Any) -> GoldDesign:
    return GoldDesign.model_validate({"n": 100, "held_out": 0, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "random"},
        {"method": "stratified", "allocation": "equal"},
        {"method": "stratified", "allocation": "optimal", "by": "pattern"},
        {"method": "disagreement_first"},
    ],
)
def test_weights_add_up_to_the_population(fields: dict[str, Any]) -> None:
    drawn = draw_gold(MANY, design(**fields))
    assert len(drawn.items) == len({item.transcript_id for item in drawn.items}) == 100
    assert sum(1 / i.inclusion_probability for i in drawn.items) == pytest.approx(len(MANY))
    assert all(0 < item.inclusion_probability <= 1 for item in drawn.items)
    counts = Counter(item.stratum for item in drawn.items)
    assert {s.name: s.sampled for s in drawn.strata} == counts


def test_equal_allocation_gives_each_stratum_the_same_until_it_is_used_up() -> None:
    drawn = draw_gold(MANY, design(method="stratified", allocation="equal"))
    assert {stratum.name: stratum.sampled for stratum in drawn.strata} == {
        "0 of 3 true": 27,
        "1 of 3 true": 27,
        "2 of 3 true": 26,
        "3 of 3 true": 20,
    }


def test_optimal_allocation_takes_more_of_what_is_large_and_of_what_is_unsure() -> None:
    shares = {
        stratum.name: stratum.inclusion_probability
        for stratum in draw_gold(MANY, design(method="stratified")).strata
    }
    assert shares["1 of 3 true"] > shares["0 of 3 true"]
    assert shares["2 of 3 true"] > shares["3 of 3 true"]


def test_disagreements_come_first_and_agreements_stay_possible() -> None:
    drawn = draw_gold(MANY, design(method="disagreement_first", floor=0.05))
    unsure, sure = sorted(drawn.strata, key=lambda stratum: stratum.transcripts)
    assert unsure.transcripts == 100
    # By weight .05 · 900 against (.05 + .95 · ⅔) · 100.
    assert sure.sampled == pytest.approx(100 * 45 / (45 + 68.3), abs=1)
    assert sure.inclusion_probability > 0


def test_the_same_seed_draws_the_same_whatever_the_order_and_the_ids() -> None:
    asked = design(method="stratified", held_out=0.3, seed=5)
    first = draw_gold(MANY, asked)
    assert draw_gold(MANY[::-1], asked) == first
    renamed = [each._replace(transcript_id=f"new {each.transcript_id}") for each in MANY]
    again = draw_gold(renamed, asked)
    assert [i.transcript_hash for i in again.items] == [i.transcript_hash for i in first.items]
    other = draw_gold(MANY, asked.model_copy(update={"seed": 6}))
    assert other.items != first.items


def test_each_stratum_is_split_as_asked_and_neither_part_is_empty() -> None:
    drawn = draw_gold(MANY, design(method="stratified", allocation="equal", held_out=0.3))
    held = Counter(item.stratum for item in drawn.items if item.split == "held_out")
    assert sum(held.values()) == 30
    for stratum in drawn.strata:
        assert held[stratum.name] == stratum.held_out
        assert stratum.held_out == pytest.approx(0.3 * stratum.sampled, abs=1)
    small = draw_gold(candidates((2, (T,)), (2, (F,))), design(n=4, method="stratified"))
    assert [stratum.held_out for stratum in small.strata] == [0, 0]
    halved = draw_gold(
        candidates((2, (T,)), (2, (F,))), design(n=4, method="stratified", held_out=0.1)
    )
    assert [stratum.held_out for stratum in halved.strata] == [1, 1]


def test_asking_for_more_than_there_is_takes_all() -> None:
    drawn = draw_gold(candidates((3, (T,)), (4, (F,))), design())
    assert len(drawn.items) == 7
    assert {item.inclusion_probability for item in drawn.items} == {1.0}


def test_more_strata_than_items_and_nothing_at_all_are_refused() -> None:
    with pytest.raises(InvalidSelection, match="4 strata, more than the 3 items"):
        draw_gold(MANY, design(n=3, method="stratified"))
    with pytest.raises(InvalidSelection, match="nothing to draw from"):
        draw_gold([], design())


@pytest.mark.parametrize(
    "fields",
    [{"allocation": "equal"}, {"by": "pattern"}, {"floor": 0.2}, {"held_out": 1}, {"n": 0}],
)
def test_a_design_that_says_what_does_not_count_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        design(**fields)


@pytest.mark.parametrize(
    ("votes", "share"),
    [
        ((T, T, F), 2 / 3),
        ((T, T), 0),
        ((T, None), 0),
        ((), 0),
        (("a", "b", "c"), 1),
        ((True, 1), 1),
    ],
)
def test_disagreement_is_the_share_of_pairs_that_differ(
    votes: tuple[Value | None, ...], share: float
) -> None:
    assert disagreement(votes) == pytest.approx(share)


@pytest.mark.parametrize(
    ("values", "adjudicated", "rule", "expected"),
    [
        ([T, T, F], None, "majority", ("agreed", True)),
        ([T, T, F], None, "unanimous", ("open", None)),
        ([T, F], None, "majority", ("open", None)),
        ([T], None, "majority", ("open", None)),
        ([T, T], None, "unanimous", ("agreed", True)),
        ([T, T], False, "majority", ("adjudicated", False)),
        ([], False, "majority", ("adjudicated", False)),
        ([], None, "majority", ("open", None)),
    ],
)
def test_gold_is_adjudicated_or_agreed_or_open(
    values: list[Value], adjudicated: Value | None, rule: Any, expected: tuple[str, Value | None]
) -> None:
    found = decide_gold(values, adjudicated, rule=rule, wanted=2)
    assert (found.status, found.value) == expected
    assert (found.reason is not None) == (found.status == "open")
