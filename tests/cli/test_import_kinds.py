"""`grader import` of Parquet, archives and bad input, and what is drawn on a terminal."""

import gzip
import json
import os
import pty
import subprocess
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from grader.domain.identity import new_id
from grader.embedded.service import EmbeddedService
from tests.cli.command import COMMAND, environment, is_clean_error
from tests.cli.conftest import Run


def line(text: str) -> bytes:
    return json.dumps({"messages": [{"role": "assistant", "content": text}]}).encode() + b"\n"


def test_parquet_is_imported_with_its_columns_as_metadata(cli: Run, tmp_path: Path) -> None:
    mark = new_id("mark")
    rows = [
        {
            "transcript_json": json.dumps(
                {"conversation": [{"role": "assistant", "content": f"{mark} {n}"}]}
            ),
            "agent_model": "aurora-2",
            "condition": "good_peer",
        }
        for n in range(300)
    ]
    rows[6]["transcript_json"] = "{"
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    done = cli("import", "rows.parquet", "--json")
    assert done.returncode == 3
    found = json.loads(done.stdout)
    assert found.pop("errors")[0].startswith("rows.parquet:7: transcript_json: ")
    assert found == {"transcripts": 299, "created": 299, "existing": 0, "rejected": 1}
    assert "read from the column transcript_json" in done.stderr
    again = json.loads(cli("import", "rows.parquet", "--json").stdout)
    assert (again["created"], again["existing"]) == (0, 299)


def test_an_archive_is_imported_and_its_members_are_named(cli: Run, tmp_path: Path) -> None:
    mark = new_id("mark")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/x.jsonl", line(f"{mark} 1") + b"{\n" + line(f"{mark} 2"))
        archive.writestr("y.jsonl.gz", gzip.compress(line(f"{mark} 1")))
    done = cli("import", "a.zip", "--json")
    found = json.loads(done.stdout)
    assert found["errors"][0].startswith("a.zip!in/x.jsonl:2: this is not valid JSON")
    del found["errors"]
    assert found == {"transcripts": 3, "created": 2, "existing": 1, "rejected": 1}
    assert done.returncode == 3


def test_a_preview_shows_rows_counts_and_causes(alone: Run, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(line("first of all") + b"{\n" * 30)
    found = json.loads(alone("import", "x.jsonl", "--preview", "--json").stdout)
    assert (found["transcripts"], found["rejected"], len(found["errors"])) == (1, 30, 20)
    assert found["formats"] == {"native": 1}
    assert found["rows"][0]["first_message"] == "first of all"
    [cause] = found["causes"]
    assert (cause["count"], cause["places"]) == (30, ["x.jsonl:2", "x.jsonl:3", "x.jsonl:4"])
    done = alone("import", "x.jsonl", "--preview")
    assert done.returncode == 3
    assert "first of all" in done.stdout
    assert "and 27 more" in done.stderr


def test_a_parquet_without_the_columns_says_which_there_are(alone: Run, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([{"text": "a"}]), tmp_path / "rows.parquet")
    done = alone("import", "rows.parquet", "--preview")
    assert done.returncode == 3
    assert "there are text (string)" in done.stderr
    assert "would do" in done.stderr


def test_without_a_service_an_import_fails_by_one_line(alone: Run, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(line("a"))
    done = alone("import", "x.jsonl", GRADER_URL="http://127.0.0.1:9", GRADER_KEY="any")
    assert done.returncode == 1
    assert is_clean_error(done, "no Grader answers")


def test_a_bar_is_drawn_on_a_terminal_and_nowhere_else(
    service: EmbeddedService, tmp_path: Path
) -> None:
    mark = new_id("mark")
    (tmp_path / "x.jsonl").write_bytes(b"".join(line(f"{mark} {n}") for n in range(50)))
    named = environment(GRADER_URL=service.url, GRADER_KEY=service.key, TERM="xterm")
    for arguments in (["--preview"], []):
        terminal, end = pty.openpty()
        done = subprocess.run(
            [*COMMAND, "import", "x.jsonl", *arguments, "--json"],
            cwd=tmp_path,
            env=named,
            stdout=subprocess.PIPE,
            stderr=end,
            check=True,
            timeout=60,
        )
        os.close(end)
        drawn = os.read(terminal, 100_000).decode()
        os.close(terminal)
        assert "transcripts" in drawn
        assert json.loads(done.stdout)["transcripts"] == 50
    silent = subprocess.run(
        [*COMMAND, "import", "x.jsonl", "--preview", "--json"],
        cwd=tmp_path,
        env=named,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert silent.stderr == b""
