"""Decide what each call gets: limits first, then the script, then chance, then an answer.

Knows nothing of HTTP beyond a request's bytes and a reply's; `server` carries it. Everything
here runs on one event loop, so nothing is locked.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from grader.errors import InvalidInput
from grader.testing.provider.batches import Batches
from grader.testing.provider.behaviour import DISPOSITIONS, INSTANT_KINDS, Behaviour, Step
from grader.testing.provider.calls import Calls
from grader.testing.provider.limits import RequestAllowance, TokenAllowance
from grader.testing.provider.outcome import decide_outcome
from grader.testing.provider.prefix_cache import PrefixCache
from grader.testing.provider.request import ChatRequest, read_chat_request
from grader.testing.provider.settings import read_behaviour, read_step
from grader.testing.provider.wire import Reply, render_completion, render_error, retry_headers

_LISTED_MODELS = tuple(f"simulated-{disposition}" for disposition in DISPOSITIONS)


class _Scope:
    """The settings, limits and script of one model, or of all."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.settings = dict(settings)
        self.script: deque[Step] = deque()
        self.own = read_behaviour(self.settings)
        self.requests = _build_requests(self.own)
        self.tokens = _build_tokens(self.own)

    def change(self, settings: Mapping[str, object]) -> None:
        changed = {**self.settings, **settings}
        own = read_behaviour(changed)
        requests, tokens = _build_requests(own), _build_tokens(own)
        if {"requests_per_minute", "request_burst"} & set(settings):
            self.requests = requests
        if {"tokens_per_minute", "token_burst"} & set(settings):
            self.tokens = tokens
        self.settings, self.own = changed, own

    def waits(self, now: float, tokens: int) -> Iterator[tuple[str, float]]:
        """Yield the limits that a prompt breaks, and for how long it would."""
        if self.requests is not None and (wait := self.requests.wait_seconds(now)):
            yield "rate_limit", wait
        if self.tokens is not None and (wait := self.tokens.wait_seconds(now, tokens)):
            yield "token_limit", wait

    def take(self, now: float, tokens: int) -> None:
        if self.requests is not None:
            self.requests.take(now)
        if self.tokens is not None:
            self.tokens.take(now, tokens)

    def headers(self, now: float) -> dict[str, str]:
        """Return the headers by which a provider tells of its limits."""
        allowances = (each for each in (self.requests, self.tokens) if each is not None)
        return {name: told for each in allowances for name, told in each.headers(now).items()}


