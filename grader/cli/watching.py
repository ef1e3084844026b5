"""`grader runs watch`: a live table on a terminal, lines elsewhere, or the events as they come.

It ends when the run is settled: a paused run waits for somebody. Leaving it leaves the run alone.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.connection import DEFAULT_DATA, DEFAULT_URL, Data, Key, Url, open_client
from grader.cli.labels import cost_line, duration, progress_line, speed_line
from grader.cli.output import build_table, console, note, plain, print_text
from grader.cli.waiting import exit_code

if TYPE_CHECKING:
    from rich.console import RenderableType

Json = dict[str, Any]

_LINE_SECONDS = 5.0


def watch_run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    *,
    url: Url = DEFAULT_URL,
    key: Key = None,
    data: Data = DEFAULT_DATA,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every event as JSON on a line of its own.")
    ] = False,
) -> None:
    """Watch a run until it is settled: a live table on a terminal, lines elsewhere."""
    with open_client(url, key, data) as client:
        states = _states(client.iter_events(run_id), echo=as_json)
        try:
            if as_json:
                (run,) = deque(states, maxlen=1)
            elif sys.stdout.isatty():
                run = _watch_live(states)
            else:
                run = _watch_in_lines(states)
        except KeyboardInterrupt:
            note(f"{run_id} goes on; watch it again with `grader runs watch {run_id}`")
            raise
    if run["status"] == "paused":
        note(f"go on with `grader runs resume {run_id}`")
    if code := exit_code(run):
        raise typer.Exit(code)


def _states(events: Iterator[tuple[str, Json]], *, echo: bool) -> Iterator[Json]:
    """Yield the whole state of a run after each event, until it is settled."""
    import orjson

    state: Json = {}
    for name, data in events:
        if echo:
            print_text(orjson.dumps({"event": name, **data}).decode())
        state = {**state, **data}
        # A status comes alone; what it is the status of comes with the first progress.
        if "counts" in state:
            yield state
            if state["status"] == "paused":
                return


def _watch_live(states: Iterator[Json]) -> Json:
    from rich.live import Live

    state: Json = {}
    with Live(console=console(), auto_refresh=False, vertical_overflow="visible") as live:
        for state in states:
            live.update(render_state(state), refresh=True)
    return state


def _watch_in_lines(states: Iterator[Json]) -> Json:
    """Print a line at each change of the status, at the end, and now and then."""
    state: Json = {}
    shown_at, shown_status, pending = 0.0, "", False
    for state in states:
        pending = True
        if state["status"] == shown_status and time.monotonic() - shown_at < _LINE_SECONDS:
            continue
        _print_line(state)
        shown_at, shown_status, pending = time.monotonic(), state["status"], False
    if pending:
        _print_line(state)
    return state


def _print_line(state: Json) -> None:
    told = [f"{state['run_id']}  {progress_line(state)}", speed_line(state)]
    print_text("  ".join(part for part in told if part))


def render_state(run: Json) -> "RenderableType":
    """Return what a run's state looks like on a terminal of a hundred columns or more."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    transcripts, judgments = run["counts"]["transcripts"], run["counts"]["judgments"]
    settled = judgments["expected"] - judgments["pending"]
    status = run["status"] + (f": {run['reason']}" if run["reason"] else "")
    rows = [
        ("status", status),
        (
            "transcripts",
            f"{transcripts['finished']:,} of {transcripts['expected']:,} finished",
        ),
        ("judgments", ", ".join(f"{name} {n:,}" for name, n in judgments.items() if n)),
        ("cost", cost_line(run["cost"])),
    ]
    if told := speed_line(run):
        rows.append(("speed", told))
    for server, its in ((run["speed"] or {}).get("servers") or {}).items():
        held = f", held for {duration(its['held_seconds'])}" if its["held_seconds"] else ""
        calls = f"{its['in_flight']:,} of {its['limit']:,} calls in flight"
        waiting = f", {its['waiting']:,} waiting" if its["waiting"] else ""
        what = f" for {its['waits_for']}" if its["waiting"] and its["waits_for"] else ""
        rows.append((server, f"{calls}{waiting}{what}{held}"))
    bar = Table.grid()
    bar.add_row(ProgressBar(total=max(1, judgments["expected"]), completed=settled, width=60))
    return Group(
        Text(plain(run["run_id"]), style="bold"),
        bar,
        build_table(("", ""), rows),
        judges_table(run["judges"]),
    )


def judges_table(judges: list[Json]) -> "RenderableType":
    """Return what each judge has done and what it cost."""
    columns = ("judge", ">given", ">abst.", ">refused", ">failed", ">calls", ">input", ">cached")
    return build_table(
        (*columns, ">output", ">cost"),
        (
            (
                judge["judge"],
                *(f"{judge[name]:,}" for name in ("given", "abstained", "refused", "failed")),
                f"{judge['calls']:,}",
                *(f"{judge[f'{kind}_tokens']:,}" for kind in ("input", "cached", "output")),
                f"${judge['cost_usd']:,.4f}",
            )
            for judge in judges
        ),
    )
