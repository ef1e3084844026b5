"""A run's manifest: everything that a reviewer needs to redo it, and to compare the redo.

Digests are sums: the SHA-256 of each line, taken as a number, added up modulo 2²⁵⁶. So they do not
depend on an order, which another installation would have otherwise, and are worked out in one pass.
"""

import hashlib
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import orjson
import sqlalchemy as sa

from grader.domain.identity import utc_now
from grader.domain.judge import PROMPT_VERSION, RULES_VERSION, JudgeSpec
from grader.domain.noun import JsonObject, Noun
from grader.domain.run import RunSpec, RunStatus
from grader.grading import seat
from grader.hashing import PREFIX
from grader.reports.run_records import (
    RunCost,
    RunCounts,
    RunJudge,
    run_cost,
    run_counts,
    run_judges,
)
from grader.store import runs
from grader.store.catalogue import find_rubrics
from grader.store.runs import RunRow
from grader.store.summaries import Answers, count_answers, iter_transcript_hashes, iter_values

_PACKAGES = (
    "grader",
    "instructor",
    "openai",
    "anthropic",
    "google-genai",
    "pydantic",
    "numpy",
    "sqlalchemy",
    "toktok-rs",
    "genai-prices",
)
_MODULUS = 2**256


class Environment(Noun):
    """Versions on the machine that wrote the manifest; workers may run on others."""

    python: str
    packages: dict[str, str]


class ManifestRubric(Noun):
    name: str
    version: str
    rubric_hash: str
    source: str
    """The text as it was stored, comments included."""


class ManifestTranscript(Noun):
    transcript_id: str
    transcript_hash: str


class ManifestTranscripts(Noun):
    count: int
    digest: str
    """Over the hash of each transcript of the run."""
    items: tuple[ManifestTranscript, ...] | None
    """The transcripts in the run's order; null where they were not asked for."""


class Served(Noun):
    """Judgments that one model says it made."""

    served_model: str | None
    """Null where the server did not say, and for judges that are no models."""
    fingerprint: str | None
    judgments: int


class Source(Noun):
    """Judgments of a run that one run paid for: this one, or another whose answers it reuses."""

    run_id: str
    is_this_run: bool
    judgments: int
    by_status: dict[str, int]
    first_at: datetime
    last_at: datetime
    served: tuple[Served, ...]


class ManifestJudge(Noun):
    judge: str
    judge_hash: str
    kind: str
    asked_model: str | None
    served: tuple[Served, ...]
    """What answered, over all sources."""
    snapshots_differ: bool
    """More than one model answered under the name that was asked for; the judge's `snapshot`
    forbids it."""
    fingerprints_differ: bool
    """More than one build of what answered told of itself; providers change these often."""
    sources: tuple[Source, ...]
    """Where the judgments come from."""


class Labels(Noun):
    count: int
    by_status: dict[str, int]
    digest: str
    """Over transcript hash, rubric hash, criterion, status and value of each label, as a JSON list
    without spaces."""


