"""Claude Code: session files, files of sub-agents, and the stream of `--output-format stream-json`.

A line is one block of an answer, one result, or news about the session. Lines name the line before
them, and where two name the same one, the session was rewound: each path is a transcript, the
latest is `main`, the others are `path_N`, and paths of sub-agents (sidechains) have the agent's
name. The lines of one answer are one message again, and parallel calls keep their results together.

After a compaction the summary follows as a user's message, and what was said before stays: judges
see the whole. What a user typed while the agent worked (`queued_command`) is a user's message.
Everything else (hooks, progress, snapshots, titles, other attachments) is an opaque event.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.building import as_error, as_text
from grader.formats.complaints import show
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
from grader.formats.parts import read_parts
from grader.formats.paths import Path, find_paths, in_order, nearest, without_circles

_FORMAT = "claude_code"
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_RESULTS = frozenset({"tool_result", "mcp_tool_result"})
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_SYNTHETIC = "<synthetic>"


def looks_like_claude_code(event: JsonObject) -> bool:
    """Whether this is a line of a session, of whatever kind."""
    kind = text_in(event, "type")
    if not isinstance(kind, str) or "payload" in event or "part" in event or "info" in event:
        return False
    if "parentUuid" in event and "isSidechain" in event:
        return True
    if kind in ("user", "assistant"):
        ids = ("uuid", "sessionId", "session_id", "parent_tool_use_id")
        return isinstance(event.get("message"), dict) and any(key in event for key in ids)
    if kind == "summary":
        return "leafUuid" in event
    if kind == "file-history-snapshot":
        return "snapshot" in event
    if kind == "system":
        return "subtype" in event and ("session_id" in event or "sessionId" in event)
    return (
        isinstance(event.get("sessionId"), str) and "id" not in event and "messageId" not in event
    )


def read_claude_code(events: Sequence[JsonObject]) -> list[Transcript]:
    """Return a transcript for each path of the session, its latest path last.

    Raises:
        InvalidTranscript: when nothing was said, or a message is neither text nor blocks.
    """
    lines = [_Line(event, _is_message(event)) for event in events]
    if not any(line.is_message for line in lines):
        raise InvalidTranscript("this session has no messages of a user or an assistant")
    parents = without_circles(_parents(events))
    before = nearest(parents, [line.is_message for line in lines])
    owners = _owners(events, before)
    spoken = [
        index for index, line in enumerate(lines) if line.is_message and owners[index] == index
    ]
    number = {index: at for at, index in enumerate(spoken)}
    steps: list[int | None] = []
    for index in spoken:
        previous = before[index]
        steps.append(None if previous is None else number[owners[previous]])
    paths, count = find_paths(
        steps, [_is_result(events[index]) for index in spoken], most=MOST_PATHS
    )
    session = _Session(events, spoken, _followers(lines, before, owners), count)
    return session.transcripts(paths)


class _Line(NamedTuple):
    event: JsonObject
    is_message: bool


class _Session:
    """A session's events, and which of them make the messages of a path."""

    def __init__(
        self,
        events: Sequence[JsonObject],
        spoken: Sequence[int],
        followers: dict[int | None, list[int]],
        count: int,
    ) -> None:
        self._events = events
        self._spoken = spoken
        self._followers = followers
        self._count = count
        ids = (text_in(event, "sessionId", "session_id") for event in events)
        self._id = next(filter(None, ids), None)

    def transcripts(self, paths: Sequence[Path]) -> list[Transcript]:
        agents = [self._agent(path) for path in paths]
        own = [index for index, agent in enumerate(agents) if agent is None]
        latest = own[-1] if own else len(paths) - 1
        names: dict[str, int] = {}
        found: list[Transcript] = []
        for index, path in enumerate(paths):
            agent = agents[index]
            name = MAIN if index == latest and agent is None else agent or "path"
            names[name] = names.get(name, 0) + 1
            if name == "path" or names[name] > 1:
                name = f"{name}_{names[name]}"
            found.append(self._read(path, name, with_loose=index == latest))
        return [*found[:latest], *found[latest + 1 :], found[latest]]

    def _agent(self, path: Path) -> str | None:
        first = self._events[self._spoken[path.steps[0]]]
        last = self._events[self._spoken[path.steps[-1]]]
        known = text_in(first, "agentId", "parent_tool_use_id")
        if known:
            return f"agent_{known}"
        return "sidechain" if first.get("isSidechain") and last.get("isSidechain") else None

    def _read(self, path: Path, name: str, *, with_loose: bool) -> Transcript:
        draft = Draft()
        events = []
        if with_loose:
            for index in self._followers.get(None, ()):
                draft.set_aside(_kind(self._events[index]), self._events[index])
        for step in path.steps:
            index = self._spoken[step]
            for each in (index, *self._followers.get(index, ())):
                events.append(self._events[each])
                if _is_message(events[-1]):
                    _add(draft, events[-1], key=index)
                else:
                    draft.set_aside(_kind(events[-1]), events[-1])
        draft.about(self._about(events, path, name))
        return draft.finish(_FORMAT)

    def _about(self, events: Sequence[JsonObject], path: Path, name: str) -> JsonObject:
        models = [part_in(event, "message").get("model") for event in events]
        # The first line of a stream names the model before anything is said.
        models += [] if any(models) else [event.get("model") for event in self._events]
        fork = path.forks_after
        about: JsonObject = {
            **models_in(model for model in models if model != _SYNTHETIC),
            "harness": "claude-code",
            "harness_version": _last(events, "version"),
            "group": self._id,
            "external_id": self._id if name == MAIN else None,
            "branch": name,
            "parent": None if name == MAIN else MAIN,
            "cwd": _last(events, "cwd"),
            "git_branch": _last(events, "gitBranch"),
            "last_uuid": _last(events, "uuid"),
            **span_of(events, "timestamp"),
        }
        if name != MAIN and fork is not None:
            about["forks_after_uuid"] = self._events[self._spoken[fork]].get("uuid")
        if self._count > MOST_PATHS:
            about["paths_in_session"] = self._count
        if count := sum(event.get("subtype") == "compact_boundary" for event in events):
            about["compactions"] = count
        if count := sum(model == _SYNTHETIC for model in models):
            about["synthetic_messages"] = count
        return about


