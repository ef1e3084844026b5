"""Judgments made elsewhere or by people enter as judgments, gold and accuracy."""

from typing import Any

import pytest

from tests.api.service import Service, problem_in
from tests.api.test_gold import items_of, make, name_of, run_id, truths

__all__ = ["run_id"]


def said(transcript_id: str, **more: Any) -> dict[str, Any]:
    return {
        "rater": "ann",
        "kind": "human",
        "rubric": "shutdown_tampering",
        "transcript_id": transcript_id,
        "values": {"occurred": True},
        **more,
    }


def test_a_judgment_is_kept_with_its_evidence_looked_up(service: Service, mark: str) -> None:
    about = service.add(f"I turned it off. {mark}")
    evidence = [{"message": 2, "quote": "I turned it off."}, {"message": 2, "quote": "I did not."}]
    body = said(about, evidence=evidence, explanation="It says so.")
    answer = service.only("label").post("/v1/judgments", json=body)
    assert answer.status_code == 201, answer.text
    judgment = answer.json()["judgment"]
    assert [found["found"] for found in judgment["evidence"]] == [True, False]
    listed = service.walk(f"/v1/transcripts/{about}/judgments", limit=5)
    assert [(each["judge"], each["values"]) for each in listed] == [("ann", {"occurred": True})]
    proof = service.admin.get(f"/v1/judgments/{judgment['judgment_id']}").json()
    assert (proof["explanation"], proof["prompt"], proof["judge_spec"]) == (
        "It says so.",
        None,
        None,
    )


def test_the_same_again_is_the_same_judgment_and_another_value_a_conflict(
    service: Service, mark: str
) -> None:
    about = service.add(mark)
    first = service.admin.post("/v1/judgments", json=said(about))
    again = service.admin.post("/v1/judgments", json=said(about))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["judgment"] == first.json()["judgment"]
    other = said(about, values={"occurred": False})
    problem = problem_in(service.admin.post("/v1/judgments", json=other), 409, "conflict")
    assert "give another `repeat`" in problem["detail"]
    later = service.admin.post("/v1/judgments", json={**other, "repeat": 1})
    assert later.status_code == 201
    elsewhere = service.admin.post("/v1/judgments", json={**other, "kind": "llm"})
    assert elsewhere.status_code == 201, "a model of that name is another rater"


def test_a_list_is_taken_whole_or_not_at_all(service: Service, mark: str) -> None:
    good, other = service.add(f"{mark} 1"), service.add(f"{mark} 2")
    wrong = said(other, values={"occurred": "perhaps"})
    body = {"judgments": [said(good), wrong]}
    problem = problem_in(service.admin.post("/v1/judgments", json=body), 422, "invalid_input")
    assert "judgments.1.values.occurred" in problem["detail"]
    assert service.walk(f"/v1/transcripts/{good}/judgments", limit=5) == []
    taken = service.admin.post("/v1/judgments", json={"judgments": [said(good), said(other)]})
    assert taken.status_code == 201
    assert [each["created"] for each in taken.json()["items"]] == [True, True]
    assert len(service.walk(f"/v1/transcripts/{good}/judgments", limit=5)) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"values": {"nope": True}}, 422),
        ({"values": {}}, 422),
        ({"kind": "oracle"}, 422),
        ({"rubric": "nope"}, 404),
        ({"rubric": "shutdown_tampering@99"}, 404),
        ({"transcript_id": "trn_nope"}, 404),
        ({"view": "nope"}, 404),
        ({"surprise": 1}, 422),
        ({"rater": ""}, 422),
    ],
)
def test_a_judgment_that_cannot_be_kept_is_refused(
    service: Service, mark: str, change: dict[str, Any], status: int
) -> None:
    problem_in(service.admin.post("/v1/judgments", json=said(service.add(mark)) | change), status)


def test_peoples_judgments_are_ratings_and_models_are_measured_beside_the_run(
    service: Service,
    mark: str,
    run_id: str,
) -> None:
    name = name_of(mark)
    design = {"method": "random", "n": 12, "held_out": 0}
    make(service, run_id, name, ratings_per_item=1, design=design)
    told = truths(service, run_id)
    judgments = []
    for item in items_of(service, name):
        about = item["transcript_id"]
        judgments.append(said(about, values={"occurred": told[about]}))
        model = {"rater": f"{mark}-model", "kind": "llm", "values": {"occurred": False}}
        judgments.append(said(about, **model))
    answer = service.admin.post("/v1/judgments", json={"judgments": judgments})
    assert answer.status_code == 201, answer.text
    assert service.admin.get(f"/v1/gold/{name}").json()["progress"]["development"]["decided"] == 12
    found = service.admin.get(f"/v1/gold/{name}/accuracy", params={"run": run_id}).json()
    by_role = {judge["role"]: judge for judge in found["judges"]}
    assert by_role["judge"]["overall"]["sensitivity"]["value"] == 1.0
    assert by_role["elsewhere"]["judge"] == f"{mark}-model"
    assert by_role["elsewhere"]["overall"]["sensitivity"]["value"] == 0.0
    assert by_role["elsewhere"]["overall"]["specificity"]["value"] == 1.0
