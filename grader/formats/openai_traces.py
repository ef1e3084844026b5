"""Traces of OpenAI's Agents SDK as its exporters write them. A shape of the format `openai_chat`.

A trace and its spans come as lines, as a list, or as `{"data": […]}`, in any order. Each agent span
is a path of its own: its transcript is what its last generation was given and answered, and another
one wherever a generation does not continue the one before. Exporters that leave the contents out
(the SDK's own does, of `response` spans) leave the calls of tools: then these are the transcript.
Guardrails, handoffs and custom spans are opaque events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from grader.domain.noun import JsonObject
from grader.domain.transcript import Transcript
from grader.errors import InvalidTranscript
from grader.formats.building import Builder, as_error, as_text, parsed_arguments
from grader.formats.complaints import shorten, show
from grader.formats.envelope import unwrap
from grader.formats.native import read_native
from grader.formats.openai_responses import add_items

_OBJECTS = ("trace", "trace.span")
_MODELS = frozenset({"generation", "response"})
_MOST_ERRORS = 20
_READ = _MODELS | {"function", "agent"}


def looks_like_trace(event: Any) -> bool:
    """Whether this is a trace, a span, or an export of several."""
    if not isinstance(event, dict):
        return False
    if event.get("object") in _OBJECTS:
        return True
    data = event.get("data")
    return isinstance(data, list) and bool(data) and looks_like_trace(_first(data))


def read_openai_traces(events: Sequence[Any]) -> list[Transcript]:
    """Return the transcripts of all traces whose spans are among `events`.

    Raises:
        InvalidTranscript: for what is no span, and when no span says what was said or called.
    """
    traces: dict[str, _Trace] = {}
    strays: list[JsonObject] = []
    for number, event in enumerate(_flat(events), start=1):
        if not isinstance(event, dict):
            raise InvalidTranscript(f"event {number}: must be an object (got {show(event)})")
        is_span = event.get("object") == "trace.span"
        trace_id = event.get("trace_id" if is_span else "id")
        if event.get("object") not in _OBJECTS or not isinstance(trace_id, str):
            strays.append(event)
            continue
        trace = traces.setdefault(trace_id, _Trace(trace_id))
        if is_span:
            trace.spans.append(event)
        else:
            trace.about = event
    found: list[Transcript] = []
    try:
        for trace in traces.values():
            found += _read(trace, [] if found else strays)
    except RecursionError as error:
        raise InvalidTranscript("a span is nested too deeply") from error
    if not found:
        raise InvalidTranscript(
            "no span of this trace says what was said or called: the contents were not exported"
        )
    return found


def read_trace_document(document: Any, _file: PurePath | None = None) -> list[Transcript]:
    """Return the transcripts of a document: a list of spans, an export, or a single span."""
    return read_openai_traces(document if isinstance(document, list) else [document])


@dataclass(slots=True)
class _Trace:
    id: str
    about: JsonObject = field(default_factory=dict)
    spans: list[JsonObject] = field(default_factory=list)


@dataclass(slots=True)
class _Path:
    """Generations of one agent, each given what the one before it was given and more."""

    given: list[Any]
    items: list[Any]
    spans: list[JsonObject]


@dataclass(slots=True)
class _Agent:
    """The spans below one agent span; those below none are an agent without a name."""

    span: JsonObject | None = None
    spans: list[JsonObject] = field(default_factory=list)


def _first(items: list[Any]) -> Any:
    first = items[0]
    # An export in an export is nobody's.
    return first if isinstance(first, dict) and "data" not in first else None


def _flat(events: Iterable[Any]) -> Iterable[Any]:
    for event in events:
        data = event.get("data") if isinstance(event, dict) else None
        if isinstance(data, list) and event.get("object") not in _OBJECTS:
            yield from data
        else:
            yield event


def _read(trace: _Trace, strays: list[JsonObject]) -> list[Transcript]:
    spans = sorted(trace.spans, key=lambda span: as_text(span.get("started_at")))
    by_id = {span["id"]: span for span in spans if isinstance(span.get("id"), str)}
    agents: dict[str, _Agent] = {}
    owners: dict[str, str] = {}
    for span in spans:
        owner = _owner(span, by_id, owners)
        agents.setdefault(owner, _Agent(by_id.get(owner))).spans.append(span)
    paths = {owner: _paths(agent.spans) for owner, agent in agents.items()}
    # What belongs to no transcript is told with the first.
    silent = (agent.spans for owner, agent in agents.items() if not paths[owner])
    aside = [*strays, *(span for spans in silent for span in spans if _is_opaque(span))]
    found: list[Transcript] = []
    for owner, agent in agents.items():
        for number, path in enumerate(paths[owner]):
            branch = number if len(paths[owner]) > 1 else None
            first = [] if found else aside
            found.append(_transcript(trace, agent, path, owners, number=branch, aside=first))
    return found


def _owner(span: JsonObject, by_id: dict[str, JsonObject], owners: dict[str, str]) -> str:
    """Return the id of the agent span that a span is or stands below, or an empty text."""
    way: list[str] = []
    seen: set[str] = set()
    found = ""
    step: JsonObject | None = span
    while step is not None:
        step_id = step.get("id")
        if not isinstance(step_id, str):
            step_id = ""
        if step_id in owners:
            found = owners[step_id]
            break
        if step_id in seen:
            break
        if step_id:
            way.append(step_id)
            seen.add(step_id)
        if _kind(step) == "agent" and step_id:
            found = step_id
            break
        parent = step.get("parent_id")
        step = by_id.get(parent) if isinstance(parent, str) else None
    for each in way:
        owners[each] = found
    return found


def _paths(spans: list[JsonObject]) -> list[_Path]:
    paths: list[_Path] = []
    for span in spans:
        said = _said(span)
        if said is None:
            continue
        given, answered = said
        last = paths[-1] if paths else None
        if last is not None and _continues(given, last.given):
            last.given, last.items = given, given + answered
            last.spans.append(span)
        else:
            paths.append(_Path(given, given + answered, [span]))
    if not paths and any(_kind(span) == "function" for span in spans):
        paths.append(_Path([], [], []))
    return paths


def _continues(given: list[Any], before: list[Any]) -> bool:
    """Whether a generation goes on; its own answer comes back in other words, so it can't tell."""
    return len(given) > len(before) and given[: len(before)] == before