class Simulation:
    """One simulated provider, without its server."""

    def __init__(
        self, settings: Mapping[str, object], models: Mapping[str, Mapping[str, object]]
    ) -> None:
        self._began_with = (settings, models)
        self.reset()

    def reset(self) -> None:
        """Forget calls, script, cache and changes; the settings it began with are back."""
        settings, models = self._began_with
        self._all = _Scope(settings)
        self._models = {model: _Scope(own) for model, own in models.items()}
        self._behaviours: dict[str, Behaviour] = {}
        self._calls = Calls()
        self._cache = PrefixCache()
        self.batches = Batches(self.answer_line, lambda model: self._behaviour(model).batch)

    def behave(self, model: str | None, settings: Mapping[str, object]) -> None:
        """Change settings; those not named stay. A model's own lie over the general ones."""
        self._scope(model).change(settings)
        self._behaviours.clear()

    def script(self, steps: Iterable[object], model: str | None) -> None:
        """Queue what the next accepted calls get; a model's own queue goes first."""
        read = [read_step(step) for step in steps]
        self._scope(model).script.extend(read)

    def stats(self, *, latencies: bool = False) -> dict[str, Any]:
        left = sum(len(scope.script) for scope in (self._all, *self._models.values()))
        told = self._calls.stats(script_left=left, latencies=latencies)
        return {**told, "batches": self.batches.stats()}

    def requests(self) -> list[dict[str, Any]]:
        """Return the kept requests, oldest first; `keep_requests` says how many are kept."""
        return list(self._calls.requests)

    def models(self) -> list[str]:
        return sorted({*_LISTED_MODELS, *self._models})

    async def complete(self, body: bytes) -> Reply:
        """Answer one chat completion, after the latency it is due."""
        calls = self._calls
        calls.received += 1
        try:
            reply = await self._answer(calls, body)
        except asyncio.CancelledError:
            calls.client_left += 1
            raise
        if reply.cut is None:
            calls.answered[reply.status] += 1
        return reply

    def answer_line(self, body: Mapping[str, Any], number: int) -> Reply:
        """Answer one line of a batch as a call would be, at once and past the limits."""
        try:
            request = read_chat_request(orjson.dumps(body))
        except InvalidInput as error:
            return render_error("bad_request", detail=error)
        behaviour = self._behaviour(request.model)
        limit = behaviour.max_context_tokens
        if limit is not None and request.prompt_tokens > limit:
            return render_error("context_overflow", limit=limit, tokens=request.prompt_tokens)
        scopes = reversed(self._scopes(request.model))
        step = next((scope.script.popleft() for scope in scopes if scope.script), None)
        failure, answer = decide_outcome(request, behaviour, number, step)
        if failure is not None and failure.kind in ("timeout", "disconnect"):
            return Reply(0, b"", cut="silent")
        if isinstance(answer, Reply):
            return answer
        return render_completion(
            request,
            answer,
            failure.kind if failure else None,
            number=number,
            served_model=behaviour.served_model or request.model,
            system_fingerprint=behaviour.system_fingerprint,
            cached_tokens=None,
        )

    async def _answer(self, calls: Calls, body: bytes) -> Reply:
        try:
            request = read_chat_request(body)
        except InvalidInput as error:
            calls.by_kind["bad_request"] += 1
            return render_error("bad_request", detail=error)
        calls.by_model[request.model] += 1
        calls.keep(request.body, self._all.own.keep_requests)
        scopes = self._scopes(request.model)
        if refused := self._refuse(calls, request, scopes):
            return refused
        clock = asyncio.get_running_loop().time
        headers: dict[str, str] = {}
        for scope in scopes:
            scope.take(clock(), request.prompt_tokens)
            headers |= scope.headers(clock())
        number = calls.begin(request.model)
        try:
            reply = await self._serve(calls, request, number, scopes)
        finally:
            calls.end(request.model)
        for scope in scopes:
            if scope.tokens is not None:
                scope.tokens.take(clock(), reply.completion_tokens)
        reply.headers.update({**headers, **reply.headers})
        return reply

    def _refuse(self, calls: Calls, request: ChatRequest, scopes: list[_Scope]) -> Reply | None:
        model, now = request.model, asyncio.get_running_loop().time()
        for scope in scopes:
            own = scope.own
            running = calls.in_flight if scope is self._all else calls.in_flight_by_model[model]
            if own.max_in_flight is not None and running >= own.max_in_flight:
                calls.rejected_429 += 1
                calls.by_kind["in_flight_limit"] += 1
                seconds = self._behaviour(model).retry_after_seconds
                return render_error("rate_limited", headers=retry_headers(seconds))
            for kind, wait in scope.waits(now, request.prompt_tokens):
                calls.rejected_429 += 1
                calls.by_kind[kind] += 1
                headers = {**scope.headers(now), **retry_headers(wait)}
                return render_error("rate_limited", headers=headers)
        return None

    async def _serve(
        self, calls: Calls, request: ChatRequest, number: int, scopes: list[_Scope]
    ) -> Reply:
        behaviour = self._behaviour(request.model)
        limit = behaviour.max_context_tokens
        if limit is not None and request.prompt_tokens > limit:
            calls.by_kind["context_overflow"] += 1
            return render_error("context_overflow", limit=limit, tokens=request.prompt_tokens)
        step = next((scope.script.popleft() for scope in reversed(scopes) if scope.script), None)
        failure, answer = decide_outcome(request, behaviour, number, step)
        calls.by_kind[failure.kind if failure else "answer"] += 1
        chain = self._cache.chain(request.model, request.prefix) if behaviour.prefix_cache else None
        cached = None if chain is None else self._cache.cached_tokens(chain)
        if failure is None or failure.kind not in INSTANT_KINDS:
            latency = step.latency if step and step.latency else behaviour.latency
            seconds = latency.seconds(number)
            calls.latencies.append(seconds)
            if seconds:
                await asyncio.sleep(seconds)
        if failure is not None and failure.kind == "timeout":
            silent = behaviour.timeout_seconds if failure.seconds is None else failure.seconds
            await asyncio.sleep(silent)
            return Reply(0, b"", cut="silent")
        if isinstance(answer, Reply):
            return answer
        if chain is not None:
            self._cache.add(chain)
        reply = render_completion(
            request,
            answer,
            failure.kind if failure else None,
            number=number,
            served_model=behaviour.served_model or request.model,
            system_fingerprint=behaviour.system_fingerprint,
            cached_tokens=cached,
        )
        if failure is not None and failure.kind == "disconnect":
            return Reply(reply.status, reply.body, cut="half")
        calls.prompt_tokens += request.prompt_tokens
        calls.cached_tokens += cached or 0
        calls.completion_tokens += reply.completion_tokens
        return reply

    def _scope(self, model: str | None) -> _Scope:
        if model is None:
            return self._all
        return self._models.setdefault(model, _Scope({}))

    def _scopes(self, model: str) -> list[_Scope]:
        own = self._models.get(model)
        return [self._all] if own is None else [self._all, own]

    def _behaviour(self, model: str) -> Behaviour:
        own = self._models.get(model)
        if own is None:
            return self._all.own
        if model not in self._behaviours:
            self._behaviours[model] = read_behaviour({**self._all.settings, **own.settings})
        return self._behaviours[model]


def _build_requests(behaviour: Behaviour) -> RequestAllowance | None:
    if behaviour.requests_per_minute is None:
        return None
    return RequestAllowance(
        requests_per_minute=behaviour.requests_per_minute, burst=behaviour.request_burst
    )


def _build_tokens(behaviour: Behaviour) -> TokenAllowance | None:
    if behaviour.tokens_per_minute is None:
        return None
    return TokenAllowance(
        tokens_per_minute=behaviour.tokens_per_minute, burst=behaviour.token_burst
    )
