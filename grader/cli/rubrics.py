"""`grader rubrics`: the rubrics of a service, or the shipped ones where none runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli import not_built
from grader.cli.connection import (
    DEFAULT_DATA,
    DEFAULT_URL,
    AsJson,
    Data,
    Key,
    Url,
    find_key,
    open_client,
)
from grader.cli.output import note, print_json, print_table, print_text, shorten
from grader.cli.reading import PanelName, Repeats, ViewName
from grader.cli.run_options import BudgetUsd
from grader.errors import GraderError, InvalidInput, ServerFailed

if TYPE_CHECKING:
    from grader.client import Client

app = typer.Typer(help="List, show and check rubrics.", no_args_is_help=True)

DocumentFiles = Annotated[list[Path], typer.Argument(metavar="FILE…", help="YAML files.")]


@app.command("list")
def list_rubrics(
    url: Url = DEFAULT_URL, key: Key = None, data: Data = DEFAULT_DATA, as_json: AsJson = False
) -> None:
    """List the rubrics of the service, or the shipped ones where none runs."""
    with_service = find_service(url, key, data)
    if with_service is not None:
        with with_service as client:
            found = list(client.iter_rubrics())
    else:
        from grader.rubric_library import shipped_rubrics

        found = [
            {
                "name": rubric.name,
                "version": rubric.version,
                "rubric_hash": rubric.rubric_hash,
                "rubric": rubric.model_dump(mode="json"),
            }
            for rubric in shipped_rubrics().values()
        ]
    if as_json:
        print_json(found)
        return
    print_table(
        ("rubric", "version", "criteria", "description"),
        (
            (
                each["name"],
                each["version"],
                "\n".join(_criterion(c) for c in each["rubric"]["criteria"]),
                shorten(each["rubric"]["description"], 160),
            )
            for each in found
        ),
    )


@app.command("show")
def show_rubric(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The rubric.")],
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Print a rubric's YAML, or with --json what is understood from it."""
    plain_name, _, version = name.partition("@")
    rubric: Any
    with_service = find_service(url, key, data)
    if with_service is not None:
        with with_service as client:
            stored = client.get_rubric(plain_name, version=version or None)
        rubric, source = stored["rubric"], stored["source"]
    else:
        from grader.cli.reading import get_rubric
        from grader.rubric_library import rubric_source

        rubric, source = get_rubric(name), rubric_source(plain_name)
    if as_json:
        print_json(rubric)
    else:
        print_text(source.rstrip("\n"))


@app.command("check")
def check_rubrics(files: DocumentFiles) -> None:
    """Check YAML files; every problem is told with its line."""
    from grader.rubric_library import load_rubric

    good, bad = [], 0
    for path in files:
        try:
            rubric = load_rubric(path)
        except GraderError as error:
            note(str(error))
            bad += 1
        else:
            good.append((str(path), rubric.name, rubric.version, rubric.rubric_hash))
    if good:
        print_table(("file", "rubric", "version", "hash"), good)
    if bad:
        raise typer.Exit(1)


@app.command("test")
def try_rubric(
    rubric: Annotated[
        str, typer.Argument(metavar="RUBRIC", help="A rubric's name (or name@version), or a file.")
    ],
    *,
    gold: Annotated[str, typer.Option("--gold", metavar="SET", help="The gold set.")],
    panel: PanelName,
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="On the items kept for the end; the look is recorded."),
    ] = False,
    positive: Annotated[
        str | None, typer.Option(help="The value that counts as positive, if not true.")
    ] = None,
    view: ViewName = "plain",
    repeats: Repeats = None,
    budget: BudgetUsd = None,
    disagreements: Annotated[
        int, typer.Option(min=0, max=1000, help="How many items to read are shown.")
    ] = 20,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Try a rubric on a gold set's development items, and show what to read.

    Judgments that are stored already are not paid for again. A rubric in a file needs a version of
    its own for each text.
    """
    from grader.cli.gold_tables import print_accuracy
    from grader.cli.submit import panel_named, rubric_named
    from grader.cli.waiting import exit_code, wait_with_progress

    split = "held_out" if held_out else "development"
    with open_client(url, key, data) as client:
        ids = [item["transcript_id"] for item in client.iter_gold_items(gold, split=split)]
        if not ids:
            raise InvalidInput(f"the gold set {gold!r} has no item that is {split}")
        run = client.create_run(
            rubrics=[rubric_named(client, rubric)],
            panel=panel_named(panel),
            transcripts={"ids": ids},
            view=view,
            repeats=repeats,
            budget_usd=budget,
        )
        run = wait_with_progress(client, run["run_id"])
        code = exit_code(run)
        if run["status"] != "finished":
            raise typer.Exit(code)
        found = client.get_gold_accuracy(
            gold,
            run=run["run_id"],
            split=split,
            positive=positive,
            disagreements=disagreements,
        )
    if as_json:
        print_json(found)
    else:
        print_accuracy(found)
    if code:
        raise typer.Exit(code)


not_built.add_to(app, "diff")


def find_service(url: str, key: str | None, data: Path) -> "Client | None":
    """Return a client where there is a key and a service answers, None with a note otherwise.

    An address that somebody named must answer; only the default one may be silent.
    """
    found = find_key(key, data)
    if found is None and url == DEFAULT_URL:
        note("no key for a service was found: these are the shipped ones")
        return None
    client = open_client(url, key, data)
    try:
        client.ping()
    except ServerFailed as error:
        client.close()
        if url != DEFAULT_URL:
            raise
        note(f"{error}: these are the shipped ones")
        return None
    return client


def _criterion(criterion: dict[str, Any]) -> str:
    return f"{criterion['name']} ({criterion['scale']['type']})"
