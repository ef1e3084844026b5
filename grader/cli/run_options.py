"""What every command that declares a run may be told about it, and how it is asked for."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.estimates import print_estimate
from grader.cli.output import note, print_json, print_text

if TYPE_CHECKING:
    from grader.client import Client


class Mode(StrEnum):
    live = "live"
    batch = "batch"


class Priority(StrEnum):
    interactive = "interactive"
    bulk = "bulk"


BudgetUsd = Annotated[
    float | None,
    typer.Option("--budget", metavar="USD", min=0, help="The most the run may cost, in dollars."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be asked, and what it would cost.")
]
ModeOption = Annotated[
    Mode, typer.Option("--mode", help="`batch`: through the provider's batch API, half the price.")
]
PriorityOption = Annotated[
    Priority | None,
    typer.Option("--priority", help="`interactive` goes first; a small run does by itself."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the run is finished.")]


def show_estimate(client: "Client", wanted: dict[str, Any], *, as_json: bool) -> None:
    """Ask what a run would cost, and print it."""
    estimate = client.estimate_run(**wanted)
    if as_json:
        print_json(estimate)
    else:
        print_estimate(estimate)


def show_declared(run: dict[str, Any], *, as_json: bool) -> None:
    """Print a run that was just declared."""
    if as_json:
        print_json(run)
    else:
        print_text(run["run_id"])
        note(f"watch it with `grader runs watch {run['run_id']}`")
