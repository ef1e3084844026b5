"""`grader grade`: label transcripts here and now, with no server and nothing stored."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from grader.cli.connection import AsJson, load_settings
from grader.cli.labels import label_row, print_labels
from grader.cli.output import FAILURES_AMONG_ITEMS, note, print_json
from grader.cli.reading import (
    Files,
    Format,
    PanelName,
    Reading,
    Repeats,
    RubricNames,
    ViewName,
    get_panel,
    get_rubric,
    name_of,
)

if TYPE_CHECKING:
    from grader.domain.judgment import Judgment
    from grader.domain.panel import Panel
    from grader.domain.rubric import Rubric
    from grader.domain.view import View
    from grader.formats import FoundTranscript
    from grader.grading import Grading, Judges
    from grader.judges.question import Judge, Question

_AT_ONCE = 16
"""Transcripts under way at once; calls are limited by GRADER_PROVIDER_MAX_IN_FLIGHT."""
_LONGEST_PAUSE_SECONDS = 60.0


def grade(
    files: Files,
    *,
    rubric: RubricNames,
    panel: PanelName = "offline",
    format: Format = "auto",  # noqa: A002
    view: ViewName = "plain",
    repeats: Repeats = None,
    as_json: AsJson = False,
) -> None:
    """Label transcripts here and now: no server, nothing stored."""
    reading = Reading(files, format)
    rubrics = [get_rubric(name) for name in rubric]
    from grader.bootstrap import known_servers
    from grader.runs.create import check_panel, resolve_panel, seat_companions
    from grader.telemetry import start_logging
    from grader.views import get_view

    start_logging("WARNING")
    chosen = resolve_panel(get_panel(panel), known_servers(load_settings()), repeats=repeats)
    check_panel(chosen)
    chosen = seat_companions(chosen, rubrics)
    labels, failures = asyncio.run(_grade_all(reading, rubrics, chosen, get_view(view)))
    if as_json:
        print_json({"labels": labels, "failures": failures, "rejected": reading.rejected})
    else:
        print_labels(label_row(label, label["transcript"]) for label in labels)
    for failure in failures:
        note(
            f"failed: {failure['judge']} on {failure['transcript']}, {failure['rubric']}: "
            f"{failure['reason']}: {failure['detail'] or ''}"
        )
    if failures or reading.rejected:
        raise typer.Exit(FAILURES_AMONG_ITEMS)


async def _grade_all(
    reading: Reading, rubrics: list["Rubric"], panel: "Panel", view: "View"
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return labels and failed judgments as JSON, with the transcript's name in each."""
    import secrets

    from grader.bootstrap import JudgeFactory
    from grader.judges.limit import LocalRateLimiter

    settings = load_settings()
    limiter = LocalRateLimiter(
        settings.provider_max_in_flight,
        requests_per_minute=settings.provider_requests_per_minute,
        tokens_per_minute=settings.provider_tokens_per_minute,
        outage_seconds=settings.provider_outage_seconds,
    )
    factory = JudgeFactory(settings, limiter, secret=secrets.token_bytes(32))
    labels: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    versions = {rubric.name: rubric for rubric in rubrics}
    try:
        judges: Judges = {
            judge_hash: PatientJudge(judge) for judge_hash, judge in factory.judges(panel).items()
        }
        async for found, grading in _grade_each(reading, rubrics, panel, judges, view):
            about = {
                "transcript": name_of(found),
                "transcript_hash": found.transcript.transcript_hash,
            }
            for name, made in grading.labels.items():
                of_rubric = {
                    "rubric": name,
                    "rubric_version": versions[name].version,
                    "rubric_hash": versions[name].rubric_hash,
                }
                labels += [about | of_rubric | label.model_dump(mode="json") for label in made]
            failures += [
                about | judgment.model_dump(mode="json", exclude={"attempts"})
                for judgment in grading.judgments
                if judgment.status == "failed"
            ]
    finally:
        await factory.close()
    return labels, failures


async def _grade_each(
    reading: Reading, rubrics: list["Rubric"], panel: "Panel", judges: "Judges", view: "View"
) -> AsyncIterator[tuple["FoundTranscript", "Grading"]]:
    """Grade a few transcripts at once, and yield them in the order in which they were read."""
    from grader import grading

    under_way: deque[tuple[FoundTranscript, asyncio.Task[Grading]]] = deque()
    try:
        for found in reading.transcripts():
            asked = grading.grade(found.transcript, rubrics, panel, judges, view)
            under_way.append((found, asyncio.create_task(asked)))
            if len(under_way) >= _AT_ONCE:
                yield under_way[0][0], await under_way[0][1]
                under_way.popleft()
        while under_way:
            yield under_way[0][0], await under_way[0][1]
            under_way.popleft()
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


class PatientJudge:
    """A judge that waits for a busy provider: there is no queue here to put the question back."""

    def __init__(self, judge: "Judge") -> None:
        self._judge = judge

    async def judge(self, question: "Question") -> "Judgment":
        (judgment,) = await self.judge_jointly((question,))
        return judgment

    async def judge_jointly(self, questions: "Sequence[Question]") -> "list[Judgment]":
        from grader.errors import ProviderBusy
        from grader.grading import ask

        judges = {questions[0].judge.judge_hash: self._judge}
        while True:
            try:
                return await ask(questions, judges)
            except ProviderBusy as busy:
                pause = min(busy.retry_after_seconds or 1.0, _LONGEST_PAUSE_SECONDS)
                note(f"waiting {pause:.0f} s: {busy}")
                await asyncio.sleep(pause)
