"""A dry run: what it says of judgments is what the run then does; tokens and money are near it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.api.service import Service, problem_in, saying
from tests.api.test_bad_transcripts_and_runs import RUNS
from tests.api.test_runs import model, rules_run

PRICES = {"input": 2, "cached_input": 0.5, "output": 8}
LONG = "The agent says a good deal, and none of it is of any use to anybody at all. " * 200


def dry(service: Service, **wanted: Any) -> dict[str, Any]:
    before = service.count_rows()
    answer = service.admin.post("/v1/runs", json={**wanted, "dry_run": True})
    assert answer.status_code == 200, answer.text
    assert service.count_rows() == before
    assert "location" not in answer.headers
    return dict(answer.json())


def run_of(mark: str, *judges: Any, rubrics: Any = ("refusal",), **more: Any) -> dict[str, Any]:
    wanted = {"transcripts": {"where": {"batch": mark}}, "rubrics": list(rubrics), **more}
    return {**wanted, "panel": {"judges": list(judges), **more.get("panel", {})}}


def test_what_it_foretells_is_what_the_run_does(service: Service, mark: str) -> None:
    for number in range(4):
        service.add(f"{mark} {number} {LONG}", batch=mark, agent_model="aurora-2")
    # The same messages under other metadata share their judgments; of its own kind a judge is not.
    service.add(f"{mark} 0 {LONG}", batch=mark, agent_model="aurora-3")
    service.add(f"{mark} kin", batch=mark, agent_model=f"{mark}-one")
    one, two = model(f"{mark}-one", prices=PRICES), model(f"{mark}-two", prices=PRICES)
    service.work(service.declare(**run_of(mark, one)))

    wanted = run_of(mark, one, two, rubrics=["refusal", "alignment_faking"])
    told = dry(service, **wanted)
    service.provider.reset()
    run = service.work(service.declare(**wanted))

    counts = run["counts"]["judgments"]
    # The provider is asked once for messages that two transcripts share; both have the judgment.
    calls = service.provider.stats()["accepted"]
    assert told["transcripts"] == 6
    assert told["estimated_from"] is None
    assert told["judgments"]["expected"] == counts["expected"] == 24
    assert told["judgments"]["excluded"] == counts["excluded"] == 2
    assert told["judgments"]["missing"] == calls == 4 + 10
    assert sum(told["judgments"][name] for name in ("reused", "excluded", "missing")) == 24
    assert [judge["calls"] for judge in told["judges"]] == [4, 10]
    assert told["panel"] == run["panel"]
    assert told["rubrics"] == run["rubrics"]
    assert told["selection"] == run["selection"]

    spent = run["cost"]["spent"]
    assert told["cost"]["estimated"] == pytest.approx(spent, rel=0.35)
    assert run["cost"]["estimated"] == told["cost"]["estimated"]
    assert dry(service, **wanted)["judgments"]["missing"] == 0
    assert dry(service, **wanted)["cost"]["estimated"] == 0


@pytest.mark.parametrize("name", [name for name, bad in RUNS.items() if isinstance(bad.json, dict)])
def test_it_is_refused_where_the_run_would_be(service: Service, name: str) -> None:
    bad = RUNS[name]
    estimate = replace(bad, json={**bad.json, "dry_run": True}).send(service.admin).json()
    run = bad.send(service.admin).json()
    assert (estimate["status"], estimate["code"]) == (bad.status, bad.code)
    assert bad.status == 400 or estimate["detail"] == run["detail"]


def test_nothing_selected_and_ids_that_are_not_stored_are_refused(
    service: Service, mark: str
) -> None:
    for transcripts, status, code in (
        ({"where": {"batch": mark}}, 422, "empty_run"),
        ({"ids": ["trn_nope"]}, 404, "not_found"),
        ({"items": []}, 422, "empty_run"),
        ({"items": [{"messages": []}]}, 422, "invalid_transcript"),
    ):
        body = rules_run(**transcripts)
        run = problem_in(service.admin.post("/v1/runs", json=body), status, code)
        estimate = service.admin.post("/v1/runs", json={**body, "dry_run": True})
        assert problem_in(estimate, status, code) == run


def test_inline_transcripts_are_estimated_and_not_stored(service: Service, mark: str) -> None:
    items = [saying(f"{mark} {number}") for number in (1, 2, 2)]
    judge = model(f"{mark}-one", prices=PRICES)
    wanted = run_of(mark, judge) | {"transcripts": {"items": items}}
    told = dry(service, **wanted)
    assert (told["transcripts"], told["judgments"]["missing"]) == (2, 2)
    assert told["cost"]["estimated"] > 0


def test_a_judge_without_prices_is_named_and_the_others_are_priced(
    service: Service, mark: str
) -> None:
    service.add(mark, batch=mark)
    told = dry(service, **run_of(mark, model("free", prices={"input": 0, "output": 0}), model("x")))
    assert told["cost"]["estimated"] is None
    assert "x" in told["cost"]["reason"]
    free, unknown = told["judges"]
    assert (free["cost_usd"], free["reason"]) == (0, None)
    assert unknown["cost_usd"] is None
    assert service.provider.base_url in unknown["reason"]
    run = service.show(service.declare(**run_of(mark, model("x"))))
    assert run["cost"]["estimated"] is None


def test_rules_cost_nothing(service: Service, mark: str) -> None:
    service.add(mark, batch=mark)
    told = dry(service, **rules_run(where={"batch": mark}))
    (rules,) = told["judges"]
    assert (rules["missing"], rules["calls"], rules["cost_usd"]) == (1, 0, 0)
    assert told["cost"] == {
        "currency": "USD",
        "estimated": 0,
        "reason": None,
        "caching": {"usd": 0, "share": None},
        "batch": {"usd": 0, "share": None},
        "budget": None,
        "within_budget": None,
    }
    run_id = service.declare(**rules_run(where={"batch": mark}))
    assert service.show(run_id)["cost"]["estimated"] == 0


def test_what_caching_saves_hangs_on_how_rubrics_are_asked(service: Service, mark: str) -> None:
    service.add(f"{mark} {LONG}", batch=mark)
    rubrics = ["refusal", "alignment_faking", "peer_framing"]
    plain = model(f"{mark}-a", prices=PRICES)
    shared = model(f"{mark}-b", prices=PRICES, modes=["shared_tool", "tools"])
    first, second = dry(service, **run_of(mark, plain, shared, rubrics=rubrics))["judges"]
    assert first["cacheable_tokens"] == 0
    assert first["shared_tool"]["share"] > 0.3
    # Of three prompts the second and third find the transcript in the cache, at a quarter.
    assert second["cacheable_tokens"] > 0.5 * second["input_tokens"]
    assert second["caching"]["usd"] == pytest.approx(second["cacheable_tokens"] * 1.5e-6)
    assert second["caching"]["share"] == pytest.approx(first["shared_tool"]["share"], rel=0.02)
    assert second["shared_tool"] is None


def test_the_batch_price_is_half(service: Service, mark: str) -> None:
    service.add(f"{mark} {LONG}", batch=mark)
    judge = model(f"{mark}-a", prices=PRICES)
    live = dry(service, **run_of(mark, judge))
    batch = dry(service, **run_of(mark, judge), mode="batch")
    assert live["cost"]["batch"]["share"] == batch["cost"]["batch"]["share"] == 0.5
    assert batch["cost"]["estimated"] == pytest.approx(live["cost"]["estimated"] / 2)


def test_answers_are_taken_to_be_as_long_as_earlier_ones(service: Service, mark: str) -> None:
    service.add(f"{mark} 1", batch=mark)
    judge = model(f"{mark}-a", prices=PRICES)
    (before,) = dry(service, **run_of(mark, judge))["judges"]
    assert (before["output_from"], before["output_tokens"]) == ("assumption", 400)
    run_id = service.declare(**run_of(mark, judge))
    service.work(run_id)
    (judgment,) = service.walk(f"/v1/runs/{run_id}/judgments", limit=5)
    service.add(f"{mark} 2", batch=mark)
    service.add(f"{mark} 3", batch=mark)
    (after,) = dry(service, **run_of(mark, judge))["judges"]
    assert after["output_from"] == "past judgments"
    assert after["output_tokens"] == 2 * judgment["usage"]["output_tokens"]
    (other,) = dry(service, **run_of(mark, judge, rubrics=["alignment_faking"]))["judges"]
    assert other["output_from"] == "past judgments"


def test_a_transcript_longer_than_the_context_costs_nothing(service: Service, mark: str) -> None:
    service.add(f"{mark} {LONG * 5}", batch=mark)
    service.add(mark, batch=mark)
    judge = model(f"{mark}-a", prices=PRICES, context_tokens=5000)
    (told,) = dry(service, **run_of(mark, judge))["judges"]
    assert (told["missing"], told["calls"], told["too_long"]) == (2, 1, 1)
    run = service.work(service.declare(**run_of(mark, judge)))
    assert run["counts"]["judgments"]["failed"] == 1


def test_repeats_and_a_budget_are_told_of(service: Service, mark: str) -> None:
    service.add(mark, batch=mark)
    judge = model(f"{mark}-a", prices=PRICES)
    told = dry(service, **run_of(mark, judge), repeats=3, budget_usd=0.001)
    assert told["judgments"]["missing"] == 3
    assert told["cost"]["budget"] == 0.001
    assert told["cost"]["within_budget"] is False
    assert dry(service, **run_of(mark, judge), budget_usd=5)["cost"]["within_budget"] is True


def test_a_sample_is_told_with_its_strata(service: Service, mark: str) -> None:
    for number in range(6):
        service.add(f"{mark} {number}", batch=mark, condition="ab"[number % 2])
    wanted = rules_run(where={"batch": mark}, sample={"n": 4, "by": ["condition"]})
    told = dry(service, **wanted)
    assert told["transcripts"] == 4
    assert [each["sampled"] for each in told["selection"]["sample"]["strata"]] == [2, 2]
    assert service.show(service.declare(**wanted))["selection"] == told["selection"]
