"""Google's Gemini API: `contents` and `candidates`, in camelCase or snake_case.

Read are requests, responses, logs of both, lines of batch files, bare lists of contents, the pieces
of one streamed response, and prompts saved by Google AI Studio (`chunkedPrompt`). Each candidate is
a transcript of its own. Texts of a model's turn that stand side by side are one text, as in
Google's own clients. Thoughts become reasoning; their signatures are not kept. Calls and results
without ids are paired by name, in order. Code that the model ran itself is a call of
`code_execution` with its result. Inline data and files leave placeholders.
"""

from pathlib import PurePath
from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.building import Builder, as_error, as_text
from grader.formats.complaints import place, shorten, show
from grader.formats.envelope import about, part_of, unwrap
from grader.formats.media import placeholder
from grader.formats.native import read_native

_ROLES = {
    "user": "user",
    "model": "assistant",
    "assistant": "assistant",
    "function": "user",
    "tool": "user",
    "system": "system",
}
_STRUCTURE = frozenset(
    {
        "contents",
        "candidates",
        "systemInstruction",
        "system_instruction",
        "chunkedPrompt",
        "messages",
        "history",
        "role",
        "parts",
    }
)
_NAMED = {
    "responseId": "external_id",
    "response_id": "external_id",
    "key": "external_id",
    "usageMetadata": "usage",
    "usage_metadata": "usage",
}
_CODE = "code_execution"
_ALSO_CALLED = ("messages", "history")
_ONLY = ("result", "output", "content")
_CONFIGURATION = ("runSettings", "generationConfig", "generation_config")


def looks_like_gemini(document: Any) -> bool:
    """Whether a document or list bears the marks of Gemini's contents."""
    if isinstance(document, list):
        return any(map(_has_parts, document))
    if not isinstance(document, dict):
        return False
    if is_piece(document) or unwrap(document, "chunkedPrompt") is not None:
        return True
    for part in (document, part_of(document, "request"), part_of(document, "response")):
        if _has_contents(part) or "candidates" in part:
            return True
    return False


def is_piece(document: Any) -> bool:
    """Whether this is a response, or one of the pieces in which a response was streamed."""
    if not isinstance(document, dict):
        return False
    candidates = document.get("candidates")
    return isinstance(candidates, list) and all(
        isinstance(one, dict) and ("content" in one or "index" in one or "finishReason" in one)
        for one in candidates
    )


def is_stream(documents: list[Any]) -> bool:
    """Whether a list holds the pieces of one response: more than one, all of the same id."""
    if len(documents) < 2 or not all(map(is_piece, documents)):
        return False
    first = _get(documents[0], "responseId")
    return first is not None and all(_get(each, "responseId") == first for each in documents)


def read_gemini_contents(document: Any, _file: PurePath | None = None) -> list[Transcript]:
    """Return one transcript, or one for each candidate of a response."""
    if isinstance(document, list):
        is_response = bool(document) and all(map(is_piece, document))
        document = _joined(document) if is_response else {"contents": document}
    if not isinstance(document, dict):
        raise InvalidTranscript(
            f"Gemini contents are a list, or an object with contents (got {show(document)})"
        )
    request, response = _sides(document)
    said = _contents(document, request)
    candidates = response.get("candidates")
    if said is None and candidates is None:
        raise InvalidTranscript("there are neither contents nor candidates")
    if candidates is None:
        candidates = [None]
    if not isinstance(candidates, list) or not candidates:
        raise InvalidTranscript(
            f"candidates: must be a list that is not empty (got {show(candidates)})"
        )
    metadata = about(document, request, response, structure=_STRUCTURE, named=_NAMED)
    _note_model(metadata, document, request)
    metadata["source_format"] = "gemini_contents"
    system = _get(request, "systemInstruction")
    return [
        _one(
            system,
            [] if said is None else said,
            candidate,
            metadata={**metadata, "choice": index} if len(candidates) > 1 else dict(metadata),
            where=f"candidates.{index}",
        )
        for index, candidate in enumerate(candidates)
    ]


