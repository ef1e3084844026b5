"""A run as a file, streamed, and its manifest."""

from collections.abc import Generator
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.context import Context, InContext, Reader
from api.errors import problem
from api.streams import Stream, ThreadedPieces
from grader.reports.export_formats import MEDIA_TYPES, ExportFormat, write_rows
from grader.reports.exports import What, iter_rows
from grader.reports.manifest import RunManifest, write_manifest
from grader.store import runs

router = APIRouter(prefix="/v1/runs", tags=["runs"])

_AT_ONCE = 4


class ExportSlots:
    """How many exports go on in this process: each holds a connection to the database."""

    def __init__(self, most: int = _AT_ONCE) -> None:
        self._free = most

    def take(self) -> bool:
        """Take a slot if there is one."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        self._free += 1


def get_slots(request: Request) -> ExportSlots:
    slots: ExportSlots = request.app.state.export_slots
    return slots


@router.get(
    "/{run_id}/export",
    response_class=Stream,
    dependencies=[Reader],
    responses={
        200: {
            "description": "The file, in pieces; a connection that breaks means it is not whole",
            "content": {
                kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
                for kind in MEDIA_TYPES.values()
            },
        }
    },
)
async def export_run(
    run_id: str,
    context: InContext,
    slots: Annotated[ExportSlots, Depends(get_slots)],
    output: Annotated[ExportFormat, Query(alias="format")] = "jsonl",
    what: What = "labels",
) -> Response:
    """Export a run's labels, judgments or failures as they stand at this moment.

    In CSV, a text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    if not slots.take():
        return problem(
            503,
            "too_many_exports",
            "as many exports go on as this process does at once; try again when one has ended",
            headers={"Retry-After": "10"},
        )
    pieces = ThreadedPieces(_file(context, run_id, output, what), on_close=slots.give_back)
    await pieces.begin()
    return Stream(
        pieces,
        media_type=MEDIA_TYPES[output],
        headers={"Content-Disposition": f'attachment; filename="{run_id}-{what}.{output}"'},
    )


@router.get("/{run_id}/manifest", response_model=RunManifest, dependencies=[Reader])
def get_manifest(
    run_id: str,
    context: InContext,
    transcripts: Annotated[
        bool, Query(description="Whether every transcript's id and hash is listed")
    ] = False,
) -> RunManifest:
    """Return everything that a reviewer needs to redo the run, and to compare the redo.

    This reads the whole run: seconds for a large one.
    """
    with context.store.reading() as connection:
        return write_manifest(connection, run_id, with_transcripts=transcripts)


def _file(
    context: Context, run_id: str, output: ExportFormat, what: What
) -> Generator[bytes, None, None]:
    with context.store.reading() as connection:
        run = runs.get_run(connection, run_id)
        about = {"version": version("grader"), "run_id": run_id, "what": what}
        yield from write_rows(iter_rows(connection, run, what), output, what=what, about=about)
