"""An estimate of a run as tables: what would be asked of each judge, and what it would cost."""

from typing import Any

from grader.cli.output import note, print_table, print_text, show

Json = dict[str, Any]


def print_estimate(estimate: Json) -> None:
    """Print what a run would be and cost; `estimate` is as REST shows it."""
    judgments, cost = estimate["judgments"], estimate["cost"]
    rubrics = ", ".join(f"{r['name']}@{r['version']}" for r in estimate["rubrics"])
    rows = [
        ("transcripts", f"{estimate['transcripts']:,}"),
        ("rubrics", rubrics),
        ("panel", f"{estimate['panel']['name']}, asking {estimate['panel']['asking']}"),
        ("mode", f"{estimate['mode']}, {estimate['priority']}"),
        (
            "judgments",
            f"{judgments['expected']:,} expected, {judgments['reused']:,} reused, "
            f"{judgments['excluded']:,} excluded, {judgments['missing']:,} missing",
        ),
        ("cost", _total(cost)),
        ("caching saves", _saving(cost["caching"])),
        ("batch saves", _saving(cost["batch"])),
        ("budget", _budget(cost)),
    ]
    print_table(("", ""), [row for row in rows if row[1]])
    if sample := estimate["selection"].get("sample"):
        _print_sample(sample)
    print_text("")
    print_table(
        (
            *("judge", ">missing", ">reused", ">excluded", ">calls", ">input tokens"),
            *(">cacheable", ">output tokens", ">cost", ">caching", ">batch"),
        ),
        (_judge_row(judge) for judge in estimate["judges"]),
    )
    for line in _remarks(estimate):
        note(line)


def _print_sample(sample: Json) -> None:
    print_text(f"\nsample of {sample['sampled']:,} out of {sample['of']:,}, seed {sample['seed']}")
    if not sample["by"]:
        return
    print_table(
        (*sample["by"], ">transcripts", ">sampled", ">probability"),
        (
            (
                *(show(value) for value in stratum["values"].values()),
                f"{stratum['transcripts']:,}",
                f"{stratum['sampled']:,}",
                f"{stratum['inclusion_probability']:.4g}",
            )
            for stratum in sample["strata"]
        ),
    )


def _judge_row(judge: Json) -> tuple[str, ...]:
    assumed = "~" if judge["output_from"] in ("assumption", "both") else ""
    return (
        judge["judge"],
        *(f"{judge[name]:,}" for name in ("missing", "reused", "excluded", "calls")),
        f"{judge['input_tokens']:,}",
        f"{judge['cacheable_tokens']:,}",
        f"{assumed}{judge['output_tokens']:,}",
        "?" if judge["cost_usd"] is None else _dollars(judge["cost_usd"]),
        _short(judge["caching"]),
        _short(judge["batch"]),
    )


def _remarks(estimate: Json) -> list[str]:
    told = []
    if estimate["estimated_from"] is not None:
        told.append(
            f"worked out from {estimate['estimated_from']:,} of the transcripts, taken at random; "
            "how many transcripts there are is exact"
        )
    sample = estimate["selection"].get("sample")
    if sample and sample["sampled"] < sample["n"]:
        told.append(f"there are no {sample['n']:,} transcripts to draw: all are taken")
    for judge in estimate["judges"]:
        name = judge["judge"]
        if judge["reason"]:
            told.append(f"{name}: {judge['reason']}")
        if judge["too_long"]:
            told.append(f"{name}: {judge['too_long']:,} calls do not fit into its context")
        if judge["shared_tool"] and judge["shared_tool"]["usd"] > 0:
            told.append(
                f"{name}: with `shared_tool` first among its modes, prompt caching would save up "
                f"to {_saving(judge['shared_tool'])}"
            )
    if any(judge["output_from"] in ("assumption", "both") for judge in estimate["judges"]):
        told.append("~ the length of answers is assumed: such judges gave none here so far")
    return told


def _total(cost: Json) -> str:
    return cost["reason"] if cost["estimated"] is None else _dollars(cost["estimated"])


def _budget(cost: Json) -> str:
    if cost["budget"] is None:
        return ""
    verdict = "enough" if cost["within_budget"] else "not enough: the run would pause"
    return f"{_dollars(cost['budget'])}, {verdict}"


def _saving(saving: Json | None) -> str:
    if saving is None or not saving["usd"]:
        return ""
    share = "" if saving["share"] is None else f" ({saving['share']:.0%})"
    return f"{_dollars(saving['usd'])}{share}"


def _short(saving: Json | None) -> str:
    return f"-{saving['share']:.0%}" if saving and saving["share"] else ""


def _dollars(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"
