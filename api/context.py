"""What a route needs: the store, the queue, the settings, and whose key it is.

Built once by `create_app` and found on the app's state; routes take it as a dependency.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from grader.errors import Forbidden, Unauthenticated
from grader.prices import PriceList
from grader.runs.create import KnownServers
from grader.settings import Settings
from grader.store import Store
from grader.store.keys import KeyRow, Scope, find_key
from worker.queue import WorkQueue


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    queue: WorkQueue
    servers: KnownServers
    prices: PriceList


def get_context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


InContext = Annotated[Context, Depends(get_context)]


def read_token(authorization: str | None) -> str:
    """Return the token in an Authorization header; raises Unauthenticated."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send your key as the header `Authorization: Bearer <key>`")
    return token.strip()


def authenticate(store: Store, authorization: str | None) -> KeyRow:
    """Return the key of an Authorization header; raises Unauthenticated."""
    token = read_token(authorization)
    with store.reading() as connection:
        key = find_key(connection, token)
    if key is None or key.revoked_at is not None:
        raise Unauthenticated("this key is not known or was revoked")
    return key


_documented_key = Depends(HTTPBearer(description="An API key", auto_error=False))
"""Says in the OpenAPI document how keys are sent; `authenticate` is what looks at them."""


def need(scope: Scope) -> Callable[..., KeyRow]:
    """Return a dependency that lets only keys with a scope pass; `admin` has every scope."""

    def check(request: Request, context: InContext, _: Annotated[Any, _documented_key]) -> KeyRow:
        key = authenticate(context.store, request.headers.get("authorization"))
        if scope not in key.scopes and "admin" not in key.scopes:
            raise Forbidden(
                f"the key {key.name!r} lacks the scope {scope!r}; it has {', '.join(key.scopes)}"
            )
        return key

    return check


Reader = Depends(need("read"))
Submitter = Depends(need("submit"))
Labeller = Depends(need("label"))
Admin = Depends(need("admin"))
