"""Whether the service lives, whether it can work, and how much it has to do. No key."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from api.context import InContext
from api.metrics import Metrics
from grader.store.migrate import check_migrated

router = APIRouter(tags=["health"])


def _metrics(request: Request) -> Metrics:
    found: Metrics = request.app.state.metrics
    return found


@router.get("/healthz")
def get_health() -> dict[str, str]:
    """Answer while the process lives."""
    return {"status": "ok"}


@router.get("/readyz")
def get_readiness(context: InContext) -> dict[str, str]:
    """Answer 200 when the database is migrated and Redis answers, 503 otherwise."""
    check_migrated(context.store)
    context.queue.ping()
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse)
def get_metrics(metrics: Annotated[Metrics, Depends(_metrics)]) -> PlainTextResponse:
    """Return what Prometheus scrapes."""
    return PlainTextResponse(metrics.render(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
