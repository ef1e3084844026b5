"""One transcript through one panel: who is asked, who is kept out, and what a label rests on."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from grader.domain.judge import JudgeSpec, RulesJudgeSpec
from grader.domain.judgment import Evidence, Judgment, JudgmentKey
from grader.domain.label import Label
from grader.domain.panel import Panel
from grader.domain.rubric import Criterion, Rubric, Value
from grader.errors import InvalidPanel, JudgeUnavailable, NotBuilt
from grader.grading import count_votes, derive_labels, grade, plan_questions
from grader.judges.question import Question
from grader.runs.create import seat_companions
from grader.views import SHIPPED, SeenTranscript
from tests.nouns import (
    PLAIN,
    boolean,
    interval,
    judge,
    judgment,
    nominal,
    ordinal,
    panel,
    quote,
    rubric,
    seen,
    transcript,
)

A, B, C = judge("a"), judge("b"), judge("c")
LOST = quote("words nobody said", found=False)

Given = tuple[JudgeSpec, Value | None, Sequence[Evidence]]


def derive(
    panel_: Panel,
    *given: Given,
    criterion: Criterion | None = None,
    looked_at: SeenTranscript | None = None,
) -> Label:
    """The label of one criterion where these judges gave these values; no value is a failure."""
    looked_at = looked_at or seen()
    asked = rubric(criterion or boolean(not_applicable=True))
    judgments: dict[JudgmentKey, Judgment] = {}
    for spec, value, evidence in given:
        repeat = sum(1 for key in judgments if key.judge_hash == spec.judge_hash)
        question = Question(looked_at, asked, spec, repeat)
        status = "given" if value is not None else "failed"
        judgments[question.key] = judgment(
            question,
            value,
            status=status,
            reason=None if value is not None else "timeout",
            evidence=evidence,
        )
    return derive_labels(looked_at, asked, panel_, judgments)[0]


# --- who is asked


def test_every_judge_is_asked_every_rubric_with_rubrics_next_to_one_another() -> None:
    rubrics = [rubric(), rubric(name="refusal")]
    rules = RulesJudgeSpec()

    questions = plan_questions(seen(), rubrics, panel(A, rules, B, repeats=2))

    assert [(q.judge.name, q.repeat, q.rubric.name) for q in questions] == [
        ("a", 0, "shutdown_tampering"),
        ("a", 0, "refusal"),
        ("a", 1, "shutdown_tampering"),
        ("a", 1, "refusal"),
        ("rules", 0, "shutdown_tampering"),
        ("rules", 0, "refusal"),
        ("b", 0, "shutdown_tampering"),
        ("b", 0, "refusal"),
        ("b", 1, "shutdown_tampering"),
        ("b", 1, "refusal"),
    ]
    assert len({question.key for question in questions}) == len(questions)
    assert count_votes(panel(A, rules, B, repeats=2)) == 5


def test_an_excluded_judge_is_asked_nothing_and_its_vote_is_shown() -> None:
    looked_at = seen(transcript(agent_model=A.model))
    panel_ = panel(A, B, quorum=1)

    assert {q.judge.name for q in plan_questions(looked_at, [rubric()], panel_)} == {"b"}
    label = derive(panel_, (B, False, ()), looked_at=looked_at)

    assert [(v.judge, v.status, v.value, v.judgment_id) for v in label.votes] == [
        ("a", "excluded", None, None),
        ("b", "given", False, "jdg_b_0"),
    ]
    assert (label.status, label.value) == ("decided", False)


def test_a_stored_judgment_of_an_excluded_judge_does_not_count() -> None:
    """The same messages under another agent share judgments, but not the judges' seats."""
    looked_at = seen(transcript(agent_model=A.model))

    label = derive(panel(A, B), (A, True, [quote()]), (B, False, ()), looked_at=looked_at)

    assert (label.value, label.votes[0].status, label.evidence) == (False, "excluded", ())


# --- what a label rests on


def test_a_flagged_judges_vote_counts_and_the_label_says_so() -> None:
    relative = judge("relative", model="gpt-5-mini")
    looked_at = seen(transcript(agent_model="gpt-5.2"))
    panel_ = panel(relative, B)

    both = derive(panel_, (relative, False, ()), (B, False, ()), looked_at=looked_at)
    failed = derive(panel_, (relative, None, ()), (B, False, ()), looked_at=looked_at)

    assert (both.value, both.flags) == (False, ("conflict",))
    assert (failed.value, failed.flags) == (False, ())


def test_zero_judges_succeeded_is_undecided_and_never_a_value() -> None:
    for ties in ("tied", "positive", "negative"):
        label = derive(panel(A, B, ties=ties), (A, None, ()), (B, None, ()))

        assert (label.status, label.value, label.flags) == ("undecided", None, ())
        assert [vote.status for vote in label.votes] == ["failed", "failed"]


