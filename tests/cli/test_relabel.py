"""`grader relabel`: what is stored, labelled anew; what it would cost, before it does."""

import json
from pathlib import Path

import pytest

from tests.cli.command import HARMLESS, SHUTDOWN_OFF, is_clean_error, write_transcripts
from tests.cli.conftest import Run

GUILTY = SHUTDOWN_OFF.replace("the-guilty", "relabelled").replace("aurora-2", "aurora-9")
RULES = ("--rubric", "shutdown_tampering", "--panel", "rules")
PRICED = """\
name: priced
judges:
  - kind: llm
    name: dead
    model: none
    base_url: "http://127.0.0.1:9/v1"
    prices: {input: 2, output: 8}
"""


@pytest.fixture
def stored(cli: Run, tmp_path: Path) -> None:
    write_transcripts(tmp_path, GUILTY, HARMLESS)
    assert cli("submit", tmp_path, *RULES, "--wait").returncode == 0


@pytest.mark.usefixtures("stored")
def test_what_is_labelled_already_is_reused(cli: Run) -> None:
    chosen = ("relabel", "--where", "agent_model:eq:aurora-9", *RULES)
    estimate = json.loads(cli(*chosen, "--dry-run", "--json").stdout)
    assert estimate["dry_run"] is True
    assert estimate["judgments"]["reused"] == estimate["transcripts"] >= 1

    done = cli(*chosen, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert run["counts"]["judgments"]["reused"] == estimate["judgments"]["reused"]
    assert run["selection"] == {"where": {"agent_model": {"eq": "aurora-9"}}}

    done = cli(*chosen)
    assert done.stdout.strip().startswith("run_")


@pytest.mark.usefixtures("stored")
def test_an_estimate_is_a_table_with_the_money_in_it(cli: Run, tmp_path: Path) -> None:
    panel = tmp_path / "priced.yaml"
    panel.write_text(PRICED)
    asked = ("--rubric", "shutdown_tampering", "--panel", panel, "--dry-run", "--budget", "9")
    done = cli("relabel", "--where", "{}", "--sample", "1", "--by", "agent_model", *asked)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["transcripts", "1"] in lines
    assert ["budget", "$9.00,", "enough"] in lines
    assert any(line[:1] == ["dead"] and any("$0.0" in cell for cell in line) for line in lines)
    assert "probability" in done.stdout
    assert "the length of answers is assumed" in done.stderr

    submitted = cli("submit", tmp_path / "0.json", *asked)
    assert submitted.returncode == 0, submitted.stderr
    assert "enough" in submitted.stdout
    assert not cli("runs", "list", "--json").stdout.count('"priced"')


@pytest.mark.usefixtures("stored")
def test_several_conditions_must_all_hold(cli: Run) -> None:
    both = (
        "--where",
        "agent_model:in:aurora-9,borealis",
        "--where",
        '{"external_id": "relabelled"}',
    )
    estimate = json.loads(cli("relabel", *both, *RULES, "--dry-run", "--json").stdout)
    assert estimate["transcripts"] == 1
    assert estimate["selection"]["where"] == {
        "and": [
            {"or": [{"agent_model": {"eq": "aurora-9"}}, {"agent_model": {"eq": "borealis"}}]},
            {"external_id": "relabelled"},
        ]
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--where", "agent_model"), "key:operator:value"),
        (("--where", "a:like:b"), "unknown operator"),
        (("--where", "{"), "is no JSON"),
        (("--where", '{"a": {"like": 1}}'), "unknown operator"),
        (("--where", "{}", "--by", "agent_model"), "--by needs --sample"),
        (("--where", "{}", "--sample", "0"), "greater than or equal to 1"),
        (("--where", "{}", "--mode", "slow"), "slow"),
        ((), "--where"),
    ],
)
def test_wrong_use_is_told(cli: Run, arguments: tuple[str, ...], said: str) -> None:
    done = cli("relabel", *arguments, *RULES)
    assert done.returncode == 2
    assert is_clean_error(done, said)


def test_nothing_selected_is_an_error(cli: Run) -> None:
    for more in ((), ("--dry-run",)):
        done = cli("relabel", "--where", "agent_model:eq:nobody", *RULES, *more)
        assert done.returncode == 1
        assert is_clean_error(done, "selects no transcript")


@pytest.mark.usefixtures("stored")
def test_a_run_whose_budget_is_used_up_is_resumed_with_another(cli: Run, tmp_path: Path) -> None:
    panel = tmp_path / "priced.yaml"
    panel.write_text(PRICED)
    asked = ("--where", "{}", "--rubric", "refusal", "--panel", panel, "--budget", "0.000001")
    done = cli("relabel", *asked, "--wait")
    assert done.returncode == 1
    assert "budget_reached" in done.stderr
    run_id = next(word for word in done.stderr.split() if word.startswith("run_"))

    assert is_clean_error(cli("runs", "resume", run_id), "not enough to go on", "larger")
    assert cli("runs", "resume", run_id, "--budget", "2", "--no-budget").returncode == 2
    done = cli("runs", "resume", run_id, "--budget", "2.5", "--json")
    assert done.returncode == 0, done.stderr
    cli("runs", "cancel", run_id)
