"""A run's events: what a listener is told, that it resumes, ends, and shares one poller."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from api.watching import Watching
from grader.domain.run import Counts
from grader.reports.progress import RunState
from grader.reports.run_records import RunCost, RunCounts, TranscriptCounts
from tests.api.service import Service, problem_in, saying
from tests.api.test_runs import rules_run

Event = dict[str, Any]


class Listener:
    """Reads the events of a stream one after the other."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and not line.startswith(":"):
                fields[name] = value
            elif "data" in fields:
                yield {**fields, "data": json.loads(fields["data"])}
                fields = {}
            else:
                fields = {}


@contextmanager
def listening(service: Service, run_id: str, last_id: str = "") -> Iterator[Listener]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    path = f"/v1/runs/{run_id}/events"
    with service.admin.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Listener(response)


def until(events: Iterator[Event], name: str) -> list[Event]:
    """Return the events up to the first of that name."""
    found = []
    for event in events:
        found.append(event)
        if event["event"] == name:
            return found
    raise AssertionError(f"the stream ended before {name}: {found}")


def test_a_run_is_followed_from_its_creation_to_its_end(service: Service, mark: str) -> None:
    run_id = service.declare(**rules_run(items=[saying(f"{mark} {n}") for n in range(3)]))
    with listening(service, run_id) as listener:
        events = iter(listener)
        first, second = next(events), next(events)
        assert (first["event"], first["data"]) == ("status", {"status": "created", "reason": None})
        assert second["event"] == "progress"
        assert second["data"]["counts"]["judgments"]["pending"] == 3
        worker = threading.Thread(target=service.work, args=(run_id,))
        worker.start()
        rest = list(events)
        worker.join()
    assert rest[-1]["event"] == "finished"
    assert rest[-1]["data"]["counts"]["judgments"]["given"] == 3
    statuses = [event["data"]["status"] for event in rest if event["event"] == "status"]
    assert statuses[-1] == "finished"
    shown = service.show(run_id)
    for name in ("counts", "cost", "judges", "status", "finished_at"):
        assert rest[-1]["data"][name] == shown[name], name


def test_who_comes_back_is_told_what_changed_and_nothing_twice(service: Service, mark: str) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    with listening(service, run_id) as listener:
        seen = until(iter(listener), "progress")
    service.work(run_id)
    with listening(service, run_id, last_id=seen[-1]["id"]) as listener:
        rest = list(listener)
    assert [event["event"] for event in rest] == ["status", "progress", "finished"]
    # Cut after the status: the progress is still to come, the status is not told again.
    with listening(service, run_id, last_id=rest[0]["id"]) as listener:
        assert [event["event"] for event in listener] == ["progress", "finished"]
    with listening(service, run_id, last_id=rest[1]["id"]) as listener:
        assert [event["event"] for event in listener] == ["finished"]
    answer = service.admin.get(
        f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": rest[-1]["id"]}
    )
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_id_that_nobody_gave_out_is_told_everything(service: Service, mark: str) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    service.work(run_id)
    for made_up in ("x", "a.b", "a.b.finished", "...."):
        with listening(service, run_id, last_id=made_up) as listener:
            assert [e["event"] for e in listener] == ["status", "progress", "finished"], made_up


def test_a_paused_run_keeps_its_stream_and_a_cancelled_one_ends_it(
    service: Service, mark: str
) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    with listening(service, run_id) as listener:
        events = iter(listener)
        until(events, "progress")
        service.admin.post(f"/v1/runs/{run_id}:pause").raise_for_status()
        paused = until(events, "status")[-1]
        assert paused["data"] == {"status": "paused", "reason": "paused by request"}
        service.admin.post(f"/v1/runs/{run_id}:cancel").raise_for_status()
        names = [event["event"] for event in events]
        assert (names[0], names[-1]) == ("status", "cancelled")


def test_events_of_no_run_and_of_no_key_are_problems(service: Service) -> None:
    problem_in(service.admin.get("/v1/runs/run_nope/events"), 404, "not_found")
    problem_in(service.nobody.get("/v1/runs/run_nope/events"), 401)
    problem_in(service.only("submit").get("/v1/runs/run_nope/events"), 403)


def state(given: int, **changes: Any) -> RunState:
    fields: dict[str, Any] = {
        "run_id": "run_x",
        "status": "running",
        "reason": None,
        "counts": RunCounts(
            transcripts=TranscriptCounts(expected=9, finished=given, pending=9 - given),
            judgments=Counts(expected=9, given=given, pending=9 - given),
        ),
        "cost": RunCost(spent=0.0),
        "judges": (),
        "speed": None,
        "started_at": datetime(2026, 11, 1, tzinfo=UTC),
        "finished_at": None,
    }
    return RunState.model_validate(fields | changes)


class Scripted:
    """A run whose state moves on with every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, run_id: str) -> RunState:
        self.looks += 1
        return state(self.looks)


def test_all_listeners_of_a_run_share_one_poller_which_ends_with_the_last() -> None:
    looked = Scripted()

    async def follow(watching: Watching, changes: int) -> list[int]:
        async with aclosing(watching.states(state(0))) as states:
            found = [await anext(states) for _ in range(changes)]
        return [each.counts.judgments.given for each in found if each is not None]

    async def main() -> list[list[int]]:
        watching = Watching(looked, heartbeat_seconds=5)
        seen = await asyncio.gather(*(follow(watching, 2) for _ in range(50)))
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return seen

    assert asyncio.run(main()) == [[1, 2]] * 50
    assert looked.looks == 2


def test_a_listener_of_a_silent_run_gets_signs_of_life_and_ends_when_the_process_stops() -> None:
    async def main() -> list[RunState | None]:
        watching = Watching(lambda _: state(0), heartbeat_seconds=0.01)
        seen: list[RunState | None] = []
        async for found in watching.states(state(0)):
            seen.append(found)
            if len(seen) == 3:
                watching.is_stopping = lambda: True
        return seen

    assert asyncio.run(main()) == [None, None, None]


def test_a_database_that_is_away_for_a_moment_does_not_end_the_watching() -> None:
    looks = iter([OSError("away"), state(4)])

    def look(_: str) -> RunState:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    async def main() -> RunState | None:
        async with aclosing(Watching(look).states(state(0))) as states:
            return await anext(states)

    assert asyncio.run(main()) == state(4)


@pytest.mark.parametrize("most", [0, 1])
def test_no_more_listen_than_a_process_takes(service: Service, mark: str, most: int) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    usual = service.app.state.watching
    service.app.state.watching = Watching(usual._look, most_listeners=most)
    try:
        if most:
            with listening(service, run_id) as listener:
                until(iter(listener), "progress")
                refused = service.admin.get(f"/v1/runs/{run_id}/events")
                problem_in(refused, 503, "too_many_listeners")
        else:
            refused = service.admin.get(f"/v1/runs/{run_id}/events")
            problem_in(refused, 503, "too_many_listeners")
            assert refused.headers["retry-after"]
    finally:
        service.app.state.watching = usual
