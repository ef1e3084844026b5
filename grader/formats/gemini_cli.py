"""Gemini CLI: session files in both shapes, checkpoints, and the stream of `--output-format`.

A session is one object with `messages`, or since version 0.40 lines: a header, messages, `$set`
with news about the session, and `$rewindTo`. A message is written again whole whenever it changes:
the last line of an id wins, in the place of the first. What a rewind takes back becomes a
transcript of its own, the branch `rewound_N`. A `$set` with messages is what the model still sees
(after a compression); what it leaves out was said all the same and is kept, unless it only takes
back the end. Notes of the program to its user (`info`, `error`, `warning`) are opaque events.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.building import as_error, as_text, parsed_arguments
from grader.formats.draft import (
    MAIN,
    MOST_PATHS,
    Draft,
    models_in,
    objects_in,
    part_in,
    span_of,
    text_in,
)
from grader.formats.media import placeholder

_FORMAT = "gemini_cli"
_AGENT = frozenset({"gemini", "model", "assistant"})
_STREAMED = frozenset({"init", "message", "tool_use", "tool_result", "error", "result", "thought"})


def looks_like_gemini_cli(event: JsonObject) -> bool:
    """Whether this is a session, the header of one, or the first line of a stream."""
    if text_in(event, "type") == "init":
        return "session_id" in event and "message" not in event
    if isinstance(event.get("sessionId"), str) and "projectHash" in event:
        return "info" not in event
    if isinstance(event.get("history"), list):
        return any("parts" in turn for turn in objects_in(event["history"])[:5])
    if "$set" in event or "$rewindTo" in event:
        return True
    return isinstance(event.get("sessionId"), str) and any(
        text_in(message, "type") == "gemini" for message in objects_in(event.get("messages"))[:50]
    )


def read_gemini_cli(events: Sequence[JsonObject]) -> list[Transcript]:
    """Return the session, and before it what was rewound, the earliest first.

    Raises:
        InvalidTranscript: when no message is in it.
    """
    if any(_is_streamed(event) for event in events[:5]):
        return [_streamed(events)]
    session = _Session()
    for event in events:
        session.take(event)
    return session.transcripts()


def _is_streamed(event: JsonObject) -> bool:
    kind = text_in(event, "type")
    if kind == "init":
        return True
    return (
        isinstance(kind, str)
        and kind in _STREAMED
        and "id" not in event
        and ("role" in event or "tool_name" in event or "tool_id" in event)
    )


@dataclass(eq=False, slots=True)
class _Node:
    """A message and the one before it: what was rewound keeps its beginning that way."""

    message: JsonObject
    before: "_Node | None"


class _Session:
    """The messages of a session by id, as they stand after each event."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._end: _Node | None = None
        self._about: JsonObject = {}
        self._rewound: deque[tuple[int, _Node]] = deque(maxlen=MOST_PATHS)
        self._rewinds = 0
        self._compressions = 0
        self._unnamed = 0
        self._others: list[JsonObject] = []

    def take(self, event: JsonObject) -> None:
        if "$rewindTo" in event:
            self._rewind(event["$rewindTo"])
        elif isinstance(event.get("$set"), dict):
            self._set(event["$set"])
        elif isinstance(event.get("messages"), list) or isinstance(event.get("history"), list):
            self._whole(event)
        elif "id" in event or "role" in event:
            self._put(event)
        elif "sessionId" in event:
            self._about.update(event)
        elif "type" in event:
            self._put(event)
        else:
            self._others.append(event)

    def transcripts(self) -> list[Transcript]:
        """Return what was rewound, and last what stayed, if anything did."""
        ends = [(f"rewound_{number}", node) for number, node in self._rewound]
        found = [self._transcript(_way(node), name) for name, node in ends]
        stayed = _way(self._end)
        if not found or any(_role(message) for message in stayed):
            found.append(self._transcript(stayed, MAIN))
        return found

    def _put(self, message: JsonObject) -> None:
        known = message.get("id")
        if not isinstance(known, str):
            self._unnamed += 1
            known = f"(no id) {self._unnamed}"
        node = self._nodes.get(known)
        if node is None:
            self._end = self._nodes[known] = _Node(message, self._end)
        else:
            node.message = message

    def _whole(self, event: JsonObject) -> None:
        given = event.get("messages")
        self._about.update({k: v for k, v in event.items() if k not in ("messages", "history")})
        if not isinstance(given, list):
            # A checkpoint keeps what the program showed, and beside it what the model saw.
            given = event.get("clientHistory", event["history"])
        for message in objects_in(given):
            self._put(message)

    def _set(self, news: JsonObject) -> None:
        given = news.get("messages")
        self._about.update({key: value for key, value in news.items() if key != "messages"})
        if not isinstance(given, list) or not given:
            return
        ids = [message.get("id") for message in objects_in(given)]
        first = list(islice(self._nodes, len(ids) + 1))
        if len(first) > len(ids) and ids == first[:-1]:
            self._rewind(first[-1])
        elif len({known for known in map(str, ids) if known in self._nodes}) < len(self._nodes):
            self._compressions += 1
        self._whole({"messages": given})

    def _rewind(self, target: Any) -> None:
        """Take back a message and all after it; all of them where the target is not there."""
        if self._end is None:
            return
        self._rewinds += 1
        if any(_role(node.message) for node in self._nodes.values()):
            self._rewound.append((self._rewinds, self._end))
        is_there = isinstance(target, str) and target in self._nodes
        while self._nodes:
            known, node = self._nodes.popitem()
            self._end = node.before
            if is_there and known == target:
                break

    def _transcript(self, messages: list[JsonObject], name: str) -> Transcript:
        draft = Draft()
        about = self._about
        for message in messages:
            _add(draft, message)
        for event in self._others:
            draft.set_aside(None, event)
        given = part_in(about, "meta")
        session = text_in(about, "sessionId")
        draft.about(models_in(message.get("model") for message in messages if _role(message)))
        draft.about(
            {
                "agent_model": text_in(given, "model"),
                "harness": "gemini-cli",
                "group": session,
                "external_id": session,
                "branch": name if about.get("kind") != "subagent" else f"subagent_{session}",
                "parent": MAIN if name != MAIN or about.get("kind") == "subagent" else None,
                "project_hash": text_in(about, "projectHash"),
                "started_at": text_in(about, "startTime", "start_time"),
                "ended_at": text_in(about, "lastUpdated"),
                "summary": text_in(about, "summary"),
                "directories": about.get("directories"),
                "rewinds": self._rewinds or None,
                "compressions": self._compressions or None,
            }
        )
        return draft.finish(_FORMAT)


