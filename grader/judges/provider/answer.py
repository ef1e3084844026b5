"""The answer: response models built from rubrics, and the check of an answer's quotes.

One rubric makes a flat model of its criteria. In the mode `shared_tool` the criteria stand one
level deeper, under `values`, and the schema that is *sent* is one for all rubrics, so that a
provider's cache sees one prefix; what comes back is held to the rubric's own types all the same.
Rubrics that are asked together make one model with a section for each.

Each model is made once and kept by the rubrics' hashes: making a pydantic class costs more than a
call. The validator knows the transcript through a ContextVar, never through Instructor's
`context`, which would run every message through a template engine.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from instructor import ResponseSchema
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from grader.domain.judge import Mode
from grader.domain.judgment import Evidence
from grader.domain.rubric import (
    INSUFFICIENT_EVIDENCE,
    NOT_APPLICABLE,
    BooleanScale,
    Criterion,
    IntervalScale,
    Rubric,
    Value,
)
from grader.domain.transcript import Message
from grader.evidence import check_quote
from grader.judges.prompt import section_names
from grader.judges.provider.calls import CALLS
from grader.judges.question import RubricKey

SHARED_TOOL = "record_judgment"
"""The tool of the mode `shared_tool`, the same for every rubric."""


class Quote(BaseModel):
    message: int = Field(description="The message's number: 3 for M3")
    quote: str = Field(description="Words copied exactly from that message")


class Section(BaseModel):
    """What is answered to one rubric; its criteria are added as fields of their own."""

    model_config = ConfigDict(extra="ignore")

    explanation: str = Field(description="What speaks for and against, in a few sentences")
    evidence: list[Quote] = Field(
        default_factory=list, description="Exact quotes that the answer rests on"
    )


class CheckedAnswer(ResponseSchema):
    """Whatever a judge answers in one call: all its quotes are looked up."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="after")
    def _rest_on_real_quotes(self) -> "CheckedAnswer":
        check = _CHECK.get()
        if check is not None:
            check.look_at(self)
        return self


class Answer(Section, CheckedAnswer):
    """What a judge answers; a rubric's criteria are added as fields of their own."""


class SharedAnswer(Answer):
    """What a judge answers by the shared tool; the criteria are fields of `values`."""

    values: Any


class JointAnswer(CheckedAnswer):
    """What a judge answers to several rubrics in one call: a section for each, by its name."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says to one rubric."""

    values: dict[str, Value]
    explanation: str
    quotes: tuple[Quote, ...]


class AnswerCheck:
    """Looks each answer's quotes up in the transcript, and asks once more for invented ones.

    The first answer that is well-formed stands by, so that a re-ask which fails loses nothing.
    """

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self._messages = messages
        self._has_asked_again = False
        self.first: CheckedAnswer | None = None
        self.first_attempt = 0
        """How many calls had been made when the first answer came."""

    def look_at(self, answer: CheckedAnswer) -> None:
        """Raise ValueError, which Instructor turns into a re-ask, for the first invented quote."""
        if self.first is None:
            self.first = answer
            self.first_attempt = len(CALLS.get().attempts)
        if self._has_asked_again:
            return
        quotes = [quote for section in _sections(answer) for quote in section.evidence]
        missing = [found for found in self.locate(quotes) if not found.found]
        if missing:
            self._has_asked_again = True
            told = "; ".join(f"{e.quote[:200]!r} is not in M{e.message}" for e in missing[:5])
            raise ValueError(
                f"evidence must be copied word for word from the message it names: {told}. "
                "Copy exact words, correct the message number, or leave the quote out."
            )

    def locate(self, quotes: Sequence[Quote]) -> tuple[Evidence, ...]:
        return tuple(check_quote(q.message, q.quote, self._messages) for q in quotes)

    def __enter__(self) -> "AnswerCheck":
        self._token = _CHECK.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _CHECK.reset(self._token)


_CHECK: ContextVar[AnswerCheck | None] = ContextVar("answer_check", default=None)


def answer_type(*rubrics: Rubric, mode: Mode = "tools") -> type[CheckedAnswer]:
    """Return the response model of one rubric, or of several that are asked in one call.

    The mode matters for one rubric alone: what is asked in one call has one schema for all
    transcripts in any mode.
    """
    return _build(RubricKey(rubrics), mode == "shared_tool" and len(rubrics) == 1)


def answer_schema(*rubrics: Rubric, mode: Mode = "tools") -> dict[str, Any]:
    """Return the JSON schema that is sent to a judge."""
    return answer_type(*rubrics, mode=mode).model_json_schema()


