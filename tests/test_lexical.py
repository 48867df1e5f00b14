from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.lexical import K1, B, build_lexical, load_lexical
from rag.words import content_stems

TEXTS = ["red fox", "fox fox dog", "cat bird tree", "cat"]


def by_hand(query: list[str], texts: list[list[str]]) -> list[float]:
    """The equation at the top of rag/lexical.py, term by term."""
    average = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for term in query:
            df = sum(term in other for other in texts)
            idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            tf = text.count(term)
            score += idf * tf / (tf + K1 * (1 - B + B * len(text) / average))
        scores.append(score)
    return scores


def test_scores_equal_a_worked_example() -> None:
    # N = 4, avgdl = (2 + 3 + 3 + 1) / 4 = 2.25; df(fox) = 2, df(dog) = 1
    idf_fox, idf_dog = math.log(1 + 2.5 / 2.5), math.log(1 + 3.5 / 1.5)
    first = idf_fox * 1 / (1 + 0.9 * (0.6 + 0.4 * 2 / 2.25))
    second_norm = 0.9 * (0.6 + 0.4 * 3 / 2.25)
    second = idf_fox * 2 / (2 + second_norm) + idf_dog * 1 / (1 + second_norm)
    np.testing.assert_allclose(build_lexical(TEXTS).scores("fox dog"), [first, second, 0, 0], rtol=1e-6)


@given(st.lists(st.lists(st.sampled_from(["fox", "dog", "cat", "bird"]), min_size=1), min_size=1, max_size=12))
def test_scores_equal_an_independent_implementation(texts: list[list[str]]) -> None:
    lexical = build_lexical(" ".join(text) for text in texts)
    np.testing.assert_allclose(lexical.scores("dog cat"), by_hand(["dog", "cat"], texts), rtol=1e-5, atol=1e-6)


def test_search_is_best_first_with_ties_by_row_and_leaves_out_zeros() -> None:
    lexical = build_lexical(["fox", "dog", "fox", "fox fox"])
    assert [row for row, _ in lexical.search("fox", 10)] == [3, 0, 2]
    assert [row for row, _ in lexical.search("fox", 2)] == [3, 0]


@pytest.mark.parametrize("query", ["", "the of and", "zebra", "?!"])
def test_a_query_without_a_known_word_finds_nothing(query: str) -> None:
    assert build_lexical(TEXTS).search(query, 5) == []


def test_words_are_stemmed_and_numbers_kept_whole() -> None:
    lexical = build_lexical(["It licensed models for $14.3 billion.", "Version 14 and 3."])
    assert [row for row, _ in lexical.search("licenses", 5)] == [0]
    assert [row for row, _ in lexical.search("14.3", 5)] == [0]


def test_a_text_without_words_has_a_row_and_no_score() -> None:
    lexical = build_lexical(["", "fox", "..."])
    assert lexical.rows == 3
    assert lexical.search("fox", 5)[0][0] == 1
    assert build_lexical([""]).search("fox", 5) == []


def test_idf_falls_with_document_frequency() -> None:
    lexical = build_lexical(TEXTS)
    assert lexical.idf("fox") == pytest.approx(math.log(2))
    assert lexical.idf("unseen") > lexical.idf("dog") > lexical.idf("fox")


def test_saved_and_loaded_it_answers_identically(tmp_path: Path) -> None:
    lexical = build_lexical(TEXTS)
    lexical.save(tmp_path)
    loaded = load_lexical(tmp_path)
    for query in ("fox dog", "cat", "", "zebra"):
        assert loaded.search(query, 5) == lexical.search(query, 5)
    assert loaded.idf("fox") == lexical.idf("fox")
    assert all(loaded.knows(stem) for stem in content_stems("fox cat tree"))
    assert not loaded.knows("zebra")