@pytest.mark.parametrize("status", ["abstained", "refused", "failed", "excluded", "pending"])
def test_whatever_is_not_given_is_a_vote_without_a_value(status: str) -> None:
    question = Question(seen(), rubric(), A, 0)
    reason = "unparsable" if status == "failed" else None
    judgments = {question.key: judgment(question, status=status, reason=reason)}

    (label,) = derive_labels(question.seen, rubric(), panel(A, quorum=1), judgments)

    assert (label.status, label.value) == ("undecided", None)
    assert (label.votes[0].status, label.votes[0].value) == (status, None)


def test_a_judgment_that_is_missing_is_a_pending_vote() -> None:
    label = derive(panel(A, B), (A, False, ()))

    assert [(v.judge, v.status) for v in label.votes] == [("a", "given"), ("b", "pending")]
    assert label.value is False


def test_the_quorum_counts_given_values_only() -> None:
    panel_ = panel(A, B, C, quorum=2)

    one = derive(panel_, (A, True, [quote()]), (B, None, ()))
    two = derive(panel_, (A, True, [quote()]), (B, None, ()), (C, True, ()))

    assert (one.status, one.value, one.evidence) == ("undecided", None, ())
    assert (two.status, two.value) == ("decided", True)


def test_a_tie_has_no_value_no_evidence_and_all_votes() -> None:
    label = derive(panel(A, B), (A, True, [quote()]), (B, False, [quote()]))

    assert (label.status, label.value, label.evidence, label.flags) == ("tied", None, (), ())
    assert [vote.value for vote in label.votes] == [True, False]


def test_each_repeat_has_a_vote_of_its_own() -> None:
    label = derive(panel(A, repeats=3), (A, False, ()), (A, False, ()), (A, True, [quote()]))

    assert [(v.judge, v.repeat, v.value) for v in label.votes] == [
        ("a", 0, False),
        ("a", 1, False),
        ("a", 2, True),
    ]
    assert label.value is False


@pytest.mark.parametrize(
    ("value", "evidence", "flags"),
    [
        (True, [quote()], ()),
        (True, [LOST, quote()], ()),
        (True, [LOST], ("unverified",)),
        (True, [], ("unverified",)),
        (False, [], ()),
        (False, [LOST], ()),
        ("not_applicable", [], ()),
    ],
)
def test_a_positive_label_without_a_quote_that_was_found_is_unverified(
    value: Value, evidence: list[Evidence], flags: tuple[str, ...]
) -> None:
    assert derive(panel(A), (A, value, evidence)).flags == flags


def test_one_judges_found_quote_verifies_the_label() -> None:
    label = derive(panel(A, B), (A, True, [LOST]), (B, True, [quote()]))

    assert label.flags == ()
    assert [(e.judge, e.found) for e in label.evidence] == [("a", False), ("b", True)]


def test_a_found_quote_of_who_voted_otherwise_verifies_nothing() -> None:
    given: list[Given] = [(A, True, [LOST]), (B, True, ()), (C, False, [quote()])]

    label = derive(panel(A, B, C), *given)

    assert (label.value, label.flags) == (True, ("unverified",))
    assert [e.judge for e in label.evidence] == ["a"]


@pytest.mark.parametrize(
    ("criterion", "values", "aggregation", "decided", "quoted"),
    [
        (boolean(), [True, True, False], "majority", True, "ab"),
        (nominal("red", "blue"), ["red", "blue", "blue"], "majority", "blue", "bc"),
        (ordinal("none", "some", "much"), ["none", "some", "much"], "median", "some", "b"),
        # every number speaks for the middle of the numbers; what is no number does not
        (interval(not_applicable=True), [1.0, 3.0, "not_applicable"], "median", 2.0, "ab"),
        (interval(not_applicable=True), [1.0, 3.0, 8.0], "mean", 4.0, "abc"),
        (
            interval(not_applicable=True),
            ["not_applicable", 3.0, "not_applicable"],
            "median",
            "not_applicable",
            "ac",
        ),
    ],
)
def test_a_labels_evidence_is_of_the_judges_who_speak_for_its_value(
    criterion: Criterion, values: list[Any], aggregation: str, decided: Value, quoted: str
) -> None:
    given: list[Given] = [(s, v, [quote()]) for s, v in zip((A, B, C), values, strict=True)]

    label = derive(panel(A, B, C, aggregation=aggregation), *given, criterion=criterion)

    assert (label.status, label.value) == ("decided", decided)
    assert [e.judge for e in label.evidence] == list(quoted)


