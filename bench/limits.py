"""Does the worker keep to a provider's requests a minute, and use them up?

The provider refills a bucket steadily and refuses what is beyond it with 429, as OpenAI does; it
tells its limit in its headers, and nobody has told the worker.
"""

import heapq
import json
import sys
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from bench.arrangement import installation, make_transcripts, simulated_provider

PER_MINUTE = 3_000
BURST = 100
LATENCY = "lognormal:1:0.5:11"
SLOTS = 200


class Turn(NamedTuple):
    workers: int
    seconds: float
    achieved: float
    """The seconds of a greedy schedule under the limit ÷ these."""
    refused: float
    """The share of calls that were answered 429."""


def measure(judgments: int = 6_000, turns: int = 2) -> list[Turn]:
    """Return turns with one and with two workers."""
    made = []
    for number in range(turns):
        for workers in (1, 2):
            given = make_transcripts(judgments, 2_000, name=f"turn-{number}")
            with (
                simulated_provider(
                    *("--latency", LATENCY, "--answer", "schema"),
                    *("--requests-per-minute", str(PER_MINUTE), "--request-burst", str(BURST)),
                ) as provider,
                installation(provider.base_url) as installed,
            ):
                installed.start_workers(workers)
                seconds, _, progress = installed.finish(installed.create_run(given))
                assert progress.counts.given == judgments, progress
                stats = provider.control("stats?latencies=1")
            least = ideal_seconds(stats["latencies"]["seconds"])
            refused = stats["rejected_429"] / stats["received"]
            made.append(Turn(workers, seconds, least / seconds, refused))
            print(json.dumps(made[-1]._asdict()), flush=True)
    return made


def section(turns: list[Turn]) -> str:
    """Return the section of the report."""
    lines = [
        "## Limits: a provider that takes 3,000 requests a minute",
        "",
        f"6,000 judgments, latency `{LATENCY}`; the provider's bucket holds {BURST} and refills "
        f"steadily to {PER_MINUTE:,} a minute; its limit is learnt from its headers. Achieved: "
        f"the makespan of a greedy schedule of the same latencies over {SLOTS} slots, none of "
        "them started before the bucket allows it, ÷ the time taken.",
        "",
        "| workers | seconds | achieved | calls answered 429 |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {t.workers} | {t.seconds:.1f} | {t.achieved:.3f} | {t.refused:.2%} |" for t in turns
    ]
    told = [
        f"{workers} worker{'s' if workers > 1 else ''} "
        f"{median(t.achieved for t in turns if t.workers == workers):.3f}, "
        f"429s {median(t.refused for t in turns if t.workers == workers):.2%}"
        for workers in (1, 2)
    ]
    lines += ["", f"Medians: {'; '.join(told)}. Goals: ≥ .98, 429s below 1 %.", ""]
    return "\n".join(lines)


def ideal_seconds(latencies: Sequence[float]) -> float:
    """Return the makespan of a greedy schedule under the bucket and the slots."""
    slots = [0.0] * SLOTS
    end = 0.0
    for number, latency in enumerate(latencies):
        allowed = max(0.0, (number + 1 - BURST) / (PER_MINUTE / 60))
        done = max(allowed, heapq.heappop(slots)) + latency
        heapq.heappush(slots, done)
        end = max(end, done)
    return end


if __name__ == "__main__":
    print(section(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 6_000, 1)))
