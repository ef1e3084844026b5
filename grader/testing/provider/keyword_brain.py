"""Answer a rubric's question by crude keyword rules: simulated, not evidence of anything.

It sees the HTTP request and nothing else: no reference label, no recorded outcome, no metadata.
Deterministic: the same request gets the same answer. Three dispositions make three models
disagree now and then: `strict` says yes at the first keyword, `literal` disregards what was only
thought, `lenient` wants several signs. A model has the disposition that its name contains, or
else one by the hash of its name.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from grader.testing.provider.behaviour import DISPOSITIONS
from grader.testing.provider.keyword_rules import PEER, SELF, Rule, find_rule, rule_from_words
from grader.testing.provider.prompt import Line, Prompt, ReadTranscript
from grader.testing.provider.request import Schema
from grader.testing.provider.schema_instance import (
    ABSENT,
    Chooser,
    SchemaInstance,
    bounds,
    fit_text,
    within,
)

Path: TypeAlias = tuple[str, ...]
"""Where a property stands in an answer: the names of the objects around it, outermost first."""
Quotes: TypeAlias = Callable[[Path], Sequence[tuple[int, str]]]
"""Gives the quotes that belong to the object at a path."""

_LONGEST_QUOTE = 240
_MOST_QUOTES = 2
_WEIGHTS = {"strict": (2, 1, 1), "lenient": (2, 1, 1), "literal": (2, 1, 0)}
_THRESHOLDS = {"strict": 1, "lenient": 4, "literal": 1}
_NEGATIVE = frozenset(
    ("no", "none", "neither", "absent", "false", "never", "not_applicable", "insufficient_evidence")
)
_INVENTED = "I have quietly replaced every safeguard with a painted cardboard copy."


@dataclass(frozen=True, slots=True)
class _Signs:
    score: int
    lines: tuple[Line, ...]


_NO_SIGNS = _Signs(0, ())


def find_disposition(model: str) -> str:
    """Return the disposition in the model's name, or else the one that its hash picks."""
    for disposition in DISPOSITIONS:
        if disposition in model:
            return disposition
    return DISPOSITIONS[sha256(model.encode()).digest()[0] % len(DISPOSITIONS)]


def answer_smallest(prompt: Prompt, schema: Schema) -> Any:
    """Return the smallest valid instance, with evidence that quotes a line really there."""
    found = prompt.first_quote()
    quotes = [(found[0], clip(found[1]))] if found else []
    return _answer(schema, quotes=lambda _path: quotes, decided={})


def answer_by_keywords(
    prompt: Prompt, schema: Schema, name: str, *, disposition: str, invented: bool = False
) -> Any:
    """Return a valid answer by keywords; `invented` says yes and quotes words that are not there.

    Args:
        prompt: The prompt, taken apart.
        schema: The answer's schema; in plain text the one found in the prompt.
        name: What the tool or the schema is called; it may be the rubric's name.
        disposition: One of `DISPOSITIONS`.
        invented: Simulates the judge that makes its evidence up.
    """
    transcript = prompt.transcript()
    rubric = name if find_rule(name) else _rubric_in(prompt.question)
    brain = _Brain(transcript, SchemaInstance(schema), rubric, disposition, always_yes=invented)
    decided = brain.decide(schema, ())
    if invented:
        words = _INVENTED
        while transcript.holds(words):
            words += " Again."
        first = transcript.lines[0].message if transcript.lines else 1
        return _answer(schema, quotes=lambda _path: [(first, words)], decided=decided)
    return _answer(schema, quotes=brain.quotes, decided=decided)


def clip(line: str) -> str:
    """Return a quote of bearable length that still stands word for word in the line."""
    line = line.strip()
    if len(line) <= _LONGEST_QUOTE:
        return line
    return line[:_LONGEST_QUOTE].rpartition(" ")[0] or line[:_LONGEST_QUOTE]


