"""`grader submit`: send transcripts to a service and declare a run over them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.labels import label_row, print_labels, progress_line
from grader.cli.output import FAILURES_AMONG_ITEMS, note, print_json
from grader.cli.reading import (
    Files,
    Format,
    PanelName,
    Reading,
    Repeats,
    RubricNames,
    ViewName,
    is_document,
)
from grader.cli.run_options import (
    BudgetUsd,
    DryRun,
    Mode,
    ModeOption,
    PriorityOption,
    show_declared,
    show_estimate,
)
from grader.cli.waiting import exit_code, wait_with_progress

if TYPE_CHECKING:
    from grader.client import Client


def submit(
    files: Files,
    *,
    rubric: RubricNames,
    panel: PanelName,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it is finished, and print the labels.")
    ] = False,
    format: Format = "auto",  # noqa: A002
    view: ViewName = "plain",
    repeats: Repeats = None,
    budget: BudgetUsd = None,
    mode: ModeOption = Mode.live,
    priority: PriorityOption = None,
    dry_run: DryRun = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Send transcripts to a service and label them there; prints the run's id.

    With --dry-run the transcripts are stored all the same, and nothing is asked.
    """
    from grader.cli.uploading import Upload

    reading = Reading(files, format)
    with open_client(url, key, data) as client:
        rubrics = [rubric_named(client, name) for name in rubric]
        sent = Upload(client, reading)
        names = sent.send()
        if not names:
            note("no transcript could be read")
            raise typer.Exit(1)
        wanted: dict[str, Any] = {
            "rubrics": rubrics,
            "panel": panel_named(panel),
            "transcripts": {"ids": list(names)},
            "view": view,
            "repeats": repeats,
            "budget_usd": budget,
            "mode": mode.value,
            "priority": priority.value if priority else None,
        }
        code = 0
        if dry_run:
            show_estimate(client, wanted, as_json=as_json)
            if sent.rejected:
                raise typer.Exit(FAILURES_AMONG_ITEMS)
            return
        run = client.create_run(**wanted)
        if wait:
            run = wait_with_progress(client, run["run_id"])
            code = exit_code(run)
            labels = list(client.iter_labels(run["run_id"]))
            if as_json:
                print_json(run | {"labels": labels})
            else:
                print_labels(label_row(each, names[each["transcript_id"]]) for each in labels)
            note(f"{run['run_id']}  {progress_line(run)}")
        else:
            show_declared(run, as_json=as_json)
    if code or sent.rejected:
        raise typer.Exit(code or FAILURES_AMONG_ITEMS)


def rubric_named(client: "Client", name: str) -> str:
    """Return the name by which the service knows a rubric, after storing one that is a file."""
    if not is_document(name):
        return name
    from grader.rubric_library import load_rubric

    load_rubric(Path(name))  # so that errors name the file and its lines
    stored = client.add_rubric(Path(name).read_text(encoding="utf-8"))
    return f"{stored['name']}@{stored['version']}"


def panel_named(name: str) -> str | dict[str, Any]:
    """Return a panel as a run is asked for with it: its name, or the whole of one in a file."""
    if not is_document(name):
        return name
    from grader.rubric_library import load_panel

    return load_panel(Path(name)).model_dump(mode="json", exclude_defaults=False)
