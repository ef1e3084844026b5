"""The wire to servers that speak OpenAI's protocol: odd bytes, large bytes, proxies, the key."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from grader.domain.judgment import Judgment
from grader.errors import ProviderFault
from grader.judges.provider import openai_protocol
from grader.judges.provider.openai_protocol import MAX_ANSWER_BYTES, OpenAIWire
from tests.judges.asking import GIVEN, question, spec_for, with_judge
from tests.judges.odd_server import OddReply, OddServer, completion, tool_call
from tests.nouns import transcript

KEY = "any-key"
GOOD = orjson.dumps(completion(tool_call()))


def ask(url: str, **about: Any) -> Judgment:
    spec = spec_for(url, modes=("tools",))
    return with_judge(spec, lambda judge: judge.judge(question(spec, **about)), tries=2)


def packed(data: bytes, encoding: str) -> OddReply:
    body = gzip.compress(data) if encoding == "gzip" else zlib.compress(data)
    return 200, body, {"Content-Encoding": encoding}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_packed_answer_is_unpacked(encoding: str) -> None:
    with OddServer(packed(GOOD, encoding)) as server:
        found = ask(server.base_url)

    assert (found.status, len(found.attempts)) == ("given", 1)


@pytest.mark.parametrize(
    "reply",
    [
        (200, b"x" * 40, {"Content-Encoding": "gzip"}),
        (200, b"[" * 100_000, {}),
        (200, b'{"choices": ' + b"[" * 100_000, {}),
    ],
    ids=["not gzip", "nested brackets", "nested choices"],
)
def test_bytes_that_are_no_answer_are_a_fault_that_is_tried_again(reply: OddReply) -> None:
    with OddServer(reply) as server:
        found = ask(server.base_url)

    assert (found.status, len(found.attempts)) == ("given", 2)


def test_an_answer_that_unpacks_without_end_is_not_read_to_its_end() -> None:
    with OddServer(packed(b" " * (MAX_ANSWER_BYTES + 1), "gzip")) as server:
        found = ask(server.base_url)

    assert found.status == "given"
    assert "the answer is larger than" in found.attempts[0].outcome


def test_a_prompt_of_megabytes_is_sent() -> None:
    about = transcript(
        {"role": "user", "content": "word " * 500_000},
        {"role": "assistant", "content": "Done."},
    )
    with OddServer() as server:
        found = ask(server.base_url, about=about)

    assert found.status == "given"
    assert int(server.headers[0]["Content-Length"]) > 2_500_000


def test_half_a_surrogate_in_an_answer_is_read() -> None:
    whole = completion({"content": None, **tool_call()}, system_fingerprint="here")
    body = json.dumps(whole).replace('"here"', '"\\ud83d"').encode()
    with OddServer((200, body, {})) as server:
        found = ask(server.base_url)

    assert (found.status, len(found.attempts)) == ("given", 1)


def test_tokens_are_counted_once_and_instructor_adds_nothing_up() -> None:
    invented = {**GIVEN, "evidence": [{"message": 3, "quote": "I will never tell."}]}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    replies = [(200, completion(tool_call(a), usage=usage), {}) for a in (invented, GIVEN)]
    with OddServer(*replies) as server:
        found = ask(server.base_url)

    assert [(a.input_tokens, a.output_tokens) for a in found.attempts] == [(100, 7), (100, 7)]
    assert (found.usage.input_tokens, found.usage.output_tokens) == (200, 14)


def test_a_server_that_moved_is_followed_and_gets_the_key_only_where_it_is_the_same() -> None:
    with OddServer() as other:
        moved: OddReply = (307, {}, {"Location": other.base_url + "/chat/completions"})
        with OddServer(moved, (308, {}, {"Location": "/v1/chat/completions"})) as server:
            ask(server.base_url)
            found = ask(server.base_url)
            same = server.headers[-1]

    assert found.status == "given"
    assert "Authorization" not in other.headers[0]
    assert same["Authorization"] == f"Bearer {KEY}"


def test_no_fault_shows_the_key() -> None:
    """A redirect without end is told by an error whose repr holds the request's headers."""
    around: OddReply = (307, {}, {"Location": "/v1/chat/completions"})
    with OddServer(*[around] * 40) as server:
        found = ask(server.base_url)

    assert (found.status, found.reason) == ("failed", "provider_error")
    assert "TooManyRedirects" in found.attempts[0].outcome
    assert KEY not in found.model_dump_json()


def test_a_server_that_is_not_there_is_told_from_one_that_is_slow() -> None:
    with OddServer() as server:
        url = server.base_url
    found = ask(url)

    assert (found.status, found.reason) == ("failed", "provider_error")
    assert f"no connection to {url}" in found.attempts[0].outcome


def test_whose_bill_it_is_comes_from_openais_own_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-x")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-y")
    with OddServer() as server:
        ask(server.base_url)

    sent = server.headers[0]
    assert (sent["OpenAI-Organization"], sent["OpenAI-Project"]) == ("org-x", "proj-y")


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with OddServer() as proxy, no_exceptions(monkeypatch):
        address = proxy.base_url.removeprefix("http://").removesuffix("/v1")
        monkeypatch.setenv("http_proxy", f"http://me:se%40cret@{address}")
        found = ask("http://models.invalid/v1")

    assert found.status == "given"
    assert proxy.headers[0]["Host"] == "models.invalid"
    assert proxy.headers[0]["Proxy-Authorization"] == "Basic bWU6c2VAY3JldA=="


def test_a_host_that_the_environment_excepts_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with OddServer() as server:
        assert ask(server.base_url).status == "given"


def test_a_proxy_that_opens_a_tunnel_is_not_told_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy:
            port = proxy.sockets[0].getsockname()[1]
            monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{port}")
            wire = OpenAIWire("https://models.invalid/v1", KEY)
            try:
                with pytest.raises(ProviderFault) as caught:
                    await wire.send(b"{}", timeout_seconds=5)
            finally:
                await wire.close()
            assert KEY not in str(caught.value)

    with no_exceptions(monkeypatch):
        asyncio.run(run())

    assert heard[0].startswith(b"CONNECT models.invalid:443")
    assert b"Proxy-Authorization: Basic" in heard[0]
    assert KEY.encode() not in heard[0]


@contextmanager
def no_exceptions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield


def test_an_answer_of_ordinary_shape_is_checked_and_another_is_read_all_the_same() -> None:
    odd = completion(tool_call(), service_tier="unheard-of", created="yesterday")

    for body in (GOOD, orjson.dumps(odd)):
        answer = openai_protocol._completion(body)
        assert type(answer) is openai_protocol.ChatCompletion
        assert answer.choices[0].message.tool_calls[0].function.name == "shutdown_tampering"
