"""What a sample's events show that its messages don't: other conversations, and other events.

A conversation is what one agent's span sent to the model last, with the answer. A compaction ends
one, because what came before it is not sent again. Conversations whose answer stands in the main
messages are part of these, and scorers' conversations are not the subject's: neither is given.
Each event is looked at once; only the input of a conversation's last call is unfolded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.domain.noun import JsonObject
from grader.formats.building import Builder
from grader.formats.chat_turns import object_or_empty
from grader.formats.inspect.values import pooled

_REPEATED = frozenset(
    {"sample_init", "state", "store", "step", "span_begin", "span_end", "model", "tool", "score"}
    | {"sandbox", "subtask", "anchor", "checkpoint"}
)
"""Events of which the messages, the scores or nobody needs to know more."""

_AGENTS = frozenset({"agent", "branch", "subtask", "handoff"})
_SCORERS = frozenset({"scorer", "scorers"})


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one agent said and heard besides the main conversation."""

    index: int
    """The number of the event that shows it."""
    span_id: str
    name: str
    """The agent's name."""
    kind: str
    """`agent`, `branch` or `compacted`."""
    model: Any
    messages: list[Any]


@dataclass(frozen=True, slots=True)
class _Span:
    id: str
    name: str
    kind: str
    is_scorer: bool
    agent: str
    """The nearest span of an agent, itself included."""


_ROOT = _Span("", "", "", is_scorer=False, agent="")


def count_events(events: list[Any], builder: Builder) -> dict[str, int]:
    """Count the events whose content is elsewhere by type; the builder keeps the others."""
    counts: dict[str, int] = {}
    for event in events:
        kind = object_or_empty(event).get("event")
        if isinstance(kind, str) and kind in _REPEATED:
            counts[kind] = counts.get(kind, 0) + 1
        else:
            builder.set_aside(kind, event)
    return counts


def find_conversations(
    events: list[Any], pool: list[Any], is_main: Callable[[JsonObject], bool], *, has_main: bool
) -> list[Conversation]:
    """Return the conversations that the main messages don't hold, in the order of their ends.

    `is_main` tells whether a message is one of the main ones. Outside any agent stand the calls of
    solvers, which the main messages hold as far as the solvers wished.
    """
    spans: dict[str, _Span] = {}
    last: dict[str, int] = {}
    ended: list[tuple[int, str]] = []
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            continue
        kind = event.get("event")
        span = spans.get(_key(event.get("span_id")), _ROOT)
        if kind == "span_begin":
            begun = _begin(event, spans)
            spans[begun.id] = begun
        elif kind == "model" and not span.is_scorer and _answer(event) is not None:
            last[span.agent] = index
        elif kind == "compaction" and span.agent in last:
            ended.append((last.pop(span.agent), "compacted"))
    ended += [(index, "") for index in last.values()]
    found = []
    for index, why in sorted(ended):
        event = events[index]
        answer = _answer(event)
        if answer is None or is_main(answer):
            continue
        span = spans.get(_key(event.get("span_id")), _ROOT)
        agent = spans.get(span.agent, _ROOT)
        if has_main and not agent.id and not why:
            continue
        if event.get("input_refs") is not None and not event.get("input"):
            said = pooled(event["input_refs"], pool, f"events.{index}.input_refs")
        else:
            said = event["input"] if isinstance(event.get("input"), list) else []
        found.append(
            Conversation(
                index=index,
                span_id=agent.id,
                name=agent.name or "main",
                kind=why or agent.kind,
                model=event.get("model"),
                messages=[*said, answer],
            )
        )
    return found


def _begin(event: JsonObject, spans: dict[str, _Span]) -> _Span:
    parent = spans.get(_key(event.get("parent_id")), _ROOT)
    own, kind = _key(event.get("id")), _key(event.get("type"))
    return _Span(
        id=own,
        name=_key(event.get("name")),
        kind=kind,
        is_scorer=parent.is_scorer or kind in _SCORERS,
        agent=own if kind in _AGENTS else parent.agent,
    )


def _answer(event: JsonObject) -> JsonObject | None:
    choices = object_or_empty(event.get("output")).get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = object_or_empty(choice).get("message")
    return message if isinstance(message, dict) else None


def _key(value: Any) -> str:
    return value if isinstance(value, str) else ""
