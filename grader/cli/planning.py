"""`grader agreement plan`: how many gold labels, units or repeats a wanted interval takes."""

from typing import Annotated

import typer

from grader.cli.connection import AsJson
from grader.cli.output import console, print_json, print_table


def plan(
    prevalence: Annotated[
        float, typer.Option(help="The rate one expects, from 0 to 1.", show_default=False)
    ],
    *,
    sensitivity: Annotated[float, typer.Option(help="Expected of the judge.")] = 0.9,
    specificity: Annotated[float, typer.Option(help="Expected of the judge.")] = 0.95,
    width: Annotated[float, typer.Option(help="Wanted full width of the 95 % interval.")] = 0.1,
    units: Annotated[
        int | None, typer.Option(min=1, help="How many units there are; no end if not given.")
    ] = None,
    retest: Annotated[
        float | None,
        typer.Option(help="How often two repeats of the judge agree, to plan repeats, too."),
    ] = None,
    stability: Annotated[
        float, typer.Option(help="Share of verdicts that more repeats shall not change.")
    ] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Tell how many gold labels or repeats it takes to know something as exactly as wanted."""
    from grader.agreement.planning import plan as plan_study

    found = plan_study(
        prevalence=prevalence,
        sensitivity=sensitivity,
        specificity=specificity,
        width=width,
        n_units=units,
        retest_agreement=retest,
        stability=stability,
    )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    print_table(
        ("to know", "how", ">how many", "of what", "why not"),
        (
            (row.quantity, row.design, "–" if row.n is None else f"{row.n:,}", row.need, row.reason)
            for row in found.rows
        ),
    )
    console().print(found.advice)
