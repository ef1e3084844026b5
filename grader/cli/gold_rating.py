"""What people say of items, typed in the terminal or read from a CSV file."""

import csv
import sys
from pathlib import Path
from typing import Any

from grader.cli.output import note, plain
from grader.errors import InvalidInput

Json = dict[str, Any]
_TRUE = {"true", "yes", "y", "1"}
_FALSE = {"false", "no", "n", "0"}
_SPECIAL = ("not_applicable", "insufficient_evidence")


def read_value(text: str, criterion: Json, where: str) -> bool | float | str:
    """Return a value of a criterion's scale from what stands in a file or was typed."""
    word = text.strip()
    if word in _SPECIAL:
        return word
    kind = criterion["scale"]["type"]
    if kind == "boolean":
        if word.lower() in _TRUE | _FALSE:
            return word.lower() in _TRUE
        raise InvalidInput(f"{where}: {text!r} is no boolean; give true or false")
    if kind == "interval":
        try:
            return float(word)
        except ValueError as error:
            raise InvalidInput(f"{where}: {text!r} is no number") from error
    return word


def read_ratings(file: Path, criterion: Json) -> list[Json]:
    """Read ratings from a CSV file; raises InvalidInput naming row and column."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        head = lines.readline()
        lines.seek(0)
        rows = csv.DictReader(lines, delimiter=";" if head.count(";") > head.count(",") else ",")
        columns = [(column or "").strip().lstrip("\ufeff") for column in rows.fieldnames or ()]
        rows.fieldnames = columns
        for needed in ("transcript_id", "rater", "value"):
            if needed not in columns:
                raise InvalidInput(
                    f"{file}: there is no column {needed!r}; it has {', '.join(columns)}"
                )
        ratings = []
        for number, row in enumerate(rows, start=1):
            where = f"{file}, row {number}"
            rating: Json = {
                "transcript_id": (row["transcript_id"] or "").strip(),
                "rater": (row["rater"] or "").strip(),
                "value": read_value(row["value"] or "", criterion, f"{where}, column 'value'"),
                "comment": row.get("comment") or "",
            }
            if row.get("seconds"):
                try:
                    rating["seconds"] = float(row["seconds"])
                except ValueError as error:
                    raise InvalidInput(
                        f"{where}, column 'seconds': {row['seconds']!r} is no number"
                    ) from error
            ratings.append(rating)
    if not ratings:
        raise InvalidInput(f"{file} has no ratings")
    return ratings


def show_task(task: Json) -> None:
    """Show a transcript and the question; on stderr, as all that is no answer."""
    for number, message in enumerate(task["messages"], start=1):
        note(f"\nM{number} {message['role']}")
        for text in (message.get("reasoning"), message["content"]):
            if text:
                note(text)
        for call in message["tool_calls"]:
            note(f"→ {call['name']} {call['arguments']}")
    criterion = task["criterion"]
    note(f"\n{task['transcript_id']}: {criterion['question']}")
    for title, told in (("counts", "counts"), ("does not count", "does_not_count")):
        for each in criterion[told]:
            note(f"  {title}: {each}")
    scale = criterion["scale"]
    for level in scale.get("values") or scale.get("levels") or ():
        note(f"  {level['value']}: {level['description']}")


def ask_value(criterion: Json) -> bool | float | str | None:
    """Ask until the answer is a value of the scale; None for an empty line."""
    scale = criterion["scale"]
    levels = scale.get("values") or scale.get("levels") or ()
    words = [level["value"] for level in levels]
    if scale["type"] == "boolean":
        words = ["true", "false"]
    elif scale["type"] == "interval":
        words = [f"{scale['minimum']:g} to {scale['maximum']:g}"]
    while True:
        typed = ask(f"{', '.join([*words, *_SPECIAL])}: ")
        if not typed:
            return None
        try:
            value = read_value(typed, criterion, "your answer")
        except InvalidInput as error:
            note(str(error))
            continue
        is_number = isinstance(value, float) and scale["type"] == "interval"
        if is_number and not scale["minimum"] <= float(value) <= scale["maximum"]:
            note(f"{typed} is outside {words[0]}")
        elif levels and value not in (*words, *_SPECIAL):
            note(f"{typed!r} is none of {', '.join(words)}")
        else:
            return value


def ask(question: str) -> str | None:
    """Return what is typed, None at the end of the input."""
    print(plain(question), end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None
