"""`grader agreement`: how far raters agree, from a table of ratings or from a run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from grader.cli.agreement_tables import print_criterion, print_report
from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.not_built import not_built
from grader.cli.output import print_json

_SCALES = ("boolean", "nominal", "ordinal", "interval", "ratio")


def agreement(
    ratings: Annotated[
        str | None,
        typer.Argument(
            metavar="RATINGS.csv",
            show_default=False,
            help="A CSV file with the columns unit, rater, value and maybe cluster, weight.",
        ),
    ] = None,
    *,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Measure the judges of this run.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help=f"{', '.join(_SCALES)}; guessed and said if not given.")
    ] = None,
    levels: Annotated[
        str | None, typer.Option(help="The values from lowest to highest, with commas between.")
    ] = None,
    gold: Annotated[
        str | None, typer.Option(metavar="RATER", help="Measure the others against this rater.")
    ] = None,
    draws: Annotated[
        int, typer.Option(min=0, max=10_000, help="Bootstrap draws for the intervals.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same intervals.")] = 0,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Tell how far raters agree, every number with its interval, or why it is undefined."""
    if ratings == "plan":
        raise not_built("grader agreement plan")
    if (ratings is None) == (run is None):
        raise typer.BadParameter("give either a file of ratings or --run", param_hint="RATINGS.csv")
    if run is not None:
        if given := [
            n for n, v in (("--scale", scale), ("--levels", levels), ("--gold", gold)) if v
        ]:
            raise typer.BadParameter(f"{given[0]} is for files of ratings, not for --run")
        _of_run(run, url, key, data=data, draws=draws, seed=seed, as_json=as_json)
        return
    if scale is not None and scale not in _SCALES:
        raise typer.BadParameter(f"{scale!r} is none of {', '.join(_SCALES)}", param_hint="--scale")
    path = Path(str(ratings))
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}", param_hint="RATINGS.csv")
    from grader.agreement import build_report
    from grader.cli.ratings_file import load_ratings

    table = load_ratings(path, scale=scale, levels=levels)
    report = build_report(table, gold=gold, draws=draws, seed=seed).model_dump(mode="json")
    if as_json:
        print_json(report)
    else:
        print_report(report)


def _of_run(
    run: str, url: str, key: str | None, *, data: Path, draws: int, seed: int, as_json: bool
) -> None:
    with open_client(url, key, data) as client:
        found: dict[str, Any] = client.get_agreement(run, draws=draws, seed=seed)
    if as_json:
        print_json(found)
        return
    for criterion in found["criteria"]:
        print_criterion(criterion)
