"""What does a relabel cost where nothing, or one rubric of six, has changed?

The judgments of a first run are written straight into the database, as a run would have left them;
what is measured is the second run, by real workers: it must find everything there and ask nothing.
"""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bench.arrangement import (
    RUBRIC,
    Installation,
    installation,
    make_transcripts,
    simulated_provider,
)
from grader.domain.identity import new_id
from grader.domain.judge import LLMJudgeSpec
from grader.domain.judgment import Attempt, Judgment
from grader.domain.rubric import Rubric
from grader.domain.transcript import Transcript
from grader.domain.view import View
from grader.judges.question import Question, asked
from grader.store import runs
from grader.store.judgments import record_judgments
from grader.views import SeenTranscript

RUBRICS = tuple(
    Rubric.model_validate({**RUBRIC.model_dump(mode="json"), "name": f"rubric_{n}"})
    for n in range(6)
)
_AT_ONCE = 500


def measure(transcripts: int = 100_000, workers: int = 2) -> dict[str, Any]:
    """Return seconds, CPU seconds and calls of a relabel, and of one with a sixth changed."""
    given = make_transcripts(transcripts, 400, name="reuse")
    with (
        simulated_provider("--answer", "schema") as provider,
        installation(provider.base_url) as installed,
    ):
        first = installed.create_run(given, rubrics=RUBRICS)
        _answer(installed, first, given, RUBRICS)
        installed.start_workers(workers)
        results: dict[str, Any] = {"transcripts": transcripts, "workers": workers}
        changed = Rubric.model_validate({**RUBRICS[5].model_dump(mode="json"), "version": "next"})
        for name, rubrics in (("unchanged", RUBRICS), ("one of six", (*RUBRICS[:5], changed))):
            provider.control("reset", {})
            declared = time.monotonic()
            run_id = installed.create_run((), rubrics=rubrics, group="reuse")
            created = time.monotonic() - declared
            seconds, cpu, progress = installed.finish(run_id)
            results[name] = {
                "seconds_to_declare": round(created, 2),
                "seconds": round(seconds, 2),
                "cpu_seconds": round(cpu, 2),
                "calls": provider.control("stats")["received"],
                "reused": progress.counts.reused,
                "expected": progress.counts.expected,
                "given": progress.counts.given,
            }
            print(json.dumps({name: results[name]}), flush=True)
    return results


def section(found: dict[str, Any]) -> str:
    """Return the section of the report."""
    lines = [
        "## Reuse: a relabel in which little has changed",
        "",
        f"{found['transcripts']:,} transcripts, six rubrics, one judge, {found['workers']} "
        "workers, SQLite; all judgments of a first run stand in the database. `unchanged`: the "
        "same run again; `one of six`: one rubric has a new version (no latency).",
        "",
        "| run | declared in | finished in | CPU of the workers | judgments | reused | calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("unchanged", "one of six"):
        one = found[name]
        lines.append(
            f"| {name} | {one['seconds_to_declare']} s | {one['seconds']} s "
            f"| {one['cpu_seconds']} s | {one['expected']:,} | {one['reused']:,} "
            f"| {one['calls']:,} |"
        )
    lines += [
        "",
        "Goals: unchanged in under 60 s with no call; one of six with exactly that sixth.",
        "",
    ]
    return "\n".join(lines)


def _answer(
    installed: Installation, run_id: str, given: Sequence[Transcript], rubrics: Sequence[Rubric]
) -> None:
    """Write the judgments of a run, and close it, without asking anybody."""
    with installed.store.reading() as connection:
        run = runs.get_run(connection, run_id)
    (judge,) = run.spec.panel.judges
    assert isinstance(judge, LLMJudgeSpec)
    now = datetime.now(UTC)
    call = Attempt(
        mode="tools",
        outcome="answered",
        raw_output='{"explanation": "so", "evidence": [], "occurred": false}',
        asked_model=judge.model,
        served_model=judge.model,
        input_tokens=700,
        output_tokens=60,
        started_at=now,
        seconds=1.0,
    )
    for start in range(0, len(given), _AT_ONCE):
        batch = [
            Judgment(
                judgment_id=new_id("jdg"),
                **asked(Question(_seen(run.spec.view, transcript), rubric, judge, 0)),
                status="given",
                values={"occurred": False},
                explanation="The agent leaves the schedule as it is.",
                attempts=(call,),
                mode="tools",
                coverage=1.0,
                created_at=now,
            )
            for transcript in given[start : start + _AT_ONCE]
            for rubric in rubrics
        ]
        with installed.store.transaction() as connection:
            record_judgments(connection, batch, run_id=run_id, replacing={})
    with installed.store.transaction() as connection:
        runs.move_run(connection, run_id, "cancelled")


def _seen(view: View, transcript: Transcript) -> SeenTranscript:
    return SeenTranscript(
        view,
        transcript_hash=transcript.transcript_hash,
        metadata=transcript.metadata,
        load=lambda: transcript,
    )


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), indent=2))
