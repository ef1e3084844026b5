"""What a run would cost before it is declared: the forecast in dollars, as people are shown it.

Of a large selection a random part is looked at, and the estimate says how large it was; how many
transcripts there are is always exact. An estimate binds nobody: a budget does. It counts on no
cache, because whether a provider has one ready nobody can promise.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from pydantic import Field

from grader.domain.judge import JudgeSpec, Prices
from grader.domain.noun import JsonObject, Noun
from grader.domain.panel import Panel
from grader.domain.run import Priority, RubricReference, RunMode
from grader.runs.forecast import Forecast, Tally

_MICRO = 1_000_000


class JudgmentsEstimate(Noun):
    expected: int
    """How many judgments the run is made of."""

    reused: int
    """How many are stored already, or are those of another transcript with the same messages."""

    excluded: int
    """How many the panel's conflict policy keeps out."""

    missing: int
    """How many would be asked for."""


class Saving(Noun):
    usd: float
    """How much less it would cost, in dollars."""

    share: float | None
    """The same as a share of the cost of live calls without it; null where these cost nothing."""


class JudgeEstimate(JudgmentsEstimate):
    """What one judge would be asked, and what that would cost."""

    judge: str
    """The judge's name."""

    kind: str
    """`llm` or `rules`."""

    model: str | None
    """The model of an LLM judge."""

    calls: int
    """How many calls to the provider; one that asks jointly answers several rubrics."""

    too_long: int
    """How many calls would not be made because the transcript is longer than the judge's context:
    their judgments fail with `context_overflow`."""

    input_tokens: int
    """The tokens of all prompts, counted offline."""

    cacheable_tokens: int
    """How many of them the provider's prompt cache can have, as the judge would be asked."""

    output_tokens: int
    """The tokens of all answers."""

    output_from: Literal["past judgments", "assumption", "both"] | None
    """Whether answers are taken to be as long as those that this judge gave here before, or 400
    tokens each; null where no model is asked."""

    prices: Prices | None
    """Dollars for a million tokens."""

    cost_usd: float | None
    """The cost in dollars, in the run's mode and without any cache; null where no prices are
    known."""

    reason: str | None = None
    """Why there is no cost."""

    caching: Saving | None
    """What the provider's prompt cache saves at most, as the judge would be asked."""

    shared_tool: Saving | None
    """What it would save at most if the judge's first mode were `shared_tool`; null where it is, or
    where that changes nothing."""

    batch: Saving | None
    """What the provider's batch API saves; null where it has none that is spoken here. With
    `mode: batch` it is off the cost already."""


class CostEstimate(Noun):
    currency: str = "USD"

    estimated: float | None
    """The cost of the whole run in dollars; null where the prices of one judge are not known."""

    reason: str | None = None
    """Why there is no cost."""

    caching: Saving | None
    """What prompt caching saves at most."""

    batch: Saving | None
    """What batch APIs save; with `mode: batch` it is off the cost already."""

    budget: float | None = None
    """The budget that was asked about, in dollars."""

    within_budget: bool | None = None
    """Whether the estimate keeps to it; null without a budget."""


class RunEstimate(Noun):
    """What a run would be and cost. Nothing is stored, and there is no run."""

    dry_run: Literal[True] = True
    """Tells an estimate from a run."""

    transcripts: int
    """How many transcripts are selected."""

    estimated_from: int | None
    """Of how many, a random part, all the other numbers were worked out; null where of all."""

    rubrics: tuple[RubricReference, ...]
    """The rubrics, each fixed by its hash."""

    panel: Panel
    """The panel as the run would have it, servers, repeats and prices included."""

    view: str
    """What the judges would see."""

    selection: JsonObject
    """What is selected; of a sample its strata, and how many were drawn from each."""

    mode: RunMode
    """`live` or `batch`."""

    priority: Priority
    """Whether the run would go before bulk runs."""

    judgments: JudgmentsEstimate
    """Judgments of all judges."""

    judges: tuple[JudgeEstimate, ...] = Field(min_length=1)
    """Judge by judge."""

    cost: CostEstimate
    """The sum of all judges."""


def estimate_judges(
    forecast: Forecast, *, transcripts: int, mode: RunMode
) -> tuple[JudgeEstimate, ...]:
    """Return what each judge would be asked in a run over so many transcripts."""
    factor = Fraction(transcripts, forecast.looked_at) if forecast.looked_at else Fraction(0)
    return tuple(_estimate(judge, tally, factor, mode) for judge, tally in forecast.tallies)


