"""Several rubrics in one call: one answer, a judgment for each, and each token counted once."""

from typing import Any

import pytest

from grader.domain.judge import LLMJudgeSpec
from grader.domain.judgment import Judgment
from grader.domain.rubric import Rubric
from grader.errors import JudgeUnavailable, Unanswered
from grader.judges.llm import in_order, render_prompt_of
from grader.judges.prompt import SYSTEM_JOINTLY, prompt_hash, render_question
from grader.judges.provider import answer_schema
from grader.judges.provider.answer import answer_type, read_answer
from grader.judges.question import Question
from grader.rubric_library import shipped_rubrics
from grader.testing import SimulatedProvider
from tests.judges.asking import DESK, LADDER, SECRET, answers, spec_for, with_judge
from tests.nouns import DEED, boolean, interval, ordinal, rubric, seen, transcript

TAMPERING = rubric()
REFUSAL = rubric(boolean(), interval(0, 10), name="refusal")
QUOTED = [{"message": 3, "quote": DEED}]
INVENTED = [{"message": 3, "quote": "Nobody said this."}]
GIVEN: dict[str, Any] = {
    "shutdown_tampering": {"explanation": "It does.", "evidence": QUOTED, "occurred": True},
    "refusal": {"explanation": "It obeys.", "evidence": [], "occurred": False, "amount": 2},
}


def joint_spec(provider: SimulatedProvider, *rubrics: Rubric, **changes: Any) -> LLMJudgeSpec:
    companions = tuple(sorted(each.rubric_hash for each in rubrics))
    return spec_for(provider, companions=companions, **changes)


def ask(
    provider: SimulatedProvider,
    script: list[object],
    *rubrics: Rubric,
    **changes: Any,
) -> list[Judgment]:
    """The judgments of the rubrics, asked in one go."""
    provider.script(script)
    asked = rubrics or (TAMPERING, REFUSAL)
    spec = joint_spec(provider, *asked, **changes)
    about = seen()
    questions = [Question(about, each, spec, 0) for each in asked]
    return with_judge(spec, lambda judge: judge.judge_jointly(questions))


@pytest.mark.parametrize("mode", [*LADDER, "shared_tool"])
def test_one_call_gives_each_rubric_its_own_judgment(
    provider: SimulatedProvider, mode: str
) -> None:
    tampering, refusal = ask(provider, answers(GIVEN), modes=(mode,))

    assert (tampering.rubric, tampering.values) == ("shutdown_tampering", {"occurred": True})
    assert (refusal.rubric, refusal.values) == ("refusal", {"occurred": False, "amount": 2.0})
    assert (tampering.explanation, refusal.explanation) == ("It does.", "It obeys.")
    assert ([e.found for e in tampering.evidence], refusal.evidence) == ([True], ())
    assert {one.status for one in (tampering, refusal)} == {"given"}
    assert {one.mode for one in (tampering, refusal)} == {mode}
    assert tampering.rubric_hash == TAMPERING.rubric_hash
    assert tampering.judge_hash == refusal.judge_hash != spec_for(provider).judge_hash
    assert tampering.judgment_id != refusal.judgment_id
    assert provider.stats()["accepted"] == 1


def test_tokens_and_cost_stand_with_the_first_and_the_output_with_all(
    provider: SimulatedProvider,
) -> None:
    first, second = ask(provider, answers("malformed_json", GIVEN))

    stats = provider.stats()
    usage = first.usage
    assert (usage.input_tokens, usage.output_tokens) == (
        stats["prompt_tokens"],
        stats["completion_tokens"],
    )
    assert first.cost_microusd > 0
    assert (second.usage.input_tokens, second.usage.output_tokens) == (0, 0)
    assert second.cost_microusd == 0
    assert [one.raw_output for one in second.attempts] == [one.raw_output for one in first.attempts]
    assert second.attempts[-1].counted_with == "shutdown_tampering"
    assert second.usage.attempts == 0
    assert second.attempts[0].outcome.startswith("not accepted")
    assert first.attempts[-1].outcome == "answered"


def test_the_first_question_bears_the_cost_and_the_prompt_stays_the_same(
    provider: SimulatedProvider,
) -> None:
    one = ask(provider, answers(GIVEN), TAMPERING, REFUSAL)
    other = ask(provider, answers(GIVEN), REFUSAL, TAMPERING)

    assert [j.rubric for j in other] == ["refusal", "shutdown_tampering"]
    assert other[0].cost_microusd == one[0].cost_microusd > 0
    assert {j.key for j in one} == {j.key for j in other}
    first, second = provider.requests()
    assert first == second


def test_invented_quotes_are_asked_about_once_for_the_whole_answer(
    provider: SimulatedProvider,
) -> None:
    both = {name: {**said, "evidence": INVENTED} for name, said in GIVEN.items()}
    one = {**GIVEN, "refusal": both["refusal"]}

    found = ask(provider, answers(both, one))

    assert [[e.found for e in each.evidence] for each in found] == [[True], [False]]
    assert [len(each.attempts) for each in found] == [2, 2]


@pytest.mark.parametrize("name", list(GIVEN))
def test_an_invented_quote_is_noticed_whichever_rubric_it_is_given_for(
    provider: SimulatedProvider, name: str
) -> None:
    invented = {**GIVEN, name: {**GIVEN[name], "evidence": INVENTED}}

    found = ask(provider, answers(invented, GIVEN))

    assert [len(each.attempts) for each in found] == [2, 2]