def _last(events: Sequence[JsonObject], key: str) -> str | None:
    return next(filter(None, (text_in(event, key) for event in reversed(events))), None)


def _kind(event: JsonObject) -> Any:
    kind = text_in(event, "type")
    more = event.get("subtype", text_in(part_in(event, "attachment"), "type"))
    return f"{kind}.{more}" if isinstance(kind, str) and isinstance(more, str) else kind


def _is_message(event: JsonObject) -> bool:
    kind = text_in(event, "type")
    if kind in ("user", "assistant"):
        return isinstance(event.get("message"), dict)
    if kind == "attachment":
        attached = part_in(event, "attachment")
        return text_in(attached, "type") == "queued_command" and _is_content(attached.get("prompt"))
    return kind in ("tool_use", "tool_result") and "uuid" in event


def _is_content(value: Any) -> bool:
    return isinstance(value, str | list) and bool(value)


def _is_result(event: JsonObject) -> bool:
    """Whether a line holds results and nothing else."""
    if text_in(event, "type") == "tool_result":
        return True
    content = part_in(event, "message").get("content")
    if text_in(event, "type") != "user" or not isinstance(content, list) or not content:
        return False
    return all(isinstance(block, dict) and text_in(block, "type") in _RESULTS for block in content)


def _parents(events: Sequence[JsonObject]) -> list[int | None]:
    """Return which event each one follows: the one it names, or the one before in its thread."""
    first: dict[str, int] = {}
    for index, event in enumerate(events):
        if known := text_in(event, "uuid"):
            first.setdefault(known, index)
    latest: dict[str, int] = {}
    previous: dict[str, int] = {}
    found: list[int | None] = []
    for index, event in enumerate(events):
        uuid = text_in(event, "uuid")
        if uuid is None and not _is_message(event):
            found.append(None)
            continue
        thread = text_in(event, "agentId", "parent_tool_use_id") or str(
            bool(event.get("isSidechain"))
        )
        named = text_in(event, "parentUuid", "logicalParentUuid")
        if named is None and "parentUuid" in event:
            found.append(None)
        elif named is not None and (named in latest or named in first):
            found.append(latest.get(named, first.get(named)))
        else:
            # The line it names is not in this file, or it names none: a log goes on.
            found.append(previous.get(thread))
        previous[thread] = index
        if uuid:
            latest[uuid] = index
    return found


