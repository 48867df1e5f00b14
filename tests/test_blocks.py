"""Line shapes: what is heading, prose, list, table and furniture."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.blocks import blocks
from rag.text.boilerplate import is_furniture
from rag.text.dates import dates

SEEDS = Path(__file__).parent.parent / "seeds"
LINES = st.lists(
    st.sampled_from(
        ["", " ", "A Heading Here", "It is a sentence of prose.", "• item one", "1. Two", "Share", "12", "a\tb", "[1]",
         "References", "aB cD", ". And so on", "# Mark", "```", "Axios", "Related Stories", "émigré 😀"]
    ),
    max_size=30,
)  # fmt: skip


def kinds(text: str) -> list[str]:
    return [b.kind for b in blocks(text)]


@given(st.one_of(st.text(max_size=200), LINES.map("\n".join)))
def test_blocks_tile_the_text(text: str) -> None:
    found = blocks(text)
    assert "".join(text[b.start : b.end] for b in found) == text
    assert all(b.start < b.end for b in found)


def test_a_page_with_everything() -> None:
    text = """Tea prices rise again

3
Food

Tea costs more than last year.

1. Where it grows

Tea grows in the hills.

  • It needs rain.
  • It needs shade.

Advertisement

LEAVE A REPLY

Please enter your comment!"""
    assert (
        kinds(text)
        == ["heading", "furniture", "furniture", "prose", "heading", "prose", "list", "list"] + ["furniture"] * 3
    )


def test_a_sentence_around_a_footnote_number_is_prose() -> None:
    assert kinds("The CEO Left\n2\n. He went home. It was late2\n.AI grew.") == ["prose"] * 4


def test_references_and_related_stories_end_at_prose() -> None:
    text = (
        "Tea is good.\n\nReferences\n\n[1] Axios — Tea — https://a.example\n\n"
        "Related Stories\nCoffee Is Better\n\nTea is a drink."
    )
    page = f"{text}\n\nShare\n\nLog in\n\nLeave a reply"
    assert kinds(page) == ["prose", "furniture", "furniture", "furniture", "furniture", "prose", *["furniture"] * 3]
    assert "furniture" not in kinds(text)  # an essay may have a bibliography; only a saved page has furniture


@pytest.mark.parametrize(
    "text",
    ["Lunch 12:30", "Sign in at reception.", "Share\n\nThe flat is shared by three.", "12\n\n340\n\n7",
     "References\n\nDr. Ada Quay, 555 0100", "Search\nHelp\nof the tool named Find."],
)  # fmt: skip
def test_no_line_of_a_note_is_furniture(text: str) -> None:
    assert "furniture" not in kinds(text)


def test_names_one_a_line_are_no_headings() -> None:
    assert kinds("Attendees\n\nAda Quay\nBen Stone\nCleo Marsh") == ["heading", *["prose"] * 3]
    assert kinds("# Attendees\n\nAda Quay\n\nBen Stone") == ["heading", "prose", "prose"]


def test_a_label_with_its_value_is_no_heading() -> None:
    assert kinds("Deposit: 1,880 EUR\n\nIt is due in May.") == ["prose", "prose"]
    assert kinds("1. Tea is good.\n\nIt is.\n\n2. Coffee: The Other Drink\n\nIt is, too.")[2] == "heading"


@pytest.mark.parametrize(
    "line",
    ["03/11/2025, 18:53 - Kirsty: yes, behind the driver", "TL-28 down tube 28.6 x 0.8  11.20",
     "Income protection: none, the employer pays three months in full", "Yvonne ok. Sheila wants Wednesdays then"],
)  # fmt: skip
def test_a_line_that_states_something_is_no_heading(line: str) -> None:
    assert [b.kind for b in blocks(f"{line}\n\nThe rest of it was decided on Monday.")] == ["prose", "prose"]


def test_a_numbered_list_is_no_row_of_headings() -> None:
    assert kinds("Do this:\n\n1. Boil water\n\n2. Wait a little\n\nThen drink it.")[1:3] == ["list", "list"]


def test_notes_without_full_stops_stay_quotable() -> None:
    assert kinds("Budget is 500 dollars\n\nMeeting moved to Friday") == ["prose", "prose"]


def test_glued_table_of_a_seed() -> None:
    text = (SEEDS / "000_4247cc0246582732.txt").read_text("utf-8")
    rows = [text[b.start : b.end].strip() for b in blocks(text) if b.kind == "table"]
    assert [r[:10] for r in rows] == ["FeaturePro", "Release Ti", "Capabiliti", "Safety Lay"]


@pytest.mark.parametrize(
    "line",
    ["0", "122", "[2]", "* * *", "Advertisement", "LEAVE A REPLY", "Please enter your name here", "Share", "Copy Link",
     "Share this article:", "Was this article helpful?", "Back to Newsroom", "majorAIeditorial_board",
     "Related Articles",
     "By Jane Doe", "04 Dec 2025•Technology", "26 Jul 2024", "Published April 7, 2026 at 10:30 AM EDT",
     "Daily Neural Digest TeamApril 7, 20267 min read1 360 words", "© 2025 The Post. All rights reserved.",
     "5 min read",
     "https://example.org/a", "2026-04-07T10:00:00Z", "Author: Jane Doe",
     "We value your privacy", "Reject all", "Manage preferences", "Cookies help us deliver our services.",
     "By clicking “Accept All”, you agree to the storing of cookies on your device.", "Enter your email address",
     "You must be logged in to post a comment.", "Please enable JavaScript to view the comments.", "Most read",
     "Your browser does not support the audio element.", "Facebook Twitter LinkedIn Email", "« Previous",
     "Get the latest news delivered to your inbox.", "Home > News > Tech", "Terms of Service | Privacy Policy",
     "Introduction . . . . . . . . 7", "Page 3 of 12", "Attachment not read: a.pdf (application/pdf)"],
)  # fmt: skip
def test_is_furniture(line: str) -> None:
    assert is_furniture(line)


@pytest.mark.parametrize(
    "line",
    ["Meta shares fell on Monday.", "Meta was founded on February 4, 2004.", "April 7, 2026: Launch of Avocado",
     "Share prices rose by 4 percent.", "Copyright law protects authors.", "Sources say the model is late.",
     "Powered by two engines, the plane flew home.", "Read more books than last year.", "By 2026 the crane was there.",
     "OpenAI and DeepSeek compete.", "Comments from regulators are due in May.",
     "The cookies were baked for an hour.", "Home prices rose by four percent.", "Next year the crane arrives.",
     "Name two kinds of tea.", "Accepting all offers would cost 4 million.", "Print runs fell to 300 copies.",
     "Privacy is valued by Germans, a survey says.", "| Home | 4 | 5 |", "Name: Ada; City: Paris; Born: May 4, 1815.",
     "Posted in Kabul, the soldier wrote home.", "Download speeds doubled in a year."],
)  # fmt: skip
def test_is_not_furniture(line: str) -> None:
    assert not is_furniture(line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("April 7, 2026", "2026-04-07"), ("04 Dec 2025", "2025-12-04"), ("2026-04-07", "2026-04-07"),
     ("7 April 2026", "2026-04-07"), ("Sept. 3rd, 2024", "2024-09-03"), ("2024/02/29", "2024-02-29"),
     ("TeamApril 7, 20267 min", "2026-04-07")],
)  # fmt: skip
def test_dates_are_read(text: str, expected: str) -> None:
    assert [iso for _, iso in dates(text)] == [expected]


@pytest.mark.parametrize(
    "text", ["February 30, 2025", "03/04/2025", "dismay 7, 2026", "April 2026", "2025-13-01", "12026-04-07"]
)
def test_what_is_no_date(text: str) -> None:
    assert dates(text) == []
