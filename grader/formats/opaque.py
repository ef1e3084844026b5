"""Events of a recording that no message is made of: counted by type, and kept beside the messages.

One way for all formats: what an adapter does not know, or knows to be no message, is added here and
written into the metadata at the end. `opaque_events` counts every one by its type. `opaque_kept`
holds the events themselves with the number of the message they followed, as long as they are small:
metadata is read with every transcript, so it must not become a second copy of the recording.
"""

from typing import Any

from grader.domain.noun import JsonObject
from grader.formats.complaints import shorten
from grader.hashing import canonical_json

MOST_EVENT_BYTES = 2_000
MOST_KEPT_BYTES = 32_000
_MOST_TYPES = 100
_MOST_TYPE_CHARACTERS = 60


class OpaqueEvents:
    """Collects events while one transcript is read."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        """How many events there were of each type."""
        self._kept: list[JsonObject] = []
        self._bytes = 0

    def add(self, kind: Any, event: Any, *, after: int) -> None:
        """Count an event; `after` is how many messages came before it.

        `kind` is its type as the recording has it; anything but a text counts as `(no type)`.
        """
        name = shorten(kind, _MOST_TYPE_CHARACTERS) if isinstance(kind, str) else "(no type)"
        if name not in self.counts and len(self.counts) >= _MOST_TYPES:
            name = "(other types)"
        self.counts[name] = self.counts.get(name, 0) + 1
        if self._bytes >= MOST_KEPT_BYTES:
            return
        size = _size(event)
        if size is not None and size <= min(MOST_EVENT_BYTES, MOST_KEPT_BYTES - self._bytes):
            self._bytes += size
            self._kept.append({"type": name, "after": after, "event": event})

    def note_in(self, metadata: JsonObject) -> None:
        """Write what was collected into `metadata`; nothing where there was nothing."""
        if self.counts:
            metadata["opaque_events"] = dict(sorted(self.counts.items()))
        if self._kept:
            metadata["opaque_kept"] = list(self._kept)


def _size(event: Any) -> int | None:
    """Return the bytes of `event` as JSON, or None where JSON cannot carry it."""
    try:
        return len(canonical_json(event))
    except (TypeError, ValueError, RecursionError):
        return None
