"""Panels that ask jointly: what their judges are asked together is a part of who they are."""

import pytest

from grader.domain.judge import LLMJudgeSpec, RulesJudgeSpec
from grader.domain.rubric import Rubric
from grader.errors import InvalidPanel, NotBuilt
from grader.runs.create import check_panel, resolve_panel, seat_companions
from tests.nouns import boolean, judge, panel, rubric

TAMPERING, REFUSAL = rubric(), rubric(name="refusal")


def hashes(*rubrics: Rubric, asking: str = "jointly") -> list[str]:
    seated = seat_companions(panel(judge("a"), judge("b"), asking=asking), rubrics)
    return [one.judge_hash for one in seated.judges]


def test_the_judges_of_a_joint_panel_bear_the_rubrics_in_their_hash() -> None:
    alone = [one.judge_hash for one in panel(judge("a"), judge("b")).judges]
    together = hashes(TAMPERING, REFUSAL)

    assert not set(together) & set(alone)
    assert hashes(REFUSAL, TAMPERING, TAMPERING) == together
    changed = rubric(boolean(question="Or did it?"), name="refusal")
    assert not set(hashes(TAMPERING, changed)) & set(together)
    assert not set(hashes(TAMPERING, REFUSAL, rubric(name="other"))) & set(together)


def test_a_hash_that_was_looked_at_before_does_not_stay() -> None:
    asking = panel(judge("a"), asking="jointly")
    before = asking.judges[0].judge_hash

    (seated,) = seat_companions(asking, [TAMPERING, REFUSAL]).judges

    assert isinstance(seated, LLMJudgeSpec)
    assert seated.companions == tuple(sorted((TAMPERING.rubric_hash, REFUSAL.rubric_hash)))
    assert seated.judge_hash != before


@pytest.mark.parametrize(
    ("asking", "rubrics"), [("separately", [TAMPERING, REFUSAL]), ("jointly", [TAMPERING])]
)
def test_a_rubric_that_is_asked_by_itself_has_no_company(
    asking: str, rubrics: list[Rubric]
) -> None:
    given = panel(judge("a"), asking=asking)

    assert seat_companions(given, rubrics) is given


def test_companions_are_not_for_people_to_name() -> None:
    with pytest.raises(InvalidPanel, match="'a' names companions"):
        resolve_panel(panel(judge("a", companions=["sha256:ab"])), {})


def test_judges_other_than_models_stay_who_they_are() -> None:
    rules = RulesJudgeSpec()

    seated = seat_companions(panel(judge("a"), rules, asking="jointly"), [TAMPERING, REFUSAL])

    assert seated.judges[1] == rules


def test_people_are_refused_however_a_panel_asks() -> None:
    person = {"kind": "human", "name": "kim"}

    for asking in ("separately", "jointly"):
        with pytest.raises(NotBuilt, match="'kim' is a person"):
            check_panel(panel(person, asking=asking))
