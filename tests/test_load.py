"""Files to Documents: encodings, hostile input, and what a text says about itself."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.load import LOADERS, document_id, load, supported
from rag.load.canonical import canonical, unwrapped
from rag.types import Document

HERE = Path(__file__).parent
SEEDS = HERE.parent / "seeds"
NAMES = sorted(path.name for path in SEEDS.glob("*.txt"))


def put(folder: Path, data: bytes | str, name: str = "a.txt") -> Document:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return load(path, root=folder)


# --- canonical text ------------------------------------------------------------------------------


@given(st.text(max_size=300))
def test_canonical_is_idempotent_nfc_and_without_controls(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not [c for c in once if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]


@given(st.text(alphabet="ab. \n", max_size=300))
def test_unwrapping_changes_white_space_only(text: str) -> None:
    assert unwrapped(text).split() == text.split()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("a\r\nb\rc\u2028d", "a\nb\nc\nd"), ("e\u0301", "é"), ("zero\u200bwidth\ufeff", "zerowidth"),
     ("\u202eabc\u2066", "abc"),
     ("x\U000e0041\U000e0042", "x"), ("👩\u200d🔬 ❤\ufe0f", "👩\u200d🔬 ❤\ufe0f"), ("a\u200db", "ab"),
     ("a\x00\x07b\x85c", "ab\nc"),
     ("می\u200cخواهم", "می\u200cخواهم"), ("a\u00a0b", "a b"), ("so\u00adft", "soft"), ("a\tb", "a\tb")],
)  # fmt: skip
def test_canonical_text(raw: str, expected: str) -> None:
    assert canonical(raw) == expected


# --- bytes ---------------------------------------------------------------------------------------

TEXT = "Café Zürich serves tea. It costs 5 € there, says Renée."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    assert put(tmp_path, TEXT.encode(encoding)).text == TEXT


def test_latin_1_is_guessed(tmp_path: Path) -> None:
    text = "Le café de la gare est fermé depuis l'été dernier, à cause des travaux prévus par la mairie. " * 5
    assert put(tmp_path, text.encode("latin-1")).text == text.strip("\n")


def test_a_few_broken_bytes_lose_nothing_else(tmp_path: Path) -> None:
    text = put(tmp_path, b"Tea is good \xff for you. " + "Café. ".encode() * 400).text
    assert text.startswith("Tea is good \ufffd for you.")
    assert "Café." in text


def test_crlf_and_offsets(tmp_path: Path) -> None:
    assert put(tmp_path, "One line.\r\n\r\nTwo lines.\r\n").text == "One line.\n\nTwo lines."


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "no text"), (b" \n\n", "no text"), ("\u200b\u200b".encode(), "no text"), (b"MZ\x00\x01" * 500, "binary"),
     (bytes(range(256)) * 40, "binary"), (b"\x01\x02\x03\x04" * 50, "binary")],
)  # fmt: skip
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(LoadError, match=rf"a\.txt.*{why}"):
        put(tmp_path, data)


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="5,000,001 characters"):
        put(tmp_path, "a" * 5_000_001)
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(50 * 2**20 + 1)
    with pytest.raises(LoadError, match="larger than"):
        load(tmp_path / "big.txt", root=tmp_path)


def test_only_regular_files_below_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder.txt").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("The secret is out here.")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "dir").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.txt")
    for name in ["folder.txt", "link.txt", "dir/secret.txt", "pipe.txt", "missing.txt", "../secret.txt", "a.exe"]:
        with pytest.raises(LoadError):
            load(root / name, root=root)


def test_ids_and_hash(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    doc = put(tmp_path, TEXT, "sub/né.TXT")
    assert doc.id == "sub/né.TXT"
    assert doc.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert document_id(tmp_path / os.fsdecode(b"\xff.txt"), root=tmp_path) == "\\udcff.txt"
    assert all(supported(Path("x" + suffix)) for suffix in LOADERS)
    assert not supported(Path("x"))


# --- formats -------------------------------------------------------------------------------------


def test_html_main_text_and_metadata() -> None:
    doc = load(HERE / "data" / "page.html", root=HERE)
    assert (doc.title, doc.outlet, doc.author, doc.date) == (
        "Harbour gets a second crane", "The Harbour Post", "Ada Quay", "2025-03-09",
    )  # fmt: skip
    assert "It can lift ninety tonnes, twice as much as the old one." in doc.text
    assert "\n\n• The old crane stays as a museum piece.\n\n" in doc.text
    assert "| New crane | 90 tonnes |" in doc.text
    for unseen in ["scripted", "praise the hidden", "hidden attribute", "Whispered", "color:red"]:
        assert unseen not in doc.text


@pytest.mark.parametrize(
    "hiding",
    ["style='display:none'", "style='VISIBILITY : hidden'", "hidden", "style='font-size:0'",
     "style='opacity:0;color:red'", "style='position:absolute;left:-9999px'"],
)  # fmt: skip
def test_hidden_html_is_not_read(tmp_path: Path, hiding: str) -> None:
    seen = "<p>The tea of the hills is known in every town of the coast and beyond.</p>" * 3
    doc = put(tmp_path, f"<body><div {hiding}><p>Obey this sentence.</p></div>{seen}<!-- Obey --></body>", "a.html")
    assert "tea of the hills" in doc.text
    assert "Obey" not in doc.text


def test_a_short_page_keeps_its_headings_and_lists(tmp_path: Path) -> None:
    page = """<title>Hall</title><body><h1>Hall hire</h1>
    <table><tr><th>Room</th><th>Hour</th></tr><tr><td>Large</td><td>14</td></tr></table>
    <h2>Extras</h2><ul><li>Screen: 10 a day</li><li>Piano: free</li></ul>
    <h3>May we park?</h3><p>On the green, not on the verge, and after six also behind the inn if you ask there.</p>
    <dl><dt>Keys</dt><dd>at the baker's</dd></dl></body>"""
    text = put(tmp_path, page, "a.html").text
    for seen in ["# Hall hire", "Large | 14", "## Extras", "Screen: 10 a day", "### May we park?", "Keys", "baker's"]:
        assert seen in text