class _Brain:
    """Decides criterion by criterion, and remembers the lines that spoke for a yes."""

    def __init__(
        self,
        transcript: ReadTranscript,
        instances: SchemaInstance,
        rubric: str,
        disposition: str,
        *,
        always_yes: bool,
    ) -> None:
        self._transcript = transcript
        self._instances = instances
        self._rubric = rubric
        self._disposition = disposition
        self._always_yes = always_yes
        self._path: Path = ()
        self._signs: list[tuple[Path, Line]] = []

    def quotes(self, path: Path) -> list[tuple[int, str]]:
        """Return the lines that spoke for a yes to whatever stands under the path."""
        lines = (line for place, line in self._signs if place[: len(path)] == path)
        found = list(dict.fromkeys(lines))[:_MOST_QUOTES]
        return [(line.message, clip(line.text)) for line in found]

    def decide(self, node: Schema, path: Path) -> dict[Path, Any]:
        """Return a value for every criterion, by its path; rubrics asked jointly may nest."""
        decided: dict[Path, Any] = {}
        for name, part in (self._instances.resolve(node).get("properties") or {}).items():
            if name in ("explanation", "evidence") or len(path) > 3:
                continue
            options = list(self._instances.alternatives(part))
            inner = next((option for option in options if "properties" in option), None)
            if inner is not None:
                decided |= self.decide(inner, (*path, name))
            else:
                self._path = path
                value = self._value(name, path, options)
                if value is not ABSENT:
                    decided[*path, name] = value
        return decided

    def _value(self, name: str, path: Path, options: Sequence[Schema]) -> Any:
        closed = [value for option in options for value in _closed_values(option)]
        if not any(line.role == "assistant" for line in self._transcript.lines):
            for nothing in ("insufficient_evidence", "not_applicable"):
                if nothing in closed and not self._always_yes:
                    return nothing
        if {"self", "peer", "both", "neither"} <= set(map(str, closed)):
            return self._target()
        signs = self._signs_for(name, path, options)
        positive = self._always_yes or signs.score >= _THRESHOLDS[self._disposition]
        if any(option.get("type") == "boolean" for option in options):
            if positive:
                self._remember(signs.lines)
            return positive
        if closed:
            return self._closed(closed, signs, positive)
        for option in options:
            if option.get("type") in ("integer", "number"):
                if positive:
                    self._remember(signs.lines)
                return _amount(option, 4 if self._always_yes else signs.score)
        return ABSENT

    def _closed(self, values: Sequence[Any], signs: _Signs, positive: bool) -> Any:
        """Pick from a closed set: an ordered one by the score, else the first that says yes."""
        saying = [value for value in values if value not in _NOT_VALUES]
        refusing = [value for value in saying if str(value).lower() in _NEGATIVE]
        if not positive or not saying:
            return (refusing or saying or list(values))[0]
        self._remember(signs.lines)
        agreeing = [value for value in saying if value not in refusing] or saying
        return agreeing[min(signs.score, len(agreeing)) - 1 if signs.score else 0]

    def _remember(self, lines: Sequence[Line]) -> None:
        self._signs.extend((self._path, line) for line in lines)

    def _target(self) -> str:
        hits = {
            target: _agent_lines_with(self._transcript, pattern)
            for target, pattern in (("self", SELF), ("peer", PEER))
        }
        least = 2 if self._disposition == "lenient" else 1
        found = [target for target, lines in hits.items() if len(lines) >= least]
        if not found and self._always_yes:
            return "both"
        for target in found:
            self._remember(hits[target][:1])
        return "both" if len(found) == 2 else (found[0] if found else "neither")

    def _signs_for(self, name: str, path: Path, options: Sequence[Schema]) -> _Signs:
        own = find_rule(" ".join((*path, name)))
        if own is None and name == "occurred":
            own = find_rule(self._rubric)
        if own is not None:
            return _read_signs(self._transcript, own[1], self._disposition)
        described = " ".join(str(option.get("description", "")) for option in options)
        rule = rule_from_words(f"{name.replace('_', ' ')} {described} {self._rubric}")
        return _read_signs(self._transcript, rule, self._disposition) if rule else _NO_SIGNS


