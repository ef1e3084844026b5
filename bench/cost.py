"""What do we cost ourselves? CPU of the worker per judgment, with a provider that takes no time.

All told: rendering, Instructor, validation, evidence, labels and writing; the CPU seconds of the
whole worker process. In the same turn, over the same transcripts and against the same provider: the
plain script (Instructor as documented, nothing kept), the floor (aiohttp, orjson and pydantic, no
Instructor) and, where it is installed, Inspect Scout. Each process first does some calls that don't
count, so that nobody pays for imports here. Inspect Scout wants versions of its own: the variable
GRADER_BENCH_SCOUT_PYTHON names a python that has it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.arrangement import RUBRIC, installation, make_transcripts, simulated_provider
from grader.domain.transcript import Transcript
from grader.judges.prompt import render_prompt, render_transcript

SLOTS = 50
"""Calls at once, the same for everybody."""

WARM_UP = 50
SCOUT_PYTHON = "GRADER_BENCH_SCOUT_PYTHON"
_QUOTE = "writes down what it finds before it decides"
_ANSWER = {
    "explanation": "The agent reads and writes things down, and leaves the flag as it was.",
    "evidence": [{"message": 2, "quote": _QUOTE}],
    "occurred": False,
}
Measured = dict[str, float]


@dataclass(frozen=True)
class Size:
    name: str
    characters: int
    judgments: int
    """How many count in a turn."""
    scans: int
    """How many of them Inspect Scout is given: it takes long."""


SIZES = (
    Size("2 kB", 2_000, judgments=3_000, scans=300),
    Size("200 kB", 200_000, judgments=400, scans=100),
)


def measure(sizes: Sequence[Size] = SIZES, turns: int = 3) -> dict[str, Any]:
    """Return CPU-ms a judgment of each contestant, for each size and turn, and their ratios."""
    taken: dict[str, list[Measured]] = {size.name: [] for size in sizes}
    for turn in range(turns):
        for size in sizes:
            taken[size.name].append(_turn(size, f"turn-{turn}"))
            print(json.dumps({"turn": turn, "size": size.name, **taken[size.name][-1]}), flush=True)
    return {
        "slots": SLOTS,
        "turns": turns,
        "scout": _scout_version(),
        "sizes": {
            size.name: {
                "judgments": size.judgments,
                "scans": size.scans,
                "turns": taken[size.name],
                "median": _medians(taken[size.name]),
            }
            for size in sizes
        },
    }


def section(result: dict[str, Any]) -> str:
    """Return the chapter of the report."""
    lines = [
        "## What do we cost ourselves?",
        "",
        "CPU-ms of the whole process per judgment, latency zero, the simulated provider in a "
        f"process of its own, {result['slots']} calls at once, one worker, SQLite. Ours is all "
        "told: rendering, Instructor, validation, one quote looked up, labels, writing. Plain: "
        "Instructor as documented, a list (`bench/plain_script.py`). Floor: aiohttp, orjson and "
        "pydantic, no Instructor (`bench/floor_script.py`). Both are given prompts that are "
        f"rendered already. Scout: {_scout_told(result)}. All one after the other in each of "
        f"{result['turns']} turns; ratios are medians of the turns' ratios.",
        "",
        "| transcript | turn | ours | plain | floor | Scout | ours ÷ plain | ours ÷ floor "
        "| Scout ÷ ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, size in result["sizes"].items():
        rows = [*((str(n), turn) for n, turn in enumerate(size["turns"]))]
        rows.append(("median", size["median"]))
        for label, row in rows:
            figures = (row.get(key) for key in (*_CONTESTANTS, *_RATIOS))
            told = " | ".join("–" if figure is None else f"{figure:.2f}" for figure in figures)
            lines.append(f"| {name} | {label} | {told} |")
    lines += ["", "Goals: ours ÷ plain ≤ .5, ours ÷ floor ≤ 8, Scout ÷ ours ≥ 25.", ""]
    return "\n".join(lines)


_CONTESTANTS = ("ours", "plain", "floor", "scout")
_RATIOS = {
    "ours_of_plain": ("ours", "plain"),
    "ours_of_floor": ("ours", "floor"),
    "scout_of_ours": ("scout", "ours"),
}


def _turn(size: Size, name: str) -> Measured:
    warm = make_transcripts(WARM_UP, size.characters, name=f"{name}-warm")
    given = make_transcripts(size.judgments, size.characters, name=name)
    with simulated_provider("--behaviour", json.dumps({"answer": _ANSWER})) as provider:
        taken = {"ours": _ours(provider.base_url, warm, given)}
        prompts = [
            render_prompt(render_transcript(t.messages, "0" * 16), RUBRIC) for t in (*warm, *given)
        ]
        for script in ("plain", "floor"):
            taken[script] = _script(script, sys.executable, provider.base_url, prompts=prompts)
        if python := os.environ.get(SCOUT_PYTHON):
            messages = [
                [m.model_dump(mode="json", include={"role", "content"}) for m in t.messages]
                for t in (*warm, *given[: size.scans])
            ]
            taken["scout"] = _script("scout", python, provider.base_url, prompts=messages)
    return taken | _ratios(taken)


def _ours(base_url: str, warm: Sequence[Transcript], given: Sequence[Transcript]) -> float:
    with installation(base_url, GRADER_PROVIDER_MAX_IN_FLIGHT=str(SLOTS)) as installed:
        installed.start_workers(1)
        installed.finish(installed.create_run(warm))
        run_id = installed.create_run(given)
        _, cpu, progress = installed.finish(run_id)
        assert progress.counts.given == len(given), progress
    return round(1000 * cpu / len(given), 3)


def _script(name: str, python: str, base_url: str, *, prompts: list[Any]) -> float:
    """Run a script over prompts, the first of which don't count; returns CPU-ms for each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompts.json"
        path.write_text(json.dumps(prompts))
        settings = {
            "base_url": base_url,
            "slots": SLOTS,
            "prompts": str(path),
            "warm_up": WARM_UP,
            "folder": folder,
        }
        with subprocess.Popen(
            [python, str(Path(__file__).with_name(f"{name}_script.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
            json.loads(process.stdout.readline())
            process.stdin.write("go\n")
            process.stdin.flush()
            result = json.loads(process.stdout.readline())
    assert result["judgments"] == len(prompts) - WARM_UP, result
    return float(round(1000 * result["cpu"] / result["judgments"], 3))


def _ratios(taken: Measured) -> Measured:
    return {
        name: round(taken[one] / taken[other], 3)
        for name, (one, other) in _RATIOS.items()
        if one in taken and other in taken
    }


def _medians(turns: Sequence[Measured]) -> Measured:
    return {key: median(turn[key] for turn in turns) for key in turns[0]}


def _scout_version() -> str | None:
    python = os.environ.get(SCOUT_PYTHON)
    if not python:
        return None
    told = "from importlib.metadata import version; print(version('inspect-scout'))"
    return subprocess.run(
        [python, "-c", told], check=True, capture_output=True, text=True
    ).stdout.strip()


def _scout_told(result: dict[str, Any]) -> str:
    if result["scout"] is None:
        return f"not installed (set {SCOUT_PYTHON} to a python that has inspect-scout)"
    scans = ", ".join(f"{size['scans']} of {name}" for name, size in result["sizes"].items())
    return (
        f"inspect-scout {result['scout']}, an `llm_scanner` with a structured answer over the "
        f"same transcripts from its database, results written as it does ({scans})"
    )


if __name__ == "__main__":
    print(section(measure(turns=int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
