"""Labels and runs as tables, the same wherever a command shows them."""

from collections.abc import Iterable
from typing import Any

from grader.cli.output import print_table, shorten, show

Json = dict[str, Any]

LABEL_COLUMNS = ("transcript", "rubric", "criterion", "label", "votes", "flags", "evidence")


def label_row(label: Json, transcript: str) -> tuple[str, ...]:
    """Return a label's cells; `label` is as REST shows it."""
    given = sum(vote["status"] == "given" for vote in label["votes"])
    return (
        transcript,
        label["rubric"],
        label["criterion"],
        label_word(label),
        f"{given}/{len(label['votes'])}",
        " ".join(label["flags"]),
        first_quote(label),
    )


def label_word(label: Json) -> str:
    """Return a label's value, or in brackets why it has none."""
    return show(label["value"]) if label["status"] == "decided" else f"({label['status']})"


def first_quote(label: Json) -> str:
    """Return the first quote that was found, with its message."""
    for evidence in label["evidence"]:
        if evidence["found"]:
            return f"M{evidence['message']} “{shorten(evidence['quote'], 60)}”"
    return ""


def print_labels(rows: Iterable[tuple[str, ...]]) -> None:
    print_table(LABEL_COLUMNS, rows)


def print_run(run: Json) -> None:
    """Print what a run is and how far it is."""
    transcripts, judgments = run["counts"]["transcripts"], run["counts"]["judgments"]
    rows = [
        ("run", run["run_id"]),
        ("status", run["status"] + (f": {run['reason']}" if run["reason"] else "")),
        ("rubrics", ", ".join(f"{r['name']}@{r['version']}" for r in run["rubrics"])),
        (
            "panel",
            f"{run['panel']['name']} ({', '.join(j['name'] for j in run['panel']['judges'])})",
        ),
        ("view", run["view"]),
        ("asked", f"{run['mode']}, {run['priority']}"),
        ("transcripts", f"{transcripts['finished']:,} of {transcripts['expected']:,} finished"),
        ("judgments", ", ".join(f"{name} {n:,}" for name, n in judgments.items() if n)),
        ("cost", cost_line(run["cost"])),
        *([("speed", told)] if (told := speed_line(run)) else []),
        ("created", run["created_at"]),
        ("finished", run["finished_at"]),
    ]
    print_table(("", ""), rows)


def progress_line(run: Json) -> str:
    """Return how far a run is, on one line."""
    transcripts, judgments = run["counts"]["transcripts"], run["counts"]["judgments"]
    told = [
        run["status"] + (f" ({run['reason']})" if run["reason"] else ""),
        f"transcripts {transcripts['finished']}/{transcripts['expected']}",
        *(f"{name} {n}" for name, n in judgments.items() if n and name != "expected"),
        f"${run['cost']['spent']:.4f}",
    ]
    return "  ".join(told)


def cost_line(cost: Json) -> str:
    """Return what was spent, beside what was expected and what is allowed."""
    told = f"${cost['spent']:,.4f}"
    if cost["estimated"] is not None:
        told += f" of about ${cost['estimated']:,.4f}"
    if cost["budget"] is not None:
        told += f", budget ${cost['budget']:,.4f}"
    if unpriced := cost["unpriced_judges"]:
        told += f" (no prices known for {', '.join(unpriced)})"
    return told


def short_cost(cost: Json) -> str:
    """Return what was spent, and the budget if there is one."""
    budget = f"/${cost['budget']:,.2f}" if cost["budget"] is not None else ""
    return f"${cost['spent']:,.4f}{budget}"


def speed_line(run: Json) -> str:
    """Return how quick a run is at present; nothing where that is not known."""
    speed = run["speed"]
    if not speed:
        return ""
    eta = speed["eta_seconds"]
    left = "" if eta is None else f", about {duration(eta)} left"
    return f"{speed['judgments_per_minute']:,.0f} judgments a minute{left}"


def duration(seconds: float) -> str:
    """Return a time in the two largest units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
