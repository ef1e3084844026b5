"""Read what the simulated provider is told, in Python or as JSON, into its types.

An unknown key or kind is an error, because a misspelt failure that silently never happens makes
a test that cannot fail.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, cast

from grader.errors import InvalidInput
from grader.testing.provider.batch_behaviour import read_batch_behaviour
from grader.testing.provider.behaviour import (
    DISPOSITIONS,
    KINDS,
    Behaviour,
    Failure,
    Kind,
    Latency,
    Step,
)


def read_behaviour(settings: Mapping[str, object]) -> Behaviour:
    """Return the behaviour that the settings describe.

    Raises:
        InvalidInput: a key or a value that is none of a behaviour's.
    """
    unknown = set(settings) - set(_READERS)
    if unknown:
        raise InvalidInput(
            f"the simulated provider has no setting {sorted(unknown)}; it has {sorted(_READERS)}"
        )
    return Behaviour(**{name: _READERS[name](name, value) for name, value in settings.items()})


def read_step(step: object) -> Step:
    """Return one scripted step: a kind's name, a callable, or a mapping.

    A mapping has `kind` (with the failure's options) or `answer`, and optionally `latency`.
    """
    if isinstance(step, str):
        return Step(failure=_read_failure("script", step))
    if callable(step):
        return Step(answer=step)
    if not isinstance(step, Mapping) or not {"kind", "answer", "latency"} & set(step):
        raise InvalidInput(
            f"a scripted step is a kind's name, a callable, or an object with kind, answer or "
            f"latency, not {step!r}"
        )
    rest = dict(step)
    latency = _read_latency("latency", rest.pop("latency")) if "latency" in rest else None
    if "kind" in rest:
        if "answer" in rest:
            raise InvalidInput(f"a scripted step has a kind or an answer, not both: {step!r}")
        return Step(failure=_read_failure("script", rest), latency=latency)
    answer = rest.pop("answer", None)
    if isinstance(answer, str):
        _read_answer("answer", answer)
    if rest:
        raise InvalidInput(f"a scripted answer has no {sorted(rest)}; it has answer and latency")
    return Step(answer=answer, latency=latency)


def read_kind(kind: object) -> Kind:
    if kind not in KINDS:
        raise InvalidInput(f"there is no failure kind {kind!r}; there are {sorted(KINDS)}")
    return cast(Kind, kind)


def _read_latency(name: str, value: object) -> Latency:
    if isinstance(value, Latency):
        return value
    if isinstance(value, str) and value.startswith("lognormal:"):
        parts = value.split(":")[1:]
        try:
            median, sigma = float(parts[0]), float(parts[1])
            return Latency(median, sigma, int(parts[2]) if len(parts) > 2 else 0)
        except (ValueError, IndexError) as error:
            raise InvalidInput(f"{name} {value!r} is not lognormal:MEDIAN:SIGMA:SEED") from error
    if isinstance(value, Mapping):
        if unknown := set(value) - {"median_seconds", "sigma", "seed"}:
            raise InvalidInput(
                f"{name} has no {sorted(unknown)}; it has median_seconds, sigma, seed"
            )
        return Latency(
            median_seconds=_read_amount("median_seconds", value.get("median_seconds", 0.0)),
            sigma=_read_amount("sigma", value.get("sigma", 0.0)),
            seed=_read_whole("seed", value.get("seed", 0)),
        )
    return Latency(median_seconds=_read_amount(name, value))


def _read_failures(name: str, value: object) -> tuple[Failure, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(_read_failure(name, item) for item in items)


def _read_failure(name: str, value: object) -> Failure:
    if isinstance(value, Failure):
        return value
    given = {"kind": value} if isinstance(value, str) else value
    allowed = {entry.name for entry in fields(Failure)}
    if not isinstance(given, Mapping) or set(given) - allowed or "kind" not in given:
        raise InvalidInput(f"{name} {value!r} is not a failure; its keys are {sorted(allowed)}")
    share = _read_amount("share", given.get("share", 1.0))
    if share > 1:
        raise InvalidInput(f"share {share} is above 1")
    return Failure(
        kind=read_kind(given["kind"]),
        share=share,
        seed=_read_whole("seed", given.get("seed", 0)),
        retry_after_seconds=_or_none(_read_amount)(
            "retry_after_seconds", given.get("retry_after_seconds")
        ),
        seconds=_or_none(_read_amount)("seconds", given.get("seconds")),
        status=_or_none(_read_whole)("status", given.get("status")),
    )


def _read_amount(name: str, value: object) -> float:
    try:
        amount = float(cast(float, value))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} is {value!r}, which is not a number") from error
    if amount < 0:
        raise InvalidInput(f"{name} is {value!r}, which is negative")
    return amount


def _read_whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{name} is {value!r}, which is not a whole number")
    return value


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is {value!r}, which is not text")
    return value


def _read_switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} is {value!r}, which is neither true nor false")
    return value


def _read_answer(name: str, value: object) -> object:
    if callable(value) or isinstance(value, Mapping) or value in ("keyword", "schema"):
        return value
    raise InvalidInput(f'{name} is {value!r}; it is "keyword", "schema", an object or a callable')


def _read_disposition(name: str, value: object) -> str:
    if value not in DISPOSITIONS:
        raise InvalidInput(f"{name} is {value!r}; it is one of {DISPOSITIONS}")
    return value


def _or_none(read: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
    return lambda name, value: None if value is None else read(name, value)


_READERS: dict[str, Callable[[str, object], Any]] = {
    "latency": _read_latency,
    "max_in_flight": _or_none(_read_whole),
    "requests_per_minute": _or_none(_read_amount),
    "request_burst": _or_none(_read_whole),
    "tokens_per_minute": _or_none(_read_amount),
    "token_burst": _or_none(_read_whole),
    "retry_after_seconds": _read_amount,
    "timeout_seconds": _read_amount,
    "fails": _read_failures,
    "max_context_tokens": _or_none(_read_whole),
    "served_model": _or_none(_read_text),
    "system_fingerprint": _or_none(_read_text),
    "prefix_cache": _read_switch,
    "answer": _read_answer,
    "disposition": _or_none(_read_disposition),
    "keep_requests": _read_whole,
    "batch": read_batch_behaviour,
}
