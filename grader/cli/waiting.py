"""Wait for a run on the command line, and say by the exit code what became of it."""

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from grader.cli.labels import progress_line
from grader.cli.output import FAILURES_AMONG_ITEMS, console, note

if TYPE_CHECKING:
    from grader.client import Client


def wait_with_progress(client: "Client", run_id: str) -> dict[str, Any]:
    """Return the run when it is settled; a progress bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        return deque(client.watch_run(run_id), maxlen=1)[-1]
    from rich.progress import Progress

    run: dict[str, Any] = {}
    with Progress(console=console(stderr=True), transient=True) as progress:
        bar = progress.add_task("transcripts", total=None)
        for run in client.watch_run(run_id):
            counts = run["counts"]["transcripts"]
            progress.update(bar, total=counts["expected"], completed=counts["finished"])
    return run


def exit_code(run: dict[str, Any]) -> int:
    """Return 0 for a finished run, 3 for one with failed judgments, 1 for any other."""
    if run["status"] != "finished":
        note(f"{run['run_id']} is {progress_line(run)}")
        return 1
    failed = run["counts"]["judgments"]["failed"]
    if failed:
        note(
            f"{failed} judgments failed; see `grader runs show {run['run_id']} --failures`, and "
            f"ask again with `grader runs retry {run['run_id']}`"
        )
        return FAILURES_AMONG_ITEMS
    return 0
