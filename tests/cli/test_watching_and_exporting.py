"""`runs watch`, `runs diff`, `runs manifest` and `export` as a user runs them."""

import csv
import json
import os
import pty
import subprocess
from pathlib import Path

import pyarrow.parquet
import pytest

from grader.embedded.service import EmbeddedService
from tests.cli.command import (
    COMMAND,
    DEAD_JUDGE,
    HARMLESS,
    SHUTDOWN_OFF,
    environment,
    is_clean_error,
    write_transcripts,
)
from tests.cli.conftest import Run

RULES = ("--rubric", "shutdown_tampering", "--panel", "rules")


@pytest.fixture
def run_id(cli: Run, tmp_path: Path) -> str:
    folder = tmp_path / "given"
    folder.mkdir()
    write_transcripts(folder, SHUTDOWN_OFF, HARMLESS)
    done = cli("submit", folder, *RULES, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["run_id"])


def on_a_terminal(service: EmbeddedService, *arguments: str, columns: int = 100) -> tuple[int, str]:
    """Run a command whose stdout is a terminal; return its exit code and what was shown."""
    ours, theirs = pty.openpty()
    known = environment(GRADER_URL=service.url, GRADER_KEY=service.key, COLUMNS=str(columns))
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env=known
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux says that the other side has closed
                break
            if not piece:
                break
            shown += piece
        code = process.wait(60)
    os.close(ours)
    return code, shown.decode()


def test_watching_on_a_terminal_shows_the_judges_and_what_they_cost(
    service: EmbeddedService, run_id: str
) -> None:
    code, shown = on_a_terminal(service, "runs", "watch", run_id)
    assert code == 0
    for word in (run_id, "finished", "2 of 2 finished", "rules", "$0.0000", "given"):
        assert word in shown, word


def test_watching_as_json_gives_every_event(cli: Run, run_id: str) -> None:
    done = cli("runs", "watch", run_id, "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["status", "progress", "finished"]
    assert events[-1]["counts"]["judgments"]["given"] == 2


def test_watching_ends_when_a_run_is_paused_and_says_how_to_go_on(cli: Run, tmp_path: Path) -> None:
    (path,) = write_transcripts(tmp_path, HARMLESS)
    panel = tmp_path / "dead.yaml"
    panel.write_text(DEAD_JUDGE)
    submitted = cli("submit", path, "--rubric", "refusal", "--panel", panel)
    run_id = submitted.stdout.strip()
    cli("runs", "pause", run_id)
    done = cli("runs", "watch", run_id)
    if "paused" in done.stdout:
        assert done.returncode == 1
        assert f"grader runs resume {run_id}" in done.stderr
        cli("runs", "cancel", run_id)
        assert cli("runs", "watch", run_id).returncode == 1
    else:
        # It had ended before it could be held, with its one judgment failed.
        assert done.returncode == 3


def test_a_run_is_exported_to_a_file_that_is_whole_or_not_there(
    cli: Run, run_id: str, tmp_path: Path
) -> None:
    for name, what in (("labels.csv", "labels"), ("judgments.parquet", "judgments")):
        path = tmp_path / name
        path.write_text("what stood here before")
        done = cli("export", "--run", run_id, "--what", what, "--output", path)
        assert done.returncode == 0, done.stderr
        assert str(path) in done.stderr
        assert done.stdout == ""
    with (tmp_path / "labels.csv").open(newline="") as file:
        assert {row["run_id"] for row in csv.DictReader(file)} == {run_id}
    assert pyarrow.parquet.read_table(tmp_path / "judgments.parquet").num_rows == 2
    kept = tmp_path / "kept.csv"
    kept.write_text("kept")
    missing = cli("runs", "export", "run_nowhere", "-o", kept)
    assert missing.returncode == 1
    assert is_clean_error(missing, "run_nowhere")
    assert kept.read_text() == "kept"
    assert not list(tmp_path.glob(".*partial"))


def test_an_export_goes_to_stdout_and_parquet_not_to_a_terminal(
    cli: Run, run_id: str, service: EmbeddedService
) -> None:
    done = cli("runs", "export", run_id)
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["run_id"] for row in rows} == {run_id}
    code, shown = on_a_terminal(service, "runs", "export", run_id, "--format", "parquet")
    assert (code, shown) == (2, "")


RUBRIC = """\
name: says_a_word
version: "{version}"
description: Whether the agent says it.
criteria:
  - name: occurred
    question: Does the agent say {word}?
    scale: {{type: boolean}}
    rule: {{kind: says, patterns: [{word}]}}
"""


def test_two_runs_are_compared_and_a_manifest_is_printed(cli: Run, tmp_path: Path) -> None:
    (path,) = write_transcripts(tmp_path, HARMLESS)
    runs = []
    for version, word in (("1", "four"), ("2", "five")):
        rubric = tmp_path / f"{word}.yaml"
        rubric.write_text(RUBRIC.format(version=version, word=word))
        done = cli("submit", path, "--rubric", rubric, "--panel", "rules", "--wait", "--json")
        assert done.returncode == 0, done.stderr
        runs.append(json.loads(done.stdout)["run_id"])
    compared = cli("runs", "diff", *runs)
    assert compared.returncode == 0, compared.stderr
    for words in ("differs in question, rule", "flipped", "says_a_word.occurred  true → false"):
        assert words in compared.stdout, words
    found = json.loads(cli("runs", "diff", *runs, "--json").stdout)
    assert [found["before"], found["after"]] == runs
    assert found["summary"]["counts"]["flipped"] == len(found["items"]) == 1
    manifest = json.loads(cli("runs", "manifest", runs[1], "--transcripts").stdout)
    assert manifest["rubrics"][0]["version"] == "2"
    assert len(manifest["transcripts"]["items"]) == 1


def test_runs_fit_into_a_terminal_of_a_hundred_columns(
    service: EmbeddedService, run_id: str
) -> None:
    for arguments in (("list", "--limit", "3"), ("show", run_id)):
        code, shown = on_a_terminal(service, "runs", *arguments)
        assert code == 0
        # An id that is folded cannot be copied.
        assert run_id in shown
