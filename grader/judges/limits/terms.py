"""What limiters speak about: how calls end, what servers say of their limits, obstacles.

Nouns only; no arithmetic, no header and no clock.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Ending: TypeAlias = Literal["answered", "busy", "fault", "cancelled"]
"""How a call ended, for the limits: the server did its work (be it to refuse the request), asked to
wait, failed on the way (5xx, cut connection, time-out), or was not waited for."""

Obstacle: TypeAlias = Literal[
    "slots", "requests", "tokens", "first answer", "told to wait", "outage"
]
"""What keeps a call from being made: calls in flight, requests or tokens a minute, a model of which
nothing is known yet, the server's own wish, or that it answers nothing but faults."""


@dataclass(frozen=True, slots=True)
class Window:
    """One limit of a server, as its headers tell it."""

    per_minute: float
    capacity: float | None = None
    """How much may come at once when nothing came for long; None where it cannot be told."""
    remaining: float | None = None
    """How much may come at once now."""


@dataclass(frozen=True, slots=True)
class HeardLimits:
    """What one answer said of the limits of its model."""

    requests: Window | None = None
    tokens: Window | None = None


UNHEARD = HeardLimits()


@dataclass(frozen=True, slots=True)
class Slot:
    """The leave to make one call."""

    server: str
    model: str
    expected_tokens: int
    """What the caller thought that the call takes."""
    reserved_tokens: float
    """What was set aside for it, corrected by what earlier calls really took."""
    started_at: float
    number: int
    """How many calls to this model had been started, this one included."""
    is_probe: bool
    """Whether it is the one call by which a server is tried that answered nothing but faults."""


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """How it stands with the calls to one model of a server."""

    model: str
    in_flight: int
    waiting: int
    waits_for: Obstacle | None
    """What the first that waits needs; None where nothing waits."""
    requests_per_minute: float | None
    """What is known, configured or heard, whichever is less; None where nothing is."""
    tokens_per_minute: float | None


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How it stands with the calls to one server."""

    server: str
    in_flight: int
    limit: int
    """Calls that may be in flight now, all workers together; less than configured after trouble."""
    waiting: int
    held_seconds: float
    """How long no call will start: the server asked for it, or answers nothing but faults."""
    outage: str | None
    """The last of the faults, while the server answers nothing else."""
    workers: int
    models: tuple[ModelLimits, ...]