class RunManifest(Noun):
    run_id: str
    status: RunStatus
    """Until it is finished, this is what there is so far."""
    reason: str | None
    written_at: datetime
    environment: Environment
    prompt_versions: dict[str, str]
    """By judge; the version that is current here is under `current`."""
    declaration: RunSpec
    """Rubrics by hash, the whole panel, the view, and the selection with its sample and seed."""
    panel_hash: str
    rubrics: tuple[ManifestRubric, ...]
    transcripts: ManifestTranscripts
    judges: tuple[ManifestJudge, ...]
    paid: tuple[RunJudge, ...]
    """What this run paid for, judge by judge."""
    counts: RunCounts
    cost: RunCost
    labels: Labels
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def write_manifest(
    connection: sa.Connection, run_id: str, *, with_transcripts: bool = False
) -> RunManifest:
    """Return a run's manifest; raises NotFound."""
    row = runs.get_run(connection, run_id)
    progress = runs.get_progress(connection, run_id)
    spec = row.spec
    answers = count_answers(connection, run_id, spec)
    return RunManifest(
        run_id=run_id,
        status=row.status,
        reason=row.reason,
        written_at=utc_now(),
        environment=Environment(python=platform.python_version(), packages=_packages()),
        prompt_versions=_prompt_versions(spec),
        declaration=spec,
        panel_hash=spec.panel.panel_hash,
        rubrics=_rubrics(connection, spec),
        transcripts=_transcripts(connection, run_id, with_items=with_transcripts),
        judges=tuple(_judge(row, judge, answers) for judge in spec.panel.judges),
        paid=run_judges(row, progress),
        counts=run_counts(row, progress),
        cost=run_cost(row, progress),
        labels=_labels(connection, run_id),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def add_up(lines: Iterable[bytes]) -> str:
    """Return the digest of some lines, whatever their order."""
    total = 0
    for line in lines:
        total += int.from_bytes(hashlib.sha256(line).digest())
    return f"{PREFIX}{total % _MODULUS:064x}"


def label_line(
    transcript_hash: str, rubric_hash: str, criterion: str, status: str, value: object
) -> bytes:
    """Return what stands for a label in the digest of a run's labels; 2.0 is written as 2.

    Databases keep numbers in different spellings.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return orjson.dumps([transcript_hash, rubric_hash, criterion, status, value])


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _prompt_versions(spec: RunSpec) -> dict[str, str]:
    found = {"current": PROMPT_VERSION, "current rules": RULES_VERSION}
    for judge in spec.panel.judges:
        if judge.kind == "llm":
            found[judge.name] = judge.prompt_version
        elif judge.kind == "rules":
            found[judge.name] = judge.rules_version
    return found


def _rubrics(connection: sa.Connection, spec: RunSpec) -> tuple[ManifestRubric, ...]:
    found = []
    for reference in spec.rubrics:
        stored = next(
            each
            for each in find_rubrics(connection, reference.name)
            if each.rubric.rubric_hash == reference.rubric_hash
        )
        found.append(ManifestRubric(**reference.model_dump(), source=stored.source))
    return tuple(found)


def _transcripts(
    connection: sa.Connection, run_id: str, *, with_items: bool
) -> ManifestTranscripts:
    count = 0
    items: list[ManifestTranscript] = []

    def lines() -> Iterable[bytes]:
        nonlocal count
        for transcript_id, transcript_hash in iter_transcript_hashes(connection, run_id):
            count += 1
            if with_items:
                items.append(
                    ManifestTranscript(transcript_id=transcript_id, transcript_hash=transcript_hash)
                )
            yield transcript_hash.encode()

    digest = add_up(lines())
    return ManifestTranscripts(
        count=count, digest=digest, items=tuple(items) if with_items else None
    )


def _labels(connection: sa.Connection, run_id: str) -> Labels:
    by_status: Counter[str] = Counter()

    def lines() -> Iterable[bytes]:
        for rows in iter_values(connection, run_id):
            for row in rows:
                by_status[row["status"]] += 1
                yield label_line(
                    row["transcript_hash"],
                    row["rubric_hash"],
                    row["criterion"],
                    row["status"],
                    row["value"],
                )

    digest = add_up(lines())
    return Labels(count=by_status.total(), by_status=dict(by_status), digest=digest)


def _judge(row: RunRow, judge: JudgeSpec, answers: list[Answers]) -> ManifestJudge:
    mine = [
        each
        for each in answers
        if each.judge_hash == judge.judge_hash and _is_seated(row, judge, each.agent_model)
    ]
    by_run: dict[str, list[Answers]] = defaultdict(list)
    for each in mine:
        by_run[each.run_id].append(each)
    served = _served(mine)
    return ManifestJudge(
        judge=judge.name,
        judge_hash=judge.judge_hash,
        kind=judge.kind,
        asked_model=judge.model if judge.kind == "llm" else None,
        served=served,
        snapshots_differ=len({s.served_model for s in served if s.served_model}) > 1,
        fingerprints_differ=len({s.fingerprint for s in served if s.fingerprint}) > 1,
        sources=tuple(
            _source(row.run_id, payer, by_run[payer])
            for payer in sorted(by_run, key=lambda payer: (payer != row.run_id, payer))
        ),
    )


def _is_seated(row: RunRow, judge: JudgeSpec, agent_model: str | None) -> bool:
    metadata: JsonObject = {} if agent_model is None else {"agent_model": agent_model}
    return seat(judge, row.spec.panel, metadata) != "excluded"


def _source(run_id: str, payer: str, found: list[Answers]) -> Source:
    by_status: Counter[str] = Counter()
    for each in found:
        by_status[each.status] += each.judgments
    return Source(
        run_id=payer,
        is_this_run=payer == run_id,
        judgments=by_status.total(),
        by_status=dict(by_status),
        first_at=min(each.first_at for each in found),
        last_at=max(each.last_at for each in found),
        served=_served(found),
    )


def _served(found: list[Answers]) -> tuple[Served, ...]:
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for each in found:
        counts[each.served_model, each.fingerprint] += each.judgments
    return tuple(
        Served(served_model=model, fingerprint=fingerprint, judgments=count)
        for (model, fingerprint), count in counts.most_common()
    )
