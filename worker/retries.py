"""What becomes of a job that ended in an error: now, later or never again.

    now     the work can go on at once, by whoever is free
    later   something has to come back first; the sweeper brings the run up again
    never   a person must look: the run is marked failed, with the reason, and can be resumed

One table for all our errors; a test walks their tree.
"""

from typing import Literal

from grader.errors import (
    BudgetReached,
    Conflict,
    Forbidden,
    GraderError,
    InvalidInput,
    JudgeCheckFailed,
    JudgeUnavailable,
    LeaseLost,
    NotBuilt,
    NotFound,
    ProviderBusy,
    ProviderFault,
    ServerAnswered,
    ServerFailed,
    StoreFull,
    StoreUnavailable,
    Unanswered,
    Unauthenticated,
)

When = Literal["now", "later", "never"]

WHEN: dict[type[GraderError], When] = {
    LeaseLost: "now",
    ProviderBusy: "later",
    ProviderFault: "later",
    StoreUnavailable: "later",
    StoreFull: "later",
    Conflict: "never",
    Forbidden: "never",
    InvalidInput: "never",
    JudgeCheckFailed: "never",
    BudgetReached: "never",
    JudgeUnavailable: "never",
    Unanswered: "later",
    NotBuilt: "never",
    NotFound: "never",
    ServerAnswered: "never",
    ServerFailed: "never",
    Unauthenticated: "never",
}


def when_again(error: BaseException) -> When:
    """Return when a job that ended in this error should be tried again."""
    for kind in type(error).__mro__:
        if kind in WHEN:
            return WHEN[kind]
    return "never"
