"""A stream of transcripts: a bad line costs that line, and memory does not grow with the stream."""

import gzip
import json
import secrets
import socket
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import sqlalchemy
import zstandard

from tests.api.service import MAX_LINE_BYTES, Service, problem_in, saying, vanish_after

NDJSON = "application/x-ndjson"
no_matter_which_database = pytest.mark.parametrize("shared_service", ["sqlite"], indirect=True)


def lines_of(mark: str, count: int) -> list[bytes]:
    return [json.dumps(saying(f"{mark} {n}", batch=mark)).encode() for n in range(count)]


def send(
    service: Service, content: bytes | Iterable[bytes], encoding: str = ""
) -> tuple[httpx2.Response, list[dict[str, Any]], dict[str, Any]]:
    """Return the response, what it says of each line, and the summary."""
    headers = {"Content-Type": NDJSON, **({"Content-Encoding": encoding} if encoding else {})}
    response = service.admin.post("/v1/transcripts/bulk", content=content, headers=headers)
    assert response.headers["content-type"] == NDJSON
    *answers, last = map(json.loads, response.text.splitlines())
    return response, answers, last


def summary(received: int, *, created: int = 0, existing: int = 0, rejected: int = 0) -> Any:
    counts = {"created": created, "existing": existing, "rejected": rejected}
    return {"summary": {"received": received, **counts}}


def stored(service: Service, mark: str) -> int:
    return len(service.walk("/v1/transcripts", limit=1000, where=f"batch:eq:{mark}"))


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "zstd"])
def test_every_line_is_answered_and_the_same_stream_again_creates_nothing(
    service: Service, mark: str, encoding: str
) -> None:
    pack = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
    body = pack.get(encoding, bytes)(b"\n".join(lines_of(mark, 3)))
    response, answers, last = send(service, body, encoding)
    assert response.status_code == 200
    assert [(each["line"], each["status"]) for each in answers] == [
        (number, "created") for number in (1, 2, 3)
    ]
    assert last == summary(3, created=3)
    _, again, last = send(service, body, encoding)
    assert [each["transcript_id"] for each in again] == [each["transcript_id"] for each in answers]
    assert last == summary(3, existing=3)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"nope", "invalid_transcript"),
        (b"{", "invalid_transcript"),
        (b'"\xff"', "invalid_transcript"),
        (b'{"messages": []}', "invalid_transcript"),
        (b'{"a": 1}', "unknown_format"),
        (b"[" * 10_000, "invalid_transcript"),
        (json.dumps(saying("\ud800")).encode(), "invalid_transcript"),
        (json.dumps(saying("\x00")).encode(), "invalid_transcript"),
        (b"x" * (MAX_LINE_BYTES + 1), "body_too_large"),
    ],
)
def test_a_bad_line_costs_that_line(service: Service, mark: str, bad: bytes, code: str) -> None:
    good = lines_of(mark, 3)
    response, answers, last = send(service, b"\n".join([*good[:2], bad, good[2]]))
    assert response.status_code == 200
    assert [each["status"] for each in answers] == ["created", "created", "rejected", "created"]
    assert answers[2]["line"] == 3
    assert answers[2]["error"]["code"] == code
    assert answers[2]["error"]["detail"]
    assert last == summary(4, created=3, rejected=1)
    assert stored(service, mark) == 3


def test_blank_lines_count_as_lines_and_are_not_answered(service: Service, mark: str) -> None:
    one, two = lines_of(mark, 2)
    _, answers, last = send(service, b"\n\n" + one + b"\r\n  \r\n" + two)
    assert [each["line"] for each in answers] == [3, 5]
    assert last == summary(2, created=2)


def test_an_empty_stream_is_answered_by_its_summary(service: Service) -> None:
    for encoding in ("", "gzip", "zstd"):
        response, answers, last = send(service, b"", encoding)
        assert (response.status_code, answers, last) == (200, [], summary(0))


