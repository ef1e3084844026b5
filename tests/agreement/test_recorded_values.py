"""Every recorded value of the shared tables, read as the command line reads them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from grader.agreement import Scale, build_report
from grader.agreement.files import Choice, load_tables
from grader.agreement.votes import VoteColumns, VoteReport, measure_votes

pytestmark = pytest.mark.real_data

Row = dict[str, str]
KEYS = {"alpha": "krippendorff_alpha", "Fleiss": "fleiss_kappa"}
VOTE_COLUMNS = VoteColumns(
    item=["question_id"],
    rater="judge",
    value="winner",
    pair=("model_a", "model_b"),
    by="turn",
    cluster="question_id",
)


def test_every_recorded_value_of_tables_of_ratings(shared_data: Path) -> None:
    folder = shared_data / "agreement"
    checked = 0
    for row in recorded(folder):
        if row["dataset"].startswith("mtbench"):
            continue
        name, _, scale = row["statistic"].partition(" ")
        scales: dict[str, Scale | None] = {
            "nominal": "nominal",
            "ordinal": "ordinal",
            "interval": "interval",
            "ratio": "ratio",
            "kappa": None,
        }
        choice = Choice(scale=scales[scale])
        [table] = load_tables(folder / row["dataset"], choice, say=lambda _: None)
        value = build_report(table.ratings, draws=0).overall[KEYS[name]].value
        assert value == pytest.approx(float(row["recomputed"]), abs=1e-6), row
        checked += 1
    assert checked == 9


def test_every_recorded_value_of_mt_bench_with_its_exact_n(shared_data: Path) -> None:
    folder = shared_data / "agreement"
    experts = measured(folder, "expert_*")
    anybody = measured(folder, "expert_*,author_*")
    rows = [row for row in recorded(folder) if row["dataset"].startswith("mtbench")]
    for row in rows:
        what = row["statistic"]
        if "inconsistent" in what:
            report = anybody if "also have" in what else experts
            beside = "human" if "also have" in what else None
            [verdicts] = [v for v in report.verdicts if (v.group, v.beside) == ("gpt-4", beside)]
            assert verdicts.n == (1814 if beside else 2400)
            found: Any = verdicts.shares["tie (inconsistent)"]
        else:
            groups = ("gpt-4", "human") if what.startswith("GPT-4") else ("human", "human")
            turn = what.split("turn ")[1][0]
            ties = "kept" if "ties kept" in what else "dropped"
            [one] = [
                a for a in experts.agreement if (a.part, a.groups, a.ties) == (turn, groups, ties)
            ]
            if "published n=" in what:
                assert one.n == int(what.split("published n=")[1])
                assert f"{one.raw_agreement.value:.2f}" == f"{float(row['published']):.2f}"
            found = (one.cohen_kappa if "kappa" in what else one.raw_agreement).value
        assert found == pytest.approx(float(row["recomputed"]), abs=1e-6), what
    assert len(rows) == 14


def test_the_order_of_the_sides_does_not_count(shared_data: Path, tmp_path: Path) -> None:
    """Joined as they stand, (A, B) and (B, A) would be two items: 1232 pairs instead of 1814."""
    lines = (shared_data / "agreement" / "mtbench_votes.csv").read_text().splitlines()
    other = {"model_a": "model_b", "model_b": "model_a"}
    turned = [lines[0]]
    for line in lines[1:]:
        question, turn, a, b, judge, winner = line.split(",")
        if judge.startswith("expert"):
            a, b, winner = b, a, other.get(winner, winner)
        turned.append(",".join((question, turn, a, b, judge, winner)))
    (tmp_path / "mtbench_votes.csv").write_text("\n".join(turned))
    one = measured(shared_data / "agreement", "expert_*").model_dump_json()
    another = measured(tmp_path, "expert_*").model_dump_json()
    assert json.loads(one)["agreement"] == json.loads(another)["agreement"]


def recorded(folder: Path) -> list[Row]:
    with (folder / "EXPECTED_VALUES.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def measured(folder: Path, human: str) -> VoteReport:
    groups = {"gpt-4": "gpt4_pair", "human": human}
    return measure_votes(folder / "mtbench_votes.csv", VOTE_COLUMNS, groups, draws=0)
