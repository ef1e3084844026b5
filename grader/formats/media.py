"""The words that stand in a transcript where something that is no text stood.

`[image: image/png, 12,345 bytes]`: judges read text, and a placeholder says what was there and how
large it was. The data itself is not kept.
"""

from typing import Any

from grader.formats.complaints import shorten

_MOST_TOLD = 80


def placeholder(kind: str, media_type: Any = None, data: Any = None) -> str:
    """Return the placeholder of an image, audio or file.

    `data` is what came with it: base64, a data URL (whose own media type is used), or an address.
    """
    told = []
    if isinstance(media_type, str) and media_type:
        told.append(shorten(media_type, _MOST_TOLD))
    if isinstance(data, str) and data:
        head, comma, body = data.partition(",")
        if data.startswith("data:") and comma:
            told = [shorten(head[5:].partition(";")[0] or "data", _MOST_TOLD), _size(body)]
        elif "://" in data[:12] or data.startswith("gs:"):
            told.append(shorten(data, _MOST_TOLD))
        else:
            told.append(_size(data))
    return f"[{kind}: {', '.join(told)}]" if told else f"[{kind}]"


def _size(base64: str) -> str:
    count = len(base64) - base64.count("\n") - base64.count("\r")
    padding = base64[-4:].rstrip().count("=")
    return f"{max(0, count * 3 // 4 - padding):,} bytes"
