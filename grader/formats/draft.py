"""A transcript while it is written down from the record of a session, event by event.

Adds to `Builder` what sessions of coding harnesses need: pieces of one answer are found again by
its id, events may repeat, and a path of the session is finished with what is known about it. Which
event means what is each format's own business.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.formats.building import Builder
from grader.formats.native import read_native

MOST_PATHS = 64
"""Of a session that branches more often, the latest paths are read and the others counted: every
path is a transcript of its own, and a thousand of them would repeat the same beginning."""

MAIN = "main"
"""The branch that a session ended on."""


class Draft(Builder):
    """Messages so far, the calls that wait for an answer, and the events that are no message."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata: JsonObject = {}
        self._key: Any = None
        self._waiting: deque[str] = deque()
        self._told: set[tuple[Any, str]] = set()
        self._more: dict[tuple[int, str], tuple[JsonObject, list[str]]] = {}

    def write(self, role: str, text: str) -> None:
        """Add a message of the system or the user; an empty one is not there."""
        if text:
            self.say(role, text)

    def add(self, text: str = "", reasoning: str = "", *, key: Any = None) -> None:
        """Add to what the agent is saying, in the same message as long as `key` is the same."""
        if text or reasoning:
            message = self._at(key)
            for name, piece in (("content", text), ("reasoning", reasoning)):
                if piece and message.get(name):
                    # Joined at the end: an answer may come in a hundred thousand pieces.
                    self._more.setdefault((id(message), name), (message, []))[1].append(piece)
                elif piece:
                    message[name] = piece

    def call_in(self, key: Any, call_id: Any, name: Any, arguments: Any) -> str:
        """Add a call to the message with this key; returns its id. Told again, it is one call."""
        self._at(key)
        if isinstance(call_id, str) and (key, call_id) in self._told:
            return call_id
        made = self.call(call_id, name, arguments)
        if key is not None:
            self._told.add((key, made))
        self._waiting.append(made)
        return made

    def answer(self, call_id: Any, text: str, *, name: Any = None) -> None:
        """Add a result: by id, else by the tool's name, else of the oldest unanswered call."""
        key, opened = self._key, self._open
        if not call_id and not name:
            while self._waiting and self._waiting[0] in self._answered:
                self._waiting.popleft()
            call_id = self._waiting[0] if self._waiting else None
        if self._called and not call_id and not name:
            self.messages.append({"role": "tool", "content": text})
        else:
            super().answer(call_id, text, name=name)
        # Harnesses write results while the answer they belong to still goes on.
        if key is not None:
            self._open, self._key = opened, key

    def is_called(self, call_id: Any) -> bool:
        return isinstance(call_id, str) and call_id in self._called

    def is_answered(self, call_id: Any) -> bool:
        return isinstance(call_id, str) and call_id in self._answered

    def close(self) -> None:
        """Let what the agent says next be a message of its own."""
        self._open = self._key = None

    @property
    def has_spoken(self) -> bool:
        """Whether the message that is open has a text or calls, not only reasoning."""
        opened = self._open
        return opened is not None and bool(opened["content"] or opened.get("tool_calls"))

    def about(self, facts: Mapping[str, Any]) -> None:
        """Note what is known about the whole; what is known already stays, null is left out."""
        for key, value in facts.items():
            if value is not None and value not in ("", [], {}):
                self.metadata.setdefault(key, value)

    def finish(self, source_format: str) -> Transcript:
        """Return the transcript.

        Raises:
            InvalidTranscript: when nothing was said, or what was said cannot be kept as JSON.
        """
        for (_, name), (message, pieces) in self._more.items():
            message[name] = "\n".join([message[name], *pieces])
        self._more.clear()
        return read_native(self.document({**self.metadata, "source_format": source_format}))

    def _at(self, key: Any) -> JsonObject:
        if self._open is None or (key is not None and key != self._key):
            self.begin()
        self._key = key
        return self._assistant()


def text_in(event: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first of these fields that is a text and not empty."""
    for key in keys:
        value = event.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def part_in(event: Mapping[str, Any], key: str) -> JsonObject:
    """Return a field that is an object, or an empty one."""
    value = event.get(key)
    return value if isinstance(value, dict) else {}


def objects_in(value: Any) -> list[JsonObject]:
    """Return the objects of a list, or none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def models_in(found: Iterable[Any]) -> JsonObject:
    """Return the models that spoke: `agent_model` is the last, and all are named if several."""
    models = list(dict.fromkeys(model for model in found if isinstance(model, str) and model))
    if not models:
        return {}
    return {"agent_model": models[-1]} | ({"agent_models": models} if len(models) > 1 else {})


def span_of(events: Iterable[Mapping[str, Any]], *keys: str) -> JsonObject:
    """Return when the first and the last of these events happened, as they tell it."""
    first: Any = None
    last: Any = None
    for event in events:
        for key in keys:
            at = event.get(key)
            if isinstance(at, str | int | float) and not isinstance(at, bool) and at:
                first = at if first is None else first
                last = at
                break
    return {} if first is None else {"started_at": first, "ended_at": last}
