"""Which transcripts and who goes first: samples that are drawn again the same, and priorities."""

from typing import Any

from grader.store.runs import get_run
from tests.api.service import Service, problem_in, saying
from tests.api.test_runs import rules_run


def study(service: Service, mark: str) -> None:
    """Store 20 transcripts of one agent and 5 of another."""
    for number in range(25):
        agent = "aurora" if number < 20 else "borealis"
        service.add(f"{mark} {number}", batch=mark, agent_model=agent, number=number)


def sampled(mark: str, **design: Any) -> dict[str, Any]:
    return rules_run(where={"batch": mark}, sample=design)


def numbers(service: Service, run_id: str) -> list[int]:
    judged = service.walk(f"/v1/runs/{run_id}/judgments", limit=50)
    return [
        service.admin.get(f"/v1/transcripts/{each['transcript_id']}").json()["metadata"]["number"]
        for each in judged
    ]


def test_a_stratified_sample_is_recorded_with_its_inclusion_probabilities(
    service: Service, mark: str
) -> None:
    study(service, mark)
    run_id = service.declare(**sampled(mark, n=10, by=["agent_model"], seed=5))
    run = service.work(run_id)
    assert run["counts"]["transcripts"] == {"expected": 10, "finished": 10, "pending": 0}
    assert run["selection"] == {
        "where": {"batch": mark},
        "sample": {
            "n": 10,
            "by": ["agent_model"],
            "allocation": "proportional",
            "seed": 5,
            "of": 25,
            "sampled": 10,
            "strata": [
                {
                    "values": {"agent_model": "aurora"},
                    "transcripts": 20,
                    "sampled": 8,
                    "inclusion_probability": 0.4,
                },
                {
                    "values": {"agent_model": "borealis"},
                    "transcripts": 5,
                    "sampled": 2,
                    "inclusion_probability": 0.4,
                },
            ],
        },
    }
    drawn = numbers(service, run_id)
    assert sum(number >= 20 for number in drawn) == 2
    assert len(set(drawn)) == 10


def test_the_same_seed_makes_the_same_run_and_another_another(service: Service, mark: str) -> None:
    study(service, mark)
    runs = [service.declare(**sampled(mark, n=8, seed=seed)) for seed in (1, 1, 2)]
    first, again, other = (numbers(service, run_id) for run_id in map(work(service), runs))
    assert first == again
    assert first != other


def work(service: Service) -> Any:
    def work_off(run_id: str) -> str:
        service.work(run_id)
        return run_id

    return work_off


def test_a_sample_of_more_than_there_is_takes_all_and_says_so(service: Service, mark: str) -> None:
    study(service, mark)
    run = service.show(service.declare(**sampled(mark, n=1000)))
    assert run["counts"]["transcripts"]["expected"] == 25
    sample = run["selection"]["sample"]
    assert (sample["n"], sample["of"], sample["sampled"]) == (1000, 25, 25)


def test_a_sample_of_nothing_and_one_of_too_many_strata_are_refused(
    service: Service, mark: str
) -> None:
    answer = service.admin.post("/v1/runs", json=sampled(mark, n=5))
    problem_in(answer, 422, "empty_run")
    lines = [saying(f"{mark} {number}", batch=mark, number=number) for number in range(1001)]
    service.declare(**rules_run(items=lines))
    answer = service.admin.post("/v1/runs", json=sampled(mark, n=5, by=["number"]))
    assert "1,000 strata" in problem_in(answer, 422, "invalid_selection")["detail"]


def test_small_runs_are_interactive_unless_they_say_otherwise(service: Service, mark: str) -> None:
    most = service.settings.interactive_judgments
    lines = [saying(f"{mark} {number}") for number in range(most + 1)]
    asked = (
        (lines[:most], {}, "interactive"),
        (lines, {}, "bulk"),
        (lines, {"priority": "interactive"}, "interactive"),
        (lines[:1], {"priority": "bulk"}, "bulk"),
    )
    for items, more, expected in asked:
        run_id = service.declare(**rules_run(items=items), **more)
        with service.store.reading() as connection:
            assert get_run(connection, run_id).priority == expected
