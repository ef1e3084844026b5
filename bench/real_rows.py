"""Make a large Parquet file of rows like the data set's from a folder of the study's transcripts.

    python -m bench.real_rows FOLDER TARGET [ROWS]

Each transcript of the folder is taken again and again, with a numbered line added to its first
message, so that no two rows are the same. The transcripts are read where they lie and nothing of
them is kept here: their licence does not let them into the project.
"""

import json
import sys
from pathlib import Path
from typing import Any

from grader.formats import FoundTranscript, iter_file

ROWS = 50_000
_GROUP = 1_000
_COLUMNS = ("agent_model", "condition", "subject", "task_type", "group", "is_memory")


def write_rows(folder: Path, target: Path, rows: int = ROWS) -> int:
    """Write `rows` rows, and return how many transcripts of the folder they were made of."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    given = [_read(path) for path in sorted(folder.glob("*.json"))]
    assert given, f"no transcript in {folder}"
    schema = pa.schema(
        [("transcript_id", pa.string())]
        + [(name, pa.bool_() if name.startswith("is_") else pa.string()) for name in _COLUMNS]
        + [("num_turns", pa.int64()), ("transcript_json", pa.string())]
    )
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for start in range(0, rows, _GROUP):
            numbers = range(start, min(start + _GROUP, rows))
            made = [_row(n, *given[n % len(given)]) for n in numbers]
            writer.write_table(pa.Table.from_pylist(made, schema))
    return len(given)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a file's document, and the metadata that its format finds in it."""
    (found,) = iter_file(path)
    assert isinstance(found, FoundTranscript), found
    return json.loads(path.read_bytes()), found.transcript.metadata


def _row(number: int, document: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    first, *others = document["conversation"]
    numbered = {**first, "content": f"{first.get('content') or ''}\nRow {number}."}
    changed = {**document, "conversation": [numbered, *others]}
    columns = {name: about.get(name) for name in _COLUMNS}
    return {
        **columns,
        "transcript_id": f"{number:012x}",
        "num_turns": len(others) + 1,
        "transcript_json": json.dumps(changed, ensure_ascii=False),
    }


if __name__ == "__main__":
    count = int(sys.argv[3]) if len(sys.argv) > 3 else ROWS
    write_rows(Path(sys.argv[1]), Path(sys.argv[2]), count)
