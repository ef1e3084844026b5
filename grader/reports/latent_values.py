"""What Dawid & Skene's (1979) model makes of a run's votes on one criterion, and whether it fits.

It needs the votes on all transcripts at once, so it stands beside a run's labels and makes none. A
flag says that the judges err together; then it counts their common errors as news.
"""

import numpy as np

from grader.agreement import Ratings
from grader.agreement.dawid_skene import fit_dawid_skene
from grader.agreement.error_dependence import ErrorDependence, check_independent_errors
from grader.agreement.ratings import MISSING, level_name
from grader.agreement.values import NUMERIC
from grader.domain.noun import Noun

LEAST_JUDGES = 3
"""Two judges' votes fit many models equally well."""
MOST_TESTED = 2_000
"""Transcripts at most on which errors are tested for independence; each is simulated 199 times."""


class JudgeConfusion(Noun):
    judge: str
    said: dict[str, dict[str, float]]
    """Of transcripts that the model gives a value, the share on which the judge says each value."""


class LatentValues(Noun):
    """The model's own values, which nobody gave."""

    n: int
    """Transcripts with a vote."""
    rates: dict[str, float]
    """Share of transcripts of each value: the mean of how likely each has it."""
    judges: tuple[JudgeConfusion, ...]
    error_dependence: ErrorDependence | None
    """Whether the votes fit judges who err independently, as the model takes for granted."""
    n_tested: int
    """On how many transcripts that was tested; a random sample where there are more."""
    reason: str | None = None
    """Why there is no model; null when there is."""


def fit_latent_values(ratings: Ratings, *, seed: int) -> LatentValues:
    """Fit the model to judges' first answers, and test what it assumes."""
    codes = ratings.codes[(ratings.codes != MISSING).any(axis=1)]
    n, n_judges = codes.shape
    why = None
    if ratings.scale in NUMERIC:
        why = f"the scale is {ratings.scale}; the model is for a closed set of values"
    elif n_judges < LEAST_JUDGES:
        why = f"{n_judges} judges; it takes {LEAST_JUDGES} to tell a judge's errors without gold"
    elif n < 2:
        why = f"{n} transcripts with a vote; it takes two"
    if why is not None:
        return LatentValues(n=n, rates={}, judges=(), error_dependence=None, n_tested=0, reason=why)
    names = [level_name(level) for level in ratings.levels]
    fitted = fit_dawid_skene(codes, n_levels=len(names))
    tested = codes
    if n > MOST_TESTED:
        rng = np.random.default_rng([seed, 9])
        tested = codes[rng.choice(n, size=MOST_TESTED, replace=False)]
    return LatentValues(
        n=n,
        rates=dict(zip(names, fitted.posterior.mean(axis=0).tolist(), strict=True)),
        judges=tuple(
            JudgeConfusion(
                judge=judge,
                said={
                    true: dict(zip(names, row, strict=True))
                    for true, row in zip(names, table.tolist(), strict=True)
                },
            )
            for judge, table in zip(ratings.raters, fitted.confusion, strict=True)
        ),
        error_dependence=check_independent_errors(
            tested, n_levels=len(names), raters=ratings.raters, seed=seed
        ),
        n_tested=len(tested),
    )
