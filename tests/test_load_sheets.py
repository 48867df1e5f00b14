"""Spreadsheets: what the cells show, each row with its own full set of cells below the names of the columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font

from rag.errors import LoadError
from rag.load import load
from rag.load.office.number_formats import shown
from rag.load.office.xlsx import load_xlsx
from tests import hostile
from tests.fakes import units

DATA = Path(__file__).parent / "data"
RATES = """\
## Rates

### Room rates of the season 2024

All prices in EUR, breakfast included.

| House | Room | Prices Low | Prices High | From |
| --- | --- | --- | --- | --- |
| Seaview | Single | 62.00 EUR | 81.50 EUR | 1 May 2024 |
| Seaview | Double | 84.00 EUR | 119.00 EUR | 1 May 2024 |
| Parkside | Single | 55.00 EUR | 70.00 EUR | 15 June 2024 |
| Parkside | Double | 73.00 EUR | on request | |

## Flat 12

Deposit: 1,880

Share of the heating: 12.5%

Pets: TRUE

Keys handed over: 2024-03-09 14:30:00

| Meter | Reading | Unit |
| --- | --- | --- |
| Water | 412 | m³ |
| Power | 10312.5 | kWh |"""


def sheet(*rows: Sequence[Any], then: Callable[[Any], None] = lambda sheet: None) -> str:
    """The text of a workbook with one sheet of these rows."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    then(book.active)
    out = io.BytesIO()
    book.save(out)
    return load_xlsx(out.getvalue()).text


def test_a_workbook_is_what_a_reader_sees_of_it() -> None:
    document = load(DATA / "rates.xlsx", root=DATA)
    assert document.text == RATES + "\n\nFile properties\nAuthor: Ada Quay\nDate of creation: 2024-03-09"
    assert (document.title, document.author, document.date) == ("rates", "Ada Quay", "2024-03-09")
    row = next(u for u in units(document) if document.text[u.start : u.end].startswith("Parkside | Double"))
    assert row.context == "House: Parkside; Room: Double; Prices Low: 73.00 EUR; Prices High: on request"


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1880, "General", "1880"), (0.1 + 0.2, "General", "0.3"), (1e20, "General", "1e+20"), (-2.5, "General", "-2.5"),
        (0.256, "0%", "26%"), (0.125, "0.0%", "12.5%"), (2.5, "0", "3"), (1234567.891, "#,##0.00", "1,234,567.89"),
        (1880, '#,##0.00 "EUR"', "1,880.00 EUR"), (1880, "[$€-407] #,##0", "€ 1,880"), (-5, "$#,##0;($#,##0)", "($5)"),
        (-5, "$#,##0", "-$5"), (5, "[Red]-0;[Blue]0", "-5"), (0, "0;-0;\\-", "-"), (7, ";;;", ""), (7, "000", "007"),
        (1.5, "0.0##", "1.5"), (12_000_000, '0.0,,"m"', "12.0m"), (1234.5, "0.00E+00", "1.23E+03"),
        (0.5, "# ?/?", "0.5"),
        (45360, "yyyy-mm-dd", "2024-03-09"), (45360.604166667, "d/m/yy h:mm", "9/3/24 14:30"),
        (45360, "dddd", "Saturday"),
        (45360.604166667, "h:mm AM/PM", "2:30 PM"), (45360, "d. mmmm yyyy", "9. March 2024"), (1.25, "[h]:mm", "30:00"),
        (1e12, "yyyy", "1000000000000"), (float("inf"), "0", "inf"), (3, "@", "3"),
        (-0.004, "0.00", "0.00"), (1e300, "0%", "1e+302%"),
    ],
)  # fmt: skip
def test_numbers_look_as_in_their_cells(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_the_calendar_of_old_macs() -> None:
    assert shown(43898, "yyyy-mm-dd", since_1904=True) == "2024-03-09"


def test_values_of_every_kind() -> None:
    row = ["a", 1, 2.5, True, date(2024, 3, 9), datetime(2024, 3, 9, 8, 5), time(8, 5), "two\nlines", "=1+1", "#N/A"]
    assert sheet(row) == "a; 1; 2.5; TRUE; 2024-03-09; 2024-03-09 8:05:00; 8:05:00; two lines; #N/A."


def test_two_columns_are_labels_and_values_unless_named() -> None:
    assert sheet(["Deposit:", 1880], ["Rent", "to be agreed"]) == "Deposit: 1880\n\nRent: to be agreed"
    assert sheet(["Tea", "Price"], ["Assam", 4], ["Ceylon", 5]).startswith(
        "| Tea | Price |\n| --- | --- |\n| Assam | 4 |"
    )

    def bold(page: Any) -> None:
        page["A1"].font = page["B1"].font = Font(bold=True)

    assert sheet(["Name", "Post"], ["Ada", "chair"], then=bold) == "| Name | Post |\n| --- | --- |\n| Ada | chair |"


def test_rows_below_an_empty_one_go_on_and_a_new_table_begins_with_names_of_its_own() -> None:
    text = sheet(
        ["Ship", "Built", "Tonnes"], ["Hale", 1839, 310], [], ["Ines", 1988, 5200], [],
        ["Quay", "Length", "Depth"], ["East", "200 m", "7 m"],
    )  # fmt: skip
    assert text == (
        "| Ship | Built | Tonnes |\n| --- | --- | --- |\n| Hale | 1839 | 310 |\n\n| Ines | 1988 | 5200 |\n\n"
        "| Quay | Length | Depth |\n| --- | --- | --- |\n| East | 200 m | 7 m |"
    )


def test_columns_named_by_years() -> None:
    assert (
        sheet(["Item", 2023, 2024], ["Rent", 9, 10]) == "| Item | 2023 | 2024 |\n| --- | --- | --- |\n| Rent | 9 | 10 |"
    )


def test_what_nobody_sees_is_left_out() -> None:
    def hide(page: Any) -> None:
        page.row_dimensions[2].hidden = True
        page.column_dimensions["B"].hidden = True

    assert sheet(["a", "x", "b"], ["y", "y", "y"], ["c", "x", "d"], then=hide) == "a: b\n\nc: d"


def test_what_a_filter_or_a_group_folds_away_is_read() -> None:
    def fold(page: Any) -> None:
        page.row_dimensions.group(2, 2, hidden=True)

    def put_aside(page: Any) -> None:
        page.auto_filter.ref = "A1:B3"
        page.auto_filter.add_filter_column(0, ["c"])
        page.row_dimensions[2].hidden = True

    for then in (fold, put_aside):
        assert sheet(["a", "b"], ["x", "y"], ["c", "d"], then=then) == "a: b\n\nx: y\n\nc: d"


def test_a_wide_row_is_a_line_of_names_and_values() -> None:
    names = [f"column {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(500)]
    text = sheet(names, range(500))
    assert text.endswith("column tf: 499.")
    assert "column aa: 0; column ab: 1;" in text


def test_too_many_columns() -> None:
    with pytest.raises(LoadError, match="1,001 columns"):
        sheet(range(1001))


def test_a_damaged_workbook_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(hostile.changed("rates.xlsx", {"xl/worksheets/sheet1.xml": "<broken"}))
    with pytest.raises(LoadError, match=r"a\.xlsx: .*sheet1\.xml' is not well-formed XML"):
        load(tmp_path / "a.xlsx", root=tmp_path)
