"""Merged cells and several rows of column names: each row of a table says all that a reader sees in it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.load.html.lines import lines_of, parse_html
from rag.load.html.reader import load_html
from rag.load.html.tables import fill_merged_cells
from rag.load.markdown import load_markdown
from rag.load.office.docx import load_docx
from rag.load.office.odt import load_odt
from rag.load.pdf.layout import Line
from rag.load.pdf.reader import load_pdf
from rag.load.pdf.tables import Rule, with_rows
from tests import hostile

DATA = Path(__file__).parent / "data"


def rows(table: str) -> list[str]:
    tree = parse_html(f"<html><body><table>{table}</table></body></html>")
    fill_merged_cells(tree)
    return lines_of(tree.find("body")).split("\n\n")


HOUSES = (
    "<tr><th>House</th><th>Room</th><th>Low</th></tr>"
    "<tr><td rowspan=2>Seaview</td><td>Single</td><td>62</td></tr><tr><td>Double</td><td>84</td></tr>"
    "<tr><td>Parkside</td><td colspan=2>closed</td></tr>"
)
FILLED = [
    "| House | Room | Low |",
    "| Seaview | Single | 62 |",
    "| Seaview | Double | 84 |",
    "| Parkside | closed | closed |",
]


def test_a_merged_cell_stands_in_every_row_and_column() -> None:
    assert rows(HOUSES) == FILLED


def test_a_page_and_markdown_fill_merged_cells() -> None:
    prose = "<h1>Rates</h1><p>The rates of the season.</p>"
    page = f"<html><body><article>{prose}<table>{HOUSES}</table></article></body></html>"
    assert [line for line in load_html(page.encode()).text.split("\n\n") if "|" in line] == FILLED
    assert [
        line for line in load_markdown(f"# Rates\n\n<table>{HOUSES}</table>".encode()).text.split("\n") if "|" in line
    ] == FILLED


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("<tr><th colspan=3>Rates</th></tr><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr>",
         ["| Rates |", "| A | B |", "| 1 | 2 |"]),  # a caption stays one cell
        ("<tr><td rowspan=2>a</td><td rowspan=2>b</td></tr><tr></tr><tr><td>c</td><td>d</td></tr>",
         ["| a | b |", "| c | d |"]),  # an empty row stays empty
        ("<tr><td>a</td><td rowspan=3>b</td></tr><tr><td>c</td></tr><tr><td>d</td></tr><tr><td>e</td><td>f</td></tr>",
         ["| a | b |", "| c | b |", "| d | b |", "| e | f |"]),
        ("<tr><td rowspan=0>a</td><td>b</td></tr><tr><td>c</td></tr>", ["| a | b |", "| a | c |"]),
        ("<tr><td colspan=x rowspan=-1>a</td><td colspan=99999999>b</td></tr>", ["| a | b |"]),
        ("<thead><tr><th rowspan=9>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>d</td></tr></tbody>",
         ["| a | b |", "| c | d |"]),  # no cell reaches over the end of its section
    ],
)  # fmt: skip
def test_spans(table: str, expected: list[str]) -> None:
    assert rows(table) == expected


def test_two_rows_of_column_names_are_one() -> None:
    table = (
        "<tr><th rowspan=2>House</th><th colspan=2>2023</th><th>Note</th></tr>"
        "<tr><th>Budget</th><th><b>Actual</b></th></tr>"
        "<tr><td>Seaview</td><td>10</td><td>12</td><td>roof</td></tr>"
    )
    assert rows(table) == ["| House | 2023 Budget | 2023 Actual | Note |", "| Seaview | 10 | 12 | roof |"]


def test_a_row_with_a_name_at_its_left_is_no_row_of_names() -> None:
    table = "<tr><th>A</th><th>B</th></tr><tr><th>Ada</th><td>1</td></tr><tr><th>Ben</th><td>2</td></tr>"
    assert rows(table) == ["| A | B |", "| Ada | 1 |", "| Ben | 2 |"]
    only_names = "<tr><th>A</th><th>B</th></tr><tr><th>C</th><th>D</th></tr>"
    assert rows(only_names) == ["| A | B |", "| C | D |"]


def test_a_long_cell_is_not_repeated() -> None:
    text = "word " * 100
    assert rows(f"<tr><td rowspan=2>{text}</td><td>a</td></tr><tr><td>b</td></tr>") == [f"| {text}| a |", "| | b |"]


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{hostile.paragraph(text)}</w:tc>"


def row(*cells: str, head: bool = False) -> str:
    return f"<w:tr>{'<w:trPr><w:tblHeader/></w:trPr>' if head else ''}{''.join(cells)}</w:tr>"


def test_word() -> None:
    two, start, on = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    table = [
        row(cell("House", start), cell("2023", two), head=True),
        row(cell("", on), cell("Budget"), cell("Actual"), head=True),
        row(cell("Seaview", start), cell("10"), cell("12")),
        row(cell("", on), cell("none", two)),
    ]
    loaded = load_docx(hostile.docx(hostile.paragraph(hostile.PROSE) + f"<w:tbl>{''.join(table)}</w:tbl>"))
    assert loaded.text.split("\n\n")[1:] == [
        "| House | 2023 Budget | 2023 Actual |", "| Seaview | 10 | 12 |", "| Seaview | none | none |"
    ]  # fmt: skip


def test_opendocument() -> None:
    def cells(*texts: str) -> str:
        pairs = (text.rpartition(":") for text in texts)
        return "".join(f"<b:table-cell {spans}><t:p>{text}</t:p></b:table-cell>" for spans, _, text in pairs)

    repeated = 'b:number-columns-repeated="2"'
    two, tall, covered = 'b:number-columns-spanned="2"', 'b:number-rows-spanned="2"', "<b:covered-table-cell/>"
    table = (
        f"<b:table-header-rows><b:table-row>{cells(f'{tall}:House', f'{two}:2023')}{covered}</b:table-row>"
        f"<b:table-row>{covered}{cells(':Budget', ':Actual')}</b:table-row></b:table-header-rows>"
        f"<b:table-row>{cells(f'{tall}:Seaview', ':10', ':12')}</b:table-row>"
        f"<b:table-row>{covered}{cells(f'{repeated}:none')}</b:table-row>"
    )
    body = f'<b:table xmlns:b="{hostile.OFFICE}:table:1.0">{table}</b:table>'
    assert load_odt(hostile.odt(body)).text.split("\n\n") == [
        "| House | 2023 Budget | 2023 Actual |", "| Seaview | 10 | 12 |", "| Seaview | none | none |"
    ]  # fmt: skip


def test_spans_made_to_fill_the_memory_are_bounded() -> None:
    wide = "".join(f"<td rowspan=60000 colspan=1000>{'x' * 200}{n}</td>" for n in range(10))
    before = time.monotonic()
    text = "\n".join(rows(f"<tr>{wide}</tr>" + "<tr><td>a</td></tr>" * 2_000))
    assert len(text) < 3_000_000
    assert time.monotonic() - before < 20


def test_a_printed_table_has_its_rows_and_cells_by_its_rules_or_by_how_they_stand() -> None:
    lines = load_pdf((DATA / "prices.pdf").read_bytes()).text.split("\n\n")

    assert lines[2:6] == [  # with rules: cells of several lines
        "| Item | Size | Price | Remarks |",
        "| Garden table, oak | 180 x 90 cm | 489.00 € | Comes in two parcels; assembly takes about an hour and needs "
        "two people |",
        "| Bench | 150 cm | 199.00 € |  |",
        "| Parasol | 3 m | 89.50 € | Green or cream. The foot is not included in the price |",
    ]
    assert lines[7:11] == [  # without
        "| Day | Morning | Afternoon |",
        "| Monday | 9-12 | closed |",
        "| Tuesday | 9-12 | 14-18 |",
        "| Saturday | 10-13 | closed |",
    ]
    assert lines[13:16] == ["Name: Anna Berg", "Phone: 0171 555 12 34", "Date of delivery: 14 May 2026"]
    assert lines[17].startswith("The committee met on Monday to discuss the plan")  # two columns of prose
    assert lines[17].endswith("closed the meeting at nine.")


def printed(*rows: Sequence[tuple[str, float]], step: float = 14.0) -> list[list[Line]]:
    """Lines of print from the top, each of pieces with their left edges; a letter is 5 points wide."""
    return [
        [Line(text, left, left + 5.0 * len(text), 700.0 - step * n, 10.0) for text, left in row]
        for n, row in enumerate(rows)
    ]


def test_two_columns_of_prose_printed_one_after_the_other_are_no_table() -> None:
    left = [("The board met to hear the plan", 40.0), ("For the harbour wall and the", 40.0), ("Old crane.", 40.0)]
    right = [("Nobody spoke against it, but", 300.0), ("Two asked for time to read", 300.0), ("All of it.", 300.0)]
    lines = [*printed(*([piece] for piece in left)), *printed(*([piece] for piece in right))]

    assert [line.text for line in with_rows(lines, [])] == [text for text, _ in left + right]


def test_a_list_with_its_marks_apart_is_no_table() -> None:
    lines = printed(*([(f"{n}.", 40.0), (f"Bring cup number {n}", 70.0)] for n in range(1, 5)))

    assert [line.text for line in with_rows(lines, [])] == [f"{n}. Bring cup number {n}" for n in range(1, 5)]


def test_a_cell_that_goes_on_below_is_one_with_what_stands_above_it() -> None:
    lines = printed(
        [("Room", 40.0), ("Equipment", 140.0)],
        [("Blue", 40.0), ("Projector, whiteboard and", 140.0)],
        [("a flip chart", 140.0)],
        [("Red", 40.0), ("Screen", 140.0)],
    )

    assert [line.text for line in with_rows(lines, [])] == [
        "| Room | Equipment |",
        "| Blue | Projector, whiteboard and a flip chart |",
        "| Red | Screen |",
    ]


def test_figures_below_each_other_between_two_rules_are_rows_of_their_own() -> None:
    lines = printed(
        [("Sort", 40.0), ("Price", 140.0)],
        [("Oak", 40.0), ("489.00", 140.0)],
        [("Ash", 40.0), ("350.00", 140.0)],
        [("Sum", 40.0), ("839.00", 140.0)],
    )
    rules = [Rule(30.0, 200.0, height) for height in (650.0, 668.0, 696.0)]  # above the sum and below the names

    assert [line.text for line in with_rows(lines, rules)][1:3] == ["| Oak | 489.00 |", "| Ash | 350.00 |"]


def test_a_page_of_very_many_pieces_takes_a_moment_only() -> None:
    started = time.monotonic()
    rows = [[(f"w{n}", 40.0), (f"{n}", 90.0 + n % 7), ("x", 200.0)] for n in range(6000)]

    assert len(with_rows(printed(*rows, step=0.1), [Rule(0.0, 300.0, float(h)) for h in range(2000)])) >= 6000
    assert time.monotonic() - started < 20
