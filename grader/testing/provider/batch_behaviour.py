"""What batches of the simulated provider can be told to do: the setting `batch`."""

from collections.abc import Mapping
from dataclasses import dataclass

from grader.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class BatchBehaviour:
    """How batches turn out; a share is of a batch's lines."""

    seconds: float = 0.0
    """How long a batch takes from its creation to its end."""
    error_share: float = 0.0
    """Lines that fail as OpenAI's do: `error` is null, and the response has status 400."""
    missing_share: float = 0.0
    """Lines that are in neither file."""
    malformed_share: float = 0.0
    """Lines that are not JSON."""
    busy_share: float = 0.0
    """Lines that end with status 429."""
    duplicate_share: float = 0.0
    """Lines that are there twice, the second with another answer's id."""
    unknown: int = 0
    """How many lines come with custom ids that nobody sent."""
    shuffled: bool = False
    """Whether the output is in another order than the input."""
    errors_in_output: bool = False
    """Whether failed lines stand in the output file; else in the error file."""
    without_output: bool = False
    """Whether a completed batch names no output file."""
    expired_share: float | None = None
    """The share of lines answered when the batch expires; None for one that does not."""
    cancelled_share: float = 0.0
    """The share of lines answered when the batch is cancelled."""
    invalid: str | None = None
    """The code with which the input file's validation fails."""
    lost_replies: int = 0
    """How many of the next batches are created but answered with status 500."""
    seed: int = 0


def read_batch_behaviour(name: str, value: object) -> BatchBehaviour:
    """Return what `batch={…}` says.

    Raises:
        InvalidInput: a key that is none of its fields, or a value of another type.
    """
    if isinstance(value, BatchBehaviour):
        return value
    allowed = set(BatchBehaviour.__dataclass_fields__)
    if not isinstance(value, Mapping) or set(value) - allowed:
        raise InvalidInput(f"{name} {value!r} is not of a batch; its keys are {sorted(allowed)}")
    plain = BatchBehaviour()
    for key, given in value.items():
        if key == "invalid":
            wrong = given is not None and not isinstance(given, str)
        elif isinstance(getattr(plain, key), bool):
            wrong = not isinstance(given, bool)
        else:
            nothing = key == "expired_share" and given is None
            wrong = not nothing and (isinstance(given, bool) or not isinstance(given, int | float))
        if wrong:
            raise InvalidInput(f"{name}.{key} is {given!r}, which it cannot be")
    return BatchBehaviour(**value)
