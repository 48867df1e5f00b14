"""The same article in every format: the same sentences, and what else the format knows of it."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.index.chunk import chunk_document
from rag.index.units import sections
from rag.load import load
from rag.load.pdf.layout import Line, paragraphs
from rag.load.pdf.paragraphs import as_text
from rag.load.pdf.reader import load_pdf
from rag.types import Document
from rag.web.document import document_page
from tests import hostile
from tests.fakes import sentences as quotes
from tests.fakes import units

DATA = Path(__file__).parent / "data"
PDFS = ["harbour.pdf", "harbour-print.pdf", "harbour-columns.pdf"]
HARBOURS = [*PDFS, "harbour.docx", "harbour-writer.docx", "harbour.odt", "harbour.rtf", "harbour.epub"]
BYLINE = ["Ada Quay", "Harbour Press", "2024-03-09", "Ada Quay 2024-03-09"]  # on lines of their own below the title
TABLE = "Year Cargo Tonnes 1850"  # a line of words in a PDF without rules
NOTE = "The wall was measured again in 1911 and found to be 412 metres long."
SENTENCES = """\
The harbour of Elmsea was dug in 1842 by four hundred labourers, most of whom came from the mines inland.
The work took three winters.
In the first winter the sea wall broke twice, and the company that had promised to finish it went bankrupt before \
the spring; the town then borrowed eleven thousand pounds and finished the wall itself.
Ships of up to nine hundred tonnes could enter at high water.
The first to do so was the Margaret Hale, which carried slate from Wales and returned with barley.
A contemporary newspaper called the opening “the noisiest day that this quiet coast has ever known”.
Barley, slate and herring made up nine tenths of the cargo until 1890.
After the railway arrived in that year the barley trade collapsed within a decade, because farmers found it cheaper \
to load waggons than barges.
Herring took its place.
In 1905 the fleet counted 112 drifters.
In 1913 it landed 38,000 barrels, which nobody has equalled since.
In 1936 the last curing yard closed.
The years between the wars were lean.
Two of the three quays were let to a timber merchant, and the third silted up so badly that children played football \
on it at low tide.
Not until the fishing limits were extended in 1977 did the council order a dredger, and even then the decision was \
carried by a single vote.
The second crane was ordered in 2019 and arrived in March 2024.
It can lift ninety tonnes, twice as much as the old one, and was paid for half by the region and half by the harbour \
itself.
“We have waited for this since my father was harbour master,” said Ines Corrigan, who has held the post herself since \
2011.
Critics doubt that the ships will come.
The regional transport office counted only fourteen calls of vessels over five thousand tonnes in 2023, a third fewer \
than it had forecast when the loan was granted.
The harbour board answers that the forecast was made before the bridge at Thornby was closed, and that bookings for \
the autumn are already twice as high as a year ago.
A study by the university of Northmere recommends that the board widen the entrance by eighteen metres.
It would cost about 6.4 million pounds.
The board will decide in November, after the residents have been heard; a first meeting in the old customs house was \
attended by more than three hundred people, most of whom spoke against any work during the nesting season.
Whether the harbour earns its keep depends on the counting.
The board reports a surplus of 210,000 pounds for 2023, while the council’s auditor arrives at a deficit of 95,000 \
pounds because she includes the interest on the crane.
Both figures are correct; they answer different questions.""".split("\n")


def read(name: str) -> Document:
    return load(DATA / name, root=DATA)


@pytest.mark.parametrize("name", HARBOURS)
def test_every_format_gives_the_same_sentences_and_nothing_else(name: str) -> None:
    found = quotes(read(name))
    assert [q for q in found if q not in (NOTE, *BYLINE) and not q.startswith(TABLE)] == SENTENCES
    assert (NOTE in found) == (name != "harbour.rtf")  # striprtf leaves footnotes out


@pytest.mark.parametrize("name", HARBOURS)
def test_title_author_and_date(name: str) -> None:
    document = read(name)
    printed = name in ("harbour-print.pdf", "harbour-columns.pdf")  # the browser writes no author into a PDF
    assert document.title == "The Harbour of Elmsea"
    assert document.author == (None if printed else "Ada Quay")
    assert document.date == "2024-03-09"  # that of the text, not that of the file
    assert document.outlet == ("Harbour Press" if name.endswith("epub") else None)


@pytest.mark.parametrize("name", HARBOURS)
def test_headings_stand_over_their_sections(name: str) -> None:
    document = read(name)
    chunks = chunk_document(document)
    for heading in ("How the harbour began", "The trade of a century", "The second crane", "What comes next"):
        (section,) = [s for s in sections(document) if s.heading == heading]
        assert document.text[section.units[0].start : section.units[0].end] == heading
        assert section.units[1].kind == "sentence"
    assert all(document.text[c.start : c.end] == c.text for c in chunks)


@pytest.mark.parametrize(
    ("name", "pages", "where"),
    [
        ("harbour.pdf", 5, {"was dug in": 1, NOTE: 1, "The first to do so": 2, "equalled": 3, "eighteen metres": 5}),
        ("harbour-print.pdf", 5, {"was dug in": 1, "Ships of up": 2, "even then the": 3, "Northmere": 4, NOTE: 5}),
        ("harbour-columns.pdf", 2, {"was dug in": 1, "Critics doubt": 1, "Northmere": 2}),
    ],
)
def test_pages(name: str, pages: int, where: dict[str, int]) -> None:
    document = read(name)
    assert len(document.pages) == pages
    assert document.pages[0] == 0
    assert list(document.pages) == sorted(document.pages)
    assert {text: document.page_at(document.text.index(text)) for text in where} == where
    assert document.page_at(len(document.text)) == pages


def with_properties(tmp_path: Path, **properties: str) -> Document:
    body = hostile.paragraph("The kettle is filled at noon by the youngest of the crew.")
    (tmp_path / "a.docx").write_bytes(hostile.docx(body, **properties))
    return load(tmp_path / "a.docx", root=tmp_path)


def test_what_only_the_property_sheet_says_stands_below_the_text_on_no_page(tmp_path: Path) -> None:
    document = with_properties(
        tmp_path,
        core="<title>On Tea</title><creator>Ada Quay</creator><created>2024-03-09T10:00:00Z</created>",
        custom="<property name='Version'><lpwstr>2.1</lpwstr></property>",
    )
    lines = ["File properties", "Title: On Tea", "Author: Ada Quay", "Date of creation: 2024-03-09", "Version: 2.1"]
    assert document.text.endswith("crew.\n\n" + "\n".join(lines))
    *_, section = sections(document)
    said = [(document.text[u.start : u.end], u.kind, u.context) for u in section.units]
    context = "File properties of On Tea (a.docx)"
    assert said == [(lines[0], "heading", ""), *((line, "pair", context) for line in lines[1:])]
    assert chunk_document(document)[-1].text == "\n".join(lines)
    paged, below = replace(document, pages=(0, 20)), document.text.index(lines[0])
    assert (paged.page_at(below - 3), paged.page_at(below)) == (2, None)
    assert "file properties" in document_page(paged, below, below + 5)


@pytest.mark.parametrize(
    ("core", "app", "card"),
    [
        ("<creator>Ada Quay</creator>", "<Application>Microsoft Office Word</Application>", "Author: Ada Quay"),
        ("<creator>python-tool</creator><description>made by python-tool</description>", "", ""),
        ("<creator>openpyxl</creator>", "<Application>Excel / Openpyxl 3.1.5</Application>", ""),
        ("<created>2013-12-23T23:15:00Z</created><modified>2013-12-23T23:15:00Z</modified>", "", ""),
        ("<created>2013-12-23T23:15:00Z</created><modified>2013-12-24T08:00:00Z</modified>", "",
         "Date of creation: 2013-12-23"),
        ("<version>3</version>", "", "Version: 3"),
        ("<title>the KETTLE is filled</title>", "", ""),
    ],
)  # fmt: skip
def test_what_a_program_left_or_the_text_shows_is_no_property(tmp_path: Path, core: str, app: str, card: str) -> None:
    document = with_properties(tmp_path, core=core, app=app)
    assert document.text.partition("\n\nFile properties\n")[2] == card
    assert (document.properties is None) == (not card)


@pytest.mark.parametrize("name", HARBOURS)
def test_a_byline_in_the_text_is_not_said_again_below_it(name: str) -> None:
    assert read(name).properties is None


def test_a_text_without_pages_has_no_page() -> None:
    assert read("harbour.docx").page_at(10) is None


@pytest.mark.parametrize("name", ["harbour.pdf", "harbour-print.pdf"])
def test_running_heads_and_page_numbers_are_left_out(name: str) -> None:
    text = read(name).text
    for furniture in ["Elmsea Papers", "Harbour Press", "file:///", "11/25/26", "5/5", "↩"]:
        assert furniture not in text
    assert text.startswith("# The Harbour of Elmsea")


def test_chapters_are_parts() -> None:
    document = read("harbour.epub")
    titles = [
        "The Harbour of Elmsea", "How the harbour began", "The trade of a century", "The second crane",
        "What comes next",
    ]  # fmt: skip
    assert [p.title for p in document.parts] == titles
    assert [p.start for p in document.parts[1:]] == [p.end for p in document.parts[:-1]]
    assert document.parts[-1].end == len(document.text)
    assert {(p.author, p.date, p.outlet) for p in document.parts} == {("Ada Quay", "2024-03-09", "Harbour Press")}
    assert document.part_at(document.text.index("Northmere")).title == "What comes next"


@pytest.mark.parametrize("name", [n for n in HARBOURS if n not in (*PDFS, "harbour.rtf")])
def test_tables_keep_their_rows(name: str) -> None:
    assert "| 1890 | Barley | 31,750 |" in read(name).text


def test_a_table_is_a_pair_a_row() -> None:
    document = read("ships.csv")
    assert document.title == "ships"
    assert [document.text[u.start : u.end] for u in units(document) if u.kind == "pair"] == [
        "Ship: Margaret Hale; Built: 1839; Tonnes: 310; Remark: Carried slate from Wales; the first to enter.",
        "Ship: Providence; Built: 1852; Tonnes: 480; Remark: Lost off Thornby in the gale of 1861.",
        "Ship: Ines; Built: 1988; Tonnes: 5200; Remark: Largest ship ever to call, in June 2023.",
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("a,b\n1,2\n", "a: 1; b: 2."),
        ("1,2\n3,4\n", "1; 2.\n\n3; 4."),
        ("name\tsays\nAda\tTea!\n", "name: Ada; says: Tea!"),
        ('name,says\n"Quay, Ada","one\ntwo"\n', "name: Quay, Ada; says: one two."),
        ("a,b,c\n1,,3,4\n", "a: 1; c: 3; 4."),
    ],
)
def test_tables(tmp_path: Path, data: str, text: str) -> None:
    (tmp_path / "a.csv").write_text(data)
    assert load(tmp_path / "a.csv", root=tmp_path).text == text


def test_a_long_cell_is_read_and_the_limit_of_the_csv_library_stays_as_it_was(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    long = "word " * (before // 5 + 1)
    (tmp_path / "a.csv").write_text(f"Name,Note\nx,{long}\n")
    assert load(tmp_path / "a.csv", root=tmp_path).text == f"Name: x; Note: {long.strip()}."
    assert csv.field_size_limit() == before


def test_a_mail_is_its_plain_text() -> None:
    document = read("minutes.eml")
    assert (document.title, document.author, document.date) == ("The second crane – minutes", "Ada Quay", "2024-03-09")
    assert document.text.startswith("From: Ada Quay <ada@harbour.example>\nTo: Board <board@harbour.example>\n")
    assert quotes(document)[:3] == [
        "Dear all,",
        "The board met on Thursday and decided to keep the old crane as a museum piece until the roof of the customs "
        "house has been repaired, which the builder expects to be in June.",
        "The café at the quay will stay open meanwhile.",
    ]
    assert "Nobody has yet asked it to lift more than seventy, and the insurance would not cover it" in document.text
    assert document.text.endswith("Attachment not read: plan of the quay.pdf (application/pdf)")
    assert "HTML" not in document.text


def test_a_mail_without_plain_text_is_its_html() -> None:
    document = read("newsletter.eml")
    assert (document.title, document.author, document.date) == ("Newsletter", "news@harbour.example", "2024-03-01")
    assert quotes(document) == ["The dredger comes back in April, the board says."]
    assert "nobody sees" not in document.text


@pytest.mark.parametrize(
    ("name", "why"),
    [("scanned.pdf", "looks scanned: 2 pages of images"), ("encrypted.pdf", "encrypted .* password")],
)
def test_a_pdf_that_cannot_be_read_says_why(name: str, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        read(name)


def test_pypdf_reads_what_pdfium_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2

    def fails(data: bytes) -> None:
        raise pypdfium2.PdfiumError("Failed to load document")

    monkeypatch.setattr(pypdfium2, "PdfDocument", fails)
    document = read("harbour.pdf")
    assert (document.title, document.author, len(document.pages)) == ("The Harbour of Elmsea", "Ada Quay", 5)
    assert "Critics doubt that the ships will come." in document.text
    assert document.page_at(document.text.index("A study by")) == 5
    with pytest.raises(LoadError, match=r"pdfium.*pypdf"):
        load_pdf(b"%PDF-1.7 but nothing else")


@pytest.mark.parametrize(
    ("matrix", "rotate"),
    [("1 0 0 1 50 300", 0), ("0 1 -1 0 300 50", 90), ("-1 0 0 -1 400 300", 180), ("0 -1 1 0 100 400", 270)],
)
def test_turned_pages_are_read_as_they_look(tmp_path: Path, matrix: str, rotate: int) -> None:
    (tmp_path / "a.pdf").write_bytes(hostile.turned_pdf(matrix, rotate))
    assert quotes(load(tmp_path / "a.pdf", root=tmp_path)) == [
        "The harbour of the town was dug by men who came from the mines.",
        "It took three winters.",
    ]


def test_a_number_that_ends_a_page_is_a_page_number_only_where_it_stands_apart() -> None:
    def line(text: str, bottom: float) -> Line:
        return Line(text, 50, 50 + 5 * len(text), bottom, 12)

    prose = [line("She has held the post of a harbour master since", 700), line("2011.", 686)]
    apart = [*prose, line("7", 60)]
    for page in (prose, apart):
        text, starts = as_text(paragraphs([page]), 1)
        assert (text, starts) == ("She has held the post of a harbour master since 2011.", (0,))


def printed(*texts: str) -> list[str]:
    """The paragraphs of lines in one column."""
    lines = [Line(text, 50, 50 + 5 * len(text), 700 - 14 * n, 12) for n, text in enumerate(texts)]
    return as_text(paragraphs([lines]), 1)[0].split("\n\n")


def test_a_sentence_goes_on_though_its_next_word_would_have_fitted() -> None:
    """Lines broken at a count of letters, not by their width."""
    wide = "The oldest cask was built in 1954 by a cooper from the next village, and"
    assert printed(wide, "visitors may taste the cider of it every day from", "May until the end.") == [
        f"{wide} visitors may taste the cider of it every day from May until the end."
    ]


def test_short_lines_of_print_are_not_joined() -> None:
    wide = "The board of the harbour meets in the old customs house on every first day of a month."
    address = ["Elmsea Harbour Board, Customs House, upper quay, room two", "Second floor", "12 Quay Road in Elmsea"]
    assert printed(*address, wide) == [*address, wide]
    names = ["Ada Quay of the board of the harbour", "Ines Corrigan of the board of the fleet", "Ruth Alder"]
    assert printed(*names, wide) == [*names, wide]


def test_the_suffix_does_not_make_the_format(tmp_path: Path) -> None:
    for name, source in [("a.docx", "harbour.pdf"), ("a.pdf", "harbour.docx"), ("a.odt", "harbour.docx"),
                         ("a.epub", "harbour.odt"), ("a.rtf", "ships.csv"), ("a.eml", "ships.csv")]:  # fmt: skip
        shutil.copy(DATA / source, tmp_path / name)
        with pytest.raises(LoadError, match=name):
            load(tmp_path / name, root=tmp_path)


@pytest.mark.parametrize(
    "member", ["word/theme/theme1.xml", "word/styles.xml", "word/numbering.xml", "docProps/core.xml"]
)
def test_a_damaged_ornament_does_not_cost_the_text(tmp_path: Path, member: str) -> None:
    (tmp_path / "a.docx").write_bytes(hostile.changed("harbour-writer.docx", {member: "<broken"}))
    assert set(SENTENCES) <= set(quotes(load(tmp_path / "a.docx", root=tmp_path)))
