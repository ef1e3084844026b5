"""The messages of an Inspect conversation, written into the native form."""

from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.building import Builder, as_error
from grader.formats.chat_turns import add_turn, object_or_empty
from grader.formats.complaints import show
from grader.formats.inspect.values import Attachments
from grader.formats.native import read_native


def read_conversation(
    messages: list[Any],
    *,
    attachments: Attachments,
    where: str,
    builder: Builder,
    metadata: JsonObject,
) -> Transcript:
    """Return the transcript of a conversation; `metadata` gets the messages' own ids."""
    ids: list[Any] = []
    for index, given in enumerate(messages):
        place = f"{where}.{index}"
        if not isinstance(given, dict):
            raise InvalidTranscript(f"{place}: must be an object (got {show(given)})")
        message = attachments.open(given)
        before = len(builder.messages)
        add_turn(builder, _with_error(message), place)
        _answer_inline(builder, message)
        ids += [message.get("id")] * (len(builder.messages) - before)
    if any(isinstance(each, str) for each in ids):
        metadata["message_ids"] = ids
    return read_native(builder.document(attachments.open(metadata)))


def _with_error(message: JsonObject) -> JsonObject:
    """Return a tool's message with its error in the text, if it does not stand there."""
    error = message.get("error") or message.get("tool_error")
    told = error.get("message") if isinstance(error, dict) else error
    content = message.get("content")
    if message.get("role") != "tool" or not isinstance(told, str) or not told:
        return message
    if not content:
        return message | {"content": as_error(told)}
    if isinstance(content, str) and told not in content:
        return message | {"content": f"{content}\n{as_error(told)}"}
    return message


def _answer_inline(builder: Builder, message: JsonObject) -> None:
    """Add the results that a provider's own tools left in the message of the assistant."""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, list):
        return
    for part in content:
        if object_or_empty(part).get("type") == "tool_use" and isinstance(part.get("result"), str):
            error = part.get("error")
            told = as_error(error) if isinstance(error, str) and error else part["result"]
            builder.answer(part.get("id"), told)