def test_what_surrounds_a_page_is_not_read(tmp_path: Path) -> None:
    prose = "<p>The harbour of Elmsea gets a second crane in May, said the port office, and it lifts ninety tonnes.</p>"
    page = f"""<body><header><ul class=menu><li><a href=/>Front page</a><li><a href=/s>Sport</a></ul></header>
    <div id=main><h1>A second crane</h1><ul><li><a href=x>Share</a></li><li><a href=y>Print</a></li></ul>{prose * 3}
    <h2>The cost</h2><ul><li>Crane: 4.5 million</li></ul>{prose * 3}<form>Your e-mail <button>Send</button></form></div>
    <aside><h3>Most read</h3><ul><li><a href=a>Tea prices rise again</a></ul></aside>
    <div id=comments><h3>Comments</h3><div>Bob: nonsense</div></div><footer>All rights reserved</footer></body>"""
    text = put(tmp_path, page, "a.html").text
    assert "## The cost" in text
    assert "Crane: 4.5 million" in text
    for unseen in ["Front page", "Sport", "Share", "Print", "e-mail", "Most read", "Tea prices", "nonsense", "rights"]:
        assert unseen not in text


def test_html_falls_back_to_its_plain_text(tmp_path: Path) -> None:
    doc = put(tmp_path, "<title>Tea</title><body><div>Short <b>tea</b></div><script>x()</script>", "a.htm")
    assert (doc.title, doc.text) == ("Tea", "Short tea") or doc.text == "# Tea\n\nShort tea"
    with pytest.raises(LoadError, match="no text"):
        put(tmp_path, "<html><body><script>x()</script></body></html>", "b.html")


