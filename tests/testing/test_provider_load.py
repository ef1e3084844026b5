"""Latencies, limits, tokens and counts: what a benchmark relies on."""

import asyncio
import math
import statistics
import time

import openai
import pytest

from grader.errors import ServerFailed
from grader.testing import SimulatedProvider, ideal_makespan
from grader.testing.provider import Latency
from grader.testing.provider.limits import RequestAllowance
from tests.testing.asking import (
    ask,
    ask_many,
    plain,
    request,
    schema_of,
    tools_of,
    with_client,
)

# A benchmark's published numbers hang on them: a change makes old and new ones incomparable.
GOLDEN_LATENCIES = [
    0.6253178848079115,
    1.5962580844017262,
    1.0315201510017065,
    0.9653188655782676,
    2.546772690324327,
]


def test_the_latency_of_the_nth_call_depends_on_the_seed_alone():
    drawn = [Latency(1.0, 0.5, seed=7).seconds(number) for number in range(5)]
    assert drawn == pytest.approx(GOLDEN_LATENCIES, rel=1e-12)
    assert [Latency(1.0, 0.5, seed=8).seconds(number) for number in range(5)] != drawn


def test_latencies_are_lognormal_around_their_median():
    drawn = [Latency(2.0, 0.5, seed=1).seconds(number) for number in range(20_000)]
    # The standard error of the log-median is about 0.5 * 1.25 / sqrt(20000) = 0.0044.
    assert statistics.median(drawn) == pytest.approx(2.0, rel=0.02)
    assert statistics.stdev(math.log(one) for one in drawn) == pytest.approx(0.5, rel=0.03)


def test_calls_take_the_latencies_that_were_drawn_in_the_order_of_acceptance():
    latency = {"median_seconds": 0.004, "sigma": 1.0, "seed": 3}
    with SimulatedProvider(latency=latency, answer="schema") as provider:
        ask_many(provider.base_url, 20)
        taken = provider.stats(latencies=True)["latencies"]
    drawn = Latency(0.004, 1.0, 3)
    assert taken["seconds"] == [drawn.seconds(number) for number in range(20)]
    assert taken["count"] == 20
    assert taken["sum_seconds"] == pytest.approx(sum(taken["seconds"]))


def test_no_client_beats_the_ideal_makespan():
    slots = 4
    with SimulatedProvider(latency="lognormal:0.02:0.8:5", max_in_flight=slots) as provider:

        async def work(client):
            places = asyncio.Semaphore(slots)

            async def call():
                async with places:
                    await client.chat.completions.create(**request())

            begun = time.monotonic()
            await asyncio.gather(*(call() for _ in range(40)))
            return time.monotonic() - begun

        seconds = with_client(provider.base_url, work)
        stats = provider.stats(latencies=True)
    assert stats["rejected_429"] == 0
    assert stats["max_in_flight"] == slots
    # Timers of an event loop may fire up to their resolution early.
    assert seconds >= ideal_makespan(stats["latencies"]["seconds"], slots) * 0.99


def test_a_fixed_latency_is_waited_for(provider):
    provider.behave(latency=0.15)
    begun = time.monotonic()
    ask(provider.base_url)
    assert time.monotonic() - begun >= 0.149


def test_a_step_may_have_a_latency_of_its_own(provider):
    provider.behave(latency=30)
    provider.script([{"latency": 0.001}, {"answer": {"occurred": True}, "latency": 0.002}])
    ask(provider.base_url)
    ask(provider.base_url)
    assert provider.stats(latencies=True)["latencies"]["seconds"] == [0.001, 0.002]


def refused_until(base_url, refusals, models):
    """Call all models at once, and hang up on the rest when so many calls were refused."""

    async def work(client):
        calls = {
            asyncio.ensure_future(client.chat.completions.create(**request(model=model))): model
            for model in models
        }
        done, waiting = set(), set(calls)
        while len(done) < refusals:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        for call in waiting:
            call.cancel()
        await asyncio.wait(waiting)
        return [(calls[call], call.exception()) for call in done]

    return with_client(base_url, work)


