"""The changes of status that are legal, as a table; all others are refused."""

from typing import get_args

import pytest

from grader.domain.run import RunStatus, ShardStatus, check_run_move, check_shard_move
from grader.errors import IllegalTransition

RUN_STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
SHARD_STATUSES: tuple[ShardStatus, ...] = get_args(ShardStatus)

#            created running paused finished cancelled failed
RUN_TABLE = """
created      .       yes     yes    yes      yes       yes
running      .       .       yes    yes      yes       yes
paused       .       yes     .      yes      yes       .
finished     .       yes     .      .        .         .
cancelled    .       .       .      .        .         .
failed       .       yes     .      .        yes       .
"""
#            open leased finished
SHARD_TABLE = """
open         .    yes    yes
leased       yes  .      yes
finished     yes  .      .
"""


def moves(table: str, statuses: tuple[str, ...]) -> list[tuple[str, str, bool]]:
    rows = [line.split() for line in table.strip().splitlines()]
    assert [row[0] for row in rows] == list(statuses)
    return [
        (row[0], then, cell == "yes")
        for row in rows
        for then, cell in zip(statuses, row[1:], strict=True)
    ]


@pytest.mark.parametrize(("now", "then", "legal"), moves(RUN_TABLE, RUN_STATUSES))
def test_a_run_moves_by_the_table(now: RunStatus, then: RunStatus, legal: bool) -> None:
    if legal:
        check_run_move(now, then)
    else:
        with pytest.raises(IllegalTransition, match=f"a {now} run cannot become {then}; it can"):
            check_run_move(now, then)


@pytest.mark.parametrize(("now", "then", "legal"), moves(SHARD_TABLE, SHARD_STATUSES))
def test_a_shard_moves_by_the_table(now: ShardStatus, then: ShardStatus, legal: bool) -> None:
    if legal:
        check_shard_move(now, then)
    else:
        with pytest.raises(IllegalTransition, match=f"a {now} shard cannot become {then}"):
            check_shard_move(now, then)
