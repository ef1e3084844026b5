"""Spare Instructor what it does again for every call although the answer can't change.

Instructor stays on the path of every judgment and decides what is sent, parsed and asked again;
what is spared are searches whose outcome depends on the response model alone, sums of usage that
are kept elsewhere (see `calls`), and the general machinery of retries where all that is wanted is
"once more". Together they are most of what it costs. Only in the version this was measured on:
another one is left as it is and costs more.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from types import ModuleType, TracebackType
from typing import Any, Self

from instructor import ResponseSchema
from instructor.v2.core import patch, response_model, retry
from instructor.v2.validation import async_validators

MEASURED_ON = "1.17."


@cache
def is_known() -> bool:
    """Tell whether this is a version of Instructor whose inside was looked at."""
    return version("instructor").startswith(MEASURED_ON)


def quicken_instructor() -> None:
    """Let Instructor remember what it found; twice is fine."""
    if not is_known() or hasattr(async_validators.reject_async_validators, "checked"):
        return
    _search_once()
    _prepare_once()
    _add_up_nothing()


def re_asks(more: int) -> Any:
    """Return what Instructor takes as `max_retries` to ask again so many times."""
    return ReAsks(more) if is_known() else more


class ReAsks:
    """What Instructor needs of tenacity's `AsyncRetrying`: attempts, without waits between them.

    For one call. As in Instructor's own, an answer that cannot be read or is not valid is asked
    for again, anything else is raised, and so is the last error when no attempt is left.
    """

    def __init__(self, more: int) -> None:
        self.attempt_number = 0
        self._most = 1 + more
        self._is_over = False

    @property
    def retry_state(self) -> Self:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Self:
        if self._is_over:
            raise StopAsyncIteration
        self.attempt_number += 1
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        again = isinstance(error, retry._RETRYABLE_PARSE_ERRORS)
        self._is_over = not again
        return again and self.attempt_number < self._most


def _search_once() -> None:
    """Walk a response model and its parents for async validators once, not seven times a call."""
    search = async_validators.reject_async_validators
    checked: dict[int, Any] = {}

    def search_once(model: Any) -> None:
        # The model itself is kept too, so that its id cannot come to mean another one.
        if id(model) not in checked:
            search(model)
            checked[id(model)] = model

    search_once.checked = checked  # type: ignore[attr-defined]
    _replace("reject_async_validators", search_once, async_validators, patch)


def _prepare_once() -> None:
    """Take a class that is a response schema already as it is, as the search for it would."""
    prepare = response_model.prepare_response_model
    prepared: dict[int, Any] = {}

    def prepare_once(model: Any) -> Any:
        if id(model) in prepared:
            return model
        found = prepare(model)
        if found is model and isinstance(model, type) and issubclass(model, ResponseSchema):
            prepared[id(model)] = model
        return found

    _replace("prepare_response_model", prepare_once, response_model, patch)


def _add_up_nothing() -> None:
    """Don't look for the usage of an answer that has none, nor make room to add it up.

    Wires take the usage out of their answers before Instructor sees them.
    """
    inside: Any = retry
    has, update = inside.has_compatible_usage, inside.update_total_usage

    def has_usage(response: Any, total: Any) -> bool:
        return getattr(response, "usage", None) is not None and has(response, total)

    def update_usage(response: Any, total_usage: Any) -> Any:
        if getattr(response, "usage", None) is None:
            return response
        return update(response, total_usage)

    _replace("has_compatible_usage", has_usage, retry)
    _replace("update_total_usage", update_usage, retry)


def _replace(name: str, by: Callable[..., Any], *modules: ModuleType) -> None:
    """Put a function in the place of Instructor's, wherever it is looked up."""
    for module in modules:
        setattr(module, name, by)
