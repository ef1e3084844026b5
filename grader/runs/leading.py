"""The line of what is to be asked, and who goes first in it.

Providers keep the beginning of a prompt for a while and bill it cheaply when it comes again, but
only once a first call with it was answered. So of several calls whose prompts begin alike, one goes
alone, and the others follow at once when it is answered, ahead of new transcripts. What waits for a
leader takes no place among the calls under way.
"""

from collections import Counter, deque
from collections.abc import Iterable

from grader.domain.judge import JudgeSpec
from grader.runs.shard import Ask

Group = tuple[str, ...]

_LEAST_CACHED_BYTES = 4 * 1024
"""Providers cache nothing below 1,024 tokens, of about four bytes each."""


def shares_prefix(judge: JudgeSpec) -> bool:
    """Tell whether prompts of different rubrics begin alike: their schemas do, which come first."""
    return judge.kind == "llm" and (bool(judge.companions) or judge.modes[0] == "shared_tool")


def group_of(ask: Ask) -> Group | None:
    """Return what the calls have in common that share a cached prefix with this one."""
    judge, key = ask.judge, ask.questions[0].key
    if judge.kind != "llm" or ask.body_bytes < _LEAST_CACHED_BYTES:
        return None
    group = (key.transcript_hash, key.judge_hash, key.view_hash)
    return group if shares_prefix(judge) else (*group, key.rubric_hash)


class Line:
    """What is to be asked, in order; its length is how much of it may start now."""

    def __init__(self) -> None:
        self._ready: deque[Ask] = deque()
        self._following: dict[Group, list[Ask]] = {}
        self.held = 0
        """How many wait for their leader."""

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, asks: Iterable[Ask]) -> None:
        """Put asks at the end; of several that share a prefix only the first may start."""
        groups = [(ask, group_of(ask)) for ask in asks]
        sizes = Counter(group for _, group in groups)
        for ask, group in groups:
            if group is None:
                self._ready.append(ask)
            elif group in self._following:
                self._following[group].append(ask)
                self.held += 1
            else:
                if sizes[group] > 1:
                    self._following[group] = []
                self._ready.append(ask)

    def pop(self) -> Ask:
        """Take the first that may start."""
        return self._ready.popleft()

    def put_back(self, ask: Ask) -> None:
        """Put what could not be asked now at the end; what follows it goes on waiting for it."""
        self._ready.append(ask)

    def follow(self, ask: Ask) -> None:
        """Let those start at once that waited for this to be answered, or given up."""
        group = group_of(ask)
        followers = self._following.pop(group, ()) if group is not None else ()
        self.held -= len(followers)
        self._ready.extendleft(reversed(followers))