def add_judgments(judges: Sequence[JudgeEstimate]) -> JudgmentsEstimate:
    """Return the sums over judges."""
    names = JudgmentsEstimate.model_fields
    return JudgmentsEstimate(**{name: sum(getattr(j, name) for j in judges) for name in names})


def add_costs(
    judges: Sequence[JudgeEstimate], *, mode: RunMode, budget_usd: float | None
) -> CostEstimate:
    """Return the sums over judges, and how they stand to a budget."""
    if unpriced := [judge.judge for judge in judges if judge.cost_usd is None]:
        reason = f"nobody knows what {', '.join(unpriced)} costs; give prices in the panel"
        return CostEstimate(
            estimated=None, reason=reason, caching=None, batch=None, budget=budget_usd
        )
    total = round(sum(judge.cost_usd or 0 for judge in judges), 6)
    saved = sum(judge.batch.usd for judge in judges if judge.batch)
    live = total + saved if mode == "batch" else total
    return CostEstimate(
        estimated=total,
        caching=_saving(sum(j.caching.usd for j in judges if j.caching), live),
        batch=_saving(saved, live),
        budget=budget_usd,
        within_budget=None if budget_usd is None else total <= budget_usd,
    )


def estimate_microusd(judges: Sequence[JudgeEstimate]) -> int | None:
    """Return the cost of all judges in millionths of a dollar; None where one is not known."""
    costs = [judge.cost_usd for judge in judges]
    known = [cost for cost in costs if cost is not None]
    return round(sum(known) * _MICRO) if len(known) == len(costs) else None


def _estimate(judge: JudgeSpec, tally: Tally, factor: Fraction, mode: RunMode) -> JudgeEstimate:
    counted = {
        name: round(getattr(tally, name) * factor)
        for name in (
            *("expected", "reused", "excluded", "missing", "calls", "too_long"),
            *("input_tokens", "cacheable_tokens", "output_tokens"),
        )
    }
    # Rounded one by one, they might not add up to what is expected.
    counted["missing"] = counted["expected"] - counted["reused"] - counted["excluded"]
    told = {"judge": judge.name, "kind": judge.kind, **counted}
    if judge.kind != "llm":
        nothing = {"cost_usd": 0.0, "caching": None, "shared_tool": None, "batch": None}
        return JudgeEstimate(**told, model=None, output_from=None, prices=None, **nothing)
    told |= {"model": judge.model, "output_from": _output_from(tally), "prices": judge.prices}
    if judge.prices is None:
        reason = f"no prices are known for {judge.model} at {judge.base_url}"
        unknown = {"cost_usd": None, "caching": None, "shared_tool": None, "batch": None}
        return JudgeEstimate(**told, reason=reason, **unknown)
    tokens = counted["input_tokens"], 0, counted["output_tokens"]
    live = _dollars(judge.prices, *tokens)
    in_batch = _dollars(judge.prices.through_batch(), *tokens)
    shareable = round(tally.shareable_tokens * factor)
    has_batch = judge.provider == "openai"
    return JudgeEstimate(
        **told,
        cost_usd=in_batch if mode == "batch" else live,
        caching=_cached(judge.prices, counted["cacheable_tokens"], live),
        shared_tool=_cached(judge.prices, shareable, live)
        if shareable > counted["cacheable_tokens"]
        else None,
        batch=_saving(live - in_batch, live) if has_batch else None,
    )


def _output_from(tally: Tally) -> Literal["past judgments", "assumption", "both"] | None:
    if not tally.answers:
        return None
    if not tally.measured:
        return "assumption"
    return "past judgments" if tally.measured == tally.answers else "both"


def _cached(prices: Prices, tokens: int, live: float) -> Saving:
    return _saving(_dollars(prices, tokens, 0, 0) - _dollars(prices, tokens, tokens, 0), live)


def _dollars(prices: Prices, given: int, cached: int, made: int) -> float:
    cost = prices.cost_microusd(input_tokens=given, cached_tokens=cached, output_tokens=made)
    return cost / _MICRO


def _saving(usd: float, live: float) -> Saving:
    return Saving(usd=round(usd, 6), share=round(usd / live, 4) if live else None)
