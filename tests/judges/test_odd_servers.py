"""Servers that speak the protocol their own way: gateways, local servers, and broken ones."""

from typing import Any

import pytest

from grader.domain.judgment import Judgment
from grader.errors import JudgeUnavailable
from tests.judges.asking import GIVEN, PRICES, question, spec_for, with_judge
from tests.judges.odd_server import OddReply, OddServer, completion, tool_call


def ask(*replies: OddReply, modes: tuple[str, ...] = ("tools",)) -> Judgment:
    with OddServer(*replies) as server:
        spec = spec_for(server.base_url, modes=modes)
        found = with_judge(spec, lambda judge: judge.judge(question(spec)), tries=2)
        assert len(found.attempts) == server.calls
        return found


def error(status: int, message: str, code: str | None = None) -> OddReply:
    return status, {"error": {"message": message, "type": "x", "code": code}}, {}


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (400, "This model's maximum context length is 8192 tokens.", "context_overflow"),
        (400, "the request exceeds the available context size, try increasing", "context_overflow"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "context_overflow"),
        (400, "The input token count (2000000) exceeds the maximum", "context_overflow"),
        (422, "too many tokens", "context_overflow"),
        (413, "Request Entity Too Large", "context_overflow"),
        (400, "The response was filtered: content_filter", "content_filter"),
        (400, "Invalid prompt: your prompt was flagged as potentially violating", "content_filter"),
        (403, "Your chosen model requires moderation and your input was flagged", "content_filter"),
        (400, "Unsupported parameter: temperature", "provider_error"),
        (422, "unprocessable", "provider_error"),
        (418, "I'm a teapot", "provider_error"),
    ],
)
def test_what_concerns_one_transcript_fails_that_judgment_after_one_call(
    status: int, message: str, outcome: str
) -> None:
    found = ask(error(status, message))

    assert (found.status, found.reason, found.values) == ("failed", outcome, {})
    assert len(found.attempts) == 1
    assert found.detail is not None
    assert message[:20] in found.detail


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_concerns_the_judge_is_raised(status: int) -> None:
    with pytest.raises(JudgeUnavailable, match=f"the provider answered {status}"):
        ask(error(status, "no"))


@pytest.mark.parametrize(
    "message",
    [
        "API key not valid. Please pass a valid API key.",
        "API key expired. Please renew the API key.",
        "[API_KEY_INVALID] rejected",
    ],
)
def test_a_key_that_is_refused_by_400_concerns_the_judge(message: str) -> None:
    with pytest.raises(JudgeUnavailable, match="the provider answered 400"):
        ask(error(400, message))


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 529])
def test_a_fault_of_the_server_is_tried_again(status: int) -> None:
    found = ask(error(status, "sorry"))

    assert (found.status, len(found.attempts)) == ("given", 2)


HTML = (b"<html>Bad gateway</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    "reply",
    [
        (200, *HTML),
        (200, b'{"choices": [', {}),
        (200, b"", {}),
        (200, b"null", {}),
        (200, [], {}),
        (200, {}, {}),
        (200, {"error": {"code": 502, "message": "upstream failed"}}, {}),
        (200, completion({}, choices=[]), {}),
        (200, completion({}, choices=None), {}),
        (200, completion({}, choices="none"), {}),
        (200, completion({}, choices=[{"index": 0, "message": None}]), {}),
        (200, completion({}, choices=[{"index": 0, "message": "yes"}]), {}),
        (200, completion({}, choices=[{"index": 0}]), {}),
        (200, completion({}, choices=[None]), {}),
    ],
    ids=lambda reply: str(reply[1])[:60],
)
def test_status_200_without_an_answer_is_a_fault_and_no_answer(reply: OddReply) -> None:
    found = ask(reply)
    assert (found.status, len(found.attempts)) == ("given", 2)

    broken = ask(reply, reply)
    assert (broken.status, broken.reason, broken.values) == ("failed", "provider_error", {})


def test_a_gateways_own_words_are_kept() -> None:
    reply: OddReply = (200, {"error": {"code": 502, "message": "upstream failed"}}, {})

    assert "upstream failed" in str(ask(reply, reply).detail)


@pytest.mark.parametrize("missing", ["id", "model", "created", "object"])
def test_what_a_server_leaves_out_is_not_needed(missing: str) -> None:
    sent = completion(tool_call())
    del sent[missing]

    found = ask((200, sent, {}))

    assert (found.status, len(found.attempts)) == ("given", 1)
    assert found.usage.input_tokens == 0
    assert found.attempts[0].served_model == (None if missing == "model" else "odd")


