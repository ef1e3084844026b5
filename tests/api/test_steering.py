"""Cancel, pause, resume and retry: what is legal from where, and what each leaves."""

from typing import Any

import pytest

from grader.store import runs
from tests.api.service import Service, problem_in, saying
from tests.api.test_runs import model, rules_run

VERBS = ("cancel", "pause", "resume", "retry")


def steer(service: Service, run_id: str, verb: str) -> Any:
    return service.admin.post(f"/v1/runs/{run_id}:{verb}")


def run_in(service: Service, mark: str, status: str) -> str:
    """Return a run of one transcript in this status, without failures."""
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    match status:
        case "paused":
            steer(service, run_id, "pause").raise_for_status()
        case "cancelled":
            steer(service, run_id, "cancel").raise_for_status()
        case "finished":
            service.work(run_id)
        case "running":
            steer(service, run_id, "resume").raise_for_status()
    assert service.show(run_id)["status"] == status
    return run_id


MOVES = {
    ("created", "cancel"): "cancelled",
    ("created", "pause"): "paused",
    ("created", "resume"): "running",
    ("created", "retry"): "created",
    ("running", "cancel"): "cancelled",
    ("running", "pause"): "paused",
    ("running", "resume"): "running",
    ("running", "retry"): "running",
    ("paused", "cancel"): "cancelled",
    ("paused", "pause"): "paused",
    ("paused", "resume"): "running",
    ("paused", "retry"): "paused",
    ("finished", "cancel"): None,
    ("finished", "pause"): None,
    ("finished", "resume"): None,
    ("finished", "retry"): "finished",
    ("cancelled", "cancel"): "cancelled",
    ("cancelled", "pause"): None,
    ("cancelled", "resume"): None,
    ("cancelled", "retry"): None,
}


@pytest.mark.parametrize(("status", "verb"), MOVES)
def test_a_move_is_made_or_refused(service: Service, mark: str, status: str, verb: str) -> None:
    run_id = run_in(service, mark, status)
    answer = steer(service, run_id, verb)
    expected = MOVES[status, verb]
    if expected is None:
        detail = problem_in(answer, 409, "illegal_transition")["detail"]
        assert status in detail
        assert service.show(run_id)["status"] == status
    else:
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == expected
        # How fast a run goes is told only where it is asked for.
        assert answer.json() | {"speed": None} == service.show(run_id) | {"speed": None}


def test_a_paused_run_says_why_and_is_finished_after_it_is_resumed(
    service: Service, mark: str
) -> None:
    run_id = run_in(service, mark, "paused")
    assert service.show(run_id)["reason"] == "paused by request"
    steer(service, run_id, "resume")
    assert service.show(run_id)["reason"] is None
    assert service.work(run_id)["status"] == "finished"


def test_a_run_is_put_into_the_queue_when_it_may_go_on(service: Service, mark: str) -> None:
    queued = service.app.state.context.queue
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    assert queued.waiting()[run_id] == 1
    steer(service, run_id, "pause")
    steer(service, run_id, "resume")
    assert queued.waiting()[run_id] == 2


def test_a_retry_asks_only_what_failed_and_keeps_its_attempts(service: Service, mark: str) -> None:
    panel = {"judges": [model(f"{mark}-good"), model(f"{mark}-bad")]}
    service.provider.behave(model=f"{mark}-bad", fails=["malformed_json"])
    run_id = service.declare(**rules_run(items=[saying(mark)]) | {"panel": panel})
    before = service.work(run_id)
    assert (before["status"], before["counts"]["judgments"]["failed"]) == ("finished", 1)
    (failure,) = service.walk(f"/v1/runs/{run_id}/failures", limit=5)
    old_labels = service.walk(f"/v1/runs/{run_id}/labels", limit=50)
    service.provider.reset()

    answer = steer(service, run_id, "retry")
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    after = service.work(run_id)
    assert after["status"] == "finished"
    counts = after["counts"]["judgments"]
    assert (counts["given"], counts["failed"], counts["pending"]) == (2, 0, 0)
    assert service.provider.stats()["by_model"] == {f"{mark}-bad": 1}
    proof = service.admin.get(f"/v1/judgments/{failure['judgment_id']}").json()
    assert proof["status"] == "given"
    assert len(proof["attempts"]) == failure["usage"]["attempts"] + 1
    assert service.walk(f"/v1/runs/{run_id}/failures", limit=5) == []

    new_labels = service.walk(f"/v1/runs/{run_id}/labels", limit=50)
    assert len(new_labels) == len(old_labels)
    assert all("failed" not in str(label["votes"]) for label in new_labels)
    assert not {each["label_id"] for each in new_labels} & {each["label_id"] for each in old_labels}


def test_a_cancelled_run_keeps_what_was_answered(service: Service, mark: str) -> None:
    run_id = run_in(service, mark, "cancelled")
    run = service.show(run_id)
    assert run["finished_at"]
    assert run["counts"]["judgments"]["pending"] == 1
    assert service.walk(f"/v1/runs/{run_id}/judgments", limit=5) == []


def test_a_resumed_run_with_nothing_left_is_finished_at_once(service: Service, mark: str) -> None:
    """A worker may have written the last judgment in the moment the run was paused."""
    run_id = run_in(service, mark, "running")
    service.work(run_id)
    with service.store.transaction() as connection:
        runs.try_move_run(connection, run_id, "running")
        runs.move_run(connection, run_id, "paused")
    assert steer(service, run_id, "resume").json()["status"] == "finished"
