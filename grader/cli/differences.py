"""`grader runs diff`: what differs between two runs, and which labels changed."""

from typing import Annotated, Any

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, AsJson, Data, Key, Url, open_client
from grader.cli.labels import first_quote, label_word
from grader.cli.output import note, print_json, print_table, print_text, shorten, show

Json = dict[str, Any]


def compare_runs(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The run before.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The run after.")],
    *,
    limit: Annotated[int, typer.Option(min=1, help="So many of the labels that changed.")] = 50,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Tell what changed from one run to another: the declaration, the counts, the labels."""
    with open_client(url, key, data) as client:
        found = client.compare_runs(before, after, limit=min(limit, 1_000))
        items = found["items"]
        if limit > len(items) and found["next_cursor"]:
            changed = client.iter_differences(before, after)
            items = [item for item, _ in zip(changed, range(limit), strict=False)]
    if as_json:
        print_json({**found, "items": items})
        return
    summary = found["summary"]
    _print_declaration(summary["declaration"])
    _print_counts(summary)
    _print_labels(items)
    counts = summary["counts"]
    changed_labels = sum(
        n for name, n in counts.items() if name not in ("same", "only_before", "only_after")
    )
    if changed_labels > len(items):
        note(f"{len(items)} of {changed_labels} changed labels shown; see --limit and --json")


def _print_declaration(declaration: Json) -> None:
    rows: list[tuple[str, str, str, str]] = []
    for change in declaration["rubrics"]:
        rows.append(
            ("rubric", change["rubric"], *map(_version, (change["before"], change["after"])))
        )
        rows += [
            ("", f"  {each['criterion']}", "", f"differs in {', '.join(each['fields'])}")
            for each in change["criteria"]
        ]
    for judge in declaration["judges"]:
        rows.append(("judge", judge["judge"], "", judge["what"]))
        rows += [("", f"  {name}", one, other) for name, one, other in _fields(judge["fields"])]
    for part in ("view", "panel"):
        rows += [(part, name, one, other) for name, one, other in _fields(declaration[part])]
    if not rows:
        print_text("The declarations ask the same: what differs is what became of the judgments.")
        return
    print_table(("what differs", "", "before", "after"), rows)


def _version(reference: Json | None) -> str:
    if reference is None:
        return "(none)"
    return f"{reference['version']} ({reference['rubric_hash'][:14]}…)"


def _fields(changes: list[Json]) -> list[tuple[str, str, str]]:
    return [
        (each["field"], shorten(show(each["before"]), 40), shorten(show(each["after"]), 40))
        for each in changes
    ]


def _print_counts(summary: Json) -> None:
    names = tuple(name for name, n in summary["counts"].items() if n) or ("same",)
    print_table(
        ("rubric", "criterion", *(f">{name.replace('_', ' ')}" for name in names)),
        [
            *(
                (each["rubric"], each["criterion"], *(each["counts"][name] for name in names))
                for each in summary["criteria"]
            ),
            ("all", "", *(summary["counts"][name] for name in names)),
        ],
    )
    print_table(
        ("rubric", "criterion", "before", "after", ">labels"),
        (
            (
                each["rubric"],
                each["criterion"],
                label_word(change["before"]),
                label_word(change["after"]),
                change["labels"],
            )
            for each in summary["criteria"]
            for change in each["transitions"]
        ),
    )


def _print_labels(items: list[Json]) -> None:
    for item in items:
        before, after = item["before"], item["after"]
        print_text(
            f"{item['transcript_id']}  {item['rubric']}.{item['criterion']}  "
            f"{label_word(before)} → {label_word(after)}  (because of {', '.join(item['because'])})"
        )
        for name, side in (("before", before), ("after", after)):
            print_text("  ".join(filter(None, (f"    {name:6}", _votes(side), first_quote(side)))))


def _votes(label: Json) -> str:
    return " ".join(
        f"{vote['judge']}:{show(vote['value']) or vote['status']}" for vote in label["votes"]
    )
