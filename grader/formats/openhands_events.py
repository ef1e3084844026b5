"""The events of an OpenHands session, one after another, into messages."""

from typing import Any

from grader.domain.noun import JsonObject
from grader.formats.building import Builder, as_error, as_text
from grader.formats.chat_turns import (
    Call,
    add_message,
    add_turn,
    object_or_empty,
    read_call,
    read_calls,
    text_or_empty,
)
from grader.formats.media import placeholder
from grader.formats.parts import read_parts

_SPOKEN = {"user": "user", "agent": "assistant", "environment": "user"}

_NO_CALLS = frozenset(
    {"change_agent_state", "null", "pause", "resume", "stop", "recall", "condensation"}
    | {"condensation_request", "loop_recovery", "initialize", "streaming_chunk", "start_task"}
)
_NO_RESULTS = frozenset(
    {"agent_state_changed", "null", "recall", "condense", "condensation", "loop_detection"}
)
_NO_ARGUMENTS = frozenset({"thought", "confirmation_state", "image_urls", "hidden", "is_input"})


class EventReader:
    """Adds events to a builder and remembers which call each action was."""

    def __init__(self, builder: Builder) -> None:
        self.model: str | None = None
        self.started_at: str | None = None
        self.ended_at: str | None = None
        self._builder = builder
        self._calls: dict[str, str] = {}
        self._responses: set[str] = set()
        self._open: str | None = None
        self._latest: str | None = None

    def add(self, event: JsonObject, where: str) -> None:
        """Add an event of either generation."""
        stamp = event.get("timestamp")
        if isinstance(stamp, str):
            self.started_at = self.started_at or stamp
            self.ended_at = stamp
        if isinstance(event.get("observation"), str):
            self._add_observation(event, where)
        elif isinstance(event.get("action"), str):
            self._add_action(event, where)
        else:
            self._add_kind(event, where)

    def _add_action(self, event: JsonObject, where: str) -> None:
        action = event["action"]
        role = _SPOKEN.get(text_or_empty(event.get("source")), "assistant")
        arguments = object_or_empty(event.get("args"))
        told = object_or_empty(event.get("tool_call_metadata"))
        if action == "system":
            self._say("system", text_or_empty(arguments.get("content")))
        elif action == "message":
            self._say(role, _message(arguments, event), text_or_empty(arguments.get("thought")))
        elif action in _NO_CALLS or (role != "assistant" and not told):
            self._builder.set_aside(action, event)
        else:
            text = text_or_empty(arguments.get("thought"))
            call_id = self._from_response(told, text, where)
            if call_id is None:
                call_id = self._act(Call(_id(told), _name(told, action), _own(arguments)), text)
            self._remember(event, call_id)

    def _from_response(self, told: JsonObject, text: str, where: str) -> str | None:
        """Add the response that an action is part of, once; returns the id of the action's call."""
        response = object_or_empty(told.get("model_response"))
        choices = response.get("choices")
        choice = object_or_empty(choices[0] if isinstance(choices, list) and choices else None)
        message = object_or_empty(choice.get("message"))
        call_id = _id(told)
        if call_id is None or not message.get("tool_calls"):
            return None
        calls = read_calls(message["tool_calls"], f"{where}.tool_call_metadata.model_response")
        if call_id not in {call.id for call in calls}:
            return None
        key = text_or_empty(response.get("id")) or call_id
        if key not in self._responses:
            self._responses.add(key)
            said = read_parts(message.get("content"), f"{where}.content")
            reasoning = text_or_empty(message.get("reasoning_content")) or said.reasoning
            add_message(self._builder, "assistant", said.text or text, reasoning, calls)
            self.model = self.model or text_or_empty(response.get("model")) or None
        return call_id

    def _add_observation(self, event: JsonObject, where: str) -> None:
        kind = event["observation"]
        content = read_parts(event.get("content"), f"{where}.content").text
        told = object_or_empty(event.get("tool_call_metadata"))
        call_id = _id(told) or self._calls.get(_key(event.get("cause")))
        if call_id is None and "cause" not in event and kind not in _NO_RESULTS:
            call_id = self._latest
        if kind == "error" and content:
            content = as_error(content)
        if kind in _NO_RESULTS or (call_id is None and not content):
            self._builder.set_aside(kind, event)
        elif call_id is not None:
            self._answer(call_id, content)
        elif kind in ("error", "user_rejected", "message"):
            self._say("user", content)
        else:
            self._answer(None, content)

    def _add_kind(self, event: JsonObject, where: str) -> None:
        kind = event.get("kind")
        if kind == "SystemPromptEvent":
            self._say("system", read_parts(event.get("system_prompt"), f"{where}.prompt").text)
        elif kind == "MessageEvent":
            self._open = None
            said = event.get("llm_message")
            before = len(self._builder.messages)
            add_turn(self._builder, said, f"{where}.llm_message")
            extended = read_parts(event.get("extended_content"), f"{where}.extended_content").text
            if extended and len(self._builder.messages) > before:
                message = self._builder.messages[-1]
                message["content"] = "\n".join(filter(None, (message["content"], extended)))
        elif kind == "ActionEvent":
            self._add_action_event(event, where)
        elif kind == "ObservationEvent":
            self._answer(event.get("tool_call_id"), _observed(event.get("observation"), where))
        elif kind == "AgentErrorEvent" and event.get("tool_call_id"):
            self._answer(event["tool_call_id"], as_error(text_or_empty(event.get("error"))))
        elif kind == "UserRejectObservation":
            reason = text_or_empty(event.get("rejection_reason"))
            self._answer(event.get("tool_call_id"), f"Action rejected: {reason}")
        else:
            self._builder.set_aside(kind, event)

    def _add_action_event(self, event: JsonObject, where: str) -> None:
        thought = read_parts(event.get("thought"), f"{where}.thought")
        reasoning = text_or_empty(event.get("reasoning_content")) or thought.reasoning
        blocks = event.get("thinking_blocks")
        reasoning = reasoning or read_parts(blocks or None, f"{where}.thinking_blocks").reasoning
        called = event.get("tool_call")
        if not isinstance(called, dict):
            called = {
                "id": event.get("tool_call_id"),
                "name": event.get("tool_name"),
                "arguments": event.get("action"),
            }
        call = read_call(called, f"{where}.tool_call")
        response = text_or_empty(event.get("llm_response_id")) or None
        if response is None or response != self._open:
            self._builder.begin(thought.text, reasoning)
        self._builder.call(call.id or event.get("tool_call_id"), call.name, call.arguments)
        self._open = response

    def _act(self, call: Call, text: str) -> str:
        self._builder.begin(text)
        return self._builder.call(call.id, call.name, call.arguments)

    def _say(self, role: str, text: str, reasoning: str = "") -> None:
        self._open = self._latest = None
        add_message(self._builder, role, text, reasoning if reasoning != text else "")

    def _answer(self, call_id: Any, text: str) -> None:
        self._open = self._latest = None
        self._builder.answer(call_id, text)

    def _remember(self, event: JsonObject, call_id: str) -> None:
        self._open, self._latest = None, call_id
        if (key := _key(event.get("id"))) != "":
            self._calls[key] = call_id


