"""What becomes of an answer that the database cannot take in the form it came.

Text is made storable where it enters, so this is for what nobody foresaw. One such row must not
hold up a hundred others, nor be asked for ever: it becomes a failure with the reason in words.
"""

from grader.domain.judgment import Judgment

_MOST_TOLD = 300


def as_failure(answer: Judgment, error: Exception, *, with_output: bool) -> Judgment:
    """Return what is stored instead: its calls and what they cost, with their raw output or not."""
    told = str(error).split("\n", 1)[0].encode("ascii", "replace").decode().replace("\x00", "?")
    attempts = answer.attempts
    if not with_output:
        attempts = tuple(each.model_copy(update={"raw_output": None}) for each in attempts)
    return answer.model_copy(
        update={
            "status": "failed",
            "reason": "provider_error",
            "detail": f"the answer cannot be stored: {told}"[:_MOST_TOLD],
            "values": {},
            "explanation": "",
            "evidence": (),
            "attempts": attempts,
            "mode": None,
        }
    )
