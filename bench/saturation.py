"""Does the worker keep the provider busy, and what does it cost?

Latency lognormal (median 1 s, σ 0.5), the provider allows 200 calls at once. Ideal is the makespan
of a greedy schedule of the same latencies over 200 slots. The plain script does the same work in
the same turn.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.arrangement import RUBRIC, Provider, installation, make_transcripts, simulated_provider
from grader.judges.prompt import render_prompt, render_transcript
from grader.testing import ideal_makespan

SLOTS = 200
LATENCY = "lognormal:1:0.5:11"
GOAL = 0.97


class Turn(NamedTuple):
    """One run over the same transcripts, by us or by the plain script."""

    who: str
    seconds: float
    achieved: float
    """The ideal's seconds ÷ these."""
    cpu_ms: float
    """CPU of all worker processes, a judgment."""
    calls: int


def measure(judgments: int = 10_000, turns: int = 3) -> list[list[Turn]]:
    """Return turns of one worker, two workers and the plain script, one after the other."""
    made = []
    for number in range(turns):
        given = make_transcripts(judgments, 2_000, name=f"turn-{number}")
        options = ("--latency", LATENCY, "--max-in-flight", str(SLOTS), "--answer", "schema")
        with simulated_provider(*options) as provider:
            turn = []
            for workers in (1, 2):
                provider.control("reset", {})
                slots = {"GRADER_PROVIDER_MAX_IN_FLIGHT": str(SLOTS)}
                with installation(provider.base_url, **slots) as installed:
                    installed.start_workers(workers)
                    run_id = installed.create_run(given)
                    seconds, cpu, progress = installed.finish(run_id)
                    assert progress.counts.given == judgments, progress
                name = f"{workers} worker{'s' if workers > 1 else ''}"
                turn.append(_turn(name, provider, seconds, cpu, judgments))
            prompts = [
                render_prompt(render_transcript(t.messages, "0" * 16), RUBRIC) for t in given
            ]
            provider.control("reset", {})
            seconds, cpu = run_plain_script(provider.base_url, prompts)
            turn.append(_turn("plain script", provider, seconds, cpu, judgments))
        print(json.dumps([one._asdict() for one in turn]), flush=True)
        made.append(turn)
    return made


def section(turns: list[list[Turn]]) -> str:
    """Return the section of the report."""
    judgments = "10,000"
    lines = [
        "## Saturation: does the worker keep the provider busy?",
        "",
        f"{judgments} judgments of transcripts of 2 kB by one judge, SQLite; the simulated "
        f"provider in its own process, latency `{LATENCY}` (lognormal, median 1 s, σ 0.5), at "
        f"most {SLOTS} calls at once. Ideal: the makespan of a greedy schedule of the same "
        f"latencies over {SLOTS} slots. The plain script is asyncio, Instructor as documented, "
        "one shared client, a semaphore and a list (`bench/plain_script.py`); it keeps nothing. "
        f"{len(turns)} turns, one after the other in each.",
        "",
        "| turn | who | seconds | of the ideal | CPU-ms a judgment | calls |",
        "|---|---|---|---|---|---|",
    ]
    for number, turn in enumerate(turns):
        for one in turn:
            lines.append(
                f"| {number} | {one.who} | {one.seconds:.2f} | {one.achieved:.3f} "
                f"| {one.cpu_ms:.2f} | {one.calls:,} |"
            )
    told = []
    for place, name in enumerate(one.who for one in turns[0]):
        of_ideal = sorted(turn[place].achieved for turn in turns)
        told.append(f"{name} {median(of_ideal):.3f} ({of_ideal[0]:.3f}–{of_ideal[-1]:.3f})")
    lines += ["", f"Median (range) of the ideal: {'; '.join(told)}. Goal {GOAL}.", ""]
    return "\n".join(lines)


def run_plain_script(base_url: str, prompts: list[list[dict[str, str]]]) -> tuple[float, float]:
    """Run the plain script over the prompts; returns seconds and CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompts.json"
        path.write_text(json.dumps(prompts))
        script = Path(__file__).with_name("plain_script.py")
        with subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            settings = {"base_url": base_url, "slots": SLOTS, "prompts": str(path)}
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
            json.loads(process.stdout.readline())
            process.stdin.write("go\n")
            process.stdin.flush()
            result = json.loads(process.stdout.readline())
    assert result["judgments"] == len(prompts)
    return result["seconds"], result["cpu"]


def _turn(who: str, provider: Provider, seconds: float, cpu: float, judgments: int) -> Turn:
    stats = provider.control("stats?latencies=1")
    ideal = ideal_makespan(stats["latencies"]["seconds"], SLOTS)
    return Turn(who, seconds, ideal / seconds, 1000 * cpu / judgments, stats["received"])


if __name__ == "__main__":
    print(section(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, 1)))
