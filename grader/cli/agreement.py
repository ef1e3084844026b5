"""`grader agreement`: how far raters agree, from a table of ratings, from votes, or from runs.

`grader agreement FILE` is `grader agreement measure FILE`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from grader.cli import planning
from grader.cli.agreement_tables import print_criterion, print_report, print_votes
from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.output import console, note, plain, print_json, print_text

if TYPE_CHECKING:
    from grader.agreement import AgreementReport
    from grader.agreement.files import Table
    from grader.client import Client
    from grader.reports.agreement import RunAgreement
    from grader.reports.agreement_sections import Sheet

_SCALES = ("boolean", "nominal", "ordinal", "interval", "ratio")
_FORMATS = ("table", "json", "markdown", "html")


class _MeasureUnlessNamed(TyperGroup):
    """Takes what is no command's name for the arguments of `measure`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["measure", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_MeasureUnlessNamed,
    help="Tell how far raters agree: `grader agreement FILE`, or `--run RUN`.",
    no_args_is_help=False,
)

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="CSV or Parquet: unit, rater, value, one row a rating; or one row a unit and one "
        "column a rater. What is guessed is said.",
    ),
]
Draws = Annotated[
    int, typer.Option("--bootstrap", "--draws", min=0, max=10_000, help="Bootstrap draws.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed, the same intervals.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", show_default=False, help="Write into this file.")
]


@app.command()
def measure(
    ratings: File = None,
    *,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="RUN", help="Measure the judges of this run; repeatable."),
    ] = None,
    unit: Annotated[str | None, typer.Option(metavar="COLUMN", help="What was rated.")] = None,
    rater: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Who rated; with --wide the raters' columns: A,B,C."),
    ] = None,
    value: Annotated[str | None, typer.Option(metavar="COLUMN", help="The rating.")] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Units of one cluster are not independent: intervals resample clusters. Of runs: "
            "a key of the transcripts' metadata.",
        ),
    ] = None,
    weight: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Each unit's weight.")
    ] = None,
    criterion: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="One report for each value of it.")
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="One row a unit, one column a rater.")
    ] = False,
    counts: Annotated[
        bool, typer.Option("--counts", help="One column a level: how many raters chose it.")
    ] = False,
    scale: Annotated[
        str | None, typer.Option(help=f"{', '.join(_SCALES)}; guessed and said if not given.")
    ] = None,
    levels: Annotated[
        str | None, typer.Option(help="The values from lowest to highest, with commas between.")
    ] = None,
    gold: Annotated[
        str | None, typer.Option(metavar="RATER", help="Measure the others against this rater.")
    ] = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    method: Annotated[str, typer.Option(help="percentile or bca.")] = "percentile",
    disagreements: Annotated[
        int, typer.Option(min=0, max=1000, help="Of runs: how many disagreements, worst first.")
    ] = 10,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="Of runs: judgments made elsewhere count, too.")
    ] = False,
    dawid_skene: Annotated[
        bool,
        typer.Option(
            "--dawid-skene", help="Of runs: Dawid & Skene's model, and whether judges err alone."
        ),
    ] = False,
    methods: Annotated[
        bool, typer.Option("--methods", help="Of a run: a paragraph for a paper, and BibTeX.")
    ] = False,
    format_: Annotated[
        str, typer.Option("--format", help=", ".join(_FORMATS), show_default=False)
    ] = "table",
    output: Output = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Tell how far raters agree, every number with its interval, or why it is undefined."""
    chosen = _choose(format_, _FORMATS, "--format")
    chosen = "json" if as_json else chosen
    if (ratings is None) == (not run):
        raise typer.BadParameter("give either a file of ratings or --run", param_hint="FILE")
    _choose(method, ("percentile", "bca"), "--method")
    if run:
        of_files: dict[str, object] = {
            "--scale": scale,
            "--levels": levels,
            "--gold": gold,
            "--unit": unit,
        }
        of_files |= {"--rater": rater, "--value": value, "--weight": weight, "--wide": wide}
        of_files |= {"--counts": counts, "--criterion": criterion}
        if given := [name for name, it in of_files.items() if it]:
            raise typer.BadParameter(f"{given[0]} is for files of ratings, not for --run")
        with open_client(url, key, data) as client:
            _of_runs(
                client,
                run,
                chosen="methods" if methods else chosen,
                output=output,
                cluster=cluster,
                draws=draws,
                seed=seed,
                method=method,
                disagreements=disagreements,
                elsewhere="true" if elsewhere else None,
                dawid_skene="true" if dawid_skene else None,
            )
        return
    of_runs = {"--methods": methods, "--elsewhere": elsewhere, "--dawid-skene": dawid_skene}
    if given := [name for name, it in of_runs.items() if it]:
        raise typer.BadParameter(f"{given[0]} is for --run")
    if scale is not None:
        _choose(scale, _SCALES, "--scale")
    if wide and counts:
        raise typer.BadParameter("--wide and --counts are two forms; give one")
    path = _existing(ratings)
    from grader.agreement import build_report
    from grader.cli.ratings_file import load_ratings

    form = "wide" if wide else "counts" if counts else None
    tables = load_ratings(
        path,
        scale=scale,
        levels=levels,
        form=form,
        unit=unit,
        rater=rater,
        value=value,
        cluster=cluster,
        weight=weight,
        criterion=criterion,
    )
    as_method: Literal["percentile", "bca"] = "bca" if method == "bca" else "percentile"
    found = [
        (
            table,
            build_report(table.ratings, gold=gold, draws=draws, seed=seed, method=as_method),
        )
        for table in tables
    ]
    _show_tables(found, path, chosen, output)


@app.command()
def votes(
    ratings: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet with one row a vote.")
    ],
    *,
    item: Annotated[
        str, typer.Option(metavar="COLUMNS", help="What was voted on, with commas between.")
    ],
    rater: Annotated[str, typer.Option(metavar="COLUMN", help="Who voted.")],
    value: Annotated[str, typer.Option(metavar="COLUMN", help="The vote.")],
    group: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PATTERNS",
            help="Raters of one group: people=expert_*,author_*; repeatable.",
        ),
    ],
    pair: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="The columns of the two sides that a vote chooses between; (A, B) and (B, A) are "
            "one item.",
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Report each part.")] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What intervals resample; else items.")
    ] = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Tell how votes of groups of raters agree, pair by pair of votes on the same item."""
    path = _existing(ratings)
    groups: dict[str, str] = {}
    for given in group:
        name, equals, patterns = given.partition("=")
        if not (name and equals and patterns):
            raise typer.BadParameter(f"{given!r} is not NAME=PATTERNS", param_hint="--group")
        groups[name] = patterns
    sides = None if pair is None else [name.strip() for name in pair.split(",")]
    if sides is not None and len(sides) != 2:
        raise typer.BadParameter(f"{pair!r} names not two columns", param_hint="--pair")
    from grader.agreement.votes import VoteColumns, measure_votes

    columns = VoteColumns(
        item=[name.strip() for name in item.split(",")],
        rater=rater,
        value=value,
        pair=None if sides is None else (sides[0], sides[1]),
        by=by,
        cluster=cluster,
    )
    report = measure_votes(path, columns, groups, draws=draws, seed=seed).model_dump(mode="json")
    if as_json:
        print_json(report)
    else:
        print_votes(report, by)