def test_equal_lines_of_one_stream_are_created_once(service: Service, mark: str) -> None:
    _, answers, last = send(service, b"\n".join(lines_of(mark, 1) * 3))
    assert [each["status"] for each in answers] == ["created", "existing", "existing"]
    assert last == summary(3, created=1, existing=2)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_several_compressed_members_in_a_row_are_one_stream(
    service: Service, mark: str, encoding: str
) -> None:
    pack = gzip.compress if encoding == "gzip" else zstandard.ZstdCompressor().compress
    whole = b"\n".join(lines_of(mark, 40))
    body = b"".join(pack(whole[at : at + 1000]) for at in range(0, len(whole), 1000))
    if encoding == "gzip":
        body += bytes(512)  # as tar and tapes pad it

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    response, _, last = send(service, pieces(), encoding)
    assert (response.status_code, last) == (200, summary(40, created=40))


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut", "corrupt", "not compressed"])
def test_a_stream_that_breaks_is_told_and_whole_lines_before_it_stay(
    service: Service, mark: str, encoding: str, damage: str
) -> None:
    pack = gzip.compress if encoding == "gzip" else zstandard.ZstdCompressor().compress
    members = [pack(line + b"\n") for line in lines_of(mark, 4)]
    last_member = {
        "cut": members[3][:-6],
        "corrupt": members[3][:12] + bytes(8) + members[3][20:],
        "not compressed": b"this is plain",
    }[damage]
    response, answers, last = send(service, b"".join(members[:3]) + last_member, encoding)
    assert response.status_code == 422
    assert last["error"]["code"] == "invalid_input"
    assert last["summary"]["created"] >= 3
    assert [each["status"] for each in answers[:3]] == ["created"] * 3
    assert stored(service, mark) >= 3


@no_matter_which_database
def test_a_bomb_is_rejected_as_the_line_it_is_in_bounded_memory(
    service: Service, mark: str
) -> None:
    good = lines_of(mark, 1)[0]
    packer = zlib.compressobj(level=9, wbits=31)
    zeros = b"0" * 1_000_000
    bomb = b"".join(packer.compress(zeros) for _ in range(300)) + packer.compress(b"\n" + good)
    bomb += packer.flush()
    frames = [zstandard.ZstdCompressor().compress(zeros * 100) for _ in range(3)]
    frames.append(zstandard.ZstdCompressor().compress(b"\n" + good))
    for encoding, body, status in (
        ("gzip", bomb, "created"),
        ("zstd", b"".join(frames), "existing"),
    ):
        tracemalloc.start()
        _, answers, _ = send(service, body, encoding)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert [each["status"] for each in answers] == ["rejected", status]
        assert answers[0]["error"]["code"] == "body_too_large"
        assert peak < 30_000_000, f"{peak:,} bytes for a line of 300,000,000"


@no_matter_which_database
def test_memory_does_not_grow_with_the_stream(service: Service, mark: str) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(100):
            yield json.dumps(saying(f"{mark} {number} " + "x" * 900_000, batch=mark)).encode()
            yield b"\n"

    tracemalloc.start()
    _, _, last = send(service, pieces())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert last == summary(100, created=100)
    assert peak < 45_000_000, f"{peak:,} bytes for a stream of 90,000,000"