def _said(span: JsonObject) -> tuple[list[Any], list[Any]] | None:
    if _kind(span) not in _MODELS:
        return None
    data = _data(span)
    response = unwrap(data, "response") or {}
    given = data.get("input")
    answered = data.get("output") or response.get("output")
    if not given and not answered:
        return None
    instructions = response.get("instructions")
    head = [{"role": "system", "content": instructions}] if isinstance(instructions, str) else []
    return head + _items(given, "user"), _items(answered, "assistant")


def _items(given: Any, role: str) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, list):
        return given
    return [given] if isinstance(given, dict) else [{"role": role, "content": as_text(given)}]


def _transcript(
    trace: _Trace,
    agent: _Agent,
    path: _Path,
    owners: dict[str, str],
    *,
    number: int | None,
    aside: list[JsonObject],
) -> Transcript:
    builder = Builder()
    for event in aside:
        builder.set_aside(_kind(event), event)
    add_items(builder, path.items, "the span's items")
    # What is no generation is told once, with the first of an agent's paths.
    spans = path.spans if number else agent.spans
    errors = []
    for span in spans:
        if _kind(span) == "function" and not path.items:
            _add_function(builder, span)
        elif _is_opaque(span):
            builder.set_aside(_kind(span), span)
        if span.get("error"):
            errors.append(shorten(_error(span["error"]), 200))
    metadata = _about(trace, agent, path, owners, spans)
    if number is not None:
        metadata["branch"] = f"{metadata['branch']}/{number}" if "branch" in metadata else number
    if errors:
        metadata["span_errors"] = errors[:_MOST_ERRORS]
    return read_native(builder.document(metadata))


def _add_function(builder: Builder, span: JsonObject) -> None:
    data = _data(span)
    call_id = builder.call(span.get("id"), data.get("name"), parsed_arguments(data.get("input")))
    output, error = data.get("output"), span.get("error")
    if error:
        builder.answer(call_id, as_error(_error(error)))
    elif output is not None:
        builder.answer(call_id, as_text(output))


def _error(error: Any) -> str:
    told = error.get("message") if isinstance(error, dict) else None
    return told if isinstance(told, str) else as_text(error)


def _about(
    trace: _Trace,
    agent: _Agent,
    path: _Path,
    owners: dict[str, str],
    spans: list[JsonObject],
) -> JsonObject:
    given = trace.about.get("metadata")
    metadata: JsonObject = dict(given) if isinstance(given, dict) else {}
    group = trace.about.get("group_id")
    found: JsonObject = {
        "source_format": "openai_chat",
        "source_shape": "agents_trace",
        "harness": "openai_agents",
        "group": group if isinstance(group, str) and group else trace.id,
        "trace_id": trace.id,
        "workflow": trace.about.get("workflow_name"),
        "agent_model": _model(path.spans),
        "started_at": _time(spans, "started_at", min),
        "ended_at": _time(spans, "ended_at", max),
    }
    if agent.span is not None:
        data = _data(agent.span)
        found["branch"] = agent.span["id"]
        found["agent"] = data.get("name")
        parent = agent.span.get("parent_id")
        found["parent"] = owners.get(parent) if isinstance(parent, str) else None
    for name, value in found.items():
        if isinstance(value, str) and value:
            metadata.setdefault(name, value)
    return metadata


def _model(spans: list[JsonObject]) -> Any:
    for span in reversed(spans):
        data = _data(span)
        model = data.get("model") or (unwrap(data, "response") or {}).get("model")
        if isinstance(model, str):
            return model
    return None


def _time(spans: list[JsonObject], name: str, choose: Any) -> Any:
    times = [span[name] for span in spans if isinstance(span.get(name), str)]
    return choose(times) if times else None


def _is_opaque(span: JsonObject) -> bool:
    kind = _kind(span)
    return kind not in _READ or (kind in _MODELS and _said(span) is None)


def _data(span: JsonObject) -> JsonObject:
    data = span.get("span_data")
    return data if isinstance(data, dict) else {}


def _kind(event: JsonObject) -> str:
    kinds = (_data(event).get("type"), event.get("type"), event.get("object"))
    return next((kind for kind in kinds if isinstance(kind, str)), "(no type)")
