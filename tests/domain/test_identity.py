"""Ids: unique, readable as ULIDs, and in the order in which they were given."""

import os
import re
import threading
from datetime import UTC, datetime, timedelta

from grader.domain.identity import first_id, new_id, utc_now

TIME_DIGITS, RANDOM_DIGITS = 10, 16
MILLISECOND = timedelta(milliseconds=1)


def test_an_id_is_a_prefix_and_a_ulid_of_its_time() -> None:
    before = utc_now()
    given = new_id("run")
    after = utc_now()

    assert re.fullmatch("run_[0-7][0-9A-HJKMNP-TV-Z]{25}", given)
    assert first_id("run", before) <= given < first_id("run", after + MILLISECOND)


def test_the_first_id_of_a_moment_has_the_digits_that_ulids_have() -> None:
    """Those of 01ARZ3NDEKTSV4RRFFQ69G5FAV, the example by which ULIDs are explained."""
    example = datetime(2016, 7, 30, 23, 54, 10, 259_999, tzinfo=UTC)
    assert first_id("jdg", example) == f"jdg_01ARZ3NDEK{'0' * RANDOM_DIGITS}"
    assert first_id("jdg", example + MILLISECOND)[4:][:TIME_DIGITS] == "01ARZ3NDEM"
    assert first_id("jdg", datetime(1970, 1, 1, tzinfo=UTC)) == f"jdg_{'0' * 26}"


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