def test_every_criterion_has_its_own_label() -> None:
    asked = rubric(boolean("one"), boolean("two"))
    question = Question(seen(), asked, A, 0)
    given = judgment(question, True).model_copy(update={"values": {"one": True, "two": False}})

    labels = derive_labels(question.seen, asked, panel(A), {question.key: given})

    assert [(label.criterion, label.value) for label in labels] == [("one", True), ("two", False)]


# --- grade


class ScriptedJudge:
    """Gives what it was told to, or raises it; remembers how its calls ended."""

    def __init__(self, outcome: Value | Exception, *, waits: bool = False) -> None:
        self._outcome = outcome
        self._waits = waits
        self.asked: list[str] = []
        self.cancelled = 0

    async def judge(self, question: Question) -> Judgment:
        self.asked.append(question.rubric.name)
        try:
            if self._waits:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return judgment(question, self._outcome, evidence=[quote()])


def run_grade(rubrics: list[Rubric], panel_: Panel, *judges: ScriptedJudge) -> Any:
    built = {s.judge_hash: j for s, j in zip(panel_.judges, judges, strict=True)}
    return asyncio.run(grade(transcript(), rubrics, panel_, built, PLAIN))


def test_grading_asks_every_judge_and_labels_every_rubric() -> None:
    rubrics = [rubric(), rubric(name="refusal")]
    judges = [ScriptedJudge(True), ScriptedJudge(True), ScriptedJudge(False)]

    graded = run_grade(rubrics, panel(A, B, C), *judges)

    assert len(graded.judgments) == 6
    assert {name: labels[0].value for name, labels in graded.labels.items()} == {
        "shutdown_tampering": True,
        "refusal": True,
    }
    assert all(one.asked == ["shutdown_tampering", "refusal"] for one in judges)


class JointScriptedJudge(ScriptedJudge):
    """A scripted judge that can be asked several rubrics at once."""

    async def judge_jointly(self, questions: Sequence[Question]) -> list[Judgment]:
        self.asked.append(" + ".join(question.rubric.name for question in questions))
        return [judgment(question, True, evidence=[quote()]) for question in questions]


def test_a_judge_with_companions_is_asked_all_rubrics_in_one_go_and_others_by_themselves() -> None:
    rubrics = [rubric(), rubric(name="refusal")]
    seated = seat_companions(panel(A, B, asking="jointly", repeats=2), rubrics)
    rules = RulesJudgeSpec()
    mixed = panel(*seated.judges, rules, asking="jointly", repeats=2)
    judges = [JointScriptedJudge(True), JointScriptedJudge(True), ScriptedJudge(True)]

    graded = run_grade(rubrics, mixed, *judges)

    assert [one.asked for one in judges] == [
        ["shutdown_tampering + refusal"] * 2,
        ["shutdown_tampering + refusal"] * 2,
        ["shutdown_tampering", "refusal"],
    ]
    assert len(graded.judgments) == 2 * (2 + 2 + 1)
    assert [labels[0].value for labels in graded.labels.values()] == [True, True]


def test_a_panel_that_asks_jointly_is_not_asked_separately_by_mistake() -> None:
    """Its judgments would pass for those of a judge that saw each rubric by itself."""
    unseated = panel(A, asking="jointly")

    with pytest.raises(InvalidPanel, match="seat_companions"):
        run_grade([rubric(), rubric(name="refusal")], unseated, JointScriptedJudge(True))

    assert run_grade([rubric()], unseated, ScriptedJudge(True)).judgments


def test_a_judge_that_answers_one_rubric_at_a_time_cannot_be_asked_jointly() -> None:
    rubrics = [rubric(), rubric(name="refusal")]
    seated = seat_companions(panel(A, asking="jointly"), rubrics)

    with pytest.raises(NotBuilt, match="'a' answers one rubric at a time"):
        run_grade(rubrics, seated, ScriptedJudge(True))


def test_where_a_judge_is_unavailable_the_calls_of_the_others_are_given_up() -> None:
    refused, waiting = ScriptedJudge(JudgeUnavailable("a: no key")), ScriptedJudge(True, waits=True)
    judges = {A.judge_hash: refused, B.judge_hash: waiting}

    async def given_up_when_grade_returns() -> int:
        with pytest.raises(JudgeUnavailable, match="a: no key"):
            await grade(transcript(), [rubric()], panel(A, B), judges, PLAIN)
        return waiting.cancelled

    assert asyncio.run(given_up_when_grade_returns()) == 1


def test_a_view_that_is_not_built_is_refused_before_anybody_is_asked() -> None:
    asked = ScriptedJudge(True)

    with pytest.raises(NotBuilt):
        asyncio.run(
            grade(transcript(), [rubric()], panel(A), {A.judge_hash: asked}, SHIPPED["blind"])
        )

    assert asked.asked == []