def _way(end: _Node | None) -> list[JsonObject]:
    found = []
    while end is not None:
        found.append(end.message)
        end = end.before
    return found[::-1]


def _role(message: JsonObject) -> str | None:
    kind = message.get("type", text_in(message, "role"))
    if not isinstance(kind, str):
        return None
    return "assistant" if kind in _AGENT else kind if kind in ("user", "system") else None


def _add(draft: Draft, message: JsonObject) -> None:
    role = _role(message)
    content = message.get("content", message.get("parts", message.get("message")))
    if role is None:
        kind = message.get("type", text_in(message, "role"))
        draft.set_aside(kind, message)
        return
    draft.close()
    said = _Said(draft, role)
    thoughts = [_thought(thought) for thought in _listed(message.get("thoughts"))]
    said.think("\n".join(thought for thought in thoughts if thought))
    said.read(content)
    said.finish()
    for call in objects_in(message.get("toolCalls")):
        made = draft.call_in(None, call.get("id"), call.get("name"), _arguments(call))
        said.made.append((made, call))
    for made, call in said.made:
        if (text := _result(call)) is not None:
            draft.answer(made, text)
    draft.close()


class _Said:
    """The parts of one message: its text, its thoughts, the calls and results among them."""

    def __init__(self, draft: Draft, role: str) -> None:
        self.made: list[tuple[str, JsonObject]] = []
        self._draft = draft
        self._role = role
        self._lines: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[JsonObject] = []
        self._results: list[JsonObject] = []

    def think(self, text: str) -> None:
        if text:
            self._thoughts.append(text)

    def read(self, content: Any) -> None:
        for part in _listed(content):
            if isinstance(part, str):
                self._lines.append(part)
            elif not isinstance(part, dict):
                raise InvalidTranscript("a part of a message's content must be text or an object")
            elif isinstance(part.get("functionCall"), dict):
                self._calls.append(part["functionCall"])
            elif isinstance(part.get("functionResponse"), dict):
                self._results.append(part["functionResponse"])
            elif part.get("thought") and isinstance(part.get("text"), str):
                self.think(part["text"])
            else:
                self._lines.append(_part_text(part))

    def finish(self) -> None:
        for result in self._results:
            text = _response(result.get("response"))
            self._draft.answer(result.get("id"), text, name=result.get("name"))
        # Parts of one message are pieces of one text: Gemini's API cuts it where it likes.
        text = "".join(self._lines) if self._role == "assistant" else "\n".join(self._lines)
        if self._role != "assistant":
            self._draft.write(self._role, text)
            return
        self._draft.add(text, "\n".join(self._thoughts))
        for call in self._calls:
            self._draft.call_in(None, call.get("id"), call.get("name"), _arguments(call))


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _part_text(part: JsonObject) -> str:
    if isinstance(part.get("text"), str):
        return str(part["text"])
    for key, data_key in (("inlineData", "data"), ("fileData", "fileUri")):
        if isinstance(part.get(key), dict):
            about = part[key]
            kind = text_in(about, "mimeType") or ""
            named = kind.partition("/")[0] if kind.startswith(("image", "audio", "video")) else ""
            return placeholder(named or "file", kind, about.get(data_key))
    return as_text(part) if part else ""


