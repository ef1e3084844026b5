"""Answer a POST with an Idempotency-Key again exactly as it was answered the first time.

Only answers to requests that changed something (2xx) are kept; a request that was refused gives its
Idempotency-Key free. Work that may never be done twice keeps a reply in its own transaction
(`keep_reply`), so that it is found however the request ends after it. An answer may hold a secret
(a new API key), and the database keeps none: what is kept can only be read by somebody who sends
the same request with the same API key again.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response

from api.context import authenticate, read_token
from api.errors import problem, problem_of
from grader.errors import GraderError
from grader.hashing import hash_bytes
from grader.store import Store
from grader.store.replies import Reply, forget_reply, record_reply, reserve_reply

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_CLAIM = "grader.claim"
"""Where a request's scope holds its claim."""

_KEPT_HEADERS = {"content-type", "location", "preference-applied"}
log = logging.getLogger(__name__)


async def replay(
    scope: Scope, send: Send, *, body: bytes, store: Store, work: Callable[[Send], Awaitable[None]]
) -> None:
    """Answer by `work`, or as `work` answered the same request before."""
    headers = Headers(scope=scope)
    replay_key = headers["idempotency-key"]
    if not 0 < len(replay_key) <= 255 or not replay_key.isprintable():
        told = "an Idempotency-Key has 1 to 255 printable characters; send a shorter one"
        await problem(422, "invalid_request", told)(scope, _nothing, send)
        return
    try:
        claim = await run_in_threadpool(_claim, store, scope, body, replay_key)
    except GraderError as error:
        await problem_of(error)(scope, _nothing, send)
        return
    if claim.before is not None:
        before = claim.before
        answer = Response(
            claim.seal(before.body),
            before.status,
            {**before.headers, "idempotent-replayed": "true"},
        )
        await answer(scope, _nothing, send)
        return
    scope[_CLAIM] = claim
    heard = _Overheard(send, lambda reply: _settle(store, claim, reply))
    try:
        await work(heard)
    finally:
        if not heard.is_over:
            await run_in_threadpool(_settle, store, claim, None)


def keep_reply(scope: Scope, connection: sa.Connection, reply: Reply) -> None:
    """Keep what a request would be answered if its work is committed and nothing else goes well.

    Without an Idempotency-Key there is nothing to keep. The answer itself takes its place.
    """
    claim: _Claim | None = scope.get(_CLAIM)
    if claim is not None:
        claim.record(connection, reply)


class _Claim(NamedTuple):
    """An Idempotency-Key that this request took, or the reply to the request that had it."""

    key_id: str
    replay_key: str
    before: Reply | None
    secret: bytes

    def seal(self, body: bytes) -> bytes:
        """Make a reply unreadable without the API key that asked for it, or readable again."""
        # One stream for each request: SHAKE-256 keyed by a token of which only the hash is stored.
        stream = hashlib.shake_256(self.secret).digest(len(body))
        mixed = int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")
        return mixed.to_bytes(len(body), "big")

    def record(self, connection: sa.Connection, reply: Reply) -> None:
        sealed = reply._replace(body=self.seal(reply.body))
        record_reply(connection, sealed, key_id=self.key_id, idempotency_key=self.replay_key)


def _claim(store: Store, scope: Scope, body: bytes, replay_key: str) -> _Claim:
    headers = Headers(scope=scope)
    authorization = headers.get("authorization")
    key = authenticate(store, authorization)
    parts = (
        scope["path"].encode(),
        scope.get("query_string", b""),
        headers.get("content-type", "").encode(),
        body,
    )
    request_hash = hash_bytes(b"\n".join(parts))
    with store.transaction() as connection:
        before = reserve_reply(
            connection, key_id=key.key_id, idempotency_key=replay_key, request_hash=request_hash
        )
    secret = "\n".join((read_token(authorization), replay_key, request_hash))
    return _Claim(key.key_id, replay_key, before, secret.encode())


def _settle(store: Store, claim: _Claim, reply: Reply | None) -> None:
    """Keep the reply, or give the Idempotency-Key free where none was kept in advance."""
    with store.transaction() as connection:
        if reply is not None and 200 <= reply.status < 300:
            claim.record(connection, reply)
        else:
            forget_reply(connection, key_id=claim.key_id, idempotency_key=claim.replay_key)


class _Overheard:
    """Passes an answer on, its last part only once the whole is settled.

    A client may repeat the request as soon as it has the last part.
    """

    def __init__(self, send: Send, settle: Callable[[Reply], None]) -> None:
        self.is_over = False
        self._send = send
        self._settle = settle
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            named = Headers(raw=message.get("headers", []))
            self._headers = {name: named[name] for name in _KEPT_HEADERS if name in named}
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self.is_over = True
                await self._end(Reply(self._status, self._headers, b"".join(self._parts)))
        await self._send(message)

    async def _end(self, reply: Reply) -> None:
        try:
            await run_in_threadpool(self._settle, reply)
        except GraderError as error:
            # The work is done: that it cannot be repeated safely is no reason to hide it.
            log.warning("reply_not_kept", extra={"error": str(error)})


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
