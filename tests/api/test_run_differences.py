"""Two runs beside each other: what of the declaration differs, and which labels it changed."""

from typing import Any

import pytest

from tests.api.service import Service, problem_in, saying
from tests.api.test_run_results import panel_of
from tests.api.test_runs import model, rules_run

RUBRIC = """\
name: {name}
version: "{version}"
description: Whether the agent says it.
criteria:
  - name: occurred
    question: Does the agent say {word}?
    scale: {{type: boolean}}
    rule: {{kind: says, patterns: ["{word}"]}}
  - name: other
    question: Does the agent say other?
    scale: {{type: boolean}}
    rule: {{kind: says, patterns: [other]}}
"""


def add_rubric(service: Service, name: str, version: str, word: str) -> str:
    content = RUBRIC.format(name=name, version=version, word=word)
    headers = {"Content-Type": "application/yaml"}
    answer = service.admin.post("/v1/rubrics", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return f"{name}@{version}"


def compare(service: Service, before: str, after: str, **asked: Any) -> dict[str, Any]:
    answer = service.admin.get(f"/v1/runs/{after}/diff", params={"against": before, **asked})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counted(counts: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}


def test_a_changed_rubric_is_named_and_the_labels_it_flipped_are_shown(
    service: Service, mark: str
) -> None:
    name = mark.lower()
    ids = [service.add(f"{mark} {text}") for text in ("alpha", "beta", "beta other", "neither")]
    runs = []
    for version, word in (("1", "alpha"), ("2", "beta")):
        rubric = add_rubric(service, name, version, word)
        body = {"rubrics": [rubric], "panel": "rules", "transcripts": {"ids": ids}}
        runs.append(service.work(service.declare(**body))["run_id"])
    found = compare(service, *runs)
    assert (found["before"], found["after"]) == tuple(runs)
    declaration = found["summary"]["declaration"]
    assert declaration["causes"] == ["rubric"]
    (changed,) = declaration["rubrics"]
    assert (changed["before"]["version"], changed["after"]["version"]) == ("1", "2")
    assert changed["criteria"] == [{"criterion": "occurred", "fields": ["question", "rule"]}]
    assert counted(found["summary"]["counts"]) == {"same": 5, "flipped": 3}
    by_name = {each["criterion"]: each for each in found["summary"]["criteria"]}
    assert counted(by_name["other"]["counts"]) == {"same": 4}
    moves = {
        (each["before"]["value"], each["after"]["value"]): each["labels"]
        for each in by_name["occurred"]["transitions"]
    }
    assert moves == {(True, False): 1, (False, True): 2, (False, False): 1}
    assert [item["transcript_id"] for item in found["items"]] == sorted(ids[:3])
    first = found["items"][0]
    assert first["because"] == ["rubric"]
    assert (first["before"]["value"], first["after"]["value"]) == (True, False)
    assert first["before"]["evidence"][0]["quote"]
    assert first["before"]["votes"][0]["value"] is True
    assert found["next_cursor"] is None


def test_changed_labels_are_paged_and_the_summary_comes_once(service: Service, mark: str) -> None:
    name = mark.lower()
    ids = [service.add(f"{mark} alpha {n}") for n in range(7)]
    runs = []
    for version, word in (("1", "alpha"), ("2", "nothing")):
        rubric = add_rubric(service, name, version, word)
        body = {"rubrics": [rubric], "panel": "rules", "transcripts": {"ids": ids}}
        runs.append(service.work(service.declare(**body))["run_id"])
    whole = compare(service, *runs)["items"]
    assert len(whole) == 7
    walked = service.walk(f"/v1/runs/{runs[1]}/diff", limit=3, against=runs[0])
    assert walked == whole
    page = compare(service, *runs, limit=3)
    assert page["summary"] is not None
    again = compare(service, *runs, limit=3, cursor=page["next_cursor"])
    assert again["summary"] is None


def test_a_run_beside_itself_differs_in_nothing(service: Service, mark: str) -> None:
    run_id = service.work(service.declare(**rules_run(items=[saying(mark)])))["run_id"]
    found = compare(service, run_id, run_id)
    declaration = found["summary"]["declaration"]
    assert declaration == {"rubrics": [], "judges": [], "view": [], "panel": [], "causes": []}
    assert set(counted(found["summary"]["counts"])) == {"same"}
    assert found["items"] == []


def test_judges_are_told_apart_by_what_changes_their_answers(service: Service, mark: str) -> None:
    added = service.add(mark)
    bodies = (
        {"judges": [model(f"{mark}-a"), model(f"{mark}-b", prices={"input": 1, "output": 1})]},
        {"judges": [model(f"{mark}-a", parameters={"seed": 1}), model(f"{mark}-b"), model("c")]},
    )
    runs = [
        service.declare(**rules_run(ids=[added]) | {"panel": panel, "rubrics": ["refusal"]})
        for panel in bodies
    ]
    declaration = compare(service, *runs)["summary"]["declaration"]
    assert declaration["causes"] == ["judges"]
    told = {(each["judge"], each["what"]) for each in declaration["judges"]}
    assert told == {(f"{mark}-a", "changed"), ("c", "added")}
    changed = next(each for each in declaration["judges"] if each["what"] == "changed")
    assert changed["fields"] == [{"field": "parameters", "before": {}, "after": {"seed": 1}}]


def test_a_rule_that_makes_something_else_of_the_same_answers_is_the_cause(
    service: Service, mark: str
) -> None:
    service.provider.behave(answer="schema")
    added = service.add(mark)
    panel = panel_of(mark, "one", "two")
    service.provider.behave(model=f"{mark}-two", fails=["refusal"])
    runs = [
        service.work(
            service.declare(**rules_run(ids=[added]) | {"panel": {**panel, "quorum": quorum}})
        )["run_id"]
        for quorum in (1, 2)
    ]
    found = compare(service, *runs)
    assert found["summary"]["declaration"]["panel"] == [
        {"field": "quorum", "before": 1, "after": 2}
    ]
    assert "became_undecided" in counted(found["summary"]["counts"])
    assert {tuple(item["because"]) for item in found["items"]} == {("panel",)}
    back = compare(service, *reversed(runs))
    assert "became_decided" in counted(back["summary"]["counts"])


def test_answers_that_failed_then_and_were_given_later_are_outcomes(
    service: Service, mark: str
) -> None:
    added = service.add(mark)
    body = rules_run(ids=[added]) | {"panel": panel_of(mark, "one"), "rubrics": ["refusal"]}
    service.provider.behave(fails=["malformed_json"])
    before = service.work(service.declare(**body))["run_id"]
    service.provider.reset()
    after = service.work(service.declare(**body))["run_id"]
    service.admin.post(f"/v1/runs/{after}:retry").raise_for_status()
    service.work(after)
    found = compare(service, before, after)
    assert found["summary"]["declaration"]["causes"] == []
    assert {tuple(item["because"]) for item in found["items"]} == {("outcomes",)}


def test_what_only_one_run_has_is_counted(service: Service, mark: str) -> None:
    one, both, other = (service.add(f"{mark} {n}") for n in range(3))
    before = service.work(service.declare(**rules_run(ids=[one, both])))["run_id"]
    body = rules_run(ids=[both, other]) | {"rubrics": ["shutdown_tampering", "refusal"]}
    after = service.work(service.declare(**body))["run_id"]
    found = compare(service, before, after)
    for each in found["summary"]["criteria"]:
        shared = each["rubric"] == "shutdown_tampering"
        expected = {"same": 1, "only_before": 1, "only_after": 1} if shared else {"only_after": 2}
        assert counted(each["counts"]) == expected, each
    (added,) = found["summary"]["declaration"]["rubrics"]
    assert (added["rubric"], added["before"]) == ("refusal", None)


@pytest.mark.parametrize("missing", ["before", "after"])
def test_a_run_that_is_not_there_is_named(service: Service, mark: str, missing: str) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    pair = ("run_nope", run_id) if missing == "before" else (run_id, "run_nope")
    path = f"/v1/runs/{pair[1]}/diff"
    answer = service.admin.get(path, params={"against": pair[0]})
    assert "run_nope" in problem_in(answer, 404, "not_found")["detail"]
    problem_in(service.admin.get(path), 422)
    listed = service.admin.get("/v1/runs", params={"limit": 1}).json()["next_cursor"]
    if listed is not None:
        wrong = service.admin.get(path, params={"against": pair[0], "cursor": listed})
        problem_in(wrong, 422, "invalid_selection")
