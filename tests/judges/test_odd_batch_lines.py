"""Lines of a batch are read as live answers are: each odd one ends as one status, or stays open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
import pytest

from grader.domain.identity import utc_now
from grader.domain.judge import LLMJudgeSpec
from grader.judges.batch import BatchJudge, Read
from grader.judges.provider.batch import OpenAIBatches, RemoteBatch
from grader.judges.provider.batch_lines import read_line
from tests.judges.asking import GIVEN, PRICES, SECRET, question, spec_for
from tests.judges.odd_server import completion, tool_call
from tests.judges.test_odd_servers import GIVEN_ODDLY, UNREADABLE

NOWHERE = "http://127.0.0.1:9/v1"
CUSTOM_ID = "what-it-asks"

_T = TypeVar("_T")


def with_batch_judge(spec: LLMJudgeSpec, work: Callable[[BatchJudge], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        batches = OpenAIBatches(NOWHERE, "any-key")
        try:
            async with asyncio.timeout(30):
                return await work(BatchJudge(spec, batches, secret=SECRET))
        finally:
            await batches.close()

    return asyncio.run(run())


def read(body: dict[str, Any]) -> Read:
    """Return what a line with that response brings."""
    response = {"status_code": 200, "body": body}
    line = read_line(orjson.dumps({"custom_id": CUSTOM_ID, "response": response, "error": None}))
    assert line is not None
    now = utc_now()
    remote = RemoteBatch("batch_1", "completed", "file_1", None, (), "", now, now)

    async def read_it(judge: BatchJudge) -> Read:
        return await judge.read([question(judge.spec)], line, remote, mode="tools")

    return with_batch_judge(spec_for(NOWHERE, modes=("tools",)), read_it)


@pytest.mark.parametrize("body", GIVEN_ODDLY.values(), ids=GIVEN_ODDLY.keys())
def test_an_answer_in_an_odd_form_is_given(body: dict[str, Any]) -> None:
    found = read(body)

    (judgment,) = found.judgments
    assert (judgment.status, judgment.values) == ("given", {"occurred": True})
    assert judgment.cost_microusd >= 0
    assert (found.missing, found.unavailable) == (None, None)


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_answer_that_cannot_be_read_leaves_its_question_open_with_its_call(
    body: dict[str, Any],
) -> None:
    found = read(body)

    assert found.judgments == []
    assert found.missing
    assert found.unavailable is None
    (attempt,) = found.attempts
    assert attempt.outcome != "answered"
    assert attempt.raw_output


def test_more_cached_tokens_than_tokens_cost_what_the_cached_ones_cost() -> None:
    usage = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}}

    (judgment,) = read(completion(tool_call(GIVEN), usage=usage)).judgments

    assert PRICES.cached_input is not None
    assert judgment.cost_microusd == round(100 * PRICES.cached_input / 2)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_the_most_a_line_can_cost_counts_every_name_of_the_output_limit(name: str) -> None:
    def most(**changes: Any) -> int:
        async def ask(judge: BatchJudge) -> int:
            return judge.most_microusd(b"a line")

        return with_batch_judge(spec_for(NOWHERE, max_output_tokens=1_000, **changes), ask)

    usual = most()
    assert most(parameters={name: 500}) == usual
    assert most(parameters={name: 5_000}) == usual + 4_000 * PRICES.output / 2
