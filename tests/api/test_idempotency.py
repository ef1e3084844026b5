"""An Idempotency-Key: the same request again is answered the same, and nothing happens twice."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.store.schema import replies
from tests.api.bad import JSON
from tests.api.service import Service, problem_in, saying
from tests.api.test_runs import rubric_of, rules_run


def post(client: httpx2.Client, path: str, body: Any, key: str, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, content=content, headers={**JSON, "Idempotency-Key": key, **headers})


def requests_of(service: Service, mark: str) -> dict[str, tuple[str, Any, Any]]:
    """Return for each POST endpoint its path, a body, and another body that is right too."""
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    name = mark.lower()
    rating = {"unit": "u", "rater": "r", "value": True}
    return {
        "transcripts": ("/v1/transcripts", saying(mark), saying(f"{mark} other")),
        "bulk": (
            "/v1/transcripts/bulk",
            json.dumps(saying(f"{mark} bulk")).encode(),
            json.dumps(saying(f"{mark} other bulk")).encode(),
        ),
        "rubrics": ("/v1/rubrics", rubric_of(name, "1"), rubric_of(name, "2")),
        "panels": (
            "/v1/panels",
            {"name": name, "judges": [{"kind": "rules"}]},
            {"name": name, "judges": [{"kind": "rules", "name": "other"}]},
        ),
        "check": ("/v1/panels/rules:check", b"", b" "),
        "runs": ("/v1/runs", rules_run(items=[saying(mark)]), rules_run(items=[saying("b")])),
        "pause": (f"/v1/runs/{run_id}:pause", b"", b" "),
        "resume": (f"/v1/runs/{run_id}:resume", b"", b" "),
        "retry": (f"/v1/runs/{run_id}:retry", b"", b" "),
        "cancel": (f"/v1/runs/{run_id}:cancel", b"", b" "),
        "agreement": (
            "/v1/agreement",
            {"ratings": [rating], "scale": "boolean"},
            {"ratings": [rating, {**rating, "rater": "s"}], "scale": "boolean"},
        ),
        "keys": (
            "/v1/keys",
            {"name": mark, "scopes": ["read"]},
            {"name": mark, "scopes": ["label"]},
        ),
    }


def test_every_post_is_replayed_and_nothing_happens_again(service: Service, mark: str) -> None:
    for name, (path, body, other) in requests_of(service, mark).items():
        key = f"{mark} {name}"
        first = post(service.admin, path, body, key)
        assert first.is_success, f"{name}: {first.text}"
        assert "idempotent-replayed" not in first.headers
        before = service.count_rows()
        again = post(service.admin, path, body, key)
        assert again.headers["idempotent-replayed"] == "true", name
        assert (again.status_code, again.content) == (first.status_code, first.content), name
        assert again.headers["content-type"] == first.headers["content-type"], name
        assert again.headers.get("location") == first.headers.get("location"), name
        problem_in(post(service.admin, path, other, key), 422, "idempotency_mismatch")
        assert service.count_rows() == before, name


def test_another_address_with_the_same_key_is_another_request(service: Service, mark: str) -> None:
    assert post(service.admin, "/v1/transcripts", saying(mark), mark).status_code == 201
    for path in ("/v1/transcripts?format=native", "/v1/transcripts/bulk"):
        problem_in(post(service.admin, path, saying(mark), mark), 422, "idempotency_mismatch")


def test_two_callers_may_use_the_same_key(service: Service, mark: str) -> None:
    one = post(service.admin, "/v1/runs", rules_run(items=[saying(mark)]), mark)
    other = post(service.only("submit"), "/v1/runs", rules_run(items=[saying("else")]), mark)
    assert (one.status_code, other.status_code) == (202, 202)
    assert one.json()["run_id"] != other.json()["run_id"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/runs", b"{", 400),
        ("/v1/runs", {"rubrics": ["nope"], "panel": "rules", "transcripts": {"where": {}}}, 404),
        ("/v1/transcripts", {"messages": []}, 422),
        ("/v1/runs/run_nope:cancel", b"", 404),
        ("/v1/audits", {}, 501),
    ],
)
def test_a_refused_request_leaves_its_key_free(
    service: Service, mark: str, path: str, body: Any, status: int
) -> None:
    before = service.count_rows()
    problem_in(post(service.admin, path, body, mark), status)
    assert service.count_rows() == before
    answer = post(service.admin, "/v1/transcripts", saying(mark), mark)
    assert answer.status_code == 201


@pytest.mark.parametrize("scope", ["nobody", "read"])
def test_without_the_right_to_do_it_there_is_no_replay_either(
    service: Service, mark: str, scope: str
) -> None:
    body = rules_run(items=[saying(mark)])
    assert post(service.admin, "/v1/runs", body, mark).status_code == 202
    before = service.count_rows()
    answer = post(service.clients[scope], "/v1/runs", body, mark)
    problem_in(answer, 401 if scope == "nobody" else 403)
    assert service.count_rows() == before


def test_a_revoked_key_is_not_replayed_to(service: Service, mark: str) -> None:
    made = service.admin.post("/v1/keys", json={"name": mark, "scopes": ["submit"]}).json()
    bearer = {"Authorization": f"Bearer {made['key']}"}
    body = saying(mark)
    assert post(service.nobody, "/v1/transcripts", body, mark, **bearer).status_code == 201
    service.admin.delete(f"/v1/keys/{made['key_id']}")
    problem_in(post(service.nobody, "/v1/transcripts", body, mark, **bearer), 401)


def test_many_at_once_make_one_run(service: Service, mark: str) -> None:
    body = rules_run(items=[saying(mark)])
    before = service.count_rows()["runs"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(service.admin, "/v1/runs", body, mark), range(16)))
    assert service.count_rows()["runs"] == before + 1
    good = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.json()["run_id"] for answer in good}) == 1
    for answer in answers:
        if answer not in good:
            assert "try again" in problem_in(answer, 409, "conflict")["detail"]
    assert post(service.admin, "/v1/runs", body, mark).content == good[0].content


def test_many_at_once_that_are_refused_are_all_told_so(service: Service, mark: str) -> None:
    body = rules_run(ids=["trn_nope"])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(service.admin, "/v1/runs", body, mark), range(24)))
    assert {answer.status_code for answer in answers} <= {404, 409}


def age_replies(service: Service, mark: str, age: timedelta) -> None:
    with service.store.transaction() as connection:
        connection.execute(
            sa.update(replies)
            .where(replies.c.idempotency_key == mark)
            .values(status=None, headers=None, body=None, created_at=utc_now() - age)
        )


def test_a_request_that_may_still_be_held_is_not_done_twice(service: Service, mark: str) -> None:
    """`Prefer: wait` holds an answer for up to five minutes."""
    body = rules_run(items=[saying(mark)])
    post(service.admin, "/v1/runs", body, mark)
    age_replies(service, mark, timedelta(seconds=310))
    problem_in(post(service.admin, "/v1/runs", body, mark), 409, "conflict")


def test_a_request_whose_server_died_may_be_repeated_later(service: Service, mark: str) -> None:
    body = rules_run(items=[saying(mark)])
    first = post(service.admin, "/v1/runs", body, mark)
    age_replies(service, mark, timedelta(hours=1))
    again = post(service.admin, "/v1/runs", body, mark)
    assert again.status_code == 202
    assert again.json()["run_id"] != first.json()["run_id"]
    assert post(service.admin, "/v1/runs", body, mark).content == again.content


def test_a_new_api_key_cannot_be_read_in_the_database(service: Service, mark: str) -> None:
    answer = post(service.admin, "/v1/keys", {"name": mark, "scopes": ["read"]}, mark)
    with service.store.reading() as connection:
        kept = connection.scalar(sa.select(replies.c.body).where(replies.c.idempotency_key == mark))
    assert kept is not None
    assert len(kept) == len(answer.content)
    assert answer.json()["key"].encode() not in kept
    assert b"grk_" not in kept


def test_an_answer_is_kept_before_the_client_has_it(service: Service, mark: str) -> None:
    for number in range(20):
        key, body = f"{mark} {number}", saying(f"{mark} {number}")
        assert post(service.admin, "/v1/transcripts", body, key).status_code == 201
        assert post(service.admin, "/v1/transcripts", body, key).status_code == 201


def test_a_run_is_not_made_twice_if_its_answer_broke_off(service: Service, mark: str) -> None:
    """The run is stored, and then the server fails: who asks again is told of this very run."""
    body = json.dumps(rules_run(items=[saying(mark)])).encode()
    before = service.count_rows()["runs"]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def fail(_: Any) -> None:
        raise OSError("the connection broke")

    headers = {"Authorization": "Bearer grk_admin", "Idempotency-Key": mark, **JSON}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/runs",
        "raw_path": b"/v1/runs",
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    with pytest.raises(OSError, match="the connection broke"):
        asyncio.run(service.app(scope, receive, fail))
    assert service.count_rows()["runs"] == before + 1

    again = service.admin.post("/v1/runs", content=body, headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.headers["location"] == f"/v1/runs/{again.json()['run_id']}"
    assert again.json() == service.show(again.json()["run_id"])
    assert service.count_rows()["runs"] == before + 1


def test_replies_are_kept_for_a_day(service: Service, mark: str) -> None:
    old, young = f"{mark} old", f"{mark} young"
    for key in (old, young):
        assert post(service.admin, "/v1/transcripts", saying(key), key).status_code == 201
    for key, hours in ((old, 25), (young, 23)):
        with service.store.transaction() as connection:
            age = sa.update(replies).where(replies.c.idempotency_key == key)
            connection.execute(age.values(created_at=utc_now() - timedelta(hours=hours)))
    post(service.admin, "/v1/transcripts", saying(mark), mark)
    with service.store.reading() as connection:
        kept = set(connection.scalars(sa.select(replies.c.idempotency_key)))
    assert young in kept
    assert old not in kept