def test_beyond_the_in_flight_limit_calls_are_refused_with_retry_after():
    with SimulatedProvider(latency=60, max_in_flight=3, retry_after_seconds=2) as provider:
        refused = refused_until(provider.base_url, 5, ["any"] * 8)
        stats = provider.stats()
    assert {type(error) for _, error in refused} == {openai.RateLimitError}
    assert {error.response.headers["retry-after"] for _, error in refused} == {"2"}
    assert stats["max_in_flight"] == 3
    assert (stats["received"], stats["accepted"], stats["rejected_429"]) == (8, 3, 5)
    assert stats["answered"] == {"429": 5}
    assert stats["by_kind"] == {"answer": 3, "in_flight_limit": 5}


def test_a_models_own_in_flight_limit_counts_only_its_calls():
    models = {"narrow": {"max_in_flight": 1}}
    with SimulatedProvider(latency=60, models=models) as provider:
        called = ["narrow", "wide", "narrow", "wide"]
        ((model, error),) = refused_until(provider.base_url, 1, called)
        stats = provider.stats()
    assert model == "narrow"
    assert isinstance(error, openai.RateLimitError)
    assert stats["by_model"] == {"narrow": 2, "wide": 2}


def test_beyond_the_rate_calls_are_refused_and_told_how_long_to_wait():
    with SimulatedProvider(requests_per_minute=60, request_burst=2) as provider:
        outcomes = ask_many(provider.base_url, 4)
        stats = provider.stats()
    refused = [one for one in outcomes if isinstance(one, openai.RateLimitError)]
    assert len(refused) == 2
    headers = refused[-1].response.headers
    assert 0 < float(headers["retry-after"]) <= 1
    assert headers["x-ratelimit-limit-requests"] == "60"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-ratelimit-reset-requests"].endswith("ms")
    assert stats["by_kind"] == {"answer": 2, "rate_limit": 2}
    assert stats["rejected_429"] == 2


def test_who_waits_as_told_is_served():
    with SimulatedProvider(requests_per_minute=1200, request_burst=1) as provider:

        async def work(client):
            for _ in range(6):
                while True:
                    try:
                        await client.chat.completions.create(**request())
                        break
                    except openai.RateLimitError as error:
                        await asyncio.sleep(float(error.response.headers["retry-after"]))

        with_client(provider.base_url, work)
        stats = provider.stats()
    assert stats["answered"]["200"] == 6
    assert stats["rejected_429"] <= 5


def test_the_allowance_refills_steadily_and_never_beyond_its_burst():
    allowance = RequestAllowance(requests_per_minute=60, burst=2)
    for _ in range(2):
        assert allowance.wait_seconds(0.0) == 0
        allowance.take(0.0)
    assert allowance.wait_seconds(0.0) == pytest.approx(1.0)
    assert allowance.wait_seconds(0.25) == pytest.approx(0.75)
    assert allowance.wait_seconds(1.0) == 0
    assert allowance.headers(100.0)["x-ratelimit-remaining-requests"] == "2"


