"""What the simulated provider can be told to do: latency, limits, failures, answers.

They are read from plain mappings in `settings`. Chance is a pure function of (seed, number of the
call), so a run repeats whatever the order in which its answers arrive.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp
from statistics import NormalDist
from typing import Any, Literal, TypeAlias, get_args

from grader.testing.provider.batch_behaviour import BatchBehaviour

Kind: TypeAlias = Literal[
    "malformed_json",
    "empty",
    "refusal",
    "content_filter",
    "truncated",
    "wrong_schema",
    "invented_quote",
    "timeout",
    "disconnect",
    "server_error",
    "unavailable",
    "context_overflow",
    "rate_limited",
    "unauthorized",
    "no_money",
    "model_not_found",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))

INSTANT_KINDS: frozenset[str] = frozenset(
    ("context_overflow", "rate_limited", "unauthorized", "no_money", "model_not_found")
)
"""Kinds that a provider decides before any model runs; they take no latency."""

DISPOSITIONS = ("strict", "lenient", "literal")

AnswerCallable: TypeAlias = Callable[[dict[str, Any]], object]
"""Takes the request's JSON, gives the answer's JSON, or the name of a failure kind as a string."""

_STANDARD_NORMAL = NormalDist()
_MASK = (1 << 64) - 1


def draw_uniform(seed: int, number: int, salt: int = 0) -> float:
    """Return a number strictly between 0 and 1 that depends on the arguments alone.

    SplitMix64 (Steele, Lea and Flood 2014): stateless, so call `number` draws the same wherever
    it stands in time.
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + salt) & _MASK
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & _MASK
    mixed ^= mixed >> 31
    return ((mixed >> 11) + 0.5) / (1 << 53)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long calls take: lognormal around a median, or fixed where sigma is 0."""

    median_seconds: float = 0.0
    sigma: float = 0.0
    seed: int = 0

    def seconds(self, number: int) -> float:
        """Return the latency of the accepted call `number`, counted from 0."""
        if not self.sigma or not self.median_seconds:
            return self.median_seconds
        normal = _STANDARD_NORMAL.inv_cdf(draw_uniform(self.seed, number))
        return self.median_seconds * exp(self.sigma * normal)


@dataclass(frozen=True, slots=True)
class Failure:
    """A way to fail, and for which share of the calls."""

    kind: Kind
    share: float = 1.0
    seed: int = 0
    retry_after_seconds: float | None = None
    """What Retry-After says on a 429 or 503; otherwise the behaviour's own."""
    seconds: float | None = None
    """How long a `timeout` stays silent; otherwise the behaviour's own."""
    status: int | None = None
    """Which status `no_money` answers: 429 with insufficient_quota (the default), or 402."""

    def strikes(self, number: int, place: int) -> bool:
        """Tell whether call `number` fails; `place` keeps several failures independent."""
        return draw_uniform(self.seed, number, salt=(place + 1) << 32) < self.share


@dataclass(frozen=True, slots=True)
class Step:
    """What one scripted call gets: a failure, an answer of its own, or only a latency."""

    failure: Failure | None = None
    answer: object = None
    """The answer's JSON or a callable; None leaves the answer to the behaviour."""
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything that can be set, each for all models or for one."""

    latency: Latency = field(default_factory=Latency)
    """Seconds; or {"median_seconds", "sigma", "seed"}; or "lognormal:MEDIAN:SIGMA:SEED"."""
    max_in_flight: int | None = None
    """More calls at once than this are answered 429."""
    requests_per_minute: float | None = None
    """The rate beyond the burst; what comes sooner is answered 429."""
    request_burst: int | None = None
    """How many calls may come at once before the rate counts; a whole minute's by default."""
    tokens_per_minute: float | None = None
    """Likewise of tokens: the prompt's are counted when it comes, the answer's when it goes."""
    token_burst: int | None = None
    """How many tokens may come at once before the rate counts; a whole minute's by default."""
    retry_after_seconds: float = 1.0
    """What Retry-After says for the in-flight limit, `rate_limited` and `unavailable`."""
    timeout_seconds: float = 60.0
    """How long a `timeout` stays silent before it cuts the connection."""
    fails: tuple[Failure, ...] = ()
    """The first that strikes wins."""
    max_context_tokens: int | None = None
    """Longer prompts are answered `context_overflow`."""
    served_model: str | None = None
    """The model that the response names, where it is not the one asked for."""
    system_fingerprint: str | None = "fp_simulated"
    prefix_cache: bool = False
    """Report cached_tokens as a provider would that caches exact prefixes."""
    answer: object = "keyword"
    """"keyword", "schema", one JSON answer for all calls, or (in Python) a callable."""
    disposition: str | None = None
    """"strict", "lenient" or "literal"; otherwise the model's name decides."""
    keep_requests: int = 0
    """How many of the latest requests are kept to be looked at."""
    batch: BatchBehaviour = field(default_factory=BatchBehaviour)
    """How batches turn out; as JSON or a mapping, the fields of `BatchBehaviour`."""