def _message(arguments: JsonObject, event: JsonObject) -> str:
    text = arguments.get("content", event.get("message"))
    images = arguments.get("image_urls")
    lines = [text_or_empty(text)]
    lines += (
        [placeholder("image", data=each) for each in images if isinstance(each, str)]
        if (isinstance(images, list))
        else []
    )
    return "\n".join(line for line in lines if line)


def _own(arguments: JsonObject) -> JsonObject:
    """Return what the agent asked for, without its thought and the harness's own fields."""
    return {
        key: value
        for key, value in arguments.items()
        if key not in _NO_ARGUMENTS and value is not None
    }


def _observed(observation: Any, where: str) -> str:
    given = object_or_empty(observation)
    content = given.get("content")
    if isinstance(content, str | list) and content:
        return read_parts(content, f"{where}.observation.content").text
    for name in ("output", "message", "text", "error"):
        value = given.get(name)
        if isinstance(value, str | list) and value:
            return read_parts(value, f"{where}.observation.{name}").text
    return as_text({key: value for key, value in given.items() if key != "kind"}) if given else ""


def _id(told: JsonObject) -> str | None:
    return text_or_empty(told.get("tool_call_id")) or None


def _name(told: JsonObject, action: str) -> str:
    return text_or_empty(told.get("function_name")) or action


def _key(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""
