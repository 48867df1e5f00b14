from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.index.duplicates import NEAR, near_duplicates, shingles, signature, similarity

RANDOM = np.random.default_rng(11)
WORDS = [f"word{n}" for n in range(3000)]

FEW_WORDS = st.lists(st.sampled_from("abcd"), min_size=5, max_size=40)


def text(length: int = 400) -> list[str]:
    return [WORDS[n] for n in RANDOM.integers(len(WORDS), size=length)]


def found(texts: list[str]) -> dict[int, int]:
    return near_duplicates(np.stack([signature(t) for t in texts]), texts.__getitem__)


def jaccard(a: str, b: str) -> float:
    """By the definition."""
    sets = [{tuple(t.split()[i : i + 5]) for i in range(len(t.split()) - 4)} for t in (a, b)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(
    st.lists(st.sampled_from("abcd"), min_size=5, max_size=40),
    st.lists(st.sampled_from("abcd"), min_size=5, max_size=40),
)
def test_similarity_is_the_jaccard_of_five_word_runs(a: list[str], b: list[str]) -> None:
    one, two = " ".join(a), " ".join(b)
    assert similarity(shingles(one), shingles(two)) == pytest.approx(jaccard(one, two))


@pytest.mark.parametrize("changed", [0, 1, 2, 3, 5, 8, 12, 40])
def test_near_is_what_the_exact_similarity_says(changed: int) -> None:
    """Thirty pairs a strength of change, among texts that have nothing to do with them."""
    texts = []
    for _ in range(30):
        words = text()
        copy = list(words)
        for place in RANDOM.choice(len(copy), changed, replace=False):
            copy[place] = "changed"
        texts += [" ".join(words), " ".join(copy)]
    pairs = found(texts)
    for n in range(0, 60, 2):
        assert (pairs.get(n + 1) == n) == (jaccard(texts[n], texts[n + 1]) >= NEAR)
    assert not [n for n in pairs if n % 2 == 0]


def test_case_and_punctuation_do_not_count_and_order_does() -> None:
    words = text(100)
    texts = [" ".join(words), ", ".join(words).upper() + "!", " ".join(reversed(words))]
    assert found(texts) == {1: 0}


def test_every_copy_points_to_the_first() -> None:
    one, other = " ".join(text()), " ".join(text())
    assert found([other, one, one, other, one, one + " more"]) == {2: 1, 3: 0, 4: 1, 5: 1}


@pytest.mark.parametrize("empty", ["", "...", " \n"])
def test_texts_without_words_are_nobodys_copies(empty: str) -> None:
    assert found([empty, empty, "a", "a", "b c", "b c d"]) == {3: 2}


def test_known_pairs_are_not_read_again() -> None:
    one = " ".join(text())
    texts = [one, one + " more", one + " less"]
    read: list[int] = []
    signatures = np.stack([signature(t) for t in texts])
    pairs = near_duplicates(signatures, lambda n: read.append(n) or texts[n], known=lambda later, first: True)
    assert pairs == {1: 0, 2: 0}
    assert read == []


def test_a_long_text_is_hashed_block_by_block() -> None:
    words = text(30_000)
    assert found([" ".join(words), " ".join(words[:-50])]) == {1: 0}
