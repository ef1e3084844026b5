"""Ids: unique, readable as ULIDs, and in the order in which they were given."""

import os
import threading
import time

from ulid import ULID

from grader.domain.identity import new_id

RANDOM_DIGITS = 16


def test_an_id_is_a_prefix_and_a_ulid_of_its_time() -> None:
    before = time.time_ns() // 1_000_000
    prefix, _, rest = new_id("run").partition("_")
    after = time.time_ns() // 1_000_000

    assert prefix == "run"
    assert str(ULID.from_str(rest)) == rest
    assert before <= ULID.from_str(rest).milliseconds <= after


def test_ids_sort_in_the_order_in_which_they_were_given() -> None:
    given = [new_id("jdg") for _ in range(2_000)]

    assert given == sorted(set(given))


def test_threads_are_never_given_the_same_id() -> None:
    given: list[str] = []
    threads = [
        threading.Thread(target=lambda: given.extend(new_id("jdg") for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(given)) == 2_000


def test_processes_forked_from_one_draw_random_parts_of_their_own() -> None:
    """Two sisters may each give an id in one millisecond."""
    new_id("jdg")
    drawn = set()
    for _ in range(4):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, new_id("jdg")[-RANDOM_DIGITS:].encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading) as told:
            drawn.add(told.read())

    assert len(drawn) == 4
