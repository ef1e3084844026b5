"""Money set aside for one call while it is made, from the purse of the run it is made for.

Set aside is the most that the call can cost: a token for every three bytes of the request, rounded
up, and all the output it may have. That is more than any language in common use takes in one of
today's tokenizers (English takes four bytes or more, Chinese about three), not a proof. Nothing
happens without a purse, or where the judge has no prices.
"""

from grader.domain.judge import LLMJudgeSpec
from grader.judges.purse import PURSE, Purse

_LEAST_BYTES_PER_TOKEN = 3


class SetAside:
    """What was set aside for one call; settled exactly once."""

    def __init__(self, purse: Purse | None, microusd: int) -> None:
        self._purse = purse
        self._microusd = microusd

    def settle(self, spent: int | None) -> None:
        """Pay what the call cost; None for all that was set aside, where nobody can know."""
        if self._purse is not None:
            self._purse.settle(self._microusd, self._microusd if spent is None else spent)


_OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def most_output_tokens(spec: LLMJudgeSpec) -> int:
    """Return how long an answer may be, whichever of a vendor's names says so."""
    asked = (spec.parameters.get(name) for name in _OUTPUT_LIMITS)
    return max(spec.max_output_tokens, *(n if isinstance(n, int) else 0 for n in asked))


_NOTHING = SetAside(None, 0)


def set_aside(spec: LLMJudgeSpec, request_bytes: int) -> SetAside:
    """Set aside the most that a call can cost; raises BudgetReached where it is not there."""
    purse = PURSE.get()
    if purse is None or spec.prices is None:
        return _NOTHING
    most_output = most_output_tokens(spec)
    microusd = spec.prices.cost_microusd(
        input_tokens=-(-request_bytes // _LEAST_BYTES_PER_TOKEN),
        cached_tokens=0,
        output_tokens=most_output,
    )
    purse.reserve(microusd)
    return SetAside(purse, microusd)
