"""What all workers wait for at each server: written by their limiters, read by whoever watches.

The only part of the limits that the API knows. Every worker's word expires after some seconds, so
that what a dead one waited for is not shown.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import orjson
from redis import Redis
from redis.exceptions import RedisError

from grader.errors import StoreUnavailable
from grader.judges.limits.terms import ModelLimits, ServerLimits

SEEN_KEY = "grader:limits"
SEEN_SECONDS = 5


def seen_key(worker: str) -> str:
    return f"grader:limits:{worker}"


def find_limits(redis: "Redis") -> list[ServerLimits]:
    """Return how it stands with each server that workers deal with now, all of them together.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    try:
        workers = sorted(str(each, "utf-8") for each in cast(set[bytes], redis.smembers(SEEN_KEY)))
        keys = [seen_key(worker) for worker in workers]
        told = cast(list[bytes | None], redis.mget(keys)) if keys else []
        gone = [worker for worker, each in zip(workers, told, strict=True) if each is None]
        if gone:
            redis.srem(SEEN_KEY, *gone)
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis does not answer: {error}") from error
    found: dict[str, ServerLimits] = {}
    for each in told:
        for server in _read(each) if each is not None else ():
            other = found.get(server.server)
            found[server.server] = server if other is None else _add(other, server)
    return [found[url] for url in sorted(found)]


def _read(told: bytes) -> list[ServerLimits]:
    return [
        ServerLimits(**{**server, "models": tuple(ModelLimits(**m) for m in server["models"])})
        for server in orjson.loads(told)
    ]


def _add(one: ServerLimits, two: ServerLimits) -> ServerLimits:
    return ServerLimits(
        server=one.server,
        in_flight=one.in_flight + two.in_flight,
        limit=min(one.limit, two.limit),
        waiting=one.waiting + two.waiting,
        held_seconds=max(one.held_seconds, two.held_seconds),
        outage=one.outage or two.outage,
        workers=one.workers + two.workers,
        models=_add_models((*one.models, *two.models)),
    )


def _add_models(models: Iterable[ModelLimits]) -> tuple[ModelLimits, ...]:
    found: dict[str, ModelLimits] = {}
    for each in models:
        other = found.get(each.model)
        if other is None:
            found[each.model] = each
            continue
        found[each.model] = replace(
            other,
            in_flight=other.in_flight + each.in_flight,
            waiting=other.waiting + each.waiting,
            waits_for=other.waits_for or each.waits_for,
            requests_per_minute=other.requests_per_minute or each.requests_per_minute,
            tokens_per_minute=other.tokens_per_minute or each.tokens_per_minute,
        )
    return tuple(found.values())
