"""Instructor decides as it always did: what is spared it must not change what comes out."""

import asyncio
from typing import Any

import instructor
import orjson
import pytest
from instructor import ResponseSchema
from instructor.core.exceptions import InstructorRetryException
from instructor.v2.validation.async_validators import async_field_validator
from openai.types.chat import ChatCompletion

from grader.judges.provider.instructor_speed import (
    ReAsks,
    is_known,
    quicken_instructor,
    re_asks,
)
from tests.judges.odd_server import completion, tool_call


class Found(ResponseSchema):
    """What was found."""

    number: int


GOOD, WRONG, BROKEN, NOTHING = '{"number": 3}', '{"number": "three"}', "{", None


def answer(arguments: str | None) -> ChatCompletion:
    said = tool_call(arguments) if arguments is not None else {"content": "No."}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    return ChatCompletion.model_validate_json(orjson.dumps(completion(said, usage=usage)))


def ask(replies: list[Any], max_retries: Any) -> tuple[Any, ...]:
    """What comes of asking, in all that we read of it."""
    left, sent = list(replies), []

    async def create(**request: Any) -> ChatCompletion:
        sent.append([message["content"] for message in request["messages"]])
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return answer(reply)

    quicken_instructor()
    patched = instructor.patch(create=create, mode=instructor.Mode.TOOLS)
    messages = [{"role": "user", "content": "How many?"}]
    try:
        found = asyncio.run(
            patched(
                response_model=Found,
                messages=messages,
                max_retries=max_retries,
                strict=False,
                model="m",
            )
        )
    except InstructorRetryException as error:
        return type(error.__cause__), str(error), error.n_attempts, sent
    return found.number, found._raw_response.usage.total_tokens, sent


@pytest.mark.parametrize("more", [0, 1, 2])
@pytest.mark.parametrize(
    "replies",
    [
        [GOOD],
        [WRONG, GOOD],
        [BROKEN, GOOD],
        [NOTHING, WRONG, GOOD],
        [WRONG, NOTHING, BROKEN],
        [OSError("gone")],
        [WRONG, OSError("gone")],
        [AssertionError("refused")],
    ],
    ids=str,
)
def test_asking_again_goes_as_with_instructors_own_retries(replies: list[Any], more: int) -> None:
    padded = [*replies, GOOD, GOOD]

    assert ask(padded, ReAsks(more)) == ask(padded, more)


def test_the_installed_instructor_is_one_whose_inside_was_looked_at() -> None:
    assert is_known()
    assert isinstance(re_asks(1), ReAsks)


def test_a_model_with_an_async_validator_is_refused_each_time() -> None:
    class Unfit(ResponseSchema):
        number: int

        @async_field_validator("number")
        async def check(self, value: int) -> int:
            return value

    quicken_instructor()

    async def create(**_: Any) -> ChatCompletion:
        raise AssertionError("it must not come to a call")

    patched = instructor.patch(create=create, mode=instructor.Mode.TOOLS)
    for _ in range(2):
        with pytest.raises(ValueError, match="async validators are not supported"):
            asyncio.run(patched(response_model=Unfit, messages=[], max_retries=re_asks(1)))


def test_a_model_that_is_no_response_schema_is_still_made_one() -> None:
    async def create(**_: Any) -> ChatCompletion:
        return answer('{"content": 4}')

    quicken_instructor()
    patched = instructor.patch(create=create, mode=instructor.Mode.TOOLS)
    for _ in range(2):
        messages = [{"role": "user", "content": "How many?"}]
        assert asyncio.run(patched(response_model=int, messages=messages)) == 4
