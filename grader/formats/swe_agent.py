"""Trajectories of SWE-agent: `.traj` files, and the rows that were published of them.

The `history` is what the model saw and said, so it is the transcript; where only the `trajectory`
was kept, each of its steps is an answer and an observation. Actions of versions without tool calls
stay in the text they were written in: no call is made up. Demonstrations stay, and the numbers of
their messages are in `demonstrations`. Several attempts at one task are transcripts of their own,
linked by `group` and `branch`.
"""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.building import Builder
from grader.formats.chat_turns import (
    add_message,
    add_turn,
    known_only,
    object_or_empty,
    text_or_empty,
)
from grader.formats.complaints import show
from grader.formats.json_document import read_document
from grader.formats.native import read_native
from grader.formats.parts import read_parts

_STEP_MARKS = frozenset({"action", "observation", "thought", "response"})
_TURN_MARKS = frozenset({"agent", "message_type", "thought", "is_demo", "tool_call_ids"})


def looks_like_swe_agent(document: JsonObject) -> bool:
    """Tell a `.traj` by its history or its steps, and a published row by its messages."""
    attempts = document.get("attempts")
    if isinstance(attempts, list) and attempts and isinstance(attempts[0], dict):
        return "history" in attempts[0] or "trajectory" in attempts[0]
    first = _first(document.get("history"))
    if "role" in first and ("trajectory" in document or not _TURN_MARKS.isdisjoint(first)):
        return True
    step = _first(document.get("trajectory"))
    return len(_STEP_MARKS & step.keys()) >= 2 or ("role" in step and "text" in step)


def read_swe_agent(document: Any, _file: PurePath | None = None) -> list[Transcript]:
    """Return the transcript of a trajectory, or one of each attempt."""
    if not isinstance(document, dict):
        raise InvalidTranscript(
            f"a trajectory is an object with history or trajectory (got {show(document)})"
        )
    attempts = document.get("attempts")
    if not isinstance(attempts, list) or not attempts:
        return [_read(document, document, "", {})]
    found = []
    for index, attempt in enumerate(attempts):
        if not isinstance(attempt, dict):
            raise InvalidTranscript(f"attempts.{index}: must be an object (got {show(attempt)})")
        linked = known_only(group=_instance(document), branch=f"attempt {index + 1}")
        found.append(_read(attempt, document, f"attempts.{index}.", linked))
    return found


def _read(attempt: JsonObject, document: JsonObject, place: str, linked: JsonObject) -> Transcript:
    builder = Builder()
    demonstrations: list[int] = []
    history, steps = attempt.get("history"), attempt.get("trajectory")
    if isinstance(history, list) and history:
        for index, turn in enumerate(history):
            before = len(builder.messages)
            add_turn(builder, _as_chat(turn), f"{place}history.{index}")
            if object_or_empty(turn).get("is_demo"):
                demonstrations += range(before + 1, len(builder.messages) + 1)
    elif isinstance(steps, list) and steps:
        for index, step in enumerate(steps):
            _add_step(builder, step, f"{place}trajectory.{index}", is_first=not builder.messages)
    else:
        raise InvalidTranscript(f"{place}history: there is neither history nor trajectory in this")
    about = _about(attempt, document) | linked
    if demonstrations:
        about["demonstrations"] = demonstrations
    return read_native(builder.document(about))


def _as_chat(turn: Any) -> Any:
    """Return a message of the history as other chats have it."""
    if not isinstance(turn, dict):
        return turn
    if turn.get("content") is None and isinstance(turn.get("thought"), str):
        return turn | {"content": turn["thought"]}
    return turn


def _add_step(builder: Builder, step: Any, where: str, *, is_first: bool) -> None:
    if not isinstance(step, dict):
        raise InvalidTranscript(f"{where}: must be an object (got {show(step)})")
    if "role" in step:
        # Rows published of old runs: messages, with the system's prompt in a field of its own.
        text = step.get("text") or step.get("content") or step.get("system_prompt")
        add_turn(builder, step | {"content": text}, where)
        return
    if is_first:
        query = step.get("query")
        for index, turn in enumerate(query if isinstance(query, list) else ()):
            add_turn(builder, _as_chat(turn), f"{where}.query.{index}")
    said = text_or_empty(step.get("response")) or "\n".join(
        text for text in (text_or_empty(step.get(key)) for key in ("thought", "action")) if text
    )
    thoughts = read_parts(step.get("thinking_blocks") or None, f"{where}.thinking_blocks")
    add_message(builder, "assistant", said, thoughts.reasoning)
    if isinstance(step.get("observation"), str):
        builder.say("user", step["observation"])


def _about(attempt: JsonObject, document: JsonObject) -> JsonObject:
    info = object_or_empty(attempt.get("info")) or object_or_empty(document.get("info"))
    exit_status = info.get("exit_status", document.get("exit_status"))
    return {
        **known_only(
            harness="swe-agent",
            harness_version=info.get("swe_agent_version"),
            agent_model=_model(attempt) or _model(document) or document.get("model_name"),
            environment=attempt.get("environment") or document.get("environment"),
            exit_status=exit_status,
            submission=info.get("submission"),
            model_stats=info.get("model_stats"),
            external_id=_instance(document),
            target=document.get("target"),
        ),
        "source_format": "swe_agent",
    }


def _model(document: JsonObject) -> Any:
    """Return the model that the configuration of a replay names."""
    given = document.get("replay_config")
    if isinstance(given, str):
        try:
            given = read_document(given)
        except InvalidTranscript:
            return None
    agent = object_or_empty(object_or_empty(given).get("agent"))
    return object_or_empty(agent.get("model")).get("name")


def _instance(document: JsonObject) -> str | None:
    for name in _candidates(document):
        if isinstance(name, str) and name:
            return name
    return None


def _candidates(document: JsonObject) -> Iterator[Any]:
    yield document.get("instance_id")
    yield object_or_empty(document.get("info")).get("instance_id")


def _first(given: Any) -> JsonObject:
    return object_or_empty(given[0]) if isinstance(given, list) and given else {}
