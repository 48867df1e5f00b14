"""Chunks hold whole units, and all of them; the seeds' sentences are clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index.chunk import chunk_document
from rag.load import load
from rag.load.canonical import canonical
from rag.text.boilerplate import is_furniture
from rag.text.sentences import MAX_SENTENCE_CHARS
from rag.types import Document, Part
from tests.fakes import sentences, units

SEEDS = Path(__file__).parent.parent / "seeds"
NAMES = sorted(path.name for path in SEEDS.glob("*.txt"))
PIECES = st.lists(
    st.sampled_from(
        ["It is a sentence of prose. ", "Another one follows it here!\r\n", "\n\n", "A Heading Here\n\n",
         "• an item of a list.\n",
         "😀 emoji 👩‍👩‍👧 begin this one. ", "Cafe\u0301 au lait is hot. ", "12\n", "Share\n",
         "x" * 700, "many words " * 80,
         "[1]\n", ". Then it goes on.\n", "# Mark\n", "“Quoted,” she said. ", "\t", " "]
    ),
    max_size=40,
)  # fmt: skip


def document(text: str, parts: tuple[Part, ...] = ()) -> Document:
    return Document("d.txt", text, "A title", "0" * 64, parts=parts)


def quotes(text: str) -> list[str]:
    return sentences(document(text))


def seed(number: str) -> tuple[Document, list[str]]:
    name = next(n for n in NAMES if n.startswith(number))
    doc = load(SEEDS / name, root=SEEDS)
    return doc, sentences(doc)


@settings(deadline=None)
@given(PIECES.map("".join).map(canonical), st.integers(1, 1500), st.integers(0, 3))
def test_chunks_are_slices_of_the_text(text: str, max_chars: int, overlap: int) -> None:
    doc = document(text)
    chunks = chunk_document(doc, max_chars=max_chars, overlap=overlap)
    assert chunks == chunk_document(doc, max_chars=max_chars, overlap=overlap)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert min(unit.start for unit in chunk.sentences) == chunk.start
        assert chunk.sentences[-1].end == chunk.end
        assert len(chunk.text) <= max_chars or len(chunk.sentences) == 1
    for unit in units(doc):
        quote = text[unit.start : unit.end]
        assert quote == quote.strip()
        assert "\n" not in quote or unit.kind == "list"
        assert 0 < len(quote) <= MAX_SENTENCE_CHARS


@settings(deadline=None)
@given(PIECES.map("".join).map(canonical), st.integers(1, 1500))
def test_every_unit_is_in_exactly_one_chunk(text: str, max_chars: int) -> None:
    doc = document(text)
    held = [span for chunk in chunk_document(doc, max_chars=max_chars) for span in chunk.sentences]
    assert held == units(doc)


def test_overlap_repeats_the_last_sentences() -> None:
    text = " ".join(f"This is the sentence with number {n} in it." for n in range(20))
    first, second, *_ = chunk_document(document(text), max_chars=200, overlap=1)
    assert first.sentences[-1] == second.sentences[0]


def test_a_chunk_keeps_to_its_part_and_heading() -> None:
    text = "First Thing To Say\n\n" + "The first part speaks at length of tea. " * 12
    start = len(text)
    text += "\n\nSecond Thing To Say\n\n" + "The second part speaks at length of coffee. " * 12
    doc = document(text, (Part(0, start, "Tea", date="2025-01-02"), Part(start, len(text), "Coffee")))
    chunks = chunk_document(doc)
    assert {(c.title, c.heading, c.date) for c in chunks} == {
        ("Tea", "First Thing To Say", "2025-01-02"),
        ("Coffee", "Second Thing To Say", None),
    }
    assert all(("coffee" in c.text) != ("tea" in c.text) for c in chunks)


def test_small_sections_share_a_chunk_under_the_first_heading() -> None:
    text = "Green Tea Leaves\n\nIt is a green tea.\n\nBlack Tea Leaves\n\nIt is a black tea."
    (chunk,) = chunk_document(document(text))
    assert (chunk.heading, len(chunk.sentences)) == ("Green Tea Leaves", 4)  # the headings, too


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("• “Avocado”: A large model that is new.", ["“Avocado”: A large model that is new."]),
        ("- It needs rain every day.", ["It needs rain every day."]),
        ("2) It needs shade at noon.", ["It needs shade at noon."]),
        ("They can control and monetize2\n. This pivot is a new one.",
         ["They can control and monetize", "This pivot is a new one."]),
        ("It was good for the company\n1\n. Unlike Llama it is closed.",
         ["It was good for the company", "Unlike Llama it is closed."]),
        ("It puts pressure on companies2\n.AI is the top priority.",
         ["It puts pressure on companies", "AI is the top priority."]),
        ("It said so.[1] The next one follows.", ["It said so.[1]", "The next one follows."]),
        ("It costs five.\n\nYou should expect this now:\n\n• A tier for everybody.",
         ["It costs five.", "A tier for everybody."]),
        (".NET is a framework of Microsoft.", [".NET is a framework of Microsoft."]),
        ("Yes. No. It depends on you.", ["Yes.", "No.", "It depends on you."]),
        ("Share\n\nPrint\n\nLog in\n\n122\n\nhttps://example.org/x", []),  # all of it furniture
    ],
)  # fmt: skip
def test_quotes_are_clean(text: str, expected: list[str]) -> None:
    assert quotes(text) == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_furniture_of_the_seeds_is_quotable(name: str) -> None:
    doc, found = seed(name[:3])
    assert len(found) >= 20
    for phrase in ["Advertisement", "LEAVE A REPLY", "Please enter", "Share", "Copy Link", "Was this article helpful",
                   "Let us know to improve", "https://", "editorial_board", "Related", "Summarized by", "min read",
                   "Learn how it works", "2 Sources", "04 Dec 2025"]:  # fmt: skip
        assert not [q for q in found if phrase in q], phrase
    assert not [q for q in found if not re.match(r"[\"“A-Z]", q)]
    assert not [q for q in found if not re.search(r"[.?:”\"\w]$", q)]
    plain = [doc.text[u.start : u.end] for u in units(doc) if u.weight == 1]
    assert {quote for quote in plain if is_furniture(quote)} <= {"Source"}  # above the name of it, below an article


def test_both_sums_of_seed_003_are_quotable() -> None:
    doc, found = seed("003")
    tail = " billion on U.S. infrastructure projects over the next three years, most of them AI-related."
    assert f"Zuckerberg has pledged to spend $600{tail}" in found
    assert f"Zuckerberg has pledged to spend $60{tail}" in found
    titles = {c.title for c in chunk_document(doc) if "billion on U.S. infrastructure" in c.text}
    assert len(titles) == 2  # two articles of one file contradict each other


@pytest.mark.parametrize("name", NAMES)
def test_every_avocado_in_prose_is_quotable(name: str) -> None:
    doc, found = seed(name[:3])
    titles = {p.title for p in doc.parts} | {doc.title, "1. The “Avocado” and “Mango” Models"}
    prose = [line for line in doc.text.split("\n") if line.strip() not in titles]
    assert sum(q.count("Avocado") for q in found) == sum(line.count("Avocado") for line in prose)


def test_rows_of_a_table_are_quoted_whole() -> None:
    doc, _ = seed("000")
    rows = [doc.text[u.start : u.end] for u in units(doc) if u.kind == "row"]
    assert "Release TimingImmediate launch in 2026.Released “eventually” after safety audits." in rows


def test_wiki_references_end_a_sentence_and_are_never_quoted() -> None:
    text = (
        'The ice lost mass.&lt;ref name="a"&gt;{{cite web|title=Sinking. A story.}}&lt;/ref&gt; It grew'
        " back in [[Winter|winter]].<ref>Doe, p. 3.</ref>\nNext line.&lt;"
    )
    assert quotes(text) == ["The ice lost mass.", "It grew back in [[Winter|winter]].", "Next line."]