def _thought(thought: Any) -> str:
    if isinstance(thought, str):
        return thought
    if not isinstance(thought, dict):
        return ""
    subject, told = text_in(thought, "subject"), text_in(thought, "description", "text")
    return f"{subject}: {told}" if subject and told else subject or told or ""


def _arguments(call: JsonObject) -> Any:
    return parsed_arguments(call.get("args", call.get("arguments", call.get("parameters"))))


def _result(call: JsonObject) -> str | None:
    """Return what a recorded call gave back, or None while it has not."""
    status = text_in(call, "status")
    given = call.get("result")
    lines = []
    for part in _listed(given):
        if isinstance(part, dict) and isinstance(part.get("functionResponse"), dict):
            answered = part["functionResponse"]
            lines.append(_response(answered.get("response")))
            lines += [_part_text(each) for each in objects_in(answered.get("parts"))]
        else:
            lines.append(_part_text(part) if isinstance(part, dict) else as_text(part))
    text = "\n".join(line for line in lines if line)
    if not lines:
        shown = call.get("resultDisplay")
        if shown is None and status not in ("error", "cancelled", "success"):
            return None
        text = as_text(shown)
    return as_error(text) if status in ("error", "cancelled") else text


def _response(response: Any) -> str:
    if isinstance(response, dict) and len(response) == 1:
        [(key, value)] = response.items()
        if key in ("output", "result", "content"):
            return as_text(value)
        if key == "error":
            return as_error(as_text(value))
    return as_text(response)


def _streamed(events: Sequence[JsonObject]) -> Transcript:
    """Read a stream: what the agent says comes in pieces (`delta`), results come by `tool_id`."""
    draft = Draft()
    said: list[str] = []
    models = []

    def tell() -> None:
        if said:
            draft.add("".join(said))
            said.clear()

    for event in events:
        kind, role = text_in(event, "type"), text_in(event, "role")
        if kind == "message" and role in ("user", "system"):
            tell()
            draft.write(role, as_text(event.get("content")))
        elif kind == "message" and isinstance(role, str) and role in _AGENT:
            if not event.get("delta"):
                tell()
            if not said:
                draft.close()
            said.append(as_text(event.get("content")))
        elif kind == "thought":
            tell()
            draft.close()
            draft.add(reasoning=_thought(event.get("value", event.get("content", event))))
        elif kind == "tool_use":
            tell()
            name = event.get("tool_name", event.get("name"))
            draft.call_in(None, event.get("tool_id"), name, _arguments(event))
        elif kind == "tool_result":
            tell()
            text = as_text(event.get("output"))
            if text_in(event, "status") == "error":
                text = as_error(text or as_text(part_in(event, "error").get("message")))
            draft.answer(event.get("tool_id"), text, name=event.get("tool_name"))
            draft.close()
        else:
            draft.set_aside(kind, event)
            models.append(event.get("model") if kind == "init" else None)
    tell()
    session = next(
        (text_in(event, "session_id") for event in events if "session_id" in event), None
    )
    draft.about(models_in(models))
    draft.about(span_of(events, "timestamp"))
    draft.about({"harness": "gemini-cli", "group": session, "external_id": session, "branch": MAIN})
    return draft.finish(_FORMAT)
