"""The simulated Batch API, asked by the real client."""

import asyncio
import io
from typing import Any

import orjson
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from grader.errors import InvalidInput
from grader.testing import SimulatedProvider
from tests.testing.asking import request, with_client


def line(custom_id: str, **changes: Any) -> bytes:
    made = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions"}
    return orjson.dumps({**made, "body": request(), **changes}) + b"\n"


def run_batch(provider: SimulatedProvider, lines: list[bytes]) -> tuple[Any, list[Any], list[Any]]:
    """Return the batch at its end, and the lines of its output and error files."""

    async def work(client: AsyncOpenAI) -> Any:
        given = ("in.jsonl", io.BytesIO(b"".join(lines)))
        file = await client.files.create(file=given, purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"batch_id": "bat_1"},
        )
        while batch.status in ("validating", "in_progress", "finalizing"):
            await asyncio.sleep(0.005)
            batch = await client.batches.retrieve(batch.id)
        found = []
        for file_id in (batch.output_file_id, batch.error_file_id):
            content = b"" if file_id is None else (await client.files.content(file_id)).content
            found.append([orjson.loads(each) for each in content.splitlines()])
        return batch, *found

    return with_client(provider.base_url, work)  # type: ignore[no-any-return]


def test_each_line_is_answered_as_a_call_and_counted(provider: SimulatedProvider) -> None:
    batch, output, errors = run_batch(provider, [line(f"q{n}") for n in range(3)])

    assert batch.status == "completed"
    assert (batch.request_counts.total, batch.request_counts.completed) == (3, 3)
    assert [each["custom_id"] for each in output] == ["q0", "q1", "q2"]
    body = output[0]["response"]["body"]
    assert (output[0]["response"]["status_code"], output[0]["error"]) == (200, None)
    assert body["usage"]["prompt_tokens"] > 0
    assert body["choices"][0]["message"]["tool_calls"]
    assert errors == []
    stats = provider.stats()
    assert (stats["batches"]["created"], stats["batches"]["lines"]) == (1, 3)
    assert stats["received"] == 0


def test_a_failed_line_has_no_error_but_a_status(provider: SimulatedProvider) -> None:
    provider.behave(batch={"error_share": 1})
    batch, output, errors = run_batch(provider, [line("q")])

    assert (batch.status, batch.output_file_id, output) == ("completed", None, [])
    assert errors[0]["error"] is None
    assert errors[0]["response"]["status_code"] == 400


def test_an_expired_batch_has_some_answers_and_tells_which_are_missing(
    provider: SimulatedProvider,
) -> None:
    provider.behave(batch={"expired_share": 0.5})
    batch, output, errors = run_batch(provider, [line(f"q{n}") for n in range(4)])

    assert batch.status == "expired"
    assert [each["custom_id"] for each in output] == ["q0", "q1"]
    assert [each["error"]["code"] for each in errors] == ["batch_expired"] * 2


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line("q"), line("q")], "duplicate_custom_id"),
        ([line("q" * 65)], "invalid_custom_id"),
        ([line("q", url="/v1/other")], "invalid_url"),
        ([line("a"), line("b", body=request(model="another"))], "mismatched_model"),
    ],
)
def test_a_wrong_input_file_fails_validation(
    provider: SimulatedProvider, lines: list[bytes], code: str
) -> None:
    batch, _, _ = run_batch(provider, lines)
    assert batch.status == "failed"
    assert [error.code for error in batch.errors.data] == [code]


def test_batches_are_listed_newest_first_page_by_page(provider: SimulatedProvider) -> None:
    made = [run_batch(provider, [line("q")])[0].id for _ in range(3)]

    async def work(client: AsyncOpenAI) -> list[str]:
        return [each.id async for each in client.batches.list(limit=2)]

    assert with_client(provider.base_url, work) == made[::-1]


def test_a_batch_that_is_not_there_or_has_ended_is_refused(provider: SimulatedProvider) -> None:
    ended = run_batch(provider, [line("q")])[0].id
    with pytest.raises(NotFoundError):
        with_client(provider.base_url, lambda client: client.batches.retrieve("nothing"))
    with pytest.raises(BadRequestError):
        with_client(provider.base_url, lambda client: client.batches.cancel(ended))


def test_a_misspelt_setting_of_batches_is_refused(provider: SimulatedProvider) -> None:
    with pytest.raises(InvalidInput, match="its keys are"):
        provider.behave(batch={"expird_share": 0.5})
