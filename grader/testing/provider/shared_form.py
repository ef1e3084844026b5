"""Spell a shared tool's form out: its open `values` become the criteria that the question names.

Where one tool serves every rubric, its schema says nothing of criteria: they stand in the question,
and a model reads them there. So does this, as far as Grader's own wording goes, which is a line for
each criterion and a `Values` line behind it.
"""

import re
from collections.abc import Iterator
from typing import Any

from grader.testing.provider.request import Schema

_CRITERION = re.compile(r"^Criterion `([^`]+)`: (.*?)\nValues: ([^\n]*)$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"a number from (\S+) to (\S+)")
_WORDS = re.compile(r"(?:one of|from lowest to highest:) (.*)")
_SPECIAL = re.compile(r'; "(\w+)" where ')


def spell_out(schema: Schema, question: str) -> Schema:
    """Return the schema with the question's criteria under `values`, if it leaves them open."""
    properties = schema.get("properties") or {}
    values = properties.get("values")
    if not isinstance(values, dict) or not values.get("additionalProperties"):
        return schema
    criteria = dict(_read_criteria(question))
    spelled = {"type": "object", "properties": criteria, "required": list(criteria)}
    return {**schema, "properties": {**properties, "values": spelled}}


def _read_criteria(question: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, told, values in _CRITERION.findall(question):
        special = _SPECIAL.findall(values)
        listed = _SPECIAL.split(values, maxsplit=1)[0]
        yield name, {**_read_values(listed, special), "description": " ".join(told.split())}


def _read_values(listed: str, special: list[str]) -> dict[str, Any]:
    """Return the schema that a criterion's own field would have."""
    if words := _WORDS.fullmatch(listed):
        return {"type": "string", "enum": [*words[1].split(", "), *special]}
    kind: dict[str, Any] = {"type": "boolean"}
    if number := _NUMBER.fullmatch(listed):
        kind = {"type": "number", "minimum": float(number[1]), "maximum": float(number[2])}
    if not special:
        return kind
    return {"anyOf": [kind, *({"type": "string", "const": value} for value in special)]}
