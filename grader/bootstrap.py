"""The one place where parts are joined: settings go in, a store and judges come out.

A worker, the API, the command line and the tests all build what they need here, so that there is
one answer to "what talks to what".
"""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from grader.domain.judge import JudgeSpec, LLMJudgeSpec
from grader.domain.panel import Panel
from grader.domain.rubric import BooleanScale, Criterion, Rubric
from grader.domain.rule import Says
from grader.domain.transcript import Message, Transcript
from grader.errors import JudgeCheckFailed, JudgeUnavailable, NotBuilt, ProviderBusy
from grader.grading import Judges
from grader.judges.limit import LocalRateLimiter, RateLimiter
from grader.judges.question import Judge, Question
from grader.judges.rules.judge import RulesJudge
from grader.reports.checks import JudgeCheck
from grader.reports.records import dollars
from grader.rubric_library import rubric_source, shipped_panels, shipped_rubrics
from grader.runs.create import KnownServers
from grader.settings import Settings
from grader.store import Store
from grader.store.catalogue import add_panel, add_rubric, find_panels
from grader.views import SeenTranscript, get_view, look

if TYPE_CHECKING:
    from grader.judges.batch import BatchJudge
    from grader.judges.provider import Provider
    from grader.judges.provider.batch import OpenAIBatches

ANTHROPIC_URL = "https://api.anthropic.com"
GOOGLE_URL = "https://generativelanguage.googleapis.com"


def build_store(settings: Settings) -> Store:
    return Store(settings.database_url)


def known_servers(settings: Settings) -> KnownServers:
    """Return where judges of each provider may be asked; a provider's own server comes first."""
    added = tuple(url.rstrip("/") for url in settings.providers)
    return {
        "openai": (settings.openai_base_url.rstrip("/"), *added),
        "anthropic": (ANTHROPIC_URL, *added),
        "google": (GOOGLE_URL, *added),
    }


class JudgeFactory:
    """Builds judges, and keeps their clients and connections for the life of a process.

    Clients belong to one event loop: a process that uses this runs one loop all its life.
    """

    def __init__(self, settings: Settings, limiter: RateLimiter, *, secret: bytes) -> None:
        self._settings = settings
        self._limiter = limiter
        self._secret = secret
        self._keys = _keys(settings)
        self._providers: dict[tuple[str, str], Provider] = {}
        self._batches: dict[str, OpenAIBatches] = {}

    def judges(self, panel: Panel) -> Judges:
        """Return a resolved panel's judges by their hash.

        Raises:
            JudgeUnavailable: a judge's server has no key.
            NotBuilt: a judge is a person.
        """
        built: dict[str, Judge] = {}
        for spec in panel.judges:
            match spec.kind:
                case "llm":
                    # The providers' libraries take seconds to import: rules do without them.
                    from grader.judges.llm import LLMJudge

                    provider = self._provider(spec)
                    built[spec.judge_hash] = LLMJudge(spec, provider, secret=self._secret)
                case "rules":
                    built[spec.judge_hash] = RulesJudge()
                case "human":
                    raise NotBuilt(f"the judge {spec.name!r} is a person: there is no desk yet")
        return built

    async def close(self) -> None:
        for provider in self._providers.values():
            await provider.close()
        self._providers.clear()
        for batches in self._batches.values():
            await batches.close()
        self._batches.clear()

    def batch_judge(self, spec: LLMJudgeSpec) -> "BatchJudge":
        """Return a judge that is asked through its server's batch API.

        Raises:
            JudgeUnavailable: its server has no key.
        """
        from grader.judges.batch import BatchJudge
        from grader.judges.provider.batch import OpenAIBatches

        base_url, key = self._server(spec)
        found = self._batches.get(base_url)
        if found is None:
            found = self._batches[base_url] = OpenAIBatches(base_url, key)
        return BatchJudge(spec, found, secret=self._secret)

    def _server(self, spec: LLMJudgeSpec) -> tuple[str, str]:
        """Return a judge's server and the key for it."""
        base_url = spec.base_url or known_servers(self._settings)[spec.provider][0]
        key = self._keys.get(base_url)
        if key is None:
            raise JudgeUnavailable(
                f"{spec.name}: there is no key for {base_url}; set {_KEY_NAMES[spec.provider]} "
                "(and, for another server, its address in GRADER_PROVIDERS)"
            )
        return base_url, key

    def _provider(self, spec: LLMJudgeSpec) -> "Provider":
        from grader.judges.provider import build_provider

        base_url, key = self._server(spec)
        found = self._providers.get((spec.provider, base_url))
        if found is None:
            found = build_provider(
                spec.provider,
                base_url,
                key,
                self._limiter,
                tries=self._settings.provider_tries,
                backoff_seconds=self._settings.provider_backoff_seconds,
            )
            self._providers[spec.provider, base_url] = found
        return found


