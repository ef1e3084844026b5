"""Decide how one accepted call turns out: the answer, or the way in which it fails."""

from grader.errors import InvalidInput
from grader.testing.provider.behaviour import KINDS, Behaviour, Failure, Step
from grader.testing.provider.keyword_brain import (
    answer_by_keywords,
    answer_smallest,
    find_disposition,
)
from grader.testing.provider.prompt import split_prompt
from grader.testing.provider.request import ChatRequest, Schema, find_schema
from grader.testing.provider.settings import read_kind
from grader.testing.provider.shared_form import spell_out
from grader.testing.provider.wire import Reply, render_error, retry_headers

_PLAIN_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "occurred": {"type": "boolean"},
        "explanation": {"type": "string"},
        "evidence": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"message": {"type": "integer"}, "quote": {"type": "string"}},
                "required": ["message", "quote"],
            },
        },
    },
    "required": ["occurred", "explanation", "evidence"],
}
"""What is answered in plain text where the prompt shows no schema."""


def decide_outcome(
    request: ChatRequest, behaviour: Behaviour, number: int, step: Step | None
) -> tuple[Failure | None, object]:
    """Return how the call fails, if it does, with the answer's JSON or the error as a `Reply`.

    A scripted step stands alone: chance strikes only calls without one.
    """
    if step is not None:
        failure = step.failure
    else:
        strikes = (one for place, one in enumerate(behaviour.fails) if one.strikes(number, place))
        failure = next(strikes, None)
    given = behaviour.answer if step is None or step.answer is None else step.answer
    if callable(given):
        try:
            given = given(request.body)
        except Exception as error:  # the caller's own code: whatever it raises must be seen
            return None, render_error("answer_raised", detail=f"the answer raised {error!r}")
        if isinstance(given, str) and given in KINDS and failure is None:
            failure, given = Failure(kind=read_kind(given)), None
    if failure is not None and (error_reply := _error(failure, behaviour, request)):
        return failure, error_reply
    return failure, _fill(request, behaviour, given, failure)


def _error(failure: Failure, behaviour: Behaviour, request: ChatRequest) -> Reply | None:
    seconds = (
        behaviour.retry_after_seconds
        if failure.retry_after_seconds is None
        else failure.retry_after_seconds
    )
    match failure.kind:
        case "rate_limited" | "unavailable":
            return render_error(failure.kind, headers=retry_headers(seconds))
        case "context_overflow":
            tokens = request.prompt_tokens
            limit = behaviour.max_context_tokens or max(1, tokens // 2)
            return render_error(failure.kind, limit=limit, tokens=tokens)
        case "no_money":
            return render_error(failure.kind, status=failure.status)
        case "model_not_found":
            return render_error(failure.kind, model=request.model)
        case "server_error" | "unauthorized":
            return render_error(failure.kind)
        case _:
            return None


def _fill(
    request: ChatRequest, behaviour: Behaviour, given: object, failure: Failure | None
) -> object:
    """Return the JSON of the answer, made up by the brain unless it was given."""
    kind = failure.kind if failure else None
    if kind == "wrong_schema":
        return {"simulated": {"of_another_shape": [1, 2, 3]}}
    if kind in ("empty", "refusal", "content_filter", "timeout"):
        return {}
    if kind != "invented_quote" and given not in (None, "keyword", "schema"):
        if isinstance(given, str):
            return render_error("answer_raised", detail=f"the answer gave {given!r}, no JSON, kind")
        return given
    prompt = split_prompt(request.texts())
    schema = request.schema or find_schema(prompt.question) or _PLAIN_SCHEMA
    schema = spell_out(schema, prompt.question)
    try:
        if given == "schema" and kind != "invented_quote":
            return answer_smallest(prompt, schema)
        return answer_by_keywords(
            prompt,
            schema,
            request.name or str(schema.get("title", "")),
            disposition=behaviour.disposition or find_disposition(request.model),
            invented=kind == "invented_quote",
        )
    except InvalidInput as error:
        return render_error("bad_request", detail=f"the schema cannot be answered: {error}")