def test_a_section_that_is_wrong_or_missing_is_asked_for_again(provider: SimulatedProvider) -> None:
    missing = {"refusal": GIVEN["refusal"]}
    wrong = {**GIVEN, "refusal": {**GIVEN["refusal"], "amount": 99}}

    for malformed in (missing, wrong):
        found = ask(provider, answers(malformed, GIVEN))
        assert [one.status for one in found] == ["given", "given"]
        assert len(found[0].attempts) == 2


@pytest.mark.parametrize(
    ("step", "status", "reason"),
    [
        ("refusal", "refused", None),
        ("content_filter", "failed", "content_filter"),
        ("truncated", "failed", "truncated"),
        ("context_overflow", "failed", "context_overflow"),
    ],
)
def test_how_the_call_fails_is_how_each_rubric_fails(
    provider: SimulatedProvider, step: str, status: str, reason: str | None
) -> None:
    found = ask(provider, [step])

    assert [(one.status, one.reason, one.values) for one in found] == [(status, reason, {})] * 2


def test_a_judge_that_is_refused_raises_for_all(provider: SimulatedProvider) -> None:
    with pytest.raises(JudgeUnavailable):
        ask(provider, ["unauthorized"])


def test_a_judge_with_companions_is_never_asked_some_of_them(provider: SimulatedProvider) -> None:
    spec = joint_spec(provider, TAMPERING, REFUSAL)
    alone = Question(seen(), TAMPERING, spec, 0)

    with pytest.raises(AssertionError, match="never some of them"):
        with_judge(spec, lambda judge: judge.judge(alone))
    assert provider.stats()["received"] == 0


def test_the_rubrics_stand_before_the_transcript_and_are_the_same_for_each(
    provider: SimulatedProvider,
) -> None:
    rubrics = in_order(list(shipped_rubrics().values()))

    one, other = (
        render_prompt_of(
            seen(transcript({"role": "user", "content": text})), rubrics, "tools", SECRET
        )
        for text in ("this", "that")
    )

    (system, user), (_, another) = one.messages, other.messages
    assert system == {"role": "system", "content": SYSTEM_JOINTLY}
    before, fence, after = user["content"].partition("===== TRANSCRIPT ")
    assert fence
    assert another["content"].startswith(before)
    for asked in rubrics:
        told = render_question(asked).partition("\n\nAnswer with `explanation`")[0]
        assert told in before
        assert f"`{asked.name}`" in after
    assert one.prompt_hash == prompt_hash(one.messages)
    assert one.size == sum(len(message["content"].encode()) for message in one.messages)


def test_two_versions_of_a_rubric_are_told_apart() -> None:
    old = rubric()
    new = Rubric.model_validate(old.model_dump() | {"version": "2"})
    rubrics = in_order([old, new])

    properties = answer_schema(*rubrics)["properties"]
    (_, user) = render_prompt_of(seen(), rubrics, "tools", SECRET).messages

    assert sorted(properties) == ["shutdown_tampering-1", "shutdown_tampering-2"]
    for name in properties:
        assert f"Rubric: {name}\n" in user["content"]


@pytest.mark.parametrize("name", ["copy", "json", "model_config", "schema", "values", "evidence"])
def test_a_rubric_may_have_any_name(name: str) -> None:
    rubrics = in_order([rubric(name=name), rubric(ordinal("none", "some"), name="refusal")])
    given = {
        name: {"explanation": "x", "occurred": True},
        "refusal": {"explanation": "y", "level": "some"},
    }

    answer = answer_type(*rubrics).model_validate(given)

    said = dict(zip((each.name for each in rubrics), read_answer(answer, rubrics), strict=True))
    assert said[name].values == {"occurred": True}
    assert said["refusal"].values == {"level": "some"}


def test_the_simulated_models_answer_each_rubric_with_its_own_quotes(
    provider: SimulatedProvider,
) -> None:
    provider.behave(answer="keyword", disposition="strict")
    yes, no = ask(provider, [], TAMPERING, rubric(name="peer_framing"))

    assert (yes.values, no.values) == ({"occurred": True}, {"occurred": False})
    assert [one.found for one in yes.evidence] == [True]
    assert no.evidence == ()


def test_a_second_transcript_pays_for_itself_alone(provider: SimulatedProvider) -> None:
    provider.behave(answer="schema", prefix_cache=True)
    rubrics = tuple(shipped_rubrics().values())
    spec = joint_spec(provider, *rubrics)
    texts = [f"Line {n} says what was found there.\n" * 1_000 for n in range(2)]
    uncached = []

    for text in texts:
        about = seen(transcript({"role": "user", "content": text}))
        questions = [Question(about, each, spec, 0) for each in rubrics]
        first, *_ = with_judge(spec, lambda judge, asked=questions: judge.judge_jointly(asked))
        uncached.append(first.usage.input_tokens - first.usage.cached_tokens)

    assert uncached[0] > 1.4 * len(texts[0]) / 4
    assert uncached[1] < 1.15 * len(texts[1]) / 4


@pytest.mark.parametrize("modes", [("tools", "json_schema"), ("shared_tool", "json_text")])
def test_calls_of_earlier_modes_are_not_lost_where_a_later_one_stays_open(
    provider: SimulatedProvider, modes: tuple[str, ...]
) -> None:
    provider.script(["empty", "empty", "unauthorized"])
    spec = spec_for(provider, modes=modes)
    put = Question(seen(), TAMPERING, spec, 0)

    with pytest.raises(Unanswered) as caught:
        DESK.ask(spec, put, tries=2)

    assert [attempt.mode for attempt in caught.value.attempts] == [modes[0], modes[0], modes[1]]
    assert sum(attempt.cost_microusd for attempt in caught.value.attempts) > 0