def test_usage_counts_a_token_for_every_four_bytes(provider):
    short = ask(provider.base_url, **plain()).usage
    sent = plain()
    sent["messages"][0]["content"] += "x" * 4000
    assert ask(provider.base_url, **sent).usage.prompt_tokens - short.prompt_tokens == 1000
    answer = ask(provider.base_url)
    arguments = answer.choices[0].message.tool_calls[0].function.arguments
    assert answer.usage.completion_tokens == -(-len(arguments.encode()) // 4)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stats_add_up_what_the_answers_said(provider):
    usages = [ask(provider.base_url).usage for _ in range(3)]
    stats = provider.stats()
    assert stats["prompt_tokens"] == sum(one.prompt_tokens for one in usages)
    assert stats["completion_tokens"] == sum(one.completion_tokens for one in usages)


def test_a_second_question_about_the_same_transcript_finds_the_prefix_cached(provider):
    provider.behave(prefix_cache=True)
    transcript = "[M1] user\n" + "".join(f"| line {number}\n" for number in range(2000))

    def cached(question, **changes):
        sent = plain(transcript=transcript, **changes)
        sent["messages"][1]["content"] += question
        usage = ask(provider.base_url, **sent).usage
        return usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens

    first, tokens = cached("Was it refused?")
    assert first == 0
    second, _ = cached("Was a peer framed?")
    assert second % 128 == 0
    assert tokens - 256 < second <= tokens
    # Schemas stand before the messages, so another schema leaves nothing of the prefix.
    other, _ = cached("Was a peer framed?", response_format={"type": "json_object"})
    assert other == 0
    another_model, _ = cached("Was a peer framed?", model="another")
    assert another_model == 0
    assert provider.stats()["cached_tokens"] == second


def test_tokens_are_those_of_what_a_model_reads(provider):
    """Four bytes each; a line break is one byte of text, and not the two that JSON needs."""
    short, long = (
        ask(provider.base_url, **plain(transcript=text)).usage.prompt_tokens
        for text in ("", "\n" * 4_000)
    )
    assert long - short == 1_000


def test_another_tool_before_the_same_messages_leaves_nothing_of_the_prefix(provider):
    provider.behave(prefix_cache=True)
    transcript = "[M1] user\n" + "| line\n" * 2_000

    def cached(name):
        sent = request(transcript, **tools_of(schema_of(occurred={"type": "boolean"}), name))
        return ask(provider.base_url, **sent).usage.prompt_tokens_details.cached_tokens

    assert cached("one") == 0
    assert cached("two") == 0
    assert cached("one") > 3_000


def test_a_call_that_fails_leaves_nothing_in_the_cache(provider):
    provider.behave(prefix_cache=True)
    provider.script(["server_error"])
    transcript = "[M1] user\n" + "| line\n" * 2_000
    sent = request(transcript)

    with pytest.raises(openai.InternalServerError):
        ask(provider.base_url, **sent)
    answered = [ask(provider.base_url, **sent).usage.prompt_tokens_details for _ in range(2)]

    assert answered[0].cached_tokens == 0
    assert answered[1].cached_tokens > 3_000


def test_a_short_prompt_is_never_cached(provider):
    provider.behave(prefix_cache=True)
    for _ in range(2):
        usage = ask(provider.base_url).usage
        assert usage.prompt_tokens < 1024
        assert usage.prompt_tokens_details.cached_tokens == 0


def test_calls_that_start_together_find_nothing_cached():
    long_prompt = "[M1] user\n" + "| line\n" * 2000
    with SimulatedProvider(prefix_cache=True, latency=1.0) as provider:
        answers = ask_many(provider.base_url, 3, **plain(transcript=long_prompt))
    assert [one.usage.prompt_tokens_details.cached_tokens for one in answers] == [0, 0, 0]


def test_the_served_model_may_be_another_than_the_one_asked_for(provider):
    provider.behave(model="alias", served_model="model-2026-11-01", system_fingerprint="fp_9")
    answer = ask(provider.base_url, **request(model="alias"))
    assert (answer.model, answer.system_fingerprint) == ("model-2026-11-01", "fp_9")
    assert ask(provider.base_url).model == "simulated-strict"


def test_models_are_listed(provider):
    provider.behave(model="mine", latency=0)

    async def work(client):
        return [model.id async for model in client.models.list()]

    listed = with_client(provider.base_url, work)
    assert listed == ["mine", "simulated-lenient", "simulated-literal", "simulated-strict"]


def test_a_reset_brings_back_what_it_was_built_with():
    with SimulatedProvider(served_model="built") as provider:
        provider.behave(served_model="changed", model=None)
        provider.script(["server_error"])
        assert provider.stats()["script_left"] == 1
        provider.reset()
        assert ask(provider.base_url).model == "built"
        assert provider.stats()["received"] == 1


def test_the_latest_requests_are_kept_if_that_is_wished(provider):
    ask(provider.base_url)
    assert provider.requests() == []
    provider.behave(keep_requests=2)
    for model in ("a", "b", "c"):
        ask(provider.base_url, **request(model=model))
    assert [one["model"] for one in provider.requests()] == ["b", "c"]


def test_a_taken_port_is_said_at_once(provider):
    port = int(provider.base_url.removesuffix("/v1").rpartition(":")[2])
    with pytest.raises(ServerFailed, match=str(port)), SimulatedProvider(port=port):
        pass


def test_outside_its_block_it_has_no_address_but_keeps_its_counts():
    with SimulatedProvider() as provider:
        ask(provider.base_url)
    assert provider.stats()["received"] == 1
    with pytest.raises(ServerFailed, match="with block"):
        _ = provider.base_url
