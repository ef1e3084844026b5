"""How often 95 % intervals hold the truth: simulated, the poor cases with the good ones.

    python -m grader.agreement.simulation            # writes docs/coverage.md, some minutes

Judges err independently with known sensitivity and specificity, so the true coefficients are known
by formula. Each interval is made twice over: as it comes out, and as a report shows it, which
withholds some (`withholding.py`, `prevalence.py`). The thresholds there come from this table.
"""

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.agreement.bootstrap import (
    Bounds,
    estimate_accelerations,
    read_bounds,
    sample_estimates,
)
from grader.agreement.coefficients import equal_only, gwet, krippendorff_alpha
from grader.agreement.pairwise import cohen_kappa
from grader.agreement.patterns import BoolArray, Estimator, IntArray, Patterns, group_units
from grader.agreement.prevalence import (
    Calibration,
    Prevalence,
    calibrate,
    estimate_prevalence,
    find_power,
    ppi_interval,
)
from grader.agreement.statistic import Statistic
from grader.agreement.withholding import why_withheld

PREVALENCES = (0.005, 0.02, 0.15, 0.5)
CLAIMED = 0.93
"""A nominal 95 % interval is called good from here on."""


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    prevalence: float
    n_judges: int = 2
    n_units: int = 1000
    n_gold: int = 200
    sensitivity: float = 0.90
    specificity: float = 0.97
    gold_by_votes: bool = False
    """Half of the gold labels from units that the judge calls true, as far as there are any."""


@dataclass
class Coverage:
    """How one kind of interval did in one setting."""

    statistic: str
    method: str
    setting: Setting
    truth: float
    tables: int = 0
    with_interval: int = 0
    covered: int = 0
    shown: int = 0
    shown_covered: int = 0
    widths: float = 0.0

    def add(self, bounds: tuple[float | None, float | None], *, is_shown: bool) -> None:
        """Count one table: its interval if it has one, and whether a report would show it."""
        self.tables += 1
        low, high = bounds
        if low is None or high is None:
            return
        holds = low <= self.truth <= high
        self.with_interval += 1
        self.covered += holds
        if is_shown:
            self.shown += 1
            self.shown_covered += holds
            self.widths += high - low


def true_coefficients(setting: Setting) -> dict[str, float]:
    """Return alpha, kappa and AC1 of judges with equal, independent errors, by formula."""
    p, se, sp = setting.prevalence, setting.sensitivity, setting.specificity
    says = p * se + (1 - p) * (1 - sp)
    agree = p * (se**2 + (1 - se) ** 2) + (1 - p) * (sp**2 + (1 - sp) ** 2)
    same, other = says**2 + (1 - says) ** 2, 2 * says * (1 - says)
    kappa = (agree - same) / (1 - same)
    return {"alpha": kappa, "kappa": kappa, "AC1": (agree - other) / (1 - other)}


