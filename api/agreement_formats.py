"""What may be asked of a run's agreement, and the form in which it is answered."""

from typing import Any, Literal

from fastapi import Response
from pydantic import Field

from grader.domain.noun import Noun
from grader.reports.agreement import RunAgreement
from grader.reports.agreement_markdown import render_markdown
from grader.reports.agreement_page import render_page

_TEXT = {"schema": {"type": "string"}}
AGREEMENT_FORMATS: dict[str, Any] = {"text/markdown": _TEXT, "text/html": _TEXT}
"""For OpenAPI, beside JSON."""


class AgreementQuery(Noun):
    draws: int = Field(default=1000, ge=0, le=10_000)
    """How many bootstrap draws the intervals rest on."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """The same seed gives the same intervals."""
    method: Literal["percentile", "bca"] = "percentile"
    """How an interval is read off the draws."""
    cluster: str | None = Field(default=None, min_length=1, max_length=200)
    """A metadata key: a second report, its intervals from draws of clusters."""
    run: list[str] = Field(default=[], max_length=20)
    """Further runs, measured together with this one."""
    disagreements: int = Field(default=10, ge=0, le=1000)
    """How many disagreements to list for each criterion, worst first."""
    elsewhere: bool = False
    """Count judgments that were sent to /v1/judgments among the ratings."""
    dawid_skene: bool = False
    """Add Dawid & Skene's model of each criterion, and whether the judges err independently."""


def render_as(report: RunAgreement, accept: str) -> RunAgreement | Response:
    """Return the report as the first of JSON, Markdown and HTML that is accepted."""
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind == "text/markdown":
            return Response(render_markdown(report), media_type="text/markdown")
        if kind == "text/html":
            return Response(render_page(report), media_type="text/html")
        if kind in ("application/json", "*/*"):
            return report
    return report
