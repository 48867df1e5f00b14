"""Whatever is written can be quoted, each kind with the context in which a person reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index.chunk import chunk_document
from rag.load.canonical import canonical
from rag.text.blocks import MARKER, looks_like_a_page
from rag.types import Document, Unit
from tests.fakes import units

WORD = st.sampled_from(
    ["Tea", "harbour", "12", "1,880", "EUR", "Café", "straße", "日本", "x", "Quay", "2024-03-09", "8443", "no", "ada_q"]
)
WORDS = st.lists(WORD, min_size=1, max_size=8).map(" ".join)
PROSE = st.lists(st.tuples(WORDS, st.sampled_from([". ", "! ", "? ", ", and "])).map("".join), min_size=1, max_size=4)
ROWS = st.lists(st.lists(WORDS, min_size=2, max_size=4).map(lambda cells: f"| {' | '.join(cells)} |"), max_size=5)
PARTS = st.one_of(
    PROSE.map(lambda parts: "".join(parts).strip()),
    st.tuples(st.sampled_from(["# ", "### ", ""]), WORDS).map("".join),
    st.lists(st.tuples(st.sampled_from(["- ", "• ", "  * "]), WORDS).map("".join), max_size=4).map("\n".join),
    ROWS.map("\n".join),
    st.tuples(WORDS, WORDS).map(lambda pair: f"{pair[0]}: {pair[1]}"),
    st.lists(WORDS, max_size=5).map(lambda lines: "\n".join(["```", *lines, "```"])),
    st.lists(WORD, max_size=5).map("\n".join),
    st.sampled_from(["", " ", "Share", "Log in\n\nShare\n\nLeave a reply", "References", "Page 3 of 12"]),
)
TEXTS = st.lists(PARTS, max_size=12).map(lambda parts: canonical("\n\n".join(parts)))


def document(text: str) -> Document:
    return Document("d.txt", text, "A title", "0" * 64)


def table(text: str) -> list[tuple[str, str, str]]:
    """Kind, quotation and context of every unit."""
    return [(u.kind, text[u.start : u.end], u.context) for u in units(document(text))]


def unit(text: str, quote: str) -> Unit:
    (one,) = [u for u in units(document(text)) if text[u.start : u.end] == quote]
    return one


# --- for every document ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_every_word_is_in_a_unit(text: str) -> None:
    held: set[int] = set()
    for one in units(document(text)):
        held |= set(range(one.start, one.end))
    for mark in re.finditer(rf"^[ \t]*{MARKER.pattern}", text, re.M):  # "1." and "x." of a list are marks, too
        held |= set(range(mark.start(), mark.end()))
    assert not [text[m.start() - 20 : m.end() + 20] for m in re.finditer(r"\w", text) if m.start() not in held]


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_units_are_slices_of_a_line_or_of_a_list_in_order(text: str) -> None:
    everything = units(document(text))
    plain = [one for one in everything if one.kind != "list"]
    for one in everything:
        quote = text[one.start : one.end]
        assert re.search(r"\w", quote)
        assert quote == quote.strip()
        assert "\n" not in quote or one.kind == "list"
        assert 0 < one.weight <= 1
    assert all(a.end <= b.start for a, b in pairwise(plain))
    for n, one in enumerate(everything):
        if one.kind == "list":
            items = [item for item in everything[:n] if one.start <= item.start]
            assert (items[0].start, items[-1].end) == (one.start, one.end)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(1, 1500))
def test_chunks_hold_every_unit_once(text: str, max_chars: int) -> None:
    chunks = chunk_document(document(text), max_chars=max_chars)
    assert [one for chunk in chunks for one in chunk.sentences] == units(document(text))
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        for one in chunk.sentences:
            assert chunk.start <= one.start < one.end <= chunk.end
            assert chunk.in_context(one).endswith(text[one.start : one.end]) or chunk.in_context(one) == one.context


def test_a_list_whose_items_are_in_the_chunk_above_is_whole() -> None:
    text = "It is long. " * 20 + "It needs these:\n\n" + "\n".join(f"- item number {n}" for n in range(30))
    holder = chunk_document(document(text), max_chars=500)[-1]
    *_, whole = holder.sentences
    assert whole.kind == "list"
    assert text[whole.start :].startswith("It needs these:")
    assert holder.in_context(whole).endswith(text[whole.start : whole.end])
    assert holder.start == whole.start


# --- each kind with its context -------------------------------------------------------------------


def test_a_list_item_stands_under_its_lead_in() -> None:
    text = "With a subpoena we may provide:\n\n- the name of the owner\n- the address"
    assert table(text) == [
        ("sentence", "With a subpoena we may provide:", ""),
        ("item", "the name of the owner", "With a subpoena we may provide:"),
        ("item", "the address", "With a subpoena we may provide:"),
        ("list", "With a subpoena we may provide:\n\n- the name of the owner\n- the address", ""),
    ]


def test_a_row_stands_under_the_names_of_its_columns() -> None:
    text = "The fees of the club\n\n| Age | Fee |\n| --- | --- |\n| child | 12 EUR |\n| adult | 40 EUR |"
    assert unit(text, "adult | 40 EUR").context == "Age: adult; Fee: 40 EUR"
    assert unit(text, "Age | Fee").weight < 1


def test_a_table_just_below_another_has_its_own_columns() -> None:
    text = "| Age | Fee |\n| --- | --- |\n| child | 12 EUR |\n\n| Boat | Length |\n| --- | --- |\n| Ines | 9 m |"
    assert unit(text, "child | 12 EUR").context == "Age: child; Fee: 12 EUR"
    assert unit(text, "Boat | Length").weight < 1
    assert unit(text, "Ines | 9 m").context == "Boat: Ines; Length: 9 m"


@pytest.mark.parametrize("line", ["Deposit: 1,880 EUR", "Port: 8443", "Mail: ada@quay.example", "Lunch 12:30", "Yes."])
def test_a_short_line_can_be_quoted(line: str) -> None:
    text = f"Flat 12\n\nIt has two rooms.\n\n{line}\n\nThe rent is paid in advance."
    assert unit(text, line).weight == 1
    assert unit(text, line).context in ("", "Flat 12")


def test_a_label_with_its_value_stands_by_itself() -> None:
    assert ("pair", "Deposit: 1,880 EUR", "") in table("It has two rooms.\n\nDeposit: 1,880 EUR")


def test_a_short_answer_stands_under_its_question() -> None:
    text = "# Can I bring my dog?\n\nYes.\n\n# When is it open?\n\nFrom nine to five."
    assert unit(text, "Yes.").context == "Can I bring my dog?"
    assert unit(text, "From nine to five.").context == "When is it open?"


def test_an_answer_that_says_what_it_is_about_needs_no_question() -> None:
    text = "Who designed the bridge of Elmsea?\n\nRuth Alder designed the bridge of Elmsea."
    assert unit(text, "Ruth Alder designed the bridge of Elmsea.").context == ""


def test_code_stands_under_the_sentence_before_it() -> None:
    text = "Start the server in this way.\n\n```\nserve --port 8443\n```\n\nThen open the page."
    assert ("code", "serve --port 8443", "Start the server in this way.") in table(text)


def test_what_a_speaker_says_next_stands_under_the_speaker() -> None:
    text = "3/11, 18:09 - Freya: I take Tuesdays. Only as far as the cross.\n3/11, 18:10 - Kirsty: Good."
    assert [(context, quote) for kind, quote, context in table(text) if kind != "list"] == [
        ("", "3/11, 18:09 - Freya: I take Tuesdays."),
        ("3/11, 18:09 - Freya", "Only as far as the cross."),
        ("", "3/11, 18:10 - Kirsty: Good."),
    ]


def test_a_row_whose_cells_end_like_sentences_is_one_unit() -> None:
    text = "Date: 4 March; What: flood. Ring first! Done?: yes; Note: floor dried. 9 days."
    assert [quote for _, quote, _ in table(text)] == [text]


@pytest.mark.parametrize("line", ["A. Thursby", "H. Okonjo, head teacher", "I. Nduka and her sister"])
def test_an_initial_is_part_of_a_name(line: str) -> None:
    text = f"Kind regards,\n\n{line}\n\nBrambleton"
    assert line in [quote for _, quote, _ in table(text)]


def test_letters_in_order_are_marks_of_a_list() -> None:
    text = "We need:\nA. a ladder\nB. a lamp"
    assert [quote for kind, quote, _ in table(text) if kind == "item"] == ["a ladder", "a lamp"]


def test_an_item_that_asks_is_not_above_the_next() -> None:
    text = "Errors\n\n- E1: no water. Is the tap closed?\n- E4: heater. Not worth it."
    assert [(context, quote) for kind, quote, context in table(text) if kind == "item"][2:] == [
        ("Errors", "E4: heater."),
        ("Errors: E4", "Not worth it."),
    ]


def test_names_one_a_line_are_a_list() -> None:
    text = "Attendees\n\nAda Quay\nBen Stone\nCleo Marsh"
    assert ("list", "Ada Quay\nBen Stone\nCleo Marsh", "Attendees") in table(text)
    assert unit(text, "Cleo Marsh").weight == 1


def test_a_heading_can_be_quoted_and_comes_behind() -> None:
    text = "# The second crane\n\nIt came in March."
    assert (unit(text, "The second crane").kind, unit(text, "The second crane").weight) == ("heading", 0.5)
    assert unit("# Front door: dark green\n\nIt was painted.", "Front door: dark green").weight == 1


# --- the furniture of a saved page ----------------------------------------------------------------

FURNITURE = ["Share", "Log in", "Leave a reply", "Copy Link"]
PROSE_OF_PAGE = "The crane arrived in March 2024. It can lift ninety tonnes."


def test_the_furniture_of_a_saved_page_has_a_low_weight() -> None:
    page = "\n\n".join(["The second crane", PROSE_OF_PAGE, *FURNITURE])
    assert looks_like_a_page(page.split("\n"))
    for line in FURNITURE:
        assert unit(page, line).weight < 0.5
    assert unit(page, "It can lift ninety tonnes.").weight == 1


@pytest.mark.parametrize("line", FURNITURE)
def test_the_same_words_in_a_note_have_not(line: str) -> None:
    note = "\n\n".join(["Menus of the new program", "They were agreed on Monday.", line, "The rest is open."])
    assert not looks_like_a_page(note.split("\n"))
    assert unit(note, line).kind != "furniture"
    assert unit(note, line).weight >= 0.5


# --- bounded time ---------------------------------------------------------------------------------

LARGE: dict[str, Callable[[], str]] = {
    "one word a line": lambda: "\n".join(f"word{n}" for n in range(10_000)),
    "one word a paragraph": lambda: "\n\n".join(f"Word{n}" for n in range(10_000)),
    "a long table": lambda: "\n".join(["| Ship | Tonnes |", *(f"| ship {n} | {n} |" for n in range(20_000))]),
    "nested lists": lambda: "\n".join(f"{'  ' * n}- level {n}" for n in range(100)) * 20,
    "a long list": lambda: "It needs:\n\n" + "\n".join(f"- item {n}" for n in range(10_000)),
    "questions": lambda: "\n\n".join(f"What is number {n}?\n\nIt is {n}." for n in range(5_000)),
    "code": lambda: "```\n" + "\n".join(f"line({n})" for n in range(10_000)) + "\n```",
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_a_large_document_is_cut_in_a_few_seconds(text: Callable[[], str]) -> None:
    one = document(text())
    start = perf_counter()
    chunks = chunk_document(one)
    assert perf_counter() - start < 20  # some two seconds on a machine at rest
    assert sum(len(chunk.sentences) for chunk in chunks) >= 100
