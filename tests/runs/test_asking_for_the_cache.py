"""Runs that ask so that a provider's cache holds: by one tool for all rubrics, or jointly."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.domain.judgment import Judgment
from grader.domain.panel import Panel
from grader.judges.limit import LocalRateLimiter
from grader.judges.llm import LLMJudge
from grader.judges.provider import OpenAIProvider
from grader.reports.proofs import prove
from grader.reports.records import Proof
from grader.runs.drain import Drain, Pace
from grader.store import catalogue, runs, schema
from grader.store.judgments import find_judgments
from grader.testing import SimulatedProvider
from tests.nouns import boolean, interval, panel, rubric
from tests.worker.installation import Installation

PACE = Pace(max_active=8, lease_seconds=30, flush_seconds=0.02, stop_grace_seconds=5)
RUBRICS = (rubric(), rubric(boolean(), interval(0, 10), name="refusal"))
PRICES = {"input": 2, "output": 8, "cached_input": 0.5}


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    with SimulatedProvider(disposition="strict", retry_after_seconds=0.01) as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, redis_url: str) -> Iterator[Installation]:
    url = f"sqlite:///{tmp_path / 'grader.sqlite'}"
    made = Installation(tmp_path, database_url=url, redis_url=redis_url)
    with made.store.transaction() as connection:
        for each in RUBRICS:
            catalogue.add_rubric(connection, each, source="")
    yield made
    made.close()


def models(*modes: str, **fields: object) -> Panel:
    judge = {"kind": "llm", "name": "one", "model": "simulated", "modes": modes, "prices": PRICES}
    return panel(judge, **fields)


def work_off(installation: Installation, run_id: str) -> list[Judgment]:
    """Do what a worker would, in this process, and return the run's judgments."""
    store = installation.store
    with store.reading() as connection:
        run = runs.get_run(connection, run_id)

    async def work() -> None:
        (spec,) = run.spec.panel.judges
        assert spec.kind == "llm"
        limiter = LocalRateLimiter(8)
        provider = OpenAIProvider(spec.base_url or "", "key", limiter, backoff_seconds=0.01)
        judges = {spec.judge_hash: LLMJudge(spec, provider, secret=store.secret)}
        try:
            async with asyncio.timeout(30):
                await Drain(store, run, judges, PACE, should_stop=lambda: None).drain()
        finally:
            await provider.close()

    asyncio.run(work())
    with store.reading() as connection:
        members = runs.find_members(connection, run_id, first=0, limit=100)
        found = find_judgments(
            connection,
            [transcript_hash for _, _, transcript_hash, _ in members],
            rubric_hashes=[each.rubric_hash for each in RUBRICS],
            judge_hashes=[judge.judge_hash for judge in run.spec.panel.judges],
            view_hashes=[run.spec.view.view_hash({})],
            with_attempts=True,
        )
    return [each.judgment for each in found]


def proofs(installation: Installation, judgments: list[Judgment]) -> list[Proof]:
    store = installation.store
    with store.reading() as connection:
        return [prove(connection, each.judgment_id, secret=store.secret) for each in judgments]


def test_a_proof_shows_the_shared_schema_and_the_words_that_were_sent(
    installation: Installation, provider: SimulatedProvider
) -> None:
    installation.ask_at(provider.base_url)
    run_id = installation.create_run(
        2, panel=models("shared_tool", "json_schema"), rubrics=RUBRICS, enqueue=False
    )

    judgments = work_off(installation, run_id)

    assert {(one.status, one.mode) for one in judgments} == {("given", "shared_tool")}
    assert len(judgments) == 4
    for proof in proofs(installation, judgments):
        assert proof.prompt_is_exact is True
        assert proof.prompt is not None
        assert "Record `values` for" in proof.prompt[1]["content"]
        assert proof.answer_schema is not None
        assert proof.answer_schema["title"] == "record_judgment"