app.command()(planning.plan)


def _of_runs(
    client: "Client", runs: list[str], *, chosen: str, output: Path | None, **asked: Any
) -> None:
    first, *others = runs
    found = client.get_agreement(first, run=others or None, **asked)
    if chosen == "json":
        _give_json(found, output)
        return
    if chosen == "table":
        _no_output(output)
        for criterion in found["criteria"]:
            print_criterion(criterion)
        return
    from grader.reports.agreement import RunAgreement

    report = RunAgreement.model_validate(found)
    if chosen == "methods":
        from grader.reports.manifest import RunManifest
        from grader.reports.methods import render_methods

        manifest, *more = (
            RunManifest.model_validate(client.get_manifest(each))
            for each in (report.run_id, *report.other_runs)
        )
        _give(render_methods(manifest, report, more), output)
        return
    _give(_render(report, chosen), output)


def _show_tables(
    found: "list[tuple[Table, AgreementReport]]", path: Path, chosen: str, output: Path | None
) -> None:
    if chosen in ("markdown", "html"):
        from grader.reports.agreement_sections import Section, Sheet

        sections = [
            Section(table.criterion or path.name, table.ratings.scale, report)
            for table, report in found
        ]
        _give(_render(Sheet("Agreement between raters", [path.name], sections), chosen), output)
        return
    shown: list[dict[str, Any]] = [
        {
            "criterion": table.criterion,
            "scale": table.ratings.scale,
            "report": report.model_dump(mode="json"),
        }
        for table, report in found
    ]
    is_one = len(shown) == 1 and shown[0]["criterion"] is None
    if chosen == "json":
        _give_json(shown[0]["report"] if is_one else {"criteria": shown}, output)
        return
    _no_output(output)
    for each in shown:
        if not is_one:
            console().print(f"== {plain(each['criterion'])} ({each['scale']}) ==")
        print_report(each["report"])


def _render(report: "RunAgreement | Sheet", chosen: str) -> str:
    from grader.reports.agreement_markdown import render_markdown
    from grader.reports.agreement_page import render_page

    return render_markdown(report) if chosen == "markdown" else render_page(report)


def _give_json(value: Any, output: Path | None) -> None:
    if output is None:
        print_json(value)
        return
    import orjson

    _write(output, orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def _give(text: str, output: Path | None) -> None:
    if output is None:
        print_text(text.rstrip("\n"))
    else:
        _write(output, text)


def _no_output(output: Path | None) -> None:
    if output is not None:
        raise typer.BadParameter("name a form for it: --format json, markdown or html")


def _write(output: Path, text: str) -> None:
    output.write_text(text, encoding="utf-8")
    note(f"written: {output}")


def _choose(word: str, words: tuple[str, ...], option: str) -> str:
    if word not in words:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(words)}", param_hint=option)
    return word


def _existing(path: Path | None) -> Path:
    if path is None or not path.is_file():
        raise typer.BadParameter(f"there is no file {path}", param_hint="FILE")
    return path