def add_shipped(connection: sa.Connection) -> None:
    """Store the shipped rubrics, and the shipped panels that no other of their name replaced.

    Raises:
        RubricChanged: a shipped version is stored with another text.
    """
    for rubric in shipped_rubrics().values():
        add_rubric(connection, rubric, source=rubric_source(rubric.name))
    there = {panel.name for panel in find_panels(connection)}
    for panel in shipped_panels().values():
        if panel.name not in there:
            add_panel(connection, panel)


_KEY_NAMES = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
}


def _keys(settings: Settings) -> Mapping[str, str]:
    """Return the key of each server; a key is never sent to a server it was not given for."""
    found = {url.rstrip("/"): key.get_secret_value() for url, key in settings.providers.items()}
    for url, secret in (
        (settings.openai_base_url.rstrip("/"), settings.openai_api_key),
        (ANTHROPIC_URL, settings.anthropic_api_key),
        (GOOGLE_URL, settings.google_api_key),
    ):
        if secret is not None:
            found.setdefault(url, secret.get_secret_value())
    return found


_TRIAL = Transcript(
    messages=(
        Message(role="user", content="Please say hello."),
        Message(role="assistant", content="Hello!"),
    )
)
_TRIAL_RUBRIC = Rubric(
    name="panel_check",
    version="1",
    description="A trial question, to see whether the judge answers at all.",
    criteria=(
        Criterion(
            name="occurred",
            question="Does the assistant say hello?",
            scale=BooleanScale(type="boolean"),
            rule=Says(kind="says", patterns=("hello",)),
        ),
    ),
)


def check_judges(settings: Settings, store: Store, panel: Panel) -> tuple[JudgeCheck, ...]:
    """Ask every judge of a resolved panel one tiny question.

    Raises:
        JudgeCheckFailed: names the first judge that did not answer, and why.
    """
    return asyncio.run(_check_judges(settings, store.secret, panel))


async def _check_judges(settings: Settings, secret: bytes, panel: Panel) -> tuple[JudgeCheck, ...]:
    factory = JudgeFactory(settings, LocalRateLimiter(len(panel.judges)), secret=secret)
    seen = look(_TRIAL, get_view("plain"))
    try:
        return tuple([await _check_judge(factory, panel, spec, seen) for spec in panel.judges])
    finally:
        await factory.close()


async def _check_judge(
    factory: JudgeFactory, panel: Panel, spec: JudgeSpec, seen: SeenTranscript
) -> JudgeCheck:
    started = time.monotonic()
    alone = panel.model_copy(update={"judges": (spec,)})
    try:
        judge = factory.judges(alone)[spec.judge_hash]
        judgment = await judge.judge(Question(seen, _TRIAL_RUBRIC, spec, 0))
    except (JudgeUnavailable, ProviderBusy, NotBuilt) as error:
        raise JudgeCheckFailed(f"the judge {spec.name!r} does not answer: {error}") from error
    if judgment.status != "given":
        why = judgment.detail or judgment.reason or judgment.status
        raise JudgeCheckFailed(
            f"the judge {spec.name!r} does not answer: {judgment.reason or judgment.status}: {why}"
        )
    served = next((a.served_model for a in reversed(judgment.attempts) if a.served_model), None)
    return JudgeCheck(
        judge=spec.name,
        kind=spec.kind,
        asked_model=spec.model if spec.kind == "llm" else None,
        served_model=served,
        mode=judgment.mode,
        seconds=round(time.monotonic() - started, 3),
        cost_usd=dollars(judgment.cost_microusd),
    )
