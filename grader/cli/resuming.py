"""`grader runs resume`: let a run go on, with another budget if it used up the one it had."""

from typing import Annotated

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.labels import progress_line
from grader.cli.output import note, print_json


def resume_run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    *,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            metavar="USD",
            min=0,
            help="The most the whole run may cost, what it has spent included.",
        ),
    ] = None,
    no_budget: Annotated[bool, typer.Option("--no-budget", help="Lift the budget.")] = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Let a paused or failed run go on."""
    if no_budget and budget is not None:
        raise typer.BadParameter("a budget, or none", param_hint="--no-budget")
    with open_client(url, key, data) as client:
        if no_budget or budget is not None:
            run = client.resume_run(run_id, budget_usd=budget)
        else:
            run = client.steer_run(run_id, "resume")
    if as_json:
        print_json(run)
    else:
        note(f"{run_id} is {progress_line(run)}")
