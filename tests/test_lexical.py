from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.index.lexical import K1, B, Lexical, LexicalWriter
from rag.text.words import content_stems

TEXTS = ["red fox", "fox fox dog", "cat bird tree", "cat"]


def build_lexical(texts: Iterable[str], folder: Path | None = None) -> Lexical:
    """The index of ``texts``, in a temporary folder that its maps outlive."""
    with tempfile.TemporaryDirectory() as temporary:
        place = (folder or Path(temporary)) / "words"
        writer = LexicalWriter(place)
        for text in texts:
            writer.add(text)
        writer.close()
        return Lexical(place)


def by_hand(query: list[str], texts: list[list[str]]) -> list[float]:
    """The equation at the top of rag/index/lexical.py, term by term."""
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


def test_copied_rows_answer_as_if_they_were_added(tmp_path: Path) -> None:
    before = build_lexical([*TEXTS, "wolf"], tmp_path)
    writer = LexicalWriter(tmp_path / "after", before)
    writer.copy(2, 4)
    writer.add("fox owl")
    writer.copy(0, 1)
    writer.close()
    after = Lexical(tmp_path / "after")
    anew = build_lexical([*TEXTS[2:4], "fox owl", TEXTS[0]])
    for query in ("fox dog", "cat", "owl bird", "zebra", "wolf"):
        assert after.search(query, 5) == anew.search(query, 5)
    assert after.knows("owl")
    assert not after.knows("wolf")
    assert after.idf("wolf") == anew.idf("wolf") == anew.idf("zebra")


@pytest.mark.parametrize("block", [1, 3, 7])
def test_the_size_of_a_block_does_not_matter(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["", *TEXTS * 5, "fox " * 9, ""]
    expected = build_lexical(texts)
    monkeypatch.setattr("rag.index.lexical._BLOCK", block)
    for query in ("fox dog", "cat tree"):
        assert build_lexical(texts).search(query, 50) == expected.search(query, 50)


def test_scores_equal_those_of_bm25s() -> None:
    bm25s = pytest.importorskip("bm25s")
    random = np.random.default_rng(3)
    texts = [" ".join(f"w{n}" for n in random.zipf(1.5, size=30) if n < 400) or "w1" for _ in range(200)]
    other = bm25s.BM25(k1=K1, b=B, method="lucene")
    other.index([content_stems(text) for text in texts], show_progress=False)
    ours = build_lexical(texts)
    for query in (["w1", "w7"], ["w30", "w2", "w5"]):
        np.testing.assert_allclose(ours.scores(" ".join(query)), other.get_scores(query), rtol=1e-5, atol=1e-6)


def test_ties_at_the_last_place_go_to_the_lower_rows() -> None:
    lexical = build_lexical(["owl", *["fox"] * 30, "fox fox"])
    assert [row for row, _ in lexical.search("fox", 4)] == [31, 1, 2, 3]


def test_skipping_frequent_words_changes_no_answer() -> None:
    random = np.random.default_rng(9)
    texts = [" ".join(f"w{n}" for n in random.zipf(1.3, size=25) if n < 3000) or "w1" for _ in range(1500)]
    lexical = build_lexical(texts)
    for _ in range(60):
        query = " ".join(f"w{n}" for n in random.zipf(1.3, size=6) if n < 3000)
        scores = lexical.scores(query)
        order = [int(row) for row in np.lexsort((np.arange(1500), -scores)) if scores[row] > 0]
        for k in (1, 5, 50, 2000):
            assert lexical.search(query, k) == [(row, float(scores[row])) for row in order[:k]]


def in_languages(folder: Path) -> Lexical:
    writer = LexicalWriter(folder / "words")
    writer.add("The houses and contracts of Berlin were old.")
    writer.add("Die Verträge für Häuser in der Straße sind alt.", "de")
    writer.add("Les écoles de la rue sont fermées.", "fr")
    writer.close()
    return Lexical(folder / "words")


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("Vertrag", 1),
        ("Haus", 1),
        ("Wo ist die Strasse?", 1),
        ("STRASSE", 1),
        ("l'école fermée", 2),
        ("ecole", 2),
        ("contract", 0),
        ("house", 0),
    ],
)
def test_each_row_is_found_by_the_stems_of_its_language(query: str, row: int, tmp_path: Path) -> None:
    assert in_languages(tmp_path).search(query, 1)[0][0] == row


def test_english_rows_score_as_if_no_other_language_were_there(tmp_path: Path) -> None:
    mixed = in_languages(tmp_path)
    assert mixed.languages == ("de", "fr")
    alone = build_lexical(["The houses and contracts of Berlin were old.", "Die Verträge", "Les écoles"])
    norm = float(alone.lengths.mean() / mixed.lengths.mean())
    assert mixed.search("old houses", 3)[0][1] == pytest.approx(alone.search("old houses", 3)[0][1], rel=abs(1 - norm))
    assert [row for row, _ in mixed.search("houses contracts university universe", 5)] == [0]


def test_a_word_of_another_language_is_known_as_it_is_written(tmp_path: Path) -> None:
    lexical = in_languages(tmp_path)
    assert all(lexical.knows(stem) for stem in content_stems("Verträge Häuser écoles fermées"))
    assert not lexical.knows("zebra")


def test_languages_are_kept_where_rows_are_copied(tmp_path: Path) -> None:
    before = in_languages(tmp_path)
    writer = LexicalWriter(tmp_path / "after", before)
    writer.copy(1, 2)
    writer.close()
    assert Lexical(tmp_path / "after").search("Vertrag", 1)[0][0] == 0


@pytest.mark.parametrize(
    ("word", "most", "near"),
    [
        ("licnese", 1, ["license"]), ("Licenes", 2, ["license", "licenses"]), ("xicense", 1, ["license"]),
        ("cafee", 1, ["cafe"]), ("kettle", 1, []), ("license", 1, ["license", "licenses"]),
    ],
)  # fmt: skip
def test_words_that_are_spelled_nearly_alike(word: str, most: int, near: list[str]) -> None:
    rows = build_lexical(["the license", "two licenses", "a Café in 2019"])
    assert [form for form, _, _ in rows.near(word, most)] == near


def test_a_word_of_no_row_any_more_is_near_to_none(tmp_path: Path) -> None:
    before = build_lexical(["kettle", "license"], tmp_path)
    writer = LexicalWriter(tmp_path / "after", before)
    writer.copy(1, 2)
    writer.close()
    after = Lexical(tmp_path / "after")
    assert after.near("kettel", 1) == []
    assert after.near("licnese", 1) == [("license", 1, 1)]


def test_accents_do_not_matter() -> None:
    lexical = build_lexical(["the café of Zoë", "tea"])
    assert [row for row, _ in lexical.search("cafe", 5)] == [0] == [row for row, _ in lexical.search("ZOE", 5)]