@no_matter_which_database
def test_a_client_that_reads_only_after_sending_all_is_answered(service: Service) -> None:
    count = 100_000
    address = urlsplit(service.address)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/transcripts/bulk HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer grk_admin\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        lines = b"nope\n" * 1000
        for _ in range(count // 1000):
            connection.sendall(b"%x\r\n%b\r\n" % (len(lines), lines))
        connection.sendall(b"0\r\n\r\n")
        response = HTTPResponse(connection)
        response.begin()
        *answers, last = response.read().splitlines()
    assert response.status == 200
    assert len(answers) == count
    assert json.loads(answers[-1])["line"] == count
    assert json.loads(last) == summary(count, rejected=count)


def test_a_client_that_vanishes_leaves_its_whole_lines(
    service: Service, mark: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = lines_of(mark, 3)
    body = b"\n".join(lines)[:-5]
    with caplog.at_level("INFO", logger="api.bulk"):
        vanish_after(service, "/v1/transcripts/bulk", body[:100], body[100:])
    assert stored(service, mark) == 2
    [told] = [record for record in caplog.records if record.message == "bulk_client_gone"]
    assert vars(told)["lines_created"] == 2
    _, _, last = send(service, b"\n".join(lines))
    assert last == summary(3, created=1, existing=2)


def test_a_connection_that_is_cut_leaves_the_server_well(service: Service) -> None:
    address = urlsplit(service.address)
    for _ in range(5):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/transcripts/bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
                b"Authorization: Bearer grk_admin\r\n\r\n{"
            )
    assert send(service, b"")[0].status_code == 200


def test_half_a_body_is_not_taken_for_a_whole_one(service: Service, mark: str) -> None:
    name = mark.lower()
    rubric = (
        f"name: {name}\nversion: '1'\ndescription: d\ncriteria:\n"
        "  - {name: occurred, question: q, scale: {type: boolean}}\n"
    )
    before = service.count_rows()
    vanish_after(service, "/v1/rubrics", rubric.encode())
    assert service.count_rows() == before
    assert service.admin.post("/v1/rubrics", content=rubric).status_code == 201


def test_lines_have_the_format_that_is_named(service: Service, mark: str) -> None:
    line = json.dumps({"choices": [{"message": {"role": "assistant", "content": mark}}]})
    for name, status in (("native", "rejected"), ("openai_chat", "created"), ("auto", "existing")):
        path = f"/v1/transcripts/bulk?format={name}"
        response = service.admin.post(path, content=line)
        assert json.loads(response.text.splitlines()[0])["status"] == status
    problem_in(service.admin.post("/v1/transcripts/bulk?format=klingon", content=b""), 422)


def test_lines_in_many_batches_are_answered_in_their_order(service: Service, mark: str) -> None:
    lines = lines_of(mark, 2_500)
    lines[1_700] = b"{"
    lines[2_100] = lines[3]
    _, answers, last = send(service, b"\n".join(lines))
    assert [each["line"] for each in answers] == list(range(1, 2_501))
    odd = {each["line"]: each["status"] for each in answers if each["status"] != "created"}
    assert odd == {1_701: "rejected", 2_101: "existing"}
    assert answers[2_100]["transcript_id"] == answers[3]["transcript_id"]
    assert last == summary(2_500, created=2_498, existing=1, rejected=1)


@pytest.mark.parametrize("own_service", ["sqlite"], indirect=True)
def test_a_full_disk_ends_the_stream_with_its_reason_and_nothing_half_stored(
    own_service: Service, mark: str
) -> None:
    engine = own_service.app.state.context.store.engine
    lines = [
        json.dumps(saying(f"{n} {secrets.token_hex(10_000)}", batch=mark)).encode()
        for n in range(400)
    ]
    most = 0

    def limit(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    sqlalchemy.event.listen(engine, "checkout", limit)
    for extra, answered in ((700, True), (0, False)):
        most = pages + extra if answered else 1
        body = b"\n".join(lines if answered else lines[::-1])
        headers = {"Content-Type": NDJSON}
        response = own_service.admin.post("/v1/transcripts/bulk", content=body, headers=headers)
        if answered:
            *answers, last = map(json.loads, response.text.splitlines())
            assert response.status_code == 507
            assert last["error"]["code"] == "store_full"
            assert "make room" in last["error"]["detail"]
            assert 0 < last["summary"]["created"] == len(answers) < 400
            assert stored(own_service, mark) == last["summary"]["created"]
        else:
            problem_in(response, 507, "store_full")
    most = 1_000_000
    _, _, whole = send(own_service, b"\n".join(lines))
    before = last["summary"]["created"]
    assert whole == summary(400, created=400 - before, existing=before)