def test_a_proof_shows_the_step_of_the_ladder_that_answered(
    installation: Installation, provider: SimulatedProvider
) -> None:
    installation.ask_at(provider.base_url)
    run_id = installation.create_run(
        1, panel=models("shared_tool", "json_schema"), rubrics=RUBRICS[:1], enqueue=False
    )
    provider.script(["empty", "empty"])

    judgments = work_off(installation, run_id)

    (proof,) = proofs(installation, judgments)
    assert [one.mode for one in judgments] == ["json_schema"]
    assert proof.prompt_is_exact is True
    assert proof.answer_schema is not None
    assert proof.answer_schema["title"] == "shutdown_tampering"


@pytest.mark.parametrize("modes", [("shared_tool",), ("tools",)])
def test_a_prompt_that_was_never_sent_is_proven_too(
    installation: Installation, provider: SimulatedProvider, modes: tuple[str, ...]
) -> None:
    installation.ask_at(provider.base_url)
    small = models(*modes)
    judge = small.judges[0].model_dump() | {"context_tokens": 10}
    run_id = installation.create_run(1, panel=panel(judge), rubrics=RUBRICS[:1], enqueue=False)

    judgments = work_off(installation, run_id)

    (proof,) = proofs(installation, judgments)
    assert [(one.reason, one.attempts) for one in judgments] == [("context_overflow", ())]
    assert proof.prompt_is_exact is True


def test_a_joint_run_makes_one_call_a_transcript_and_proves_each_rubric(
    installation: Installation, provider: SimulatedProvider
) -> None:
    installation.ask_at(provider.base_url)
    joint = models("tools", asking="jointly")
    run_id = installation.create_run(3, panel=joint, rubrics=RUBRICS, enqueue=False)

    judgments = work_off(installation, run_id)

    stats = provider.stats()
    assert stats["accepted"] == 3
    assert [one.status for one in judgments] == ["given"] * 6
    assert sum(one.usage.input_tokens for one in judgments) == stats["prompt_tokens"]
    progress = installation.progress(run_id)
    assert installation.status(run_id) == "finished"
    assert (progress.counts.given, progress.counts.pending) == (6, 0)
    assert progress.cost_microusd == sum(one.cost_microusd for one in judgments) > 0
    assert len(installation.labels(run_id)) == 3 * 3
    for proof in proofs(installation, judgments):
        assert proof.prompt_is_exact is True
        assert proof.answer_schema is not None
        assert sorted(proof.answer_schema["properties"]) == ["refusal", "shutdown_tampering"]


def test_judgments_asked_jointly_are_reused_in_the_same_company_only(
    installation: Installation, provider: SimulatedProvider
) -> None:
    installation.ask_at(provider.base_url)
    joint = models("tools", asking="jointly")
    calls = []
    for asked, rubrics in (
        (joint, RUBRICS),
        (joint, RUBRICS[::-1]),
        (models("tools"), RUBRICS),
        (joint, RUBRICS[:1]),
    ):
        before = provider.stats()["accepted"]
        work_off(
            installation,
            installation.create_run(2, panel=asked, rubrics=rubrics, enqueue=False),
        )
        calls.append(provider.stats()["accepted"] - before)

    # One rubric is asked as by itself, and that was done before.
    assert calls == [2, 0, 4, 0]


def test_what_a_kill_left_of_a_joint_answer_is_kept_and_the_rest_is_paid_once(
    installation: Installation, provider: SimulatedProvider
) -> None:
    installation.ask_at(provider.base_url)
    joint = models("tools", asking="jointly")
    run_id = installation.create_run(1, panel=joint, rubrics=RUBRICS, enqueue=False)
    first = work_off(installation, run_id)
    kept = min(first, key=lambda one: one.rubric)
    with installation.store.transaction() as connection:
        for one in first:
            if one is not kept:
                connection.execute(
                    schema.judgments.delete().where(
                        schema.judgments.c.judgment_id == one.judgment_id
                    )
                )
    again = installation.create_run(1, panel=joint, rubrics=RUBRICS, enqueue=False)

    judgments = work_off(installation, again)

    assert {one.judgment_id for one in first} & {one.judgment_id for one in judgments} == {
        kept.judgment_id
    }
    (fresh,) = (one for one in judgments if one.judgment_id != kept.judgment_id)
    assert fresh.cost_microusd > 0
    assert installation.progress(again).cost_microusd == fresh.cost_microusd
