"""A run's manifest: what a reviewer needs to redo it, and that a redo can be compared."""

import hashlib
from typing import Any

from tests.api.service import Service, problem_in, saying
from tests.api.test_run_exports import export, lines
from tests.api.test_run_results import panel_of
from tests.api.test_runs import model, rules_run


def manifest(service: Service, run_id: str, **asked: str) -> dict[str, Any]:
    answer = service.admin.get(f"/v1/runs/{run_id}/manifest", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_holds_the_declaration_the_texts_and_what_answered(service: Service, mark: str) -> None:
    body = rules_run(items=[saying(f"{mark} {n}") for n in range(3)])
    body |= {"panel": panel_of(mark, "one"), "rubrics": ["refusal"], "repeats": 2}
    run = service.work(service.declare(**body))
    found = manifest(service, run["run_id"])
    assert found["declaration"]["panel"]["repeats"] == 2
    assert found["declaration"]["selection"] == {"items": 3}
    (rubric,) = found["rubrics"]
    assert "name: refusal" in rubric["source"]
    assert rubric["rubric_hash"] == run["rubrics"][0]["rubric_hash"]
    assert {"grader", "pydantic", "instructor"} <= set(found["environment"]["packages"])
    (judge,) = found["judges"]
    assert (judge["asked_model"], judge["snapshots_differ"]) == (f"{mark}-one", False)
    assert [each["judgments"] for each in judge["served"]] == [6]
    (source,) = judge["sources"]
    assert (source["is_this_run"], source["by_status"]) == (True, {"given": 6})
    assert found["counts"] == run["counts"]
    assert found["paid"] == run["judges"]


def test_answers_of_other_runs_and_of_other_snapshots_are_flagged(
    service: Service, mark: str
) -> None:
    """The first run fails for one transcript of two; the second asks that anew, of a new model."""
    ids = [service.add(f"{mark} {n}") for n in range(2)]
    panel = {"judges": [model(mark)]}
    body = rules_run(ids=ids) | {"panel": panel, "rubrics": ["refusal"]}
    first = service.work(service.declare(**{**body, "transcripts": {"ids": ids[:1]}}))["run_id"]
    service.provider.behave(served_model=f"{mark}-2026-11-01")
    second = service.work(service.declare(**body))["run_id"]
    (judge,) = manifest(service, second)["judges"]
    assert judge["snapshots_differ"] is True
    assert {each["served_model"] for each in judge["served"]} == {mark, f"{mark}-2026-11-01"}
    told = [(each["run_id"], each["is_this_run"], each["judgments"]) for each in judge["sources"]]
    assert told == [(second, True, 1), (first, False, 1)]


def test_what_the_conflict_policy_keeps_out_is_not_counted(service: Service, mark: str) -> None:
    items = [saying(mark, agent_model=f"{mark}-one"), saying(mark, agent_model="somebody")]
    panel = panel_of(mark, "one")
    anybody = panel | {"conflict": {"same_model": "allow"}}
    body = rules_run(items=items) | {"rubrics": ["refusal"]}
    service.work(service.declare(**body | {"panel": anybody}))
    run_id = service.work(service.declare(**body | {"panel": panel}))["run_id"]
    (judge,) = manifest(service, run_id)["judges"]
    assert sum(each["judgments"] for each in judge["sources"]) == 1


def test_digests_are_of_the_content_and_not_of_its_order(service: Service, mark: str) -> None:
    ids = [service.add(f"{mark} {n}", n=n) for n in range(4)]
    one = service.work(service.declare(**rules_run(ids=ids)))["run_id"]
    other = service.work(service.declare(**rules_run(ids=ids[::-1])))["run_id"]
    fewer = service.work(service.declare(**rules_run(ids=ids[1:])))["run_id"]
    found, same, differs = (manifest(service, each) for each in (one, other, fewer))
    for part in ("labels", "transcripts"):
        assert found[part]["digest"] == same[part]["digest"] != differs[part]["digest"]
    listed = manifest(service, one, transcripts="true")["transcripts"]["items"]
    assert [each["transcript_id"] for each in listed] == ids
    assert found["transcripts"]["items"] is None
    # As the documentation says it can be worked out from the export.
    total = 0
    for row in lines(export(service, one)):
        value = "null" if row["value"] is None else str(row["value"]).lower()
        line = (
            f'["{row["transcript_hash"]}","{row["rubric_hash"]}",'
            f'"{row["criterion"]}","{row["status"]}",{value}]'
        )
        total += int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
    assert found["labels"]["digest"] == f"sha256:{total % 2**256:064x}"
    assert found["labels"]["count"] == len(lines(export(service, one)))


def test_a_run_that_is_not_there_has_none(service: Service) -> None:
    problem_in(service.admin.get("/v1/runs/run_nope/manifest"), 404, "not_found")
