"""Metrics against worked examples and against trec_eval and scikit-learn."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.measure import metrics
from rag.measure.gold import holds_answer, holds_most, same_sentence, token_f1

GRADED = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1000)), min_size=11, max_size=40, unique_by=lambda x: x[1]
)


def test_ndcg_of_a_worked_example() -> None:
    grades = {"a": 2, "b": 1, "c": 1}
    ranking = ["x", "a", "b", "y"]
    found = 2 / math.log2(3) + 1 / math.log2(4)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg(ranking, grades) == pytest.approx(found / ideal)
    assert metrics.ndcg(["a", "b", "c"], grades) == 1
    assert metrics.ndcg(ranking, {}) == 0
    assert metrics.ndcg(["x"] * 10 + ["a"], {"a": 1}) == 0


@settings(deadline=None, max_examples=50)  # the first example imports the other library
@given(GRADED)
def test_ndcg_equals_scikit_learns(rows: list[tuple[int, int]]) -> None:
    from sklearn.metrics import ndcg_score

    grades, scores = zip(*rows, strict=True)
    order = sorted(range(len(rows)), key=lambda i: -scores[i])
    ours = metrics.ndcg([str(i) for i in order], {str(i): g for i, g in enumerate(grades)})
    assert ours == pytest.approx(ndcg_score([grades], [scores], k=10))


@given(GRADED)
def test_ndcg_equals_trec_evals(rows: list[tuple[int, int]]) -> None:
    import pytrec_eval

    grades = {f"d{i}": grade for i, (grade, _) in enumerate(rows)}
    scores = {f"d{i}": float(score) for i, (_, score) in enumerate(rows)}
    theirs = pytrec_eval.RelevanceEvaluator({"q": grades}, {"ndcg_cut.10"}).evaluate({"q": scores})
    ranking = sorted(scores, key=lambda name: -scores[name])
    assert metrics.ndcg(ranking, grades) == pytest.approx(theirs["q"]["ndcg_cut_10"])


def test_recall_counts_what_is_relevant() -> None:
    assert metrics.recall(["a", "x", "b", "c", "d", "z"], {"a", "b", "z"}, k=5) == pytest.approx(2 / 3)
    assert metrics.recall(["a"], set(), k=5) == 0


@given(st.integers(1, 500), st.data())
@settings(deadline=None)  # the first example imports SciPy
def test_wilson_solves_the_equation_it_is_made_of(n: int, data: st.DataObject) -> None:
    """Both ends lie as many standard errors of their own from the share as the normal quantile says (Wilson 1927)."""
    share = data.draw(st.integers(0, n)) / n
    for end in metrics.wilson(round(share * n), n):
        assert (share - end) ** 2 == pytest.approx(1.959963984540054**2 * end * (1 - end) / n, abs=1e-9)


V = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0, 8.0]
THIRDS = [n % 3 == 0 for n in range(len(V))]
HIGH = [v > 3 for v in V]


@pytest.mark.parametrize(
    ("measure", "value", "n", "low", "high"),
    [
        (metrics.mean(V, seed=7), 4.333333333333333, 12, 3.0, 5.666666666666667),
        (metrics.quantile(V, 0.5, seed=7), 4.5, 12, 2.5, 5.5),
        (metrics.auroc(V, THIRDS, seed=7), 0.109375, 12, 0.0, 0.3459740259740255),
        (metrics.ratio([(v > 4, v) for v in V], seed=7), 6 / 52, 52, 0.06521739130434782, 0.15517241379310345),
        (metrics.balanced(HIGH, HIGH[:5], seed=7), 0.4916666666666667, 17, 0.23076923076923078, 0.775),
        (metrics.share([True] * 45 + [False] * 3), 45 / 48, 48, 0.8316456194505365, 0.9785167670916107),
        (metrics.share([True] * 10), 1, 10, 0.7224672001371107, 1),
    ],
)
def test_intervals_are_those_of_earlier_reports(
    measure: metrics.Measure, value: float, n: int, low: float, high: float
) -> None:
    """Numbers of a plain loop over ``rng.integers`` and of Wilson's formula, from which the published reports come."""
    assert (measure.value, measure.n, measure.low, measure.high) == pytest.approx((value, n, low, high), abs=1e-12)


@settings(deadline=None, max_examples=50)  # the first example imports the other library
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=50))
def test_auroc_equals_scikit_learns(rows: list[tuple[int, bool]]) -> None:
    from sklearn.metrics import roc_auc_score

    scores, labels = [float(s) for s, _ in rows], [label for _, label in rows]
    with mock.patch.object(metrics, "RESAMPLES", 50):
        found = metrics.auroc(scores, labels, seed=0)
    if len(set(labels)) < 2:
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(roc_auc_score(labels, scores))
        assert 0 <= found.low <= found.high <= 1


