"""Exports of a run: the same content in every format, read back by the libraries people use."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import httpx2
import pandas
import polars
import pyarrow.parquet
import pytest

from api.routes.run_exports import ExportSlots
from grader.store import schema
from tests.api.service import Service, problem_in, saying
from tests.api.test_run_results import panel_of
from tests.api.test_runs import TAMPERING, rules_run

TWO_RUBRICS = ["shutdown_tampering", "refusal"]
SCALES = """\
name: scales_{mark}
version: "1"
description: A criterion of each kind of scale.
criteria:
  - {{name: occurred, question: "Is it?", scale: {{type: boolean}}}}
  - {{name: how_much, question: "How much?", scale: {{type: interval, minimum: 0, maximum: 10}}}}
  - name: which
    question: "Which?"
    scale: {{type: nominal, values: [{{value: a, description: A}}, {{value: b, description: B}}]}}
"""


def export(service: Service, run_id: str, **asked: str) -> httpx2.Response:
    answer = service.admin.get(f"/v1/runs/{run_id}/export", params=asked)
    assert answer.status_code == 200, answer.text
    return answer


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.content.splitlines()]


@pytest.fixture
def run_id(service: Service, mark: str) -> str:
    """A finished run with every kind of value, one failed judgment a transcript, and metadata."""
    name = mark.lower()
    added = service.admin.post(
        "/v1/rubrics",
        content=SCALES.format(mark=name),
        headers={"Content-Type": "application/yaml"},
    )
    assert added.status_code == 201, added.text
    service.provider.behave(answer="schema")
    service.provider.behave(model=f"{mark}-two", fails=["malformed_json"])
    metadata = {"agent_model": "=cmd", "condition": 7, "note": "ü, “quoted”\nline"}
    items = [saying(f"{mark} {n}", **metadata, n=n) for n in range(5)]
    body = rules_run(items=items) | {
        "rubrics": [f"scales_{name}"],
        "panel": panel_of(mark, "one", "two"),
    }
    run = service.work(service.declare(**body))
    assert run["status"] == "finished"
    assert run["counts"]["judgments"]["failed"] == 5
    return str(run["run_id"])


def test_every_label_is_exported_once_and_as_rest_shows_it(service: Service, run_id: str) -> None:
    answer = export(service, run_id)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert f'filename="{run_id}-labels.jsonl"' in answer.headers["content-disposition"]
    exported = lines(answer)
    shown = {each["label_id"]: each for each in service.walk(f"/v1/runs/{run_id}/labels", limit=99)}
    assert len(exported) == len(shown) == 15
    for row in exported:
        assert {name: row[name] for name in shown[row["label_id"]]} == shown[row["label_id"]]
        assert row["metadata"]["note"] == "ü, “quoted”\nline"
        assert row["panel_hash"].startswith("sha256:")
        assert row["view_hash"].startswith("sha256:")
    assert {row["scale"] for row in exported} == {"boolean", "interval", "nominal"}


def test_judgments_and_failures_are_exported_with_what_answered(
    service: Service, run_id: str, mark: str
) -> None:
    judgments = lines(export(service, run_id, what="judgments"))
    shown = service.walk(f"/v1/runs/{run_id}/judgments", limit=99)
    assert [each["judgment_id"] for each in judgments] == [j["judgment_id"] for j in shown]
    failures = lines(export(service, run_id, what="failures"))
    assert failures == [each for each in judgments if each["status"] == "failed"]
    assert len(failures) == 5
    for each in judgments:
        assert each["asked_model"] == each["served_model"] == f"{mark}-{each['judge'][-3:]}"
        assert each["rubric_version"] == "1"
        assert each["attempts"] >= 1


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of any library as JSON has them, so that they can be compared."""

    def simple(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat()
        if hasattr(value, "tolist"):
            return simple(value.tolist())
        if isinstance(value, list):
            return [simple(each) for each in value]
        if isinstance(value, dict):
            return {key: simple(each) for key, each in value.items()}
        # pandas has NaN for a number that is missing.
        return None if isinstance(value, float) and value != value else value

    return [{name: simple(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("what", ["labels", "judgments", "failures"])
def test_parquet_is_the_same_to_duckdb_polars_pandas_and_jsonl(
    service: Service, run_id: str, what: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("export") / "run.parquet"
    path.write_bytes(export(service, run_id, format="parquet", what=what).content)
    read = {
        "pyarrow": pyarrow.parquet.read_table(path).to_pylist(),
        "duckdb": duckdb.sql(f"select * from '{path}'").to_arrow_table().to_pylist(),
        "polars": polars.read_parquet(path).to_dicts(),
        "pandas": pandas.read_parquet(path).astype(object).to_dict("records"),
    }
    rows = plain(read["pyarrow"])
    for name, found in read.items():
        assert plain(found) == rows, name
    exported = lines(export(service, run_id, what=what))
    assert len(rows) == len(exported)
    for row, told in zip(rows, exported, strict=True):
        assert json.loads(row["metadata"]) == told["metadata"]
        assert (row["agent_model"], row["condition"], row["harness"]) == ("=cmd", "7", None)
        same = set(row) & set(told) - {"metadata", "value", "values", "votes", "created_at"}
        assert {name: row[name] for name in same} == {name: told[name] for name in same}
        created = datetime.fromisoformat(told["created_at"])
        assert row["created_at"] == created.astimezone(UTC).isoformat()


def test_parquet_has_one_type_a_column(
    service: Service, run_id: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("export") / "run.parquet"
    path.write_bytes(export(service, run_id, format="parquet").content)
    described = duckdb.sql(f"describe select * from '{path}'").fetchall()
    types = {name: kind for name, kind, *_ in described}
    assert types["value"] == "VARCHAR"
    assert types["value_boolean"] == "BOOLEAN"
    assert types["value_number"] == "DOUBLE"
    assert types["created_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["votes"].startswith("STRUCT(")
    assert types["votes"].endswith("[]")
    assert types["flags"] == "VARCHAR[]"
    by_scale = duckdb.sql(
        f"select scale, count(value), count(value_boolean), count(value_number) from '{path}' "
        "group by scale order by scale"
    ).fetchall()
    assert by_scale == [("boolean", 5, 5, 0), ("interval", 5, 0, 5), ("nominal", 5, 0, 0)]
    means = duckdb.sql(
        f"select avg(value_number) = avg(value::double) from '{path}' where scale = 'interval'"
    )
    assert means.fetchall() == [(True,)]


def test_csv_is_one_row_a_label_and_starts_no_formula(service: Service, run_id: str) -> None:
    answer = export(service, run_id, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.count(b"\r\n") == 16
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    exported = lines(export(service, run_id))
    assert [row["label_id"] for row in rows] == [each["label_id"] for each in exported]
    for row, told in zip(rows, exported, strict=True):
        assert json.loads(row["metadata"]) == told["metadata"]
        assert row["agent_model"] == "'=cmd"
        assert [v["status"] for v in json.loads(row["votes"])] == ["given", "failed"]
        value = told["value"]
        assert row["value"] == (value if isinstance(value, str) else json.dumps(value))
        assert bool(row["value_boolean"]) == isinstance(value, bool)
    frame = pandas.read_csv(io.BytesIO(answer.content))
    assert len(frame) == len(rows)


@pytest.mark.parametrize("output", ["jsonl", "csv", "parquet"])
def test_a_run_without_labels_is_an_empty_file_with_its_columns(
    service: Service, mark: str, output: str
) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    content = export(service, run_id, format=output).content
    match output:
        case "jsonl":
            assert content == b""
        case "csv":
            assert content.startswith(b"label_id,run_id,")
            assert content.count(b"\r\n") == 1
        case _:
            table = pyarrow.parquet.read_table(io.BytesIO(content))
            assert (table.num_rows, table.column_names[0]) == (0, "label_id")
            assert table.schema.metadata[b"grader.run_id"] == run_id.encode()


def test_labels_that_were_superseded_are_not_exported(service: Service, mark: str) -> None:
    service.provider.behave(fails=["malformed_json"])
    body = rules_run(items=[TAMPERING]) | {"panel": panel_of(mark, "one"), "rubrics": ["refusal"]}
    run_id = service.declare(**body)
    service.work(run_id)
    assert {row["status"] for row in lines(export(service, run_id))} == {"undecided"}
    service.provider.reset()
    service.admin.post(f"/v1/runs/{run_id}:retry").raise_for_status()
    service.work(run_id)
    after = lines(export(service, run_id))
    assert {row["status"] for row in after} == {"decided"}
    assert lines(export(service, run_id, what="failures")) == []


def test_what_cannot_be_exported_is_a_problem_and_no_file(service: Service) -> None:
    path = "/v1/runs/run_nope/export"
    problem_in(service.admin.get(path), 404, "not_found")
    problem_in(service.admin.get(path, params={"format": "xml"}), 422)
    problem_in(service.admin.get(path, params={"what": "secrets"}), 422)
    problem_in(service.nobody.get(path), 401)


def test_no_more_exports_go_on_than_a_process_takes(service: Service, mark: str) -> None:
    run_id = service.declare(**rules_run(items=[saying(mark)]))
    usual = service.app.state.export_slots
    service.app.state.export_slots = slots = ExportSlots(1)
    try:
        for _ in range(3):
            export(service, run_id)
            problem_in(service.admin.get("/v1/runs/run_nope/export"), 404)
        assert slots.take()
        refused = service.admin.get(f"/v1/runs/{run_id}/export")
        problem_in(refused, 503, "too_many_exports")
    finally:
        service.app.state.export_slots = usual


def test_an_error_in_the_middle_breaks_the_connection(service: Service, mark: str) -> None:
    """One label of the second page is damaged in the database."""
    count = 600
    items = [saying(f"{mark} {number}") for number in range(count)]
    run_id = service.work(service.declare(**rules_run(items=items)))["run_id"]
    labels = schema.labels
    with service.store.reading() as connection:
        ordered = (
            labels.select()
            .where(labels.c.run_id == run_id)
            .order_by(labels.c.transcript_id.desc(), labels.c.criterion)
        )
        last = connection.execute(ordered).mappings().first()
    assert last is not None
    with service.store.transaction() as connection:
        connection.execute(
            labels.update()
            .where(labels.c.label_id == last["label_id"])
            .values(criterion="nonsense")
        )
    with service.admin.stream("GET", f"/v1/runs/{run_id}/export") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError):
            answer.read()
    assert export(service, run_id, what="failures").content == b""
