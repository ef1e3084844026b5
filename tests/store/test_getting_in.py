"""What an import stores: each body once, each transcript once, its tokens counted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from grader.domain.transcript import Transcript
from grader.store import Store, transcripts
from grader.store.schema import bodies
from grader.tokens import count_tokens


def saying(text: str, **metadata: Any) -> Transcript:
    return Transcript(messages=[{"role": "user", "content": text}], metadata=metadata)


def test_a_body_is_stored_once_with_its_counts(store: Store) -> None:
    same = [saying("one two three", condition="a"), saying("one two three", condition="b")]
    with store.transaction() as connection:
        added = transcripts.add_transcripts(connection, [*same, same[0]])
    assert [each.created for each in added] == [True, True, False]
    assert added[0].transcript_id == added[2].transcript_id != added[1].transcript_id
    with store.reading() as connection:
        [row] = connection.execute(sa.select(bodies)).mappings()
        found = transcripts.get_transcript(connection, added[1].transcript_id)
    assert (row["messages"], row["characters"]) == (1, 13)
    assert row["tokens"] == count_tokens(same[0].messages)
    assert found == same[1]


def test_what_another_writer_stored_meanwhile_is_told_as_existing(store: Store) -> None:
    mine = [saying("a"), saying("b"), saying("c")]
    with store.reading() as connection:
        prepared = transcripts.prepare(mine, transcripts.find_known(connection, mine))
    with store.transaction() as connection:
        [theirs] = transcripts.add_transcripts(connection, [saying("b")])
    with store.transaction() as connection:
        added = transcripts.write(connection, prepared)
    assert [each.created for each in added] == [True, False, True]
    assert added[1].transcript_id == theirs.transcript_id


def test_writers_of_the_same_at_the_same_time_create_each_once(store: Store) -> None:
    given = [saying(f"{n}") for n in range(300)]

    def add(turn: int) -> int:
        mine = given if turn % 2 else given[::-1]
        created = 0
        for start in range(0, len(mine), 50):
            with store.transaction() as connection:
                added = transcripts.add_transcripts(connection, mine[start : start + 50])
            created += sum(each.created for each in added)
        return created

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(4))) == 300


def test_tokens_that_an_older_version_did_not_count_are_counted_and_kept(store: Store) -> None:
    given = [saying(f"{n} and more") for n in range(250)]
    with store.transaction() as connection:
        transcripts.add_transcripts(connection, given)
        connection.execute(bodies.update().values(tokens=None))
        connection.execute(
            bodies.update()
            .where(bodies.c.transcript_hash == given[0].transcript_hash)
            .values(tokens=77)
        )
        hashes = [each.transcript_hash for each in given]
        found = transcripts.fill_tokens(connection, [*hashes, hashes[0]])
    expected = {each.transcript_hash: count_tokens(each.messages) for each in given}
    assert found == expected | {hashes[0]: 77}
    with store.reading() as connection:
        rows = connection.execute(sa.select(bodies.c.transcript_hash, bodies.c.tokens))
        kept = dict(rows.all())
    assert kept == found
