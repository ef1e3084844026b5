"""How busy the providers' servers are, as the workers tell it in Redis."""

from redis import Redis

from grader.reports.run_records import Server
from worker.limits_seen import find_limits


def find_servers(redis: "Redis") -> dict[str, Server]:
    """Return what is known of each server by its base URL.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return {
        found.server: Server(
            in_flight=found.in_flight,
            limit=found.limit,
            waiting=found.waiting,
            waits_for=next((m.waits_for for m in found.models if m.waits_for), None),
            held_seconds=found.held_seconds,
            outage=found.outage,
        )
        for found in find_limits(redis)
    }
