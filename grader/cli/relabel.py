"""`grader relabel`: label what is stored already, anew: another rubric, another judge.

Only what changed is asked and paid for; `--dry-run` tells beforehand how much that is.
"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.labels import print_run
from grader.cli.output import print_json
from grader.cli.reading import PanelName, Repeats, RubricNames, ViewName
from grader.cli.run_options import (
    BudgetUsd,
    DryRun,
    Mode,
    ModeOption,
    PriorityOption,
    Wait,
    show_declared,
    show_estimate,
)
from grader.cli.submit import panel_named, rubric_named
from grader.cli.waiting import exit_code, wait_with_progress


class Allocation(StrEnum):
    proportional = "proportional"
    equal = "equal"


def relabel(
    *,
    where: Annotated[
        list[str],
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Which transcripts: key:operator:value, or JSON; repeatable, and then all must "
            "hold. `{}` is all.",
        ),
    ],
    rubric: RubricNames,
    panel: PanelName,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="A random sample of them.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="KEY", help="A metadata key that makes strata; repeatable."),
    ] = None,
    allocation: Annotated[
        Allocation, typer.Option("--allocation", help="How the sample is shared among strata.")
    ] = Allocation.proportional,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed draws the same sample.")
    ] = 0,
    view: ViewName = "plain",
    repeats: Repeats = None,
    budget: BudgetUsd = None,
    mode: ModeOption = Mode.live,
    priority: PriorityOption = None,
    dry_run: DryRun = False,
    wait: Wait = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Label stored transcripts anew; prints the run's id, or with --dry-run what it would cost."""
    if sample is None and by:
        raise typer.BadParameter("--by needs --sample", param_hint="--by")
    chosen: dict[str, Any] = {"where": read_conditions(where)}
    if sample is not None:
        design = {"n": sample, "by": by or [], "allocation": allocation.value, "seed": seed}
        chosen["sample"] = design
    with open_client(url, key, data) as client:
        wanted: dict[str, Any] = {
            "rubrics": [rubric_named(client, name) for name in rubric],
            "panel": panel_named(panel),
            "transcripts": chosen,
            "view": view,
            "repeats": repeats,
            "budget_usd": budget,
            "mode": mode.value,
            "priority": priority.value if priority else None,
        }
        if dry_run:
            show_estimate(client, wanted, as_json=as_json)
            return
        run = client.create_run(**wanted)
        if not wait:
            show_declared(run, as_json=as_json)
            return
        run = wait_with_progress(client, run["run_id"])
        if as_json:
            print_json(run)
        else:
            print_run(run)
        if code := exit_code(run):
            raise typer.Exit(code)


def read_conditions(given: list[str]) -> dict[str, Any]:
    """Return conditions of the command line as one `where`, as REST takes it."""
    conditions = [_read_condition(text) for text in given]
    return conditions[0] if len(conditions) == 1 else {"and": conditions}


def _read_condition(text: str) -> dict[str, Any]:
    import orjson

    from grader.domain.selection import read_where, read_where_text
    from grader.errors import InvalidSelection

    try:
        if not text.lstrip().startswith("{"):
            return _as_json(read_where_text(text))
        condition: dict[str, Any] = orjson.loads(text)
        read_where(condition)
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"{text!r} is no JSON: {error}", param_hint="--where") from error
    except InvalidSelection as error:
        raise typer.BadParameter(str(error), param_hint="--where") from error
    return condition


def _as_json(where: Any) -> dict[str, Any]:
    from grader.domain.selection import Condition, Every

    if isinstance(where, Condition):
        return {where.key: {where.operator: where.value}}
    word = "and" if isinstance(where, Every) else "or"
    return {word: [_as_json(part) for part in where.parts]}
