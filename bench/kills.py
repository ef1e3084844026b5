"""A hundred thousand transcripts, and a worker killed every twenty seconds until the end.

Transcripts are synthetic, with lengths as a study's: lognormal, median 12,000 characters, cut at
4,000 and 517,000. What must come out: every judgment once, every label once, and no more calls than
judgments and what was in flight at each kill.
"""

import json
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from bench.arrangement import (
    Installation,
    installation,
    simulated_provider,
)
from grader.domain.transcript import Transcript
from grader.store import runs, transcripts
from grader.store.schema import judgments, labels

SLOTS = 50
EVERY_SECONDS = 20.0
MEDIAN, SIGMA, LEAST, MOST = 12_000, 0.8, 4_000, 517_000
_TEXT = (
    "the agent reads the plan checks the server lists each file and writes down what it finds "
    "before it decides what to do with the schedule that the team has left in the folder "
)
_AT_ONCE = 200


class Outcome(NamedTuple):
    transcripts: int
    characters: int
    seconds: float
    kills: int
    calls: int
    judgments: int
    doubled_judgments: int
    labels: int
    doubled_labels: int
    status: str


def measure(
    count: int = 100_000, workers: int = 2, every_seconds: float = EVERY_SECONDS
) -> Outcome:
    """Run it once."""
    slots = {"GRADER_PROVIDER_MAX_IN_FLIGHT": str(SLOTS), "GRADER_LEASE_SECONDS": "5"}
    options = ("--latency", "lognormal:0.2:0.5:11", "--answer", "schema", "--max-in-flight", "200")
    with (
        simulated_provider(*options) as provider,
        installation(provider.base_url, **slots) as installed,
    ):
        characters = _fill(installed, count)
        run_id = installed.create_run((), group="kills")
        installed.start_workers(workers)
        ended = threading.Event()
        killer = _Killer(installed, workers, every_seconds, ended)
        killer.start()
        seconds, _, progress = installed.finish(run_id)
        ended.set()
        killer.join()
        with installed.store.reading() as connection:
            status = runs.get_status(connection, run_id)
            rows = connection.scalar(sa.select(sa.func.count()).select_from(judgments)) or 0
            current = sa.select(sa.func.count()).where(
                labels.c.run_id == run_id, labels.c.superseded_at.is_(None)
            )
            of_label = (labels.c.transcript_id, labels.c.rubric_hash, labels.c.criterion)
            distinct = sa.select(*of_label).where(labels.c.run_id == run_id).distinct().subquery()
            outcome = Outcome(
                transcripts=count,
                characters=characters,
                seconds=seconds,
                kills=killer.kills,
                calls=provider.control("stats")["received"],
                judgments=rows,
                doubled_judgments=rows - progress.counts.given,
                labels=(made := connection.scalar(current) or 0),
                doubled_labels=made
                - (connection.scalar(sa.select(sa.func.count()).select_from(distinct)) or 0),
                status=status,
            )
    print(json.dumps(outcome._asdict()), flush=True)
    return outcome


def section(outcome: Outcome) -> str:
    """Return the section of the report."""
    allowed = outcome.judgments + outcome.kills * SLOTS
    return "\n".join(
        [
            "## Kills: 100,000 transcripts, a worker killed -9 every 20 seconds",
            "",
            f"{outcome.transcripts:,} synthetic transcripts, {outcome.characters / 1e9:.2f} GB of "
            f"text, lengths lognormal (median {MEDIAN:,} characters, σ {SIGMA}, cut at {LEAST:,} "
            f"and {MOST:,}); one judge, two workers, SQLite, latency lognormal (median .2 s), at "
            f"most {SLOTS} in flight.",
            "",
            "| seconds | kills | status | judgments | doubled | labels | doubled | calls |",
            "|---|---|---|---|---|---|---|---|",
            f"| {outcome.seconds:.0f} | {outcome.kills} | {outcome.status} "
            f"| {outcome.judgments:,} | {outcome.doubled_judgments} | {outcome.labels:,} "
            f"| {outcome.doubled_labels} | {outcome.calls:,} |",
            "",
            f"Calls beyond the judgments: {outcome.calls - outcome.judgments:,}; what was in "
            f"flight or not yet written at the kills allows about {allowed - outcome.judgments:,} "
            "and a flush more.",
            "",
        ]
    )


class _Killer(threading.Thread):
    """Kills a worker now and then, and starts another in its place."""

    def __init__(
        self, installed: Installation, workers: int, every: float, ended: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._installed = installed
        self._workers = workers
        self._every = every
        self._ended = ended
        self.kills = 0

    def run(self) -> None:
        while not self._ended.wait(self._every):
            place = self.kills % self._workers
            victim = self._installed.workers[place]
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
            self.kills += 1
            self._installed.workers[place] = self._installed.start_worker(
                f"{place}-after-{self.kills}"
            )


def _fill(installed: Installation, count: int) -> int:
    """Store the transcripts; returns their characters."""
    total = 0
    batch: list[Transcript] = []
    for transcript in _make(count):
        total += transcript.characters
        batch.append(transcript)
        if len(batch) == _AT_ONCE:
            with installed.store.transaction() as connection:
                transcripts.add_transcripts(connection, batch)
            batch = []
    if batch:
        with installed.store.transaction() as connection:
            transcripts.add_transcripts(connection, batch)
    return total


def _make(count: int) -> Iterator[Transcript]:
    dice = random.Random(20_260)
    stock = " ".join(dice.choices(_TEXT.split(), k=MOST // 4))
    for number in range(count):
        length = min(MOST, max(LEAST, int(dice.lognormvariate(0, SIGMA) * MEDIAN)))
        messages = []
        left, turn = length, 0
        while left > 0:
            size = min(left, dice.randint(400, 4_000))
            start = dice.randrange(len(stock) - size)
            role = "user" if turn % 2 == 0 else "assistant"
            messages.append(
                {"role": role, "content": f"{number}.{turn} {stock[start : start + size]}"}
            )
            left -= size
            turn += 1
        yield Transcript.model_validate({"messages": messages, "metadata": {"group": "kills"}})


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(section(measure(size, every_seconds=float(sys.argv[2]) if len(sys.argv) > 2 else 20)))