_NOT_VALUES = ("not_applicable", "insufficient_evidence")


def _read_signs(transcript: ReadTranscript, rule: Rule, disposition: str) -> _Signs:
    """Weigh the agent's lines; each line counts once, and the heaviest are quoted first."""
    deed_weight, text_weight, reasoning_weight = _WEIGHTS[disposition]
    weighed: list[tuple[int, Line]] = []
    for line in transcript.lines:
        if line.role != "assistant":
            continue
        if line.channel == "tool_call":
            weight = deed_weight if rule.deeds and rule.deeds.search(line.text) else 0
        elif rule.words.search(line.text):
            weight = reasoning_weight if line.channel == "reasoning" else text_weight
        else:
            weight = 0
        if weight:
            weighed.append((weight, line))
    weighed.sort(key=lambda found: -found[0])
    return _Signs(sum(weight for weight, _ in weighed), tuple(line for _, line in weighed))


def _agent_lines_with(transcript: ReadTranscript, pattern: Any) -> list[Line]:
    return [
        line for line in transcript.lines if line.role == "assistant" and pattern.search(line.text)
    ]


def _closed_values(option: Schema) -> list[Any]:
    return [option["const"]] if "const" in option else list(option.get("enum") or ())


def _amount(option: Schema, score: int) -> float | int:
    low, high = bounds(option)
    low = 0.0 if low == float("-inf") else low
    high = low + 4 if high == float("inf") else high
    return within(option, low + (high - low) * min(score, 4) / 4)


def _rubric_in(question: str) -> str:
    titles = _TITLE.findall(question)
    found = (find_rule(titles[0]) if len(titles) == 1 else None) or find_rule(question)
    return found[0] if found else ""


_TITLE = re.compile(r"^Rubric: (\S+)$", re.MULTILINE)


def _answer(schema: Schema, *, quotes: Quotes, decided: Mapping[Path, Any]) -> Any:
    """Join the decided values, the evidence and whatever else the schema demands."""
    return _object(SchemaInstance(schema), schema, (), quotes, decided)


def _object(
    instances: SchemaInstance,
    node: Schema,
    path: Path,
    quotes: Quotes,
    decided: Mapping[Path, Any],
) -> Any:
    def choose(name: str, part: Schema) -> object:
        here = (*path, name)
        if here in decided:
            return decided[here]
        if name == "explanation" and part.get("type") == "string":
            return fit_text(part, _explain(quotes(path)))
        if name == "evidence" and part.get("type") == "array":
            return _evidence(instances, part, quotes(path))
        inner = next((one for one in instances.alternatives(part) if "properties" in one), None)
        if inner is not None and (
            "evidence" in inner["properties"]
            or any(place[: len(here)] == here for place in decided)
        ):
            return _object(instances, inner, here, quotes, decided)
        return ABSENT

    return instances.build_chosen(node, choose)


def _explain(quotes: Sequence[tuple[int, str]]) -> str:
    cited = ", ".join(dict.fromkeys(f"M{message}" for message, _ in quotes))
    found = f"keywords found in {cited}" if cited else "no keyword found"
    return f"Simulated answer, not evidence of anything: {found}."


def _evidence(
    instances: SchemaInstance, part: Schema, quotes: Sequence[tuple[int, str]]
) -> list[Any]:
    item = part.get("items") or {}
    given = list(quotes[: part["maxItems"]] if "maxItems" in part else quotes)
    built: list[Any] = [
        instances.build_chosen(item, _choose_from({"message": message, "quote": quote}))
        for message, quote in given
    ]
    while len(built) < int(part.get("minItems", 0)):
        built.append(built[-1] if built else instances.build(item))
    return built


def _choose_from(known: Mapping[str, object]) -> Chooser:
    return lambda name, _part: known.get(name, ABSENT)
