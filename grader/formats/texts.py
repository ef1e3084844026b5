"""Transcripts in bytes that turned out to be no JSON: which format they are, and their text.

Files tell by their names what they are: see `text_files`.
"""

from grader.errors import InvalidTranscript
from grader.formats.csv_table import looks_like_csv
from grader.formats.plain_text import looks_like_plain_text

TEXT_FORMATS = ("plain_text", "csv")

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MOST_PEEKED = 1 << 20


def sniff_text(data: bytes | str) -> str | None:
    """Return the text format of what turned out to be no JSON, or None where it is none."""
    head = data[:_MOST_PEEKED]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return None
    if looks_like_plain_text(text):
        return "plain_text"
    return "csv" if looks_like_csv(text) else None


def decoded(data: bytes | str, *, line: int = 1) -> str:
    """Return text from UTF-8; `line` is the number of its first line.

    Raises:
        InvalidTranscript: for another encoding.
    """
    if isinstance(data, str):
        return data
    if line == 1 and data.startswith(_UTF16):
        raise InvalidTranscript("this is UTF-16; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        at = line + data.count(b"\n", 0, error.start)
        byte = data[error.start]
        raise InvalidTranscript(
            f"this is not UTF-8: byte 0x{byte:02x} (line {at}); save it as UTF-8"
        ) from error
