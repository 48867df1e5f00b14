"""Sentence spans tile the text; borders are where a reader would put them."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import MAX_SENTENCE_CHARS, sentences

ODD = st.text(alphabet=st.sampled_from("aB1é\u0301😀\u200d .!?\n\r\t\"'()[]“”,;:—。"), max_size=400)


def cut(text: str) -> list[str]:
    return [text[s.start : s.end] for s in sentences(text)]


@given(st.one_of(st.text(max_size=300), ODD))
def test_spans_tile_the_text(text: str) -> None:
    spans = sentences(text)
    assert "".join(text[s.start : s.end] for s in spans) == text
    assert all(a.end == b.start for a, b in pairwise(spans))
    assert all(len(s) > 0 for s in spans)


@given(st.one_of(st.text(max_size=300), ODD))
def test_no_span_crosses_a_newline(text: str) -> None:
    assert all("\n" not in piece[:-1] for piece in cut(text))


@given(st.text(alphabet="ab é\u0301,;😀\u200d", min_size=500, max_size=3000))
def test_long_sentences_are_cut_without_parting_a_letter_from_its_accent(text: str) -> None:
    pieces = cut(text)
    assert all(len(piece.rstrip()) <= MAX_SENTENCE_CHARS for piece in pieces)
    assert not [1 for before, after in pairwise(pieces) if after[0] == "\u0301" and before[-1].isalpha()]


@pytest.mark.parametrize(
    "text",
    [
        "He spoke for the U.S. Senate on Monday.",
        "It was led by Kai-Fu Lee of the startup 01.AI, a rival.",
        "Apple Inc. co-founder Steve Wozniak agreed.",
        "Meta Platforms Inc.'s Mark Zuckerberg said so.",
        "In Menlo Park, Calif., headquarters are open.",
        "Dr. J. R. Smith paid $14.3 billion.",
        "The effect (see Fig. 3) was described by Lee et al. in vol. 3.",
        "Use Node.JS or example.com for it.",
        "The P. falciparum strain was resistant.",
    ],
)
def test_is_one_sentence(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was said publicly.The Avocado project went on.",
         ["It was said publicly.", "The Avocado project went on."]),
        ("Existing products.AI has become vital.", ["Existing products.", "AI has become vital."]),
        ("(See there.) Next one.", ["(See there.) ", "Next one."]),
        ("“It grew,” noted Axios. “It fell.”", ["“It grew,” noted Axios. ", "“It fell.”"]),
        ("iPhone sales rose. eBay fell.", ["iPhone sales rose. ", "eBay fell."]),
        ("他们说。这是一个句子！", ["他们说。", "这是一个句子！"]),
        ("One line\nand another.\n", ["One line\n", "and another.\n"]),
        ("But other U.S. efforts lag. He left the U.S. The rest stayed.",
         ["But other U.S. efforts lag. ", "He left the U.S. ", "The rest stayed."]),
    ],
)  # fmt: skip
def test_is_cut_there(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_a_long_quotation_is_cut_into_its_sentences() -> None:
    said = "The harbour has waited for this crane for many years now. " * 6
    assert len(cut(f'She wrote: "{said}It is here."')) == 7


def test_sentences_inside_a_long_parenthesis_come_in_order() -> None:
    text = (
        "(The mill is shown above. "
        + "Its name comes from a school that was moved there late in its life. " * 5
        + ".) End."
    )
    assert "".join(cut(text)) == text


def test_empty_and_blank() -> None:
    assert cut("") == []
    assert cut(" \n\n ") == [" \n", "\n", " "]


@pytest.mark.parametrize("unit", ["a", "The fox ran home. ", "\n", "1\n", '"', "(", ". ", "😀\u200d"])
def test_time_is_linear(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    spans = sentences(text)
    assert time.perf_counter() - started < 5
    assert spans[-1].end == len(text)
