"""Carry files and batches over HTTP, as OpenAI's API does."""

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import BodyPartReader, web

from grader.errors import InvalidInput
from grader.testing.provider.wire import render_error

if TYPE_CHECKING:
    from grader.testing.provider.batches import Batches
    from grader.testing.provider.simulation import Simulation


def add_batch_routes(app: web.Application, simulation: "Simulation") -> None:
    """Serve `/v1/files` and `/v1/batches`."""

    def batches() -> "Batches":
        # Looked up each time: a reset begins new ones.
        return simulation.batches

    async def upload(request: web.Request) -> web.Response:
        parts: dict[str, tuple[str, bytes]] = {}
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name:
                parts[part.name] = (part.filename or "", bytes(await part.read()))
        if "file" not in parts or "purpose" not in parts:
            return _refuse(InvalidInput("file or purpose is missing"))
        name, content = parts["file"]
        return _json(batches().add_file(name, parts["purpose"][1].decode(), content))

    async def find_file(request: web.Request) -> web.Response:
        found = batches().find_file(request.match_info["file"])
        return _missing("file") if found is None else _json(found[0])

    async def read_file(request: web.Request) -> web.Response:
        found = batches().find_file(request.match_info["file"])
        if found is None:
            return _missing("file")
        return web.Response(body=found[1], content_type="application/octet-stream")

    async def remove_file(request: web.Request) -> web.Response:
        file_id = request.match_info["file"]
        if not batches().remove_file(file_id):
            return _missing("file")
        return _json({"id": file_id, "object": "file", "deleted": True})

    async def create(request: web.Request) -> web.Response:
        try:
            made, is_lost = batches().add(orjson.loads(await request.read()))
        except InvalidInput as error:
            return _refuse(error)
        return web.Response(status=500, text="lost") if is_lost else _json(made)

    async def list_all(request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "20"))
        return _json(batches().page(after=request.query.get("after"), limit=limit))

    async def find(request: web.Request) -> web.Response:
        found = batches().find(request.match_info["batch"])
        return _missing("batch") if found is None else _json(found)

    async def cancel(request: web.Request) -> web.Response:
        try:
            found = batches().cancel(request.match_info["batch"])
        except InvalidInput as error:
            return _refuse(error)
        return _missing("batch") if found is None else _json(found)

    app.router.add_post("/v1/files", upload)
    app.router.add_get("/v1/files/{file}", find_file)
    app.router.add_get("/v1/files/{file}/content", read_file)
    app.router.add_delete("/v1/files/{file}", remove_file)
    app.router.add_post("/v1/batches", create)
    app.router.add_get("/v1/batches", list_all)
    app.router.add_get("/v1/batches/{batch}", find)
    app.router.add_post("/v1/batches/{batch}/cancel", cancel)


def _json(found: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(found), content_type="application/json", status=status)


def _refuse(error: InvalidInput) -> web.Response:
    reply = render_error("bad_request", detail=error)
    return web.Response(status=reply.status, body=reply.body, content_type="application/json")


def _missing(what: str) -> web.Response:
    told = {"message": f"No such {what} (simulated).", "type": "invalid_request_error"}
    return _json({"error": {**told, "param": "id", "code": None}}, status=404)
