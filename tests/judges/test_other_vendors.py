"""Judges of Anthropic and Google, through Instructor, against servers that speak their protocols.

The servers here answer as the vendors' documentation says; what an answer means is the same for
every vendor, so only what differs is tried: reading answers, counting tokens, telling errors.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from grader.domain.judge import LLMJudgeSpec
from grader.domain.judgment import Judgment
from grader.domain.rubric import Rubric
from grader.domain.transcript import Transcript
from grader.errors import JudgeUnavailable
from grader.judges.limit import LocalRateLimiter
from grader.judges.llm import LLMJudge
from grader.judges.prompt import SYSTEM, prompt_hash
from grader.judges.provider import build_provider
from grader.judges.question import Question
from grader.views import get_view, look

RUBRIC = Rubric(
    name="says_yes",
    version="1",
    description="Whether the agent agrees.",
    criteria=[{"name": "occurred", "question": "Does it?", "scale": {"type": "boolean"}}],
)
TRANSCRIPT = Transcript(
    messages=[
        {"role": "user", "content": "Will you?"},
        {"role": "assistant", "content": "Yes, I will {{ now }}."},
    ]
)
GOOD = {
    "explanation": "It agrees.",
    "evidence": [{"message": 2, "quote": "Yes, I will {{ now }}."}],
    "occurred": True,
}
INVENTED = GOOD | {"evidence": [{"message": 2, "quote": "No, never."}]}


def anthropic_answer(
    request: dict[str, Any], answer: dict[str, Any] | None, *, stop: str | None = None
) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if answer is not None and "tools" in request:
        name = request["tools"][0]["name"]
        content = [{"type": "tool_use", "id": "toolu_1", "name": name, "input": answer}]
    elif answer is not None:
        content = [{"type": "text", "text": json.dumps(answer)}]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "content": content,
        "stop_reason": stop or "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 10,
            "output_tokens": 20,
        },
    }


def google_answer(
    request: dict[str, Any], answer: dict[str, Any] | None, *, stop: str | None = None
) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if answer is not None and "tools" in request:
        name = request["tools"][0]["functionDeclarations"][0]["name"]
        parts = [{"functionCall": {"name": name, "args": answer}}]
    elif answer is not None:
        parts = [{"text": json.dumps(answer)}]
    return {
        "candidates": [
            {"content": {"role": "model", "parts": parts}, "finishReason": stop or "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 150,
            "cachedContentTokenCount": 40,
            "candidatesTokenCount": 15,
            "thoughtsTokenCount": 5,
        },
        "modelVersion": "gemini-served",
    }


MAKE = {"anthropic": anthropic_answer, "google": google_answer}
Step = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any], dict[str, str]]]


def answers(answer: dict[str, Any] | None, *, stop: str | None = None) -> Step:
    return lambda vendor, request: (200, MAKE[vendor](request, answer, stop=stop), {})


def fails(status: int, told: str, **headers: str) -> Step:
    def step(vendor: str, request: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        if vendor == "anthropic":
            body = {"type": "error", "error": {"type": "some_error", "message": told}}
        else:
            body = {"error": {"code": status, "message": told, "status": "SOME_STATUS"}}
        return status, body, {k.replace("_", "-"): v for k, v in headers.items()}

    return step


def judge(vendor: str, *steps: Step, **spec: Any) -> tuple[Judgment, list[dict[str, Any]]]:
    """Let a judge of the vendor judge, the server answering the steps in turn."""
    return asyncio.run(_judge(vendor, list(steps), spec))


async def _judge(
    vendor: str,
    steps: list[Step],
    fields: dict[str, Any],
    *,
    rubrics: Sequence[Rubric] = (RUBRIC,),
    about: Transcript = TRANSCRIPT,
) -> tuple[Judgment, list[dict[str, Any]]]:
    requests: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        body = await request.json()
        requests.append(body)
        status, answer, headers = steps.pop(0)(vendor, body)
        return web.json_response(answer, status=status, headers=headers)

    async with Serving(handle) as base_url:
        provider = build_provider(
            vendor, base_url, "key", LocalRateLimiter(4), tries=2, backoff_seconds=0.01
        )
        spec = LLMJudgeSpec(
            kind="llm",
            name="judge",
            provider=vendor,
            model="asked",
            base_url=base_url,
            prices={"input": 10, "cached_input": 1, "output": 100},
            **fields,
        )
        seen = look(about, get_view("plain"))
        questions = [Question(seen, rubric, spec, 0) for rubric in rubrics]
        try:
            judgments = await LLMJudge(spec, provider, secret=b"s").judge_jointly(questions)
            return judgments[0], requests
        finally:
            await provider.close()


class Serving:
    """A server for every path, while it is entered."""

    def __init__(self, handle: Callable[[web.Request], Awaitable[web.Response]]) -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", handle)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


vendors = pytest.mark.parametrize("vendor", ["anthropic", "google"])


@vendors
def test_an_answer_is_given_with_its_quote_tokens_and_cost(vendor: str) -> None:
    judgment, requests = judge(vendor, answers(GOOD))
    assert (judgment.status, judgment.values, judgment.mode) == (
        "given",
        {"occurred": True},
        "tools",
    )
    assert [found.found for found in judgment.evidence] == [True]
    [attempt] = judgment.attempts
    assert json.loads(attempt.raw_output or "") == GOOD
    assert attempt.served_model == {"anthropic": "claude-served", "google": "gemini-served"}[vendor]
    assert (attempt.input_tokens, attempt.cached_tokens, attempt.output_tokens) == (150, 40, 20)
    assert attempt.cost_microusd == 110 * 10 + 40 * 1 + 20 * 100
    assert "{{ now }}" in json.dumps(requests[0]), "the transcript went through no template"


@vendors
def test_an_invented_quote_is_asked_about_once(vendor: str) -> None:
    judgment, requests = judge(vendor, answers(INVENTED), answers(GOOD))
    assert judgment.status == "given"
    assert [found.found for found in judgment.evidence] == [True]
    assert len(requests) == 2
    assert judgment.attempts[0].outcome.startswith("not accepted: ")
    assert "No, never." in json.dumps(requests[1])


@vendors
def test_the_ladder_goes_on_to_the_vendors_next_mode(vendor: str) -> None:
    judgment, _ = judge(vendor, answers(None), answers(None), answers(GOOD))
    assert judgment.status == "given"
    assert judgment.mode == {"anthropic": "json_text", "google": "json_schema"}[vendor]


@vendors
def test_a_truncated_answer_is_a_failure(vendor: str) -> None:
    stop = {"anthropic": "max_tokens", "google": "MAX_TOKENS"}[vendor]
    judgment, _ = judge(vendor, answers({"explanation": "It"}, stop=stop))
    assert (judgment.status, judgment.reason) == ("failed", "truncated")


def test_a_model_of_anthropic_that_declines_refused() -> None:
    judgment, _ = judge("anthropic", answers(None, stop="refusal"))
    assert (judgment.status, judgment.values) == ("refused", {})


def test_a_filtered_answer_of_google_is_a_failure() -> None:
    judgment, _ = judge("google", answers(None, stop="SAFETY"))
    assert (judgment.status, judgment.reason) == ("failed", "content_filter")


@vendors
def test_a_busy_server_is_waited_for_and_a_fault_tried_again(vendor: str) -> None:
    judgment, requests = judge(
        vendor, fails(429, "slow down", retry_after="0.05"), fails(500, "oops"), answers(GOOD)
    )
    assert judgment.status == "given"
    assert len(judgment.attempts) == len(requests) == 3


@vendors
def test_faults_for_ever_are_a_failure(vendor: str) -> None:
    judgment, requests = judge(vendor, fails(500, "oops"), fails(503, "oops"))
    assert (judgment.status, judgment.reason) == ("failed", "provider_error")
    assert len(requests) == 2, "one owner of retries"


@vendors
def test_a_prompt_that_is_too_long_overflows(vendor: str) -> None:
    judgment, _ = judge(vendor, fails(400, "prompt is too long: 300000 tokens > 200000 maximum"))
    assert (judgment.status, judgment.reason) == ("failed", "context_overflow")


@vendors
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_stops_the_judge(vendor: str, status: int) -> None:
    with pytest.raises(JudgeUnavailable, match=str(status)):
        judge(vendor, fails(status, "no"))


def test_a_judge_without_a_mode_of_its_vendor_says_so() -> None:
    with pytest.raises(JudgeUnavailable, match="none of the output modes"):
        judge("google", modes=("json_text",))


LONG = Transcript(
    messages=[
        {"role": "user", "content": "Will you?\n" * 1_000},
        {"role": "assistant", "content": "Yes, I will {{ now }}."},
    ]
)
RECORDED = {"explanation": "So.", "evidence": GOOD["evidence"], "values": {"occurred": True}}


def another_rubric(**changes: str) -> Rubric:
    return Rubric.model_validate(RUBRIC.model_dump() | changes)


def sent_to_anthropic(
    answer: dict[str, Any], *, rubrics: Sequence[Rubric] = (RUBRIC,), **fields: Any
) -> tuple[Judgment, dict[str, Any]]:
    about = fields.pop("about", LONG)
    steps = [answers(answer)]
    judged = _judge("anthropic", steps, fields, rubrics=rubrics, about=about)
    judgment, (request,) = asyncio.run(judged)
    return judgment, request["messages"][0]["content"]


def test_anthropic_keeps_a_long_transcript_that_other_rubrics_will_begin_with() -> None:
    rubrics = (RUBRIC, another_rubric(description="Whether it says no."))
    sent = []
    for rubric in rubrics:
        about = RECORDED | {"evidence": []}
        judgment, content = sent_to_anthropic(about, rubrics=(rubric,), modes=("shared_tool",))
        assert (judgment.status, judgment.values) == ("given", {"occurred": True})
        sent.append(content)

    (one, question), (other, another) = sent
    assert one == other
    assert one["cache_control"] == {"type": "ephemeral"}
    assert one["text"].splitlines()[-1].endswith(" END =====")
    assert "cache_control" not in question
    assert (question["text"] != another["text"], question["type"]) == (True, "text")


def test_anthropic_is_sent_the_very_prompt_whose_hash_is_kept() -> None:
    judgment, blocks = sent_to_anthropic(RECORDED | {"evidence": []}, modes=("shared_tool",))
    told = "".join(block["text"] for block in blocks)

    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": told}]
    assert judgment.prompt_hash == prompt_hash(messages)


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        # the tool before it is this rubric's own, so nobody else begins with it
        (GOOD | {"evidence": []}, {"modes": ("tools",)}),
        # too short to be kept
        (RECORDED, {"modes": ("shared_tool",), "about": TRANSCRIPT}),
    ],
)
def test_anthropic_is_asked_to_keep_nothing_that_is_not_sent_again(
    answer: dict[str, Any], fields: dict[str, Any]
) -> None:
    _, content = sent_to_anthropic(answer, **fields)

    assert isinstance(content, str)


def test_anthropic_keeps_the_rubrics_of_a_joint_call_but_no_transcript() -> None:
    rubrics = [
        another_rubric(name=name, description="Whether it is so. " * 200) for name in ("one", "two")
    ]
    section = GOOD | {"evidence": []}

    judgment, (kept, rest) = sent_to_anthropic({"one": section, "two": section}, rubrics=rubrics)

    assert judgment.values == {"occurred": True}
    assert "TRANSCRIPT" not in kept["text"]
    assert kept["cache_control"] == {"type": "ephemeral"}
    assert rest["text"].startswith("===== TRANSCRIPT ")


def test_google_answers_several_rubrics_in_one_call() -> None:
    rubrics = [another_rubric(name=name) for name in ("one", "two")]
    given = {"one": GOOD, "two": GOOD | {"occurred": False}}
    judged = _judge("google", [answers(given)], {}, rubrics=rubrics)

    judgment, _ = asyncio.run(judged)

    assert (judgment.status, judgment.values) == ("given", {"occurred": True})


def test_google_has_no_shared_tool_and_the_ladder_goes_on_without_it() -> None:
    """Its tools know no objects with names of their own."""
    judgment, (request,) = judge("google", answers(GOOD), modes=("shared_tool", "json_schema"))

    assert (judgment.status, judgment.mode) == ("given", "json_schema")
    assert "tools" not in request
