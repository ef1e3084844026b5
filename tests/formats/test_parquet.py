import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grader.formats import FoundTranscript, Rejection, iter_file, preview_file
from tests.formats.fixtures import CURRENT, NATIVE, OPENAI

SAYS = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": "Done."}]


@pytest.fixture
def write(tmp_path):
    def write_rows(rows, name="rows.parquet", *, schema=None, **options):
        path = tmp_path / name
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
        return path

    return write_rows


def transcripts_in(path, **options):
    found = list(iter_file(path, **options))
    assert all(isinstance(item, FoundTranscript) for item in found), found
    return [item.transcript for item in found]


def test_a_row_of_the_data_set_is_what_its_format_reads_from_the_same_row_as_json(write, tmp_path):
    row = {
        "transcript_id": "0123456789ab",
        "agent_model": "gpt-5.2",
        "condition": "good_peer",
        "threshold": "80",
        "eval_score": 74.05,
        "refused": False,
        "exfiltration": None,
        "transcript_json": json.dumps(CURRENT),
    }
    (tmp_path / "row.json").write_text(json.dumps(row))
    [expected] = transcripts_in(tmp_path / "row.json")
    path = write([row])
    [found] = iter_file(path)
    assert (found.format, found.file, found.line) == ("peer_preservation", path, 1)
    assert found.transcript == expected
    assert found.transcript.metadata["external_id"] == "0123456789ab"
    assert found.transcript.metadata["recorded"]["eval_score"] == 74.05


@pytest.mark.parametrize("column", ["transcript", "messages", "conversation", "transcript_json"])
@pytest.mark.parametrize("how", ["text", "nested"])
def test_messages_in_any_of_the_columns_as_text_or_nested_are_read(write, column, how):
    value = json.dumps(SAYS) if how == "text" else SAYS
    [found] = transcripts_in(write([{column: value, "agent_model": "aurora-2", "n": 3}]))
    assert [message.content for message in found.messages] == ["Go on.", "Done."]
    assert found.metadata["agent_model"] == "aurora-2"


def test_a_column_may_hold_whole_transcripts_and_the_other_columns_win(write):
    whole = {"messages": SAYS, "metadata": {"agent_model": "old", "kept": 1}}
    [text] = transcripts_in(write([{"transcript": json.dumps(whole), "agent_model": "new"}]))
    [nested] = transcripts_in(write([{"transcript": whole, "agent_model": "new"}]))
    assert text.metadata == nested.metadata == {"agent_model": "new", "kept": 1}


def test_calls_in_nested_columns_lose_the_nulls_that_columns_add(write):
    [found] = transcripts_in(write([{"messages": NATIVE["messages"]}]))
    [expected] = transcripts_in(write([{"messages": json.dumps(NATIVE["messages"])}]))
    assert found.messages == expected.messages


def test_a_column_metadata_is_opened_and_values_become_what_json_has(write):
    row = {
        "messages": SAYS,
        "metadata": json.dumps({"condition": "a", "n": 1}),
        "n": 2,
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "cost": Decimal("1.50"),
        "nothing": None,
        "odd": float("nan"),
        "picture": b"\xff",
    }
    [found] = transcripts_in(write([row]))
    assert found.metadata == {
        "condition": "a",
        "n": 2,
        "when": "2026-01-02T00:00:00+00:00",
        "cost": 1.5,
    }


def test_a_bad_row_costs_that_row_and_is_named_by_its_number(write):
    rows = [{"messages": text} for text in (json.dumps(SAYS), "{", None, "[]", json.dumps(SAYS))]
    found = list(iter_file(write(rows)))
    assert [(item.line, isinstance(item, Rejection)) for item in found] == [
        (1, False),
        (2, True),
        (3, True),
        (4, True),
        (5, False),
    ]
    assert found[1].cause.startswith("messages: this is not valid JSON")
    assert found[2].cause == "the column messages is null"
    assert str(found[2]).endswith("rows.parquet:3: the column messages is null")


def test_text_that_is_not_utf_8_costs_its_row(write):
    rows = [{"messages": json.dumps(SAYS).encode()}, {"messages": b'[{"role": "\xff"}]'}]
    schema = pa.schema([("messages", pa.binary())])
    found = list(iter_file(write([*rows, rows[0]], schema=schema)))
    assert [isinstance(item, Rejection) for item in found] == [False, True, False]


def test_a_file_without_the_columns_is_one_rejection_that_names_what_there_is(write):
    path = write([{"text": "a", "messages": 1, "label": True}])
    [rejection] = iter_file(path)
    assert isinstance(rejection, Rejection)
    assert "there are text (string), messages (int64), label (bool)" in rejection.cause
    assert "transcript_json, transcript, messages or conversation would do" in rejection.cause


@pytest.mark.parametrize("damage", ["empty", "nonsense", "cut"])
def test_a_file_that_is_no_parquet_is_a_rejection(write, damage):
    path = write([{"messages": SAYS}])
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "nonsense": b"PAR1" * 40, "cut": data[:-20]}[damage])
    [rejection] = iter_file(path)
    assert rejection.cause.startswith("the Parquet file cannot be read")


def test_a_file_without_rows_is_a_rejection(write):
    schema = pa.schema([("messages", pa.string())])
    [rejection] = iter_file(write([], schema=schema))
    assert rejection.cause == "the file has no rows"


def test_rows_are_read_by_the_format_that_is_named(write):
    path = write([{"transcript": json.dumps(OPENAI)}])
    [rejection] = iter_file(path, "native")
    assert isinstance(rejection, Rejection)
    [found] = iter_file(path, "openai_chat")
    assert found.format == "openai_chat"


def test_a_preview_says_which_column_was_taken_for_what(write):
    preview = preview_file(write([{"messages": json.dumps(SAYS), "a": 1, "picture": b"?"}] * 7))
    assert preview.transcripts == 7
    assert preview.notices == [
        "rows.parquet: the transcripts are read from the column messages, and a become metadata; "
        "left out, because bytes or named twice: picture"
    ]


def test_a_large_file_is_read_a_few_rows_at_a_time(write):
    text = "x" * 40_000
    rows = [
        {"messages": json.dumps([{"role": "user", "content": f"{n} {text}"}])} for n in range(1_500)
    ]
    # How many values make a page is the writer's choice.
    path = write(rows, row_group_size=1_500, compression="zstd", write_batch_size=16)
    del rows
    pool = pa.default_memory_pool()
    most = 0
    before = pool.bytes_allocated()
    lines = []
    for found in iter_file(path):
        lines.append(found.line)
        most = max(most, pool.bytes_allocated() - before)
    assert lines == list(range(1, 1_501))
    assert most < 25_000_000, f"{most:,} bytes of 60,000,000 held"