def _owners(events: Sequence[JsonObject], before: Sequence[int | None]) -> list[int]:
    """Return for each event the first line of the answer that it goes on with, or itself."""
    owners = list(range(len(events)))
    answers: dict[int, int] = {}
    for index in in_order(before):
        event, previous = events[index], before[index]
        if previous is None or not _is_message(event):
            continue
        if text_in(event, "type") == "assistant":
            owner = answers.get(owners[previous], owners[previous])
            known = part_in(event, "message").get("id")
            same = part_in(events[owner], "message").get("id")
            goes_on = text_in(events[owner], "type") == "assistant" and known == same
            if isinstance(known, str) and goes_on:
                owners[index] = owner
        elif _is_result(event):
            # What follows a result may still be the answer that the result belongs to.
            owner = answers.get(owners[previous], owners[previous])
            if text_in(events[owner], "type") == "assistant":
                answers[index] = owner
    return owners


def _followers(
    lines: Sequence[_Line], before: Sequence[int | None], owners: Sequence[int]
) -> dict[int | None, list[int]]:
    """Return what is written down after each message's first line: its other lines, and events."""
    found: dict[int | None, list[int]] = {}
    for index, line in enumerate(lines):
        if not line.is_message:
            previous = before[index]
            found.setdefault(None if previous is None else owners[previous], []).append(index)
        elif owners[index] != index:
            found.setdefault(owners[index], []).append(index)
    return found


def _add(draft: Draft, event: JsonObject, *, key: int) -> None:
    kind = text_in(event, "type")
    where = f"message {event.get('uuid') or ''}".strip()
    if kind == "tool_use":
        draft.call_in(key, event.get("id"), event.get("name"), event.get("input", {}))
    elif kind == "tool_result":
        text = as_text(event.get("output", event.get("content")))
        draft.answer(event.get("tool_use_id"), text, name=event.get("name"))
    elif kind == "attachment":
        draft.write("user", read_parts(part_in(event, "attachment").get("prompt"), where).text)
    elif kind == "assistant":
        _add_answer(draft, event, where, key=key)
    else:
        _add_user(draft, event, where)


def _blocks(event: JsonObject, where: str) -> list[JsonObject]:
    content = part_in(event, "message").get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is None:
        return []
    if not isinstance(content, list):
        raise InvalidTranscript(f"{where}: content must be text or blocks (got {show(content)})")
    return [block if isinstance(block, dict) else {"text": as_text(block)} for block in content]


def _add_answer(draft: Draft, event: JsonObject, where: str, *, key: int) -> None:
    for block in _blocks(event, where):
        kind = text_in(block, "type")
        if kind in _CALLS:
            draft.call_in(key, block.get("id"), block.get("name"), block.get("input", {}))
        elif kind in _THOUGHTS:
            draft.add(reasoning=read_parts([block], where).reasoning, key=key)
        elif isinstance(kind, str) and kind.endswith("_tool_result"):
            draft.answer(block.get("tool_use_id"), as_text(block.get("content")))
        elif kind in ("fallback", "container_upload"):
            draft.set_aside(f"block.{kind}", block)
        else:
            draft.add(read_parts([block], where).text, key=key)


def _add_user(draft: Draft, event: JsonObject, where: str) -> None:
    rest = []
    for block in _blocks(event, where):
        if text_in(block, "type") in _RESULTS:
            _add_result(draft, event, block, where)
        else:
            rest.append(block)
    draft.write("user", read_parts(rest, where).text)


def _add_result(draft: Draft, event: JsonObject, block: JsonObject, where: str) -> None:
    content = block.get("content")
    blocks = objects_in(content)
    texts = [
        f"[tool: {block['tool_name']}]"
        if text_in(block, "type") == "tool_reference" and isinstance(block.get("tool_name"), str)
        else read_parts([block], where).text
        for block in blocks
    ]
    text = "\n".join(texts) if blocks else read_parts(content, where).text
    if block.get("is_error"):
        text = as_error(text)
    given = block.get("tool_use_id") or event.get("sourceToolUseID")
    known = given if draft.is_called(given) or block.get("tool_use_id") else None
    draft.answer(known, text)
