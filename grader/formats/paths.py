"""The paths through a session whose events name the event before them.

Sessions branch where a user goes back and tries again; each way from the first event to a last one
is a path. Not a path of its own is a result that merely waits beside its call: parallel calls are
answered side by side. Everything here is linear in the events, whatever they name: an event that
names itself, a later one or one of a circle starts a new session.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Path(NamedTuple):
    """One way through the session."""

    steps: list[int]
    """The events on the way, and the results beside them, by their index, in order."""
    forks_after: int | None
    """The last event that it shares with the latest path, or None where it shares none."""


def without_circles(parents: Sequence[int | None]) -> list[int | None]:
    """Return the parents, None where following them would never end."""
    found = list(parents)
    # 0: not seen; the number of the walk: being walked; -1: known to end.
    seen = [0] * len(found)
    for start in range(len(found)):
        walked = []
        at: int | None = start
        while at is not None and seen[at] == 0:
            seen[at] = start + 1
            walked.append(at)
            at = found[at]
        if at is not None and seen[at] == start + 1:
            found[walked[-1]] = None
        for each in walked:
            seen[each] = -1
    return found


def nearest(parents: Sequence[int | None], chosen: Sequence[bool]) -> list[int | None]:
    """Return for each event the nearest one before it that is chosen; parents have no circles."""
    found: list[int | None] = [None] * len(parents)
    known = [False] * len(parents)
    for start in range(len(parents)):
        walked = []
        at: int | None = start
        while at is not None and not known[at]:
            walked.append(at)
            at = parents[at]
        for each in reversed(walked):
            parent = parents[each]
            if parent is not None:
                found[each] = parent if chosen[parent] else found[parent]
            known[each] = True
    return found


def in_order(parents: Sequence[int | None]) -> list[int]:
    """Return all events, each after the one before it; otherwise as they came."""
    found: list[int] = []
    known = [False] * len(parents)
    for start in range(len(parents)):
        walked = []
        at: int | None = start
        while at is not None and not known[at]:
            known[at] = True
            walked.append(at)
            at = parents[at]
        found += reversed(walked)
    return found


def find_paths(
    parents: Sequence[int | None], beside: Sequence[bool], *, most: int
) -> tuple[list[Path], int]:
    """Return the latest paths, the very latest last, and how many there are altogether.

    `beside` marks events that, when nothing follows them, belong to the event before them.
    """
    aside: list[list[int]] = [[] for _ in parents]
    is_aside = [False] * len(parents)
    has_child = [False] * len(parents)
    for parent in parents:
        if parent is not None:
            has_child[parent] = True
    for index, parent in enumerate(parents):
        if beside[index] and parent is not None and not has_child[index]:
            is_aside[index] = True
            aside[parent].append(index)
    stands = [False] * len(parents)
    for index, parent in enumerate(parents):
        if parent is not None and not is_aside[index]:
            stands[parent] = True
    ends = [index for index in range(len(parents)) if not stands[index] and not is_aside[index]]
    paths = [_walk(end, parents, aside, beside) for end in ends[-most:]]
    if paths:
        latest = set(paths[-1].steps)
        paths = [path._replace(forks_after=_shared(path.steps, latest)) for path in paths]
    return paths, len(ends)


def _walk(
    end: int, parents: Sequence[int | None], aside: Sequence[list[int]], beside: Sequence[bool]
) -> Path:
    way = []
    at: int | None = end
    while at is not None:
        way.append(at)
        at = parents[at]
    steps: list[int] = []
    waiting: list[int] = []
    for each in reversed(way):
        # Results of one answer stand in the order in which they came, on the way or beside it.
        first = [other for other in waiting if other < each or not beside[each]]
        waiting = waiting[len(first) :] + aside[each]
        steps += [*first, each]
    return Path(steps + waiting, None)


def _shared(steps: Sequence[int], latest: set[int]) -> int | None:
    last = None
    for step in steps:
        if step not in latest:
            break
        last = step
    return last
