"""Read a chat-completions request: who is asked, which form is wanted, how long it is.

Only what a provider would see. The transcript and the rest of the prompt are taken apart in
`prompt`, because not every answer needs that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any, Literal, TypeAlias, cast

import orjson

from grader.errors import InvalidInput

Form: TypeAlias = Literal["tool", "json", "text"]
Schema: TypeAlias = Mapping[str, Any]

BYTES_PER_TOKEN = 4

_DECODER = JSONDecoder()
_OBJECT_START = re.compile(r"^[ \t]*(\{)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    body: dict[str, Any]
    model: str
    form: Form
    name: str
    """The tool's or the schema's name; empty where neither was sent."""
    schema: Schema | None
    """As sent beside the messages; in plain text it must be looked for in the prompt."""
    tool_choice_named: bool
    prefix: bytes
    """Tools, response format and the messages' texts, in the order in which a provider's cache sees
    them: what tokens are counted of."""

    @property
    def prompt_tokens(self) -> int:
        return max(1, len(self.prefix) // BYTES_PER_TOKEN)

    def texts(self) -> Iterator[str]:
        """Yield the text of every message that is not the assistant's."""
        for message in self.body["messages"]:
            if not isinstance(message, dict) or message.get("role") == "assistant":
                continue
            content = message.get("content")
            if isinstance(content, str):
                yield content
            elif isinstance(content, list):
                for part in content:
                    if isinstance(part, dict) and isinstance(part.get("text"), str):
                        yield part["text"]


def read_chat_request(body: bytes) -> ChatRequest:
    """Return the request.

    Raises:
        InvalidInput: what a provider would answer with status 400.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput("the body is not a JSON object")
    messages = found.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidInput("messages is missing or empty")
    if not isinstance(found.get("model"), str):
        raise InvalidInput("model is missing")
    if found.get("stream"):
        raise InvalidInput("the simulated provider does not stream")
    if found.get("n") not in (None, 1):
        raise InvalidInput("the simulated provider gives one choice")
    tools, response_format = found.get("tools"), found.get("response_format")
    form, name, schema, named = _wanted(tools, found.get("tool_choice"), response_format)
    parts = [part for part in (tools, response_format) if part]
    prefix = b"".join((*map(orjson.dumps, parts), *map(_read_message, messages)))
    return ChatRequest(
        body=found,
        model=found["model"],
        form=form,
        name=name,
        schema=schema,
        tool_choice_named=named,
        prefix=prefix,
    )


def _read_message(message: object) -> bytes:
    """Return a message as a model would read it: its text as it is, only the rest as JSON."""
    if not isinstance(message, dict):
        return orjson.dumps(message)
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    read = [f"<{message.get('role')}>".encode()]
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        read.append(text.encode() if isinstance(text, str) else orjson.dumps(part or ""))
    if others := {k: v for k, v in message.items() if k not in ("role", "content") and v}:
        read.append(orjson.dumps(others))
    return b"".join(read)


def find_schema(text: str) -> Schema | None:
    """Return the last JSON schema of an object that stands in a prompt's text, if there is one."""
    last: Schema | None = None
    position = 0
    while start := _OBJECT_START.search(text, position):
        try:
            found, position = _DECODER.raw_decode(text, start.start(1))
        except ValueError:
            position = start.end()
            continue
        if isinstance(found, dict) and isinstance(found.get("properties"), dict):
            last = cast(Schema, found)
    return last


def _wanted(
    tools: object, choice: object, response_format: object
) -> tuple[Form, str, Schema | None, bool]:
    if tools and choice != "none":
        functions = _functions(tools)
        named = isinstance(choice, dict)
        name = next(iter(functions))
        if isinstance(choice, dict):
            name = (choice.get("function") or {}).get("name", "")
            if name not in functions:
                raise InvalidInput(f"tool_choice names {name!r}, which is not among the tools")
        return "tool", name, functions[name], named
    if isinstance(response_format, dict):
        kind = response_format.get("type")
        if kind == "json_schema":
            given = response_format.get("json_schema")
            if not isinstance(given, dict) or not isinstance(given.get("schema"), dict):
                raise InvalidInput("response_format.json_schema.schema is missing")
            return "json", str(given.get("name", "")), given["schema"], False
        if kind == "json_object":
            return "json", "", None, False
    return "text", "", None, False


def _functions(tools: object) -> dict[str, Schema]:
    if not isinstance(tools, list):
        raise InvalidInput("tools is not a list")
    functions: dict[str, Schema] = {}
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise InvalidInput("a tool has no function with a name")
        functions[function["name"]] = function.get("parameters") or {"type": "object"}
    return functions