def test_f1_equals_scikit_learns_and_a_worked_example() -> None:
    from sklearn.metrics import f1_score

    flags = [(True, True)] * 3 + [(True, False)] * 2 + [(False, True)] + [(False, False)] * 4
    found = metrics.f1(flags, seed=0)
    assert found is not None
    assert found.value == pytest.approx(2 * 3 / (5 + 4))
    assert found.value == pytest.approx(f1_score([t for _, t in flags], [p for p, _ in flags]))
    assert metrics.f1([(True, False)], seed=0) is None
    nothing_found = metrics.f1([(False, True)], seed=0)
    assert nothing_found is not None
    assert nothing_found.value == 0


def test_balanced_accuracy_does_not_follow_the_larger_class() -> None:
    refuses_all = metrics.balanced([True] * 90, [False] * 10, seed=0)
    assert refuses_all is not None
    assert (refuses_all.value, refuses_all.n) == (0.5, 100)
    assert metrics.balanced([], [True], seed=0) is None


def test_a_ratio_weighs_citations_and_resamples_questions() -> None:
    found = metrics.ratio([(1, 1), (0, 3)], seed=0)
    assert found is not None
    assert (found.value, found.n, found.low, found.high) == (0.25, 4, 0.0, 1.0)
    assert metrics.ratio([(0, 0)], seed=0) is None


def test_bootstrap_covers_the_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        found = metrics.mean(list(random.normal(5, 2, 60)), seed=seed)
        assert found is not None
        covered += found.low <= 5 <= found.high
    assert 85 <= covered <= 100


def test_the_seed_fixes_the_interval() -> None:
    values = list(np.random.default_rng(0).random(50))
    assert metrics.mean(values, seed=3) == metrics.mean(values, seed=3)
    assert metrics.mean(values, seed=3) != metrics.mean(values, seed=4)


def test_quantiles() -> None:
    values = [float(v) for v in range(1, 101)]
    for q in (0.5, 0.95):
        found = metrics.quantile(values, q, seed=0)
        assert found is not None
        assert found.value == pytest.approx(np.quantile(values, q))
        assert found.low <= found.value <= found.high


def test_one_value_has_no_interval_and_undefined_resamples_are_left_out() -> None:
    assert metrics.mean([3.0], seed=0) == metrics.Measure(3.0, 1, 3.0, 3.0)
    few = metrics.auroc([0.1, 0.9, 0.5], [False, True, False], seed=0)  # most resamples hold one kind only
    assert few == metrics.Measure(1.0, 3, 1.0, 1.0)


def test_nothing_measured_is_none_and_not_zero() -> None:
    assert metrics.share([]) is None
    assert metrics.mean([], seed=0) is None
    assert metrics.auroc([0.5], [True], seed=0) is None


def test_risk_falls_where_the_confident_are_right() -> None:
    curve = metrics.risk_coverage([0.9, 0.8, 0.2, 0.1], [True, True, False, False], points=4)
    assert curve == [(0.25, 0.0), (0.5, 0.0), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]
    assert metrics.risk_coverage([], []) == []


# --- string rules --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "gold", "same"),
    [
        ("He came in 1903 .", "He came in 1903.", True),
        ("Then he left. He came to the town in 1903.", "He came to the town in 1903", True),  # a widened quotation
        ("came to the small town in", "He came to the small town in 1903, and stayed.", True),  # a cut sentence
        ("the town", "He came to the small town in 1903, and stayed in the town.", False),
        ("He came to the town in 1903 with his two sons", "He came to the town in 1903 with her two sons", True),
        ("He came to the town in 1903", "Nobody knows what became of them", False),
        ("", "He came.", False),
        ("He came.", "?!", False),
    ],
)
def test_when_a_quotation_is_a_gold_sentence(quote: str, gold: str, same: bool) -> None:
    assert same_sentence(quote, gold) is same


def test_a_chunk_that_cuts_a_gold_text_still_holds_it() -> None:
    gold = "He came to the small town in 1903, and stayed there for good."
    assert holds_most("Before. He came to the small town in 1903,", gold)
    assert not holds_most("Before. He came to the", gold)
    assert not holds_most("In the town there, for the good of it, he came in and stayed small.", gold)
    assert holds_most(gold, gold + " Nobody knows what became of him later on." * 9)
    assert not holds_most("", gold)
    assert not holds_most(gold, "")


@pytest.mark.parametrize(
    ("text", "answers", "held"),
    [
        ("It was the Nobel Prize.", ["Nobel prize"], True),
        ("It was a Nobel Prize.", ["the Nobel Prize"], True),
        ("3,559 people live there", ["3,559 people"], True),
        ("13,559 people live there", ["3,559 people"], False),
        ("It was so.", ["", "?"], False),
        ("It was so.", [], False),
        ("The", ["the"], True),
    ],
)
def test_when_a_text_holds_an_answer(text: str, answers: list[str], held: bool) -> None:
    assert holds_answer(text, answers) is held


@settings(deadline=None, max_examples=50)  # the first example imports the other library
@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
def test_token_f1_is_symmetric_and_one_only_for_the_same_words(a: list[str], b: list[str]) -> None:
    assert token_f1(a, b) == token_f1(b, a)
    assert 0 <= token_f1(a, b) <= 1
    assert (token_f1(a, b) == 1) == (bool(a) and sorted(a) == sorted(b))
