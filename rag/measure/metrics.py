"""Metrics as pure functions of numbers: each gives its value with n and a 95 % interval, which SciPy computes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
RESAMPLES = 1000
_CELLS = 2**22  # row numbers drawn at a time: 32 MB


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure, the number of units it is over, and the ends of its 95 % interval."""

    value: float
    n: int
    low: float
    high: float


# --- one question or one ranking -----------------------------------------------------------------


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], *, k: int = 10) -> float:
    """nDCG@k with linear gain, as trec_eval computes it (Järvelin & Kekäläinen 2002); 0 where nothing is relevant.

    >>> round(ndcg(["b", "a"], {"a": 1}), 3)  # 1 / log2(3)
    0.631
    """
    gains = [max(0, grades.get(name, 0)) for name in ranking[:k]]
    best = _dcg(sorted((g for g in grades.values() if g > 0), reverse=True)[:k])
    return _dcg(gains) / best if best else 0.0


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def recall(ranking: Sequence[str], relevant: set[str] | frozenset[str], *, k: int = 5) -> float:
    """Share of the relevant that is among the first ``k``; 0 where nothing is relevant.

    >>> recall(["a", "b", "c"], {"a", "z"}, k=2)
    0.5
    """
    return len(relevant & set(ranking[:k])) / len(relevant) if relevant else 0.0


# --- a sample of them ----------------------------------------------------------------------------


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) where n is 0.

    >>> [round(x, 4) for x in wilson(9, 10)]
    [0.5958, 0.9821]
    """
    from scipy.stats import binomtest

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def share(flags: Sequence[bool]) -> Measure | None:
    """Share of True with Wilson's interval; None where there is no flag.

    >>> share([True, True, False, True]).value
    0.75
    """
    if not flags:
        return None
    return Measure(sum(flags) / len(flags), len(flags), *wilson(sum(flags), len(flags)))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact p of two paired shares being the same, from the pairs in which only one is right (McNemar 1947).

    >>> mcnemar(1, 7)
    0.0703125
    """
    from scipy.stats import binomtest

    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def kappa(labels: Sequence[tuple[str, str]], *, seed: int) -> Measure | None:
    """Agreement of two judges beyond chance (Cohen 1960); None where chance alone would agree always.

    >>> kappa([("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no")], seed=0).value
    0.5
    """
    words = sorted({word for pair in labels for word in pair})
    if len(words) < 2:
        return None
    number = {word: n for n, word in enumerate(words)}

    def statistic(rows: npt.NDArray[np.float64]) -> float:
        first, second = rows[:, 0], rows[:, 1]
        chance = sum(float((first == n).mean() * (second == n).mean()) for n in number.values())
        return (float((first == second).mean()) - chance) / (1 - chance) if chance < 1 else math.nan

    return bootstrap([(number[a], number[b]) for a, b in labels], statistic, seed=seed)


def mean(values: Sequence[float], *, seed: int) -> Measure | None:
    """Mean with a bootstrap interval; None where there is no value."""
    return bootstrap([(v,) for v in values], lambda rows: float(rows[:, 0].mean()), seed=seed)


def ratio(parts: Sequence[tuple[float, float]], *, seed: int) -> Measure | None:
    """Sum of the first over the sum of the second, questions resampled; n is the second sum.

    Questions, not citations, are what is independent. None where the second sums to 0.

    >>> ratio([(1, 2), (2, 2)], seed=0).value
    0.75
    """
    if not sum(whole for _, whole in parts):
        return None

    def statistic(rows: npt.NDArray[np.float64]) -> float:
        whole = rows[:, 1].sum()
        return float(rows[:, 0].sum() / whole) if whole else math.nan

    measure = bootstrap(parts, statistic, seed=seed)
    return measure and replace(measure, n=int(sum(whole for _, whole in parts)))