def _sides(document: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Return what was asked and what was answered; the document is both where it has no sides."""
    request, response = part_of(document, "request"), part_of(document, "response")
    return (
        request if _has_contents(request) else document,
        response if "candidates" in response else document,
    )


def _said(part: JsonObject) -> Any:
    """Return the contents, which some logs keep under other names; there the parts must tell."""
    if "contents" in part:
        return part["contents"]
    for name in _ALSO_CALLED:
        found = part.get(name)
        if isinstance(found, list) and any(map(_has_parts, found)):
            return found
    return None


def _has_contents(part: JsonObject) -> bool:
    contents = _said(part)
    if isinstance(contents, list):
        return any(isinstance(each, str) or _has_parts(each) for each in contents)
    return isinstance(contents, str) or _has_parts(contents)


def _has_parts(content: Any) -> bool:
    """Whether this is a content: the parts of other formats bear a type."""
    parts = content.get("parts") if isinstance(content, dict) else None
    return isinstance(parts, list) and not any(
        isinstance(part, dict) and ("type" in part or "kind" in part) for part in parts
    )


def _contents(document: JsonObject, request: JsonObject) -> Any:
    chunked = unwrap(document, "chunkedPrompt")
    if chunked is not None:
        return _of_chunks(_list(chunked.get("chunks"), "chunks"))
    said = _said(request)
    return [said] if isinstance(said, str | dict) else said


def _of_chunks(chunks: list[Any]) -> list[Any]:
    """Return the contents that chunks stand for; a thought belongs to what the model said next."""
    contents: list[Any] = []
    is_thought = False
    for chunk in chunks:
        if not isinstance(chunk, dict):
            contents.append(chunk)
            continue
        part = {key: value for key, value in chunk.items() if key not in ("role", "isThought")}
        role = chunk.get("role")
        if is_thought and contents[-1]["role"] == role:
            contents[-1]["parts"].append(part)
        else:
            contents.append({"role": role, "parts": [part]})
        is_thought = chunk.get("isThought") is True
        if is_thought:
            part["thought"] = True
    return contents


def _joined(pieces: list[JsonObject]) -> JsonObject:
    """Return a response with the parts of all its pieces, candidate by candidate."""
    whole: JsonObject = {}
    parts: dict[int, JsonObject] = {}
    for piece in pieces:
        whole |= piece
        for at, candidate in enumerate(piece["candidates"]):
            index = candidate.get("index")
            index = index if isinstance(index, int) else at
            joined = parts.setdefault(index, {"content": {"role": "model", "parts": []}})
            content = candidate.get("content")
            some = content.get("parts") if isinstance(content, dict) else None
            if isinstance(some, list):
                joined["content"]["parts"] += some
            joined |= {key: value for key, value in candidate.items() if key != "content"}
    return whole | {"candidates": [parts[index] for index in sorted(parts)]}


def _note_model(metadata: JsonObject, document: JsonObject, request: JsonObject) -> None:
    for name in _CONFIGURATION:
        settings = unwrap(document, name) or unwrap(request, name)
        if settings is None:
            continue
        metadata["generation_config"] = {
            shorten(key, 80): value
            for key, value in settings.items()
            if isinstance(value, str | int | float)
        }
        if isinstance(settings.get("model"), str):
            metadata.setdefault("agent_model", settings["model"])
        left = [name for name in metadata.pop("ignored_fields", []) if name not in _CONFIGURATION]
        if left:
            metadata["ignored_fields"] = left


def _one(system: Any, said: Any, candidate: Any, *, metadata: JsonObject, where: str) -> Transcript:
    reader = _Reader()
    if system:
        reader.read(_as_content(system), "systemInstruction", role="system")
    for index, content in enumerate(_list(said, "contents")):
        reader.read(_as_content(content), place("contents", index))
    if candidate is not None:
        if not isinstance(candidate, dict):
            raise InvalidTranscript(f"{where}: must be an object (got {show(candidate)})")
        content = candidate.get("content")
        if content is not None:
            reader.read(_as_content(content), f"{where}.content", role="assistant")
        else:
            reader.builder.set_aside("candidate without content", candidate)
        reason = _get(candidate, "finishReason")
        if isinstance(reason, str):
            metadata["finish_reason"] = reason
    return read_native(reader.builder.document(metadata))


class _Reader:
    """Reads contents into messages, part by part."""

    def __init__(self) -> None:
        self.builder = Builder()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._is_glued = False

    def read(self, content: Any, where: str, *, role: str | None = None) -> None:
        if not isinstance(content, dict):
            raise InvalidTranscript(f"{where}: must be an object (got {show(content)})")
        if role is None:
            given = content.get("role") or "user"
            role = _ROLES.get(given) if isinstance(given, str) else None
            if role is None:
                raise InvalidTranscript(f"{where}.role: must be user or model (got {show(given)})")
        parts = _list(content.get("parts"), f"{where}.parts")
        parts = [_as_part(part, f"{where}.parts.{index}") for index, part in enumerate(parts)]
        if role == "assistant":
            self._read_model(parts)
        else:
            self._read_user(parts, role)

    def _read_model(self, parts: list[JsonObject]) -> None:
        message: JsonObject = {}
        for part in parts:
            ran = _get(part, "codeExecutionResult")
            result = _result_of(part)
            if isinstance(ran, dict) or result is not None:
                self._close(message)
                message = {}
                if result is not None:
                    self._answer(result)
                else:
                    self._answer_code(ran)
                continue
            message = message or self.builder.begin()
            self._add(part)
        if parts:
            self._close(message)
        else:
            self.builder.begin()

    def _read_user(self, parts: list[JsonObject], role: str) -> None:
        texts: list[str] = []
        for part in parts:
            result = _result_of(part)
            if result is None:
                texts.append(self._text(part))
                continue
            if texts:
                self.builder.say(role, "\n".join(texts))
                texts = []
            self._answer(result)
        if texts or not parts:
            self.builder.say(role, "\n".join(texts))

    def _add(self, part: JsonObject) -> None:
        call = _get(part, "functionCall")
        code = _get(part, "executableCode")
        if isinstance(call, dict):
            arguments = call.get("args", call.get("arguments"))
            self.builder.call(
                call.get("id"), call.get("name"), {} if arguments is None else arguments
            )
        elif isinstance(code, dict):
            kept = {key: code[key] for key in ("language", "code") if key in code}
            self.builder.call(code.get("id"), _CODE, kept)
        elif part.get("thought") is True:
            self._thoughts.append(self._text(part))
        else:
            is_text = isinstance(part.get("text"), str)
            text = self._text(part)
            if self._texts and not (is_text and self._is_glued) and text:
                self._texts.append("\n")
            self._texts.append(text)
            self._is_glued = is_text
            return
        self._is_glued = False

    def _close(self, message: JsonObject) -> None:
        if message:
            message["content"] = "".join(self._texts)
            if thoughts := "".join(self._thoughts):
                message["reasoning"] = thoughts
        self._texts = []
        self._thoughts = []
        self._is_glued = False

    def _answer(self, result: JsonObject) -> None:
        lines = [_result_text(result.get("response"))]
        media = result.get("parts")
        for part in media if isinstance(media, list) else []:
            if isinstance(part, dict):
                lines.append(self._text(part))
        text = "\n".join(filter(None, lines))
        self.builder.answer(result.get("id"), text, name=result.get("name"))

    def _answer_code(self, ran: JsonObject) -> None:
        outcome, output = ran.get("outcome"), as_text(ran.get("output"))
        is_error = isinstance(outcome, str) and outcome not in ("OUTCOME_OK", "")
        text = as_error(f"{outcome}\n{output}" if output else str(outcome)) if is_error else output
        self.builder.answer(ran.get("id"), text, name=_CODE)

    def _text(self, part: JsonObject) -> str:
        text = part.get("text")
        if isinstance(text, str):
            return text
        inline, file = _get(part, "inlineData"), _get(part, "fileData")
        if isinstance(inline, dict):
            media_type = _get(inline, "mimeType")
            return placeholder(_kind(media_type), media_type, inline.get("data"))
        if isinstance(file, dict):
            media_type = _get(file, "mimeType")
            return placeholder(_kind(media_type), media_type, _get(file, "fileUri"))
        name = next((key for key in part if key not in _ABOUT), "part")
        self.builder.set_aside(name, part)
        return f"[{shorten(name)}]"


_ABOUT = frozenset(
    {"thought", "thoughtSignature", "thought_signature", "thoughtSignatures", "tokenCount"}
    | {"videoMetadata", "video_metadata", "finishReason", "text", "mediaResolution"}
)


def _as_content(content: Any) -> Any:
    """Return a content as an object with parts, from the short forms that Google's clients take."""
    if isinstance(content, str):
        return {"parts": [{"text": content}]}
    if isinstance(content, list):
        return {"parts": content}
    if isinstance(content, dict) and "parts" not in content and "role" not in content:
        return {"parts": [content]}
    if isinstance(content, dict) and isinstance(content.get("parts"), dict | str):
        return content | {"parts": [content["parts"]]}
    return content


def _as_part(part: Any, where: str) -> JsonObject:
    if isinstance(part, str):
        return {"text": part}
    if not isinstance(part, dict):
        raise InvalidTranscript(f"{where}: a part is an object (got {show(part)})")
    return part


def _result_of(part: Any) -> JsonObject | None:
    result = _get(part, "functionResponse") if isinstance(part, dict) else None
    return result if isinstance(result, dict) else None


def _result_text(response: Any) -> str:
    if isinstance(response, dict) and len(response) == 1:
        [(name, value)] = response.items()
        if name in _ONLY:
            return as_text(value)
        if name == "error":
            return as_error(as_text(value))
    return as_text(response)


def _kind(media_type: Any) -> str:
    kind = media_type.partition("/")[0] if isinstance(media_type, str) else ""
    return kind if kind in ("image", "audio", "video") else "file"


def _list(given: Any, where: str) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise InvalidTranscript(f"{where}: must be a list (got {show(given)})")
    return given


def _get(part: JsonObject, name: str) -> Any:
    """Return a field by its name in camelCase, or the same in snake_case."""
    found = part.get(name)
    if found is not None:
        return found
    return part.get(
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    )