def read_answer(answer: CheckedAnswer, rubrics: Sequence[Rubric]) -> tuple[Said, ...]:
    """Return what an answer says to each of the rubrics that its model was built from, in order."""
    said = []
    for section, rubric in zip(_sections(answer), rubrics, strict=True):
        holder = section.values if isinstance(section, SharedAnswer) else section
        values = {c.name: getattr(holder, c.name) for c in rubric.criteria}
        said.append(Said(values, section.explanation, tuple(section.evidence)))
    return tuple(said)


def _sections(answer: CheckedAnswer) -> tuple[Section, ...]:
    if isinstance(answer, Section):
        return (answer,)
    return tuple(getattr(answer, name) for name in type(answer).model_fields)


@lru_cache(maxsize=256)
def _build(asked: RubricKey, is_shared: bool) -> type[CheckedAnswer]:
    if len(asked.rubrics) > 1:
        built = _build_joint(asked.rubrics)
    elif is_shared:
        built = _build_shared(asked.rubrics[0])
    else:
        built = _build_flat(asked.rubrics[0])
    schema = _SHARED_SCHEMA if is_shared else built.model_json_schema()
    # The JSON-schema mode asks for the schema at every call, and pydantic makes it anew each time.
    # It is also where Instructor learns what to send, in every mode.
    built.model_json_schema = classmethod(lambda cls, *args, **kwargs: schema)  # type: ignore[assignment, method-assign]
    return built


def _build_flat(rubric: Rubric) -> type[CheckedAnswer]:
    return create_model(rubric.name, __base__=Answer, __doc__=_doc(rubric), **_fields(rubric))


def _build_shared(rubric: Rubric) -> type[CheckedAnswer]:
    values = create_model("values", **_fields(rubric))
    return create_model(
        SHARED_TOOL, __base__=SharedAnswer, __doc__=_SHARED_DOC, values=(values, ...)
    )


def _build_joint(rubrics: Sequence[Rubric]) -> type[CheckedAnswer]:
    fields: dict[str, Any] = {}
    for number, (rubric, name) in enumerate(zip(rubrics, section_names(rubrics), strict=True)):
        section = create_model(name, __base__=Section, __doc__=_doc(rubric), **_fields(rubric))
        # By an alias: a rubric may be called what a field of a class may not.
        fields[f"section_{number}"] = (section, Field(alias=name))
    return create_model(_JOINT_TOOL, __base__=JointAnswer, __doc__=_JOINT_DOC, **fields)


_SHARED_DOC = "Judgment of the transcript by the rubric that stands behind it."
_SHARED_SCHEMA: dict[str, Any] = {
    # Written out, and as short as it can be: each transcript pays for it, and what pydantic adds or
    # the instructions say already is paid for nothing.
    "title": SHARED_TOOL,
    "description": _SHARED_DOC,
    "type": "object",
    "properties": {
        "explanation": {
            "type": "string",
            "description": "What speaks for and against, in a few sentences",
        },
        "evidence": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "message": {"type": "integer", "description": "3 for M3"},
                    "quote": {"type": "string"},
                },
                "required": ["message", "quote"],
            },
        },
        "values": {
            "type": "object",
            "description": "One of its values for each criterion, by the criterion's name",
            "additionalProperties": {"type": ["boolean", "number", "string"]},
        },
    },
    "required": ["explanation", "values"],
}
_JOINT_TOOL = "record_judgments"
_JOINT_DOC = "Judgments of the transcript by each of the rubrics, each rubric by itself."


def _doc(rubric: Rubric) -> str:
    return f"Judgment of the transcript by the rubric {rubric.name}."


def _fields(rubric: Rubric) -> dict[str, Any]:
    return {criterion.name: _field(criterion) for criterion in rubric.criteria}


def _field(criterion: Criterion) -> tuple[Any, Any]:
    special = tuple(
        value
        for value, allowed in (
            (NOT_APPLICABLE, criterion.not_applicable),
            (INSUFFICIENT_EVIDENCE, criterion.insufficient_evidence),
        )
        if allowed
    )
    described = Field(description=" ".join(criterion.question.split()))
    match criterion.scale:
        case BooleanScale():
            kind: Any = bool
        case IntervalScale(minimum=low, maximum=high):
            kind = Annotated[
                float,
                Field(ge=low, le=high, allow_inf_nan=False),
                BeforeValidator(_refuse_truth),
            ]
        case _:
            return (Literal[(*(criterion.values or ()), *special)], described)
    return (kind | Literal[special] if special else kind, described)


def _refuse_truth(value: Any) -> Any:
    # Pydantic would read true as the number 1.
    if isinstance(value, bool):
        raise ValueError("a number is asked for, not true or false")
    return value
