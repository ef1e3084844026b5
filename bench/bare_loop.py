"""The bare loop that an import is compared with: parse, hash, compress, insert, nothing else.

It fills the same tables, in a process of its own, a thousand rows a transaction. Nothing is
checked, no line is answered, no token counted. Settings come as a line of JSON on standard input;
the answer is one line too.
"""

import hashlib
import json
import resource
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import zstandard

ROWS = 1_000
BODIES = (
    "INSERT INTO bodies (transcript_hash, body, messages, characters) "
    "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
TRANSCRIPTS = (
    "INSERT INTO transcripts "
    "(transcript_id, transcript_hash, metadata_hash, metadata, created_at) "
    "VALUES (?, ?, ?, ?, '2026-01-01 00:00:00.000000') ON CONFLICT DO NOTHING"
)


def rows(path: Path) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    compressor = zstandard.ZstdCompressor()
    with path.open("rb") as lines:
        for line in lines:
            document = orjson.loads(line)
            messages, about = document["messages"], document["metadata"]
            body = orjson.dumps(messages, option=orjson.OPT_SORT_KEYS)
            said = orjson.dumps(about, option=orjson.OPT_SORT_KEYS)
            key = hashlib.sha256(body).digest()
            yield (
                (key, compressor.compress(body), len(messages), len(body)),
                (uuid.uuid4().hex, key, hashlib.sha256(said).digest(), said.decode()),
            )


def insert(connection: Any, mark: str, path: Path) -> int:
    count = 0
    batch: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []

    def flush() -> None:
        for n, statement in enumerate((BODIES, TRANSCRIPTS)):
            connection.cursor().executemany(
                statement.replace("?", mark), [pair[n] for pair in batch]
            )
        connection.commit()
        batch.clear()

    for row in rows(path):
        batch.append(row)
        count += 1
        if len(batch) == ROWS:
            flush()
    flush()
    return count


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    path = Path(settings["lines"])
    if settings["sqlite"]:
        connection: Any = sqlite3.connect(settings["sqlite"])
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        mark = "?"
    else:
        connection = psycopg.connect(settings["postgresql"])
        mark = "%s"
    before, started = cpu(), time.monotonic()
    count = insert(connection, mark, path)
    seconds = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "cpu": cpu() - before, "transcripts": count}))


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
