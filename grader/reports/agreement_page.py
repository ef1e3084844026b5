"""A report of agreement as one HTML page: no network, no script, light and dark, fit to print.

Names, quotes and values are other people's text and are escaped, each where it is written; the
page's own policy forbids scripts besides. The pictures are drawn in `agreement_pictures.py`.
"""

from collections.abc import Iterable, Sequence
from html import escape as _escape

from grader.agreement import AgreementReport, Statistic
from grader.reports.agreement import RunAgreement
from grader.reports.agreement_pictures import (
    Interval,
    draw_confusion,
    draw_heat_map,
    draw_intervals,
    draw_shares,
)
from grader.reports.agreement_sections import (
    ACCURACY,
    RETEST,
    Reasons,
    Section,
    Sheet,
    basis,
    interval_of,
    iter_pairs,
    name_of,
    pair_names,
    sheet_of_run,
    shown,
    value_of,
)

MOST_IN_A_MAP = 24
MOST_CONFUSIONS = 10
MOST_PAIRS = 300

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--quiet:#5b6675;--paper:#fff;--line:#dfe4ea;
--mark:#0f6b6e;--against:#b4412f;--on:#fff;--soft:#f5f7f9}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf1;--quiet:#9aa6b4;--paper:#14181d;
--line:#2c343d;--mark:#4fc3c0;--against:#ef8a74;--on:#0d1114;--soft:#1b2127}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 5rem;max-width:56rem;background:var(--paper);
color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .4rem}
h2{font-size:1.25rem;margin:3rem 0 .4rem;padding-top:1.2rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.8rem 0 .5rem}
p{margin:.3rem 0;overflow-wrap:anywhere}
.quiet,small,.notes{color:var(--quiet)}
.scale{font-weight:400;color:var(--quiet);font-size:.95rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem;width:100%}
th,td{text-align:right;padding:.32rem .55rem;border-bottom:1px solid var(--line);
vertical-align:top;white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere}
th{font-weight:600;color:var(--quiet)}
td small{display:block}
sup{color:var(--quiet)}
ol.notes{font-size:.85rem;padding-left:1.4rem}
svg{max-width:100%;height:auto;display:block;margin:.4rem 0;
font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
svg .ink{fill:var(--ink)}svg .quiet{fill:var(--quiet)}svg .on{fill:var(--on)}
svg .mark,svg .dot{fill:var(--mark)}svg .against{fill:var(--against)}
svg .span{stroke:var(--mark);stroke-width:1.6}svg .grid{stroke:var(--line)}
.matrices{display:flex;flex-wrap:wrap;gap:1rem 2rem}
.case{border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem;margin:.7rem 0}
.case h4{margin:0 0 .3rem;font-size:.9rem;overflow-wrap:anywhere}
.side{margin:.45rem 0;overflow-wrap:anywhere}
blockquote{margin:.25rem 0;padding:.25rem .7rem;background:var(--soft);
border-left:3px solid var(--mark);white-space:pre-wrap}
blockquote.lost{border-color:var(--against)}
@media print{body{max-width:none;padding:0;font-size:11px}h2{break-before:auto}
.case,svg,tr{break-inside:avoid}:root{--ink:#000;--quiet:#444;--paper:#fff;--line:#ccc;
--mark:#0f6b6e;--against:#b4412f;--on:#fff;--soft:#f5f5f5}
svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def render_page(report: RunAgreement | Sheet) -> str:
    """Return the whole page; every number with n, and its interval or the reason for none."""
    sheet = report if isinstance(report, Sheet) else sheet_of_run(report)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(sheet.title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(sheet.title)}</h1>"
        + "".join(f'<p class="quiet">{escape(note)}</p>' for note in sheet.notes)
        + _overview(sheet)
        + "".join(_section(section) for section in sheet.sections)
        + "</body></html>\n"
    )


def escape(text: str) -> str:
    """Return text that HTML shows as it is."""
    return _escape("".join(c if c.isprintable() or c == "\n" else " " for c in text), quote=True)


def _overview(sheet: Sheet) -> str:
    rows = [
        _interval(f"{section.title}", section.report.overall["krippendorff_alpha"])
        for section in sheet.sections
        if section.report is not None
    ]
    if len(rows) < 2:
        return ""
    return "<h3>Krippendorff's α by criterion</h3>" + draw_intervals(
        rows, title="Krippendorff's alpha by criterion, with 95 % intervals"
    )


def _section(section: Section) -> str:
    heading = f'<h2>{escape(section.title)} <span class="scale">{section.scale}</span></h2>'
    notes = "".join(f"<p>{escape(note)}</p>" for note in section.notes)
    report = section.report
    if report is None:
        return heading + notes + "<p>No judge gave a value of the scale: nothing to measure.</p>"
    reasons = Reasons()
    parts = [heading, notes, f'<p class="quiet">{escape(basis(report))}</p>']
    parts += [_overall(section, report, reasons), _pairs(section, report, reasons)]
    parts += [_confusions(report), _marginals(report, reasons)]
    if report.gold:
        cells = [
            [escape(g.rater), *(_cell(getattr(g, name), reasons, with_n=True) for name in ACCURACY)]
            for g in report.gold
        ]
        parts.append("<h3>Against gold</h3>" + _table(["rater", *ACCURACY], cells))
    if section.retests:
        cells = [
            [
                escape(each.judge),
                str(each.retest.n_repeats),
                f"{each.retest.n_units:,}",
                *(_cell(getattr(each.retest, name), reasons) for name in RETEST),
            ]
            for each in section.retests
        ]
        titles = ["judge", "repeats", "n", *map(name_of, RETEST)]
        parts.append("<h3>Test–retest: the same judge asked again</h3>" + _table(titles, cells))
    notes_below = "".join(f"<li>{escape(reason)}</li>" for _, reason in reasons.items())
    parts.append(f'<ol class="notes">{notes_below}</ol>' if notes_below else "")
    parts.append(_disagreements(section))
    return "".join(parts)


def _overall(section: Section, report: AgreementReport, reasons: Reasons) -> str:
    titles = ["statistic", "value", "95 % interval", "n"]
    rows = []
    for name, found in report.overall.items():
        row = [name_of(name), _value(found, reasons), interval_of(found), f"{found.n:,}"]
        if section.clustered is not None:
            row.append(interval_of(section.clustered.overall[name]))
        rows.append(row)
    if section.clustered is not None:
        titles.append("95 % by clusters")
    drawn = [_interval(name_of(name), found) for name, found in report.overall.items()]
    return (
        "<h3>All raters</h3>"
        + draw_intervals(drawn, title="Coefficients of all raters, with 95 % intervals")
        + _table(titles, rows)
    )


def _pairs(section: Section, report: AgreementReport, reasons: Reasons) -> str:
    if not report.pairs:
        return ""
    parts = ["<h3>Each pair of raters</h3>"]
    names = [rater.rater for rater in report.raters]
    if 2 < len(names) <= MOST_IN_A_MAP:
        places = {name: at for at, name in enumerate(names)}
        values = {
            (places[pair.raters[0]], places[pair.raters[1]]): pair.cohen_kappa.value
            for pair in report.pairs
        }
        parts.append("<p>Cohen's κ:</p>" + draw_heat_map(names, values, title="Cohen's kappa"))
    asked = pair_names(section.scale)
    rows = [
        [escape(who), f"{found[0].n:,}", *(_cell(each, reasons) for each in found)]
        for who, found in list(iter_pairs(report, asked))[:MOST_PAIRS]
    ]
    parts.append(_table(["raters", "n", *map(name_of, asked)], rows))
    if len(report.pairs) > MOST_PAIRS:
        parts.append(f"<p>{len(report.pairs) - MOST_PAIRS:,} more pairs are in the JSON.</p>")
    return "".join(parts)


def _confusions(report: AgreementReport) -> str:
    if report.levels is None or not 2 <= len(report.levels) <= 8:
        return ""
    drawn = [
        draw_confusion(report.levels, pair.confusion, pair.raters)
        for pair in report.pairs[:MOST_CONFUSIONS]
        if pair.confusion is not None and pair.n
    ]
    if not drawn:
        return ""
    return f'<h3>Who said what</h3><div class="matrices">{"".join(drawn)}</div>'


def _marginals(report: AgreementReport, reasons: Reasons) -> str:
    if not report.raters:
        return ""
    names = [rater.rater for rater in report.raters]
    levels = list(report.raters[0].marginals)
    picture = ""
    if report.levels is not None:
        shares = [[rater.marginals[level].value for level in levels] for rater in report.raters]
        picture = draw_shares(names, report.levels, shares)
    rows = [
        [
            escape(rater.rater),
            f"{rater.n:,}",
            *(_cell(rater.marginals[name], reasons) for name in levels),
        ]
        for rater in report.raters
    ]
    titles = ["rater", "n", *(escape(name_of(name)) for name in levels)]
    return "<h3>What each rater says</h3>" + picture + _table(titles, rows)


def _disagreements(section: Section) -> str:
    if not section.disagreements:
        return ""
    parts = ["<h3>Disagreements, worst first</h3>"]
    for found in section.disagreements:
        sides = []
        for side in found.sides:
            quotes = "".join(
                f'<blockquote class="{"kept" if quote.found else "lost"}">'
                f"M{quote.message}: {escape(quote.text)}"
                + ("" if quote.found else " <small>(not found in the transcript)</small>")
                + "</blockquote>"
                for quote in side.quotes
            )
            why = f" <small>{escape(side.explanation)}</small>" if side.explanation else ""
            sides.append(
                f'<div class="side">{escape(side.judge)}: <b>{escape(shown(side.value))}</b>'
                f"{why}{quotes}</div>"
            )
        parts.append(
            f'<div class="case"><h4>{escape(found.transcript_id)}</h4>{"".join(sides)}</div>'
        )
    return "".join(parts)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; titles and cells are HTML already."""
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _value(found: Statistic, reasons: Reasons) -> str:
    mark = reasons.mark(found)
    return value_of(found) + (f"<sup>{mark}</sup>" if mark else "")


def _cell(found: Statistic, reasons: Reasons, *, with_n: bool = False) -> str:
    between = interval_of(found)
    n = f"n {found.n:,}" if with_n else ""
    below = " · ".join(part for part in (between, n) if part)
    return _value(found, reasons) + (f"<small>{below}</small>" if below else "")


def _interval(label: str, found: Statistic) -> Interval:
    told = f"{value_of(found)}  (n {found.n:,})"
    if found.value is not None and found.low is None:
        told += " no interval"
    return Interval(label, found.value, found.low, found.high, told)