def f1(flags: Sequence[tuple[bool, bool]], *, seed: int) -> Measure | None:
    """F1 of (predicted, true) flags; 0 where nothing is both, None where nothing is true.

    >>> f1([(True, True), (True, False), (False, True)], seed=0).value
    0.5
    """

    def statistic(rows: npt.NDArray[np.float64]) -> float:
        whole = rows[:, 0].sum() + rows[:, 1].sum()
        return float(2 * (rows[:, 0] * rows[:, 1]).sum() / whole) if whole else math.nan

    return bootstrap(flags, statistic, seed=seed) if any(true for _, true in flags) else None


def balanced(refused: Sequence[bool], answered: Sequence[bool], *, seed: int) -> Measure | None:
    """(U + A) / 2: mean of the share of unanswerables refused and that of answerables answered.

    >>> balanced([True, False], [True], seed=0).value
    0.75
    """
    if not refused or not answered:
        return None
    rows = [(0.0, float(flag)) for flag in refused] + [(1.0, float(flag)) for flag in answered]

    def statistic(sample: npt.NDArray[np.float64]) -> float:
        right, kind = sample[:, 1], sample[:, 0] == 1
        return float((right[kind].mean() + right[~kind].mean()) / 2) if 0 < kind.sum() < len(kind) else math.nan

    return bootstrap(rows, statistic, seed=seed)


def auroc(scores: Sequence[float], labels: Sequence[bool], *, seed: int) -> Measure | None:
    """Chance that a True's score exceeds a False's, ties counting half; None where one of them is missing.

    The Mann-Whitney statistic over the product of the counts (Hanley & McNeil 1982).

    >>> auroc([0.9, 0.4, 0.4, 0.1], [True, True, False, False], seed=0).value
    0.875
    """
    if all(labels) or not any(labels):
        return None

    from scipy.stats import rankdata  # sklearn's roc_auc_score gives the same, but takes seconds for 1,000 resamples

    def statistic(rows: npt.NDArray[np.float64]) -> float:
        positive = rows[:, 1] == 1
        positives, negatives = int(positive.sum()), int((~positive).sum())
        if not positives or not negatives:
            return math.nan
        above = rankdata(rows[:, 0])[positive].sum() - positives * (positives + 1) / 2
        return float(above / (positives * negatives))

    return bootstrap([(s, float(label)) for s, label in zip(scores, labels, strict=True)], statistic, seed=seed)


def quantile(values: Sequence[float], q: float, *, seed: int) -> Measure | None:
    """The ``q`` quantile (0.5: the median), by linear interpolation, with a bootstrap interval."""
    return bootstrap([(v,) for v in values], lambda rows: float(np.quantile(rows[:, 0], q)), seed=seed)


def risk_coverage(scores: Sequence[float], right: Sequence[bool], *, points: int = 10) -> list[tuple[float, float]]:
    """(coverage, share wrong among the most confident that make it up), coverage rising in ``points`` steps.

    >>> risk_coverage([0.9, 0.1], [True, False], points=2)
    [(0.5, 0.0), (1.0, 0.5)]
    """
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    sizes = sorted({math.ceil(len(order) * step / points) for step in range(1, points + 1)} - {0})
    return [(size / len(order), sum(not right[i] for i in order[:size]) / size) for size in sizes]


def bootstrap(
    rows: Sequence[Sequence[float]], statistic: Callable[[npt.NDArray[np.float64]], float], *, seed: int
) -> Measure | None:
    """``statistic`` of the rows, shape (n, columns), with a percentile interval (Efron 1979); None for no rows.

    Resamples for which it is not defined (nan) are left out.
    """
    from scipy import stats

    if not len(rows):
        return None
    table = np.asarray(rows, np.float64)
    value = statistic(table)
    if len(table) == 1:
        return Measure(value, 1, value, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # of the undefined ones
        drawn = stats.bootstrap(
            (np.arange(len(table)),),
            lambda numbers: statistic(table[numbers]),
            n_resamples=RESAMPLES,
            batch=max(1, _CELLS // len(table)),
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    defined = drawn[~np.isnan(drawn)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail]) if len(defined) else (value, value)
    return Measure(value, len(table), float(low), float(high))
