"""Pictures of agreement as SVG: intervals, a heat map of pairs, confusions, marginals.

Drawn for a page that defines the colours as custom properties (`--ink`, `--mark`, …), so that they
follow light and dark. Every text is escaped; no picture needs a script or a network.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

_LETTER = 7.0
"""Width of a letter at 12 px, on the generous side."""
_MOST_LETTERS = 34
_ROW = 26


class Interval(NamedTuple):
    """One line of a forest plot."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    told: str
    """What stands at the right: the number, n, or why there is none."""


def draw_intervals(rows: Sequence[Interval], *, title: str) -> str:
    """Return values with their intervals, one below another, on an axis that holds 0 and 1."""
    left = _gutter([row.label for row in rows])
    width, right = 760.0, 190.0
    least = min([0.0, *(row.low for row in rows if row.low is not None)])
    least = min([least, *(row.value for row in rows if row.value is not None)])
    first = -1.0 if least < -0.5 else -0.5 if least < 0 else 0.0
    span = width - left - right

    def x(value: float) -> float:
        return left + (max(value, first) - first) / (1 - first) * span

    height = _ROW * len(rows) + 34
    parts = []
    ticks = [first + (1 - first) * step / 4 for step in range(5)]
    for tick in ticks:
        parts.append(_line(x(tick), 6, x(tick), height - 24, "grid"))
        parts.append(_text(x(tick), height - 8, f"{tick:.2f}".rstrip("0").rstrip("."), "middle"))
    for number, row in enumerate(rows):
        y = _ROW * number + 20
        parts.append(_text(left - 10, y + 4, _short(row.label), "end"))
        if row.low is not None and row.high is not None:
            parts.append(_line(x(row.low), y, x(row.high), y, "span"))
            parts.append(_line(x(row.low), y - 4, x(row.low), y + 4, "span"))
            parts.append(_line(x(row.high), y - 4, x(row.high), y + 4, "span"))
        if row.value is not None:
            parts.append(f'<circle cx="{x(row.value):.1f}" cy="{y}" r="4.5" class="dot"/>')
        parts.append(_text(width - right + 14, y + 4, row.told, "start", quiet=True))
    return _picture(width, height, title, parts)


def draw_heat_map(
    names: Sequence[str],
    values: Mapping[tuple[int, int], float | None],
    *,
    title: str,
) -> str:
    """Return a matrix of raters × raters; (a, b) with a < b holds their coefficient."""
    left, cell = _gutter(names), 58.0
    top = 30.0
    width, height = left + cell * len(names) + 8, top + 34 * len(names) + 8
    parts = []
    for a, name in enumerate(names):
        y = top + 34 * a
        parts.append(_text(left - 10, y + 21, _short(name), "end"))
        parts.append(_text(left + cell * (a + 0.5), top - 10, str(a + 1), "middle", quiet=True))
        parts.append(_text(6, y + 21, str(a + 1), "start", quiet=True))
        for b in range(len(names)):
            if a == b:
                continue
            value = values.get((min(a, b), max(a, b)))
            parts.append(_heat(left + cell * b, y, cell, 34, value))
    return _picture(width, height, title, parts)


def draw_confusion(
    levels: Sequence[str], counts: Sequence[Sequence[int]], raters: tuple[str, str]
) -> str:
    """Return how often two raters gave each pair of values; shades are shares of the row."""
    left = max(_gutter(levels), 60.0)
    cell, row_height, top = (64.0 if len(levels) < 4 else 46.0), 30.0, 74.0
    names = [f"↓ {_short(raters[0])}", f"→ {_short(raters[1])}"]
    widest = 8 + _LETTER * max(map(len, names))
    width = max(left + cell * len(levels) + 8, widest)
    height = top + row_height * len(levels) + 30
    parts = [_text(4, 16, names[0], "start"), _text(4, 34, names[1], "start")]
    for at, level in enumerate(levels):
        parts.append(
            _text(left + cell * (at + 0.5), top - 12, _short(level, 8), "middle", quiet=True)
        )
        parts.append(_text(left - 10, top + row_height * at + 19, _short(level), "end", quiet=True))
        total = sum(counts[at])
        for other, count in enumerate(counts[at]):
            share = count / total if total else 0.0
            x, y = left + cell * other, top + row_height * at
            parts.append(
                _box(x, y, cell, row_height, strength=share, text=f"{count:,}", agrees=at == other)
            )
    n = sum(map(sum, counts))
    parts.append(_text(left, height - 10, f"n {n:,}", "start", quiet=True))
    return _picture(width, height, f"{raters[0]} and {raters[1]}: {n} units", parts)


def draw_shares(
    names: Sequence[str], levels: Sequence[str], shares: Sequence[Sequence[float | None]]
) -> str:
    """Return what each rater says as a bar of shares, with a legend of the levels."""
    left, width = _gutter(names), 760.0
    span = width - left - 16
    height = 26 * len(names) + 44
    parts = []
    for row, (name, each) in enumerate(zip(names, shares, strict=True)):
        y, x = 26.0 * row + 6, left
        parts.append(_text(left - 10, y + 14, _short(name), "end"))
        for level, share in enumerate(each):
            if not share:
                continue
            opacity = _tint(level, len(levels))
            wide = span * share
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{max(wide - 1, 0.5):.1f}" height="19" '
                f'class="mark" fill-opacity="{opacity:.2f}"/>'
            )
            if wide > 46:
                shade = "on" if opacity > 0.55 else "ink"
                parts.append(_text(x + wide / 2, y + 14, f"{share:.1%}", "middle", shade=shade))
            x += wide
    x = left
    for level, name in enumerate(levels):
        word = _short(name, 18)
        if x + 24 + _LETTER * len(word) > width:
            parts.append(_text(x, height - 14, "…", "start", quiet=True))
            break
        parts.append(
            f'<rect x="{x:.1f}" y="{height - 26}" width="13" height="13" class="mark" '
            f'fill-opacity="{_tint(level, len(levels)):.2f}"/>'
        )
        parts.append(_text(x + 19, height - 15, word, "start", quiet=True))
        x += 34 + _LETTER * len(word)
    return _picture(width, height, "What each rater says", parts)


def _tint(level: int, n_levels: int) -> float:
    return 0.22 + 0.7 * level / max(1, n_levels - 1)


def _heat(x: float, y: float, width: float, height: float, value: float | None) -> str:
    if value is None:
        return _box(x, y, width, height, strength=0.0, text="–", agrees=True)
    return _box(x, y, width, height, strength=abs(value), text=f"{value:.2f}", agrees=value >= 0)


def _box(
    x: float, y: float, width: float, height: float, *, strength: float, text: str, agrees: bool
) -> str:
    opacity = 0.06 + 0.84 * min(max(strength, 0.0), 1.0)
    kind = "mark" if agrees else "against"
    shade = "on" if opacity > 0.55 else "ink"
    return (
        f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{width - 2:.1f}" height="{height - 2:.1f}" '
        f'rx="3" class="{kind}" fill-opacity="{opacity:.2f}"/>'
        + _text(x + width / 2, y + height / 2 + 4.5, text, "middle", shade=shade)
    )


def _picture(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{_clean(title)}"><title>{_clean(title)}</title>{"".join(parts)}</svg>'
    )


def _text(
    x: float, y: float, text: str, anchor: str, *, quiet: bool = False, shade: str = "ink"
) -> str:
    kind = "quiet" if quiet else shade
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{_clean(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _gutter(names: Sequence[str]) -> float:
    return 28 + _LETTER * max((len(_short(name)) for name in names), default=0)


def _short(text: str, most: int = _MOST_LETTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _clean(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text), quote=True)
