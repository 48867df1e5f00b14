import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ground.draft import DraftParser
from rag.types import Claim


def parse(text: str, *, known: int = 9, size: int = 1000) -> list[Claim]:
    parser = DraftParser(known=known)
    claims: list[Claim] = []
    for start in range(0, len(text), size):
        claims += parser.feed(text[start : start + size])
    return claims + parser.finish()


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("It is closed [1].", [("It is closed.", (1,))]),
        ("It is closed. [1] It is late [2].", [("It is closed.", (1,)), ("It is late.", (2,))]),
        ("One [1][3]. Two [2, 4].", [("One.", (1, 3)), ("Two.", (2, 4))]),
        ("A range [2-4].", [("A range.", (2, 3, 4))]),
        ("Full width 【2】.", [("Full width.", (2,))]),
        ("Dagger 【2†source】.", [("Dagger.", (2,))]),
        ("No marker.", [("No marker.", ())]),
        ("Unknown [12].", [("Unknown.", ())]),
        ("Zero [0] and twice [1][1].", [("Zero and twice.", (1,))]),
        ("Not a marker [sic] here [2].", [("Not a marker [sic] here.", (2,))]),
        ("The U.S. firm paid $14.3 billion [1]. Done.", [("The U.S. firm paid $14.3 billion.", (1,)), ("Done.", ())]),
        ("Dr. Smith of Apple Inc. agreed [1].", [("Dr. Smith of Apple Inc. agreed.", (1,))]),
        ("- first [1]\n- second [2]\n", [("first", (1,)), ("second", (2,))]),
        ("1. first [1]\n2. second [2]", [("first", (1,)), ("second", (2,))]),
        ("**Bold** claim [1].", [("Bold claim.", (1,))]),
        ("An open bracket [1", [("An open bracket [1", ())]),
        ("[1] [2]", []),
        ("", []),
    ],
)
def test_sentences_and_markers(draft: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(c.text, c.numbers) for c in parse(draft)] == expected


@given(st.text(alphabet="ab .[]1239,-\n†【】!", max_size=80), st.integers(1, 7))
def test_how_the_draft_is_cut_into_pieces_does_not_matter(draft: str, size: int) -> None:
    assert parse(draft, size=size) == parse(draft)


@given(st.text(max_size=200))
def test_only_known_numbers_and_no_text_without_a_word(draft: str) -> None:
    for claim in parse(draft, known=3):
        assert set(claim.numbers) <= {1, 2, 3}
        assert any(c.isalnum() or c == "_" for c in claim.text)


def test_a_claim_is_handed_over_once_its_markers_are_certain() -> None:
    parser = DraftParser(known=2)
    assert parser.feed("It is closed. ") == []  # a marker may still follow
    assert parser.feed("[1] ") == []
    assert parser.feed("It") == [Claim("It is closed.", (1,))]
    assert parser.pending == "It"


@pytest.mark.parametrize("flood", ["[" * 200_000, "[1" * 100_000, "a. " * 70_000, "word " * 50_000])
def test_time_is_linear_in_the_draft(flood: str) -> None:
    started = time.perf_counter()
    parse(flood)
    assert time.perf_counter() - started < 10