def test_a_choice_without_a_finish_reason_is_an_answer() -> None:
    sent = completion(tool_call())
    del sent["choices"][0]["finish_reason"]

    assert ask((200, sent, {})).status == "given"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": None},
        {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": None}},
    ],
    ids=str,
)
def test_usage_may_be_missing_or_half_there(usage: Any) -> None:
    found = ask((200, completion(tool_call(), usage=usage), {}))

    assert found.status == "given"
    assert found.usage.input_tokens == ((usage or {}).get("prompt_tokens") or 0)
    assert found.usage.cached_tokens == 0


@pytest.mark.parametrize(
    "message",
    [
        {"content": ""},
        {"content": None, "tool_calls": []},
        {"content": "I would say yes."},
        tool_call(""),
        tool_call("null"),
        tool_call("{"),
        tool_call("true"),
        tool_call('{"explanation": "\\ud83d", "occurred": true}'),
    ],
    ids=str,
)
def test_an_answer_that_says_nothing_usable_is_unparsable(message: dict[str, Any]) -> None:
    reply: OddReply = (200, completion(message), {})

    found = ask(reply, reply)

    assert (found.status, found.reason, found.values) == ("failed", "unparsable", {})
    assert len(found.attempts) == 2


def test_a_call_of_nothing_is_unparsable_too() -> None:
    nothing = [{"id": "c", "type": "function", "function": None}]
    reply: OddReply = (200, completion({"content": None, "tool_calls": nothing}), {})

    found = ask(reply, reply)

    assert (found.status, found.reason, found.values) == ("failed", "unparsable", {})


def _called_with(arguments: Any) -> dict[str, Any]:
    message = tool_call()
    message["tool_calls"][0]["function"]["arguments"] = arguments
    return message


GIVEN_ODDLY: dict[str, dict[str, Any]] = {
    "arguments as an object": completion(_called_with(GIVEN)),
    "usage in fractions": completion(
        tool_call(), usage={"prompt_tokens": 12.0, "completion_tokens": 3.4}
    ),
    "usage in words": completion(
        tool_call(), usage={"prompt_tokens": "many", "completion_tokens": [1]}
    ),
    "usage below nothing": completion(
        tool_call(), usage={"prompt_tokens": -5, "completion_tokens": -1}
    ),
    "usage as text": completion(tool_call(), usage="free"),
    "model as a number": completion(tool_call(), model=7),
    "model as an object": completion(tool_call(), model={"name": "odd"}),
    "fingerprint as a number": completion(tool_call(), system_fingerprint=7),
}
UNREADABLE: dict[str, dict[str, Any]] = {
    "content as a list of parts": completion({"content": [{"type": "text", "text": "yes"}]}),
    "content as an object": completion({"content": GIVEN}),
    "content as a number": completion({"content": 5}),
    "arguments as a number": completion(_called_with(5)),
    "arguments as a list": completion(_called_with([GIVEN])),
    "tool calls as a number": completion({"content": "yes", "tool_calls": 5}),
}


@pytest.mark.parametrize("body", GIVEN_ODDLY.values(), ids=GIVEN_ODDLY.keys())
def test_an_answer_in_an_odd_form_is_given(body: dict[str, Any]) -> None:
    found = ask((200, body, {}))

    assert (found.status, found.values) == ("given", {"occurred": True})
    assert len(found.attempts) == 1
    assert found.cost_microusd >= 0


def test_odd_usage_and_names_are_recorded_as_what_they_say() -> None:
    usage = {"prompt_tokens": 12.0, "completion_tokens": 3.4}
    found = ask((200, completion(tool_call(), usage=usage, model=7), {}))

    assert (found.usage.input_tokens, found.usage.output_tokens) == (12, 3)
    assert found.attempts[0].served_model == "7"


@pytest.mark.parametrize("mode", ["tools", "json_schema", "json_text"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_answer_in_a_form_that_cannot_be_read_is_unparsable(
    body: dict[str, Any], mode: str
) -> None:
    found = ask((200, body, {}), (200, body, {}), modes=(mode,))

    assert (found.status, found.reason, found.values) == ("failed", "unparsable", {})


def test_more_cached_tokens_than_tokens_cost_what_the_cached_ones_cost() -> None:
    usage = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}}

    found = ask((200, completion(tool_call(), usage=usage), {}))

    assert (found.usage.input_tokens, found.usage.cached_tokens) == (100, 100)
    assert PRICES.cached_input is not None
    assert found.cost_microusd == round(100 * PRICES.cached_input)


def test_a_key_reaches_its_server() -> None:
    with OddServer() as server:
        spec = spec_for(server.base_url)
        with_judge(spec, lambda judge: judge.judge(question(spec)))

    sent = {name.lower(): value for name, value in server.headers[0].items()}
    assert sent["authorization"] == "Bearer any-key"
