"""Carry the simulation over HTTP: OpenAI's two endpoints, and the ones that control it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import orjson
from aiohttp import web

from grader.errors import InvalidInput
from grader.testing.provider.batch_routes import add_batch_routes
from grader.testing.provider.simulation import Simulation
from grader.testing.provider.wire import Reply, render_error

_MOST_BODY_BYTES = 256 * 1024 * 1024
_BACKLOG = 4096


@asynccontextmanager
async def serve(simulation: Simulation, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the block ends, and give the base URL; port 0 takes a free one.

    Calls still under way at the end are cut off: a provider that goes away does not wait.
    """
    runner = web.AppRunner(
        _build_app(simulation),
        access_log=None,
        # A client that hung up frees its place in flight, as it must for limits to be exact.
        handler_cancellation=True,
        shutdown_timeout=0.05,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        bound = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}/v1"
    finally:
        await runner.cleanup()


def _build_app(simulation: Simulation) -> web.Application:
    async def complete(request: web.Request) -> web.StreamResponse:
        reply = await simulation.complete(await request.read())
        if reply.cut is not None:
            return await _cut(request, reply)
        return _respond(reply)

    async def models(_request: web.Request) -> web.Response:
        listed = [
            {"id": model, "object": "model", "created": 0, "owned_by": "simulated"}
            for model in simulation.models()
        ]
        return _json({"object": "list", "data": listed})

    async def stats(request: web.Request) -> web.Response:
        wanted = request.query.get("latencies") in ("1", "true")
        return _json(simulation.stats(latencies=wanted))

    async def requests(_request: web.Request) -> web.Response:
        return _json({"requests": simulation.requests()})

    async def behave(request: web.Request) -> web.Response:
        try:
            _control(simulation, await request.read())
        except InvalidInput as error:
            return _respond(render_error("bad_request", detail=error))
        return _json(simulation.stats())

    async def reset(_request: web.Request) -> web.Response:
        simulation.reset()
        return _json(simulation.stats())

    app = web.Application(client_max_size=_MOST_BODY_BYTES)
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    add_batch_routes(app, simulation)
    app.router.add_get("/simulated/stats", stats)
    app.router.add_get("/simulated/requests", requests)
    app.router.add_post("/simulated/behaviour", behave)
    app.router.add_post("/simulated/reset", reset)
    return app


def _control(simulation: Simulation, body: bytes) -> None:
    """Follow `{"model"?, "script"?, …settings}`, what `behave` and `script` take in Python."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise InvalidInput("the body is not a JSON object")
    settings = dict(found)
    model, script = settings.pop("model", None), settings.pop("script", [])
    if model is not None and not isinstance(model, str):
        raise InvalidInput(f"model is {model!r}, which is not text")
    if not isinstance(script, list):
        raise InvalidInput(f"script is {script!r}, which is not a list")
    simulation.behave(model, settings)
    simulation.script(script, model)


def _json(found: object) -> web.Response:
    return web.Response(body=orjson.dumps(found), content_type="application/json")


def _respond(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers=reply.headers,
        content_type="application/json",
    )


async def _cut(request: web.Request, reply: Reply) -> web.StreamResponse:
    """End the connection in the middle of an answer, or before its first byte."""
    response = web.StreamResponse(
        status=200,
        headers={"Content-Type": "application/json", "Content-Length": str(len(reply.body))},
    )
    if reply.cut == "half":
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    # Without an await here aiohttp would still write to the closing connection.
    await asyncio.sleep(0)
    return response