def test_hostile_html_neither_hangs_nor_crashes(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no text"):  # libxml2 stops at its depth limit
        put(tmp_path, "<div>" * 20_000 + "Tea is deep down here." + "</div>" * 20_000, "a.html")
    doc = put(tmp_path, "<p>Tea <b>is <i>good</b> </p></table>\x00<p onclick=x>After &#0; it &bogus; <<<", "b.html")
    assert "Tea is good" in doc.text
    assert "After" in doc.text


def test_markdown_as_a_reader_sees_it() -> None:
    doc = load(HERE / "data" / "notes.md", root=HERE)
    assert (doc.title, doc.author, doc.date) == ("Notes on tea", "Ada Quay", "2024-11-02")
    assert "Tea is a hot drink made from the leaves of Camellia sinensis." in doc.text
    assert "## Brewing" in doc.text
    assert "\nGreen tea wants cooler water than black tea." in doc.text
    assert "unseen instruction" not in doc.text


def test_wrapped_paragraphs_become_one_line(tmp_path: Path) -> None:
    wrapped = """\
   This paragraph was wrapped by its writer at a column
   that nobody remembers, as old mails and books are.
   - An item starts anew, however long the line above is.

   End of it."""
    assert put(tmp_path, wrapped).text.split("\n") == [
        "   This paragraph was wrapped by its writer at a column that nobody remembers, as old mails and books are.",
        "   - An item starts anew, however long the line above is.",
        "",
        "   End of it.",
    ]


def test_lines_of_an_unwrapped_text_are_left_alone(tmp_path: Path) -> None:
    text = "A row of a table whose cells lost their borders, one\nAnd a second row of it as long as the first is\n\n"
    text += "A paragraph on one long line. " * 20
    assert put(tmp_path, text).text == text


# --- what a text says about itself ---------------------------------------------------------------

BODY = "\n\nThe town opened its harbour to ships of all kinds today. It was raining.\n\nNobody minded the rain much."


@pytest.mark.parametrize(
    ("top", "author", "outlet", "date"),
    [
        ("By Jane Doe\nApril 7, 2026", "Jane Doe", None, "2026-04-07"),
        ("By Jane Doe | 7 April 2026", "Jane Doe", None, "2026-04-07"),
        ("Author: Jane Doe\nPublished: 2026-04-07", "Jane Doe", None, "2026-04-07"),
        ("Published April 7, 2026 at 10:30 AM EDT", None, None, "2026-04-07"),
        ("Publisher: The Post", None, "The Post", None),
        ("Harbour Post StaffApril 7, 20263 min read900 words", "Harbour Post Staff", "Harbour Post", "2026-04-07"),
        ("ELMSEA, April 7, 2026 (Reuters) - A ship came in this morning.", None, "Reuters", "2026-04-07"),
        ("April 7, 2026 — A ship came in this morning.", None, None, "2026-04-07"),
        ("On April 7, 2026 the ship came in.", None, None, None),
        ("The ship (April 7, 2026) came in.", None, None, None),
    ],
)  # fmt: skip
def test_byline(tmp_path: Path, top: str, author: str | None, outlet: str | None, date: str | None) -> None:
    doc = put(tmp_path, f"Harbour opens to all ships\n\n{top}{BODY}")
    assert doc.title == "Harbour opens to all ships"
    assert (doc.author, doc.outlet, doc.date) == (author, outlet, date)


def test_a_date_below_the_text_counts_only_alone(tmp_path: Path) -> None:
    assert put(tmp_path, f"Harbour opens today{BODY}\n\n7 April 2026").date == "2026-04-07"
    assert put(tmp_path, f"Harbour opens today{BODY}\n\n7 April 2026\n\n8 May 2025").date is None


def test_title_without_a_heading_is_the_file_name(tmp_path: Path) -> None:
    assert put(tmp_path, "It is just a sentence.", "tea_notes-2.txt").title == "tea notes 2"


SEED_FACTS = {
    "000": ("Meta plans to open-source versions of its next AI models", None, None, None),
    "001": (
        "Meta's New AI Strategy: Why Partial Open-Sourcing Could Reshape the Competitive Landscape",
        None,
        None,
        None,
    ),
    "002": ("Meta Plans Open-Source Release of Next-Gen AI Models Under New Leadership", None, None, None),
    "003": ("Meta's next AI model, 'Avocado,' signals shift to closed development", None, None, None),
    "004": (
        "Meta to open source versions of its next AI models",
        "Daily Neural Digest",
        "Daily Neural Digest Team",
        "2026-04-07",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_seeds_say_about_themselves(name: str) -> None:
    doc = load(SEEDS / name, root=SEEDS)
    assert (doc.title, doc.outlet, doc.author, doc.date) == SEED_FACTS[name[:3]]


def test_seed_003_is_three_articles() -> None:
    doc = load(SEEDS / NAMES[3], root=SEEDS)
    assert [p.title for p in doc.parts] == [
        "Meta's next AI model, 'Avocado,' signals shift to closed development",
        "Inside Meta's pivot from open-source to moneymaking AI model",
        "Meta is developing Avocado, a closed-source AI model expected to launch in spring 2026 (summary)",
    ]
    assert doc.parts[0].start == 0
    assert doc.parts[-1].end == len(doc.text)
    assert all(a.end == b.start for a, b in zip(doc.parts, doc.parts[1:], strict=False))
    assert all(p.date is None for p in doc.parts)  # three dates below the text belong to other stories


def test_words_divided_at_the_end_of_a_line_are_whole(tmp_path: Path) -> None:
    wrapped = """\
Some program divided the words of this paragraph, as in hyphen-
ation, though a compound that is ill-starred, such as this ill-
starred one of the line above, and even a fine state-of-the-
artefact keep theirs; a spaced dash - like this one, or that -
is another thing, and so are the years from 1998 up to 1998-
1999 as they stand in these few lines.
"""
    assert put(tmp_path, wrapped).text == (
        "Some program divided the words of this paragraph, as in hyphenation, though a compound that is ill-starred, "
        "such as this ill-starred one of the line above, and even a fine state-of-the-artefact keep theirs; a spaced "
        "dash - like this one, or that - is another thing, and so are the years from 1998 up to 1998-1999 as they "
        "stand in these few lines."
    )
    assert put(tmp_path, "This is a soft\u00ad\nened hyphen.").text == "This is a softened hyphen."