def draw_votes(setting: Setting, rng: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """Return (truth of each unit, votes of shape (units, judges))."""
    truth = rng.random(setting.n_units) < setting.prevalence
    chance = np.where(truth, setting.sensitivity, 1 - setting.specificity)
    votes = rng.random((setting.n_units, setting.n_judges)) < chance[:, np.newaxis]
    return truth, votes


def draw_gold(
    setting: Setting, truth: BoolArray, judged: BoolArray, rng: np.random.Generator
) -> Calibration:
    """Return gold labels at random, or as many of each of the judge's two values."""
    members = [np.arange(setting.n_units)]
    if setting.gold_by_votes:
        members = [np.flatnonzero(judged == value) for value in (True, False)]
    left, taken, weights = setting.n_gold, [], []
    for place, inside in enumerate(members):
        n = min(len(inside), left // (len(members) - place))
        taken.append(rng.choice(inside, size=n, replace=False) if len(members) > 1 else inside[:n])
        weights.append(np.full(n, len(inside) / max(1, n)))
        left -= n
    units = np.concatenate(taken)
    return calibrate(
        truth[units],
        judged[units],
        n_units=setting.n_units,
        positives=int(judged.sum()),
        weights=np.concatenate(weights),
        strata=judged[units] if setting.gold_by_votes else None,
    )


def simulate_agreement(
    setting: Setting, *, tables: int, draws: int, rng: np.random.Generator
) -> list[Coverage]:
    """Return the coverage of alpha's, kappa's and AC1's intervals, percentile and BCa.

    Kappa is that of the first two judges.
    """
    truths = true_coefficients(setting)
    found = {
        (name, method): Coverage(name, method, setting, truth)
        for name, truth in truths.items()
        for method in ("percentile", "BCa")
    }
    for _ in range(tables):
        codes = draw_votes(setting, rng)[1].astype(np.int64)
        for name, method, bounds, is_shown in _intervals(codes, draws, rng):
            found[name, method].add((bounds.low, bounds.high), is_shown=is_shown)
    return list(found.values())


def simulate_rates(setting: Setting, *, tables: int, rng: np.random.Generator) -> list[Coverage]:
    """Return the coverage of one judge's sensitivity and of the rates that one may print."""
    setting = replace(setting, n_judges=1)
    corrected = "linearised" if setting.gold_by_votes else "Lang & Reiczigel"
    found: dict[str, Coverage] = {
        name: Coverage(name, method, setting, truth)
        for name, method, truth in (
            ("sensitivity", "Wilson", setting.sensitivity),
            ("naive rate", "Wilson", setting.prevalence),
            ("gold only", "Wilson", setting.prevalence),
            ("Rogan–Gladen", corrected, setting.prevalence),
            ("PPI++", "normal", setting.prevalence),
            ("the recommended one", "as recommended", setting.prevalence),
        )
    }
    for _ in range(tables):
        truth, votes = draw_votes(setting, rng)
        judged = votes[:, 0]
        sample = draw_gold(setting, truth, judged, rng)
        estimates = estimate_prevalence(sample)
        shown = {
            "sensitivity": estimates.sensitivity,
            "naive rate": estimates.naive,
            "gold only": estimates.gold_only,
            "Rogan–Gladen": estimates.rogan_gladen,
            "PPI++": estimates.ppi_plus_plus,
            "the recommended one": _recommended(estimates),
        }
        power = find_power(sample)
        for name, statistic in shown.items():
            bounds = (statistic.low, statistic.high)
            is_shown = statistic.low is not None
            if name == "PPI++" and power is not None:
                bounds = ppi_interval(sample, power)[1:]
            found[name].add(bounds, is_shown=is_shown)
    return list(found.values())


def render_page(coverages: Iterable[Coverage], *, tables: int, draws: int, seed: int) -> str:
    """Return the page of the whole table, poor coverage included."""
    groups: dict[Setting, list[Coverage]] = {}
    for coverage in coverages:
        groups.setdefault(coverage.setting, []).append(coverage)
    lines = [_INTRODUCTION.format(tables=tables, draws=draws, seed=seed)]
    for setting, rows in groups.items():
        lines += ["", f"## {_title(setting)}", "", *_HEAD]
        lines += [_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def simulate_all(*, tables: int, draws: int, seed: int) -> Iterator[Coverage]:
    """Yield every row of the page; each setting has a stream of random numbers of its own."""
    for number, setting in enumerate(SETTINGS):
        rng = np.random.default_rng([seed, number])
        yield from simulate_agreement(setting, tables=tables, draws=draws, rng=rng)
    for number, setting in enumerate(RATE_SETTINGS):
        rng = np.random.default_rng([seed, len(SETTINGS) + number])
        yield from simulate_rates(setting, tables=tables, rng=rng)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, and write the page."""
    parser = argparse.ArgumentParser(description="Simulate how often 95 % intervals cover.")
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("docs/coverage.md"))
    given = parser.parse_args(arguments)
    coverages = simulate_all(tables=given.tables, draws=given.draws, seed=given.seed)
    page = render_page(coverages, tables=given.tables, draws=given.draws, seed=given.seed)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(page, encoding="utf-8")


def _intervals(
    codes: IntArray, draws: int, rng: np.random.Generator
) -> Iterator[tuple[str, str, Bounds, bool]]:
    everyone, pair = group_units(np.sort(codes, axis=1)), group_units(codes[:, :2])
    asked: tuple[tuple[Patterns, dict[str, Estimator]], ...] = (
        (
            everyone,
            {
                "alpha": krippendorff_alpha(everyone, np.arange(2.0), metric="nominal"),
                "AC1": gwet(everyone, equal_only(2)),
            },
        ),
        (pair, {"kappa": cohen_kappa(pair, 2)}),
    )
    for patterns, estimators in asked:
        is_shown = why_withheld(patterns) is None
        samples = sample_estimates(patterns, estimators, draws=draws, rng=rng)
        accelerations = estimate_accelerations(patterns, estimators, rng=rng)
        for name, estimator in estimators.items():
            value = float(estimator(patterns.observed)[0])
            for method, acceleration in (("percentile", None), ("BCa", accelerations[name])):
                bounds = Bounds(None, None)
                if not math.isnan(value):
                    bounds = read_bounds(samples[name], value=value, acceleration=acceleration)
                yield name, method, bounds, is_shown or name == "AC1"


def _recommended(estimates: Prevalence) -> Statistic:
    if estimates.recommended is None:
        return Statistic(value=None, n=0, reason=estimates.advice)
    found: Statistic = getattr(estimates, estimates.recommended)
    return found


def _title(setting: Setting) -> str:
    judges = "one judge" if setting.n_judges == 1 else f"{setting.n_judges} judges"
    by_votes = ", half of them where the judge says true" if setting.gold_by_votes else ""
    gold = f", {setting.n_gold} gold labels{by_votes}" if setting.n_judges == 1 else ""
    expected = setting.n_gold if setting.n_judges == 1 else setting.n_units
    true: float = expected * setting.prevalence
    if setting.gold_by_votes:
        true = _gold_positives(setting)
    return (
        f"{judges}, {setting.n_units:,} units{gold}, prevalence {setting.prevalence:.1%} "
        f"({true:.3g} expected to be true)"
    )


def _gold_positives(setting: Setting) -> float:
    """Return how many true units a sample by votes is expected to have."""
    p, se, n = setting.prevalence, setting.sensitivity, setting.n_units
    called = n * (p * se + (1 - p) * (1 - setting.specificity))
    n_called = min(called, setting.n_gold / 2)
    n_others = min(n - called, setting.n_gold - n_called)
    return n * p * (se * n_called / called + (1 - se) * n_others / (n - called))


def _row(row: Coverage) -> str:
    def share(part: int, whole: int) -> str:
        return f"{part / whole:.1%}" if whole else "–"

    width = f"{row.widths / row.shown:.3f}" if row.shown else "–"
    return (
        f"| {row.statistic} | {row.method} | {row.truth:.3f} "
        f"| {share(row.covered, row.with_interval)} | {share(row.with_interval, row.tables)} "
        f"| {share(row.shown_covered, row.shown)} | {share(row.shown, row.tables)} | {width} |"
    )


_HEAD = (
    "| statistic | interval | truth | covers | of all tables | shown: covers | shown | width |",
    "|---|---|--:|--:|--:|--:|--:|--:|",
)
_INTRODUCTION = """\
# How often the intervals cover

Made by `python -m grader.agreement.simulation --tables {tables} --draws {draws} --seed {seed}`;
do not edit. Judges err independently, with sensitivity .90 and specificity .97. Each row is
{tables:,} simulated tables; a bootstrap has {draws:,} draws. Nominally every interval covers 95 %.

- **covers**: share of the intervals that hold the truth, before anything is withheld;
  **of all tables**: in how many tables there was an interval at all.
- **shown: covers** and **shown**: the same for intervals that a report shows. The others are null
  with the reason: of alpha and kappa, when most raters agree on a value other than the commonest
  on fewer than 5 units; of PPI++, when gold calls fewer than 10 units true (or false).
- Where nearly everything is withheld, the few that are shown come from tables that happened to
  have more positives than usual; their coverage is told as it is.
- **the recommended one** is the narrowest of PPI++, Rogan–Gladen and gold's own rate in each
  table; choosing by width costs a little coverage, which is why it has a row of its own.
- **half of them where the judge says true**: gold drawn by the judge's votes and weighted by one
  over the inclusion probability; the correction's interval is then linearised (`prevalence.py`).
  Of the 10 true units that an interval takes, a heavy one counts less (Kish's effective number).
- **naive rate** is what most papers print."""

SETTINGS = (
    *(Setting(prevalence, n_judges=n) for n in (2, 5) for prevalence in PREVALENCES),
    *(Setting(prevalence, n_judges=n, n_units=200) for n in (2, 5) for prevalence in (0.005, 0.02)),
)
RATE_SETTINGS = (
    *(Setting(prevalence, n_judges=1) for prevalence in PREVALENCES),
    *(
        Setting(prevalence, n_judges=1, n_units=10_000, gold_by_votes=True)
        for prevalence in PREVALENCES
    ),
)

if __name__ == "__main__":
    main()
