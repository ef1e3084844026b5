"""One call goes alone where others begin alike, so that a provider's cache serves the others."""

import pytest

from grader.judges.question import Question
from grader.store import Store
from tests.runs.draining import ScriptedJudge, drain_all, make_run, panel, progress, rubric

LONG = 6_000
SIX = [rubric(f"rubric_{n}") for n in range(6)]


def broken_waits(judge: ScriptedJudge) -> int:
    """Count the questions about a transcript that began after its first and before its end."""
    began: dict[str, Question] = {}
    ended: set[str] = set()
    broken = 0
    for what, question in judge.log:
        transcript = question.seen.transcript_hash
        if what == "end":
            ended.add(transcript)
        elif transcript in began:
            broken += transcript not in ended
        else:
            began[transcript] = question
    return broken


def test_rubrics_of_a_long_transcript_follow_the_first_when_it_is_answered(store: Store) -> None:
    shared = panel(modes=("shared_tool", "tools"))
    run_id = make_run(store, 40, panel=shared, rubrics=SIX, characters=LONG)
    judge = ScriptedJudge()
    drain_all(store, (run_id, judge))
    assert progress(store, run_id).counts.given == 240
    assert broken_waits(judge) == 0
    assert judge.most_in_flight == 16, "the pool is full all the same"


@pytest.mark.parametrize(
    ("characters", "modes"), [(100, ("shared_tool",)), (LONG, ("tools", "json_schema"))]
)
def test_nothing_waits_where_nothing_would_be_cached(
    store: Store, characters: int, modes: tuple[str, ...]
) -> None:
    run_id = make_run(store, 3, panel=panel(modes=modes), rubrics=SIX, characters=characters)
    judge = ScriptedJudge(seconds=0.1)
    drain_all(store, (run_id, judge))
    assert broken_waits(judge) > 0
    assert progress(store, run_id).counts.given == 18


def test_repeats_of_one_rubric_follow_the_first_in_any_mode(store: Store) -> None:
    run_id = make_run(store, 20, panel=panel(repeats=4), characters=LONG)
    judge = ScriptedJudge()
    drain_all(store, (run_id, judge))
    assert progress(store, run_id).counts.given == 80
    assert broken_waits(judge) == 0
