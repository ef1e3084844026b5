"""Does a judgment cost more in a large run than in a small one, and does memory grow?"""

import json
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.arrangement import installation, make_transcripts, simulated_provider

SMALL, LARGE = 10_000, 100_000


class Turn(NamedTuple):
    judgments: int
    seconds: float
    cpu_ms: float
    """CPU of the worker, a judgment."""
    peak_mb: float
    """The most memory the worker held."""


def measure(small: int = SMALL, large: int = LARGE, turns: int = 5) -> list[Turn]:
    """Return runs of both sizes in turn, each in an installation of its own, zero latency."""
    made = []
    for number in range(turns):
        for judgments in (small, large):
            given = make_transcripts(judgments, 2_000, name=f"turn-{number}")
            with (
                simulated_provider("--answer", "schema") as provider,
                installation(provider.base_url) as installed,
            ):
                installed.start_workers(1)
                run_id = installed.create_run(given)
                del given
                seconds, cpu, progress = installed.finish(run_id)
                assert progress.counts.given == judgments, progress
                peak = peak_megabytes(installed.workers[0].pid)
            made.append(Turn(judgments, seconds, 1000 * cpu / judgments, peak))
            print(json.dumps(made[-1]._asdict()), flush=True)
    return made


def section(turns: list[Turn]) -> str:
    """Return the section of the report."""
    small, large = sorted({t.judgments for t in turns})
    lines = [
        "## Growth: does a judgment cost more in a large run?",
        "",
        "Transcripts of 2 kB, one judge, one worker, zero latency, SQLite, a new installation for "
        "each run, the two sizes in turn.",
        "",
        "| judgments | seconds | CPU-ms a judgment | peak memory of the worker |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {t.judgments:,} | {t.seconds:.1f} | {t.cpu_ms:.2f} | {t.peak_mb:.0f} MB |"
        for t in turns
    ]
    ratios = sorted(b.cpu_ms / a.cpu_ms for a, b in zip(turns[::2], turns[1::2], strict=True))
    peaks = [median(t.peak_mb for t in turns if t.judgments == n) for n in (small, large)]
    lines += [
        "",
        f"CPU at {large:,} ÷ CPU at {small:,}: median {median(ratios):.2f} "
        f"({ratios[0]:.2f}–{ratios[-1]:.2f}); goal ≤ 1.3. Peak memory {peaks[0]:.0f} and "
        f"{peaks[1]:.0f} MB.",
        "",
    ]
    return "\n".join(lines)


def peak_megabytes(pid: int | None) -> float:
    """Return the most memory a process has held so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {pid} tells no peak")


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SMALL
    print(section(measure(size, size * 10, 1)))
