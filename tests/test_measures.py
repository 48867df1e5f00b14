"""The lists in rag/text/measures: every entry is read, and does what its list is for."""

from __future__ import annotations

from pathlib import Path

import pytest

import rag.text.lists
from rag.text.dates import dates
from rag.text.lists import entries
from rag.text.quantities import Value, values

FOLDER = Path(rag.text.lists.__file__).with_name("measures")


def readings(text: str) -> list[Value]:
    (value,) = values(text)
    return [value, *value.also]


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_a_list_says_why(path: Path) -> None:
    assert path.read_text("utf-8").startswith("# ")
    assert "tests/test_measures.py" in path.read_text("utf-8")


@pytest.mark.parametrize("line", entries("currencies", "measures"))
def test_every_name_of_a_currency_is_read(line: str) -> None:
    code, *names = line.split()
    for name in names:
        spaced = name.replace("_", " ")
        assert any((v.kind, v.amount, v.unit) == ("money", 40, code) for v in readings(f"40 {spaced}"))
        if name.islower() and len(name) > 2:
            assert any(v.unit == code for v in readings(f"40 {spaced.capitalize()}"))
        elif name.upper() == name:
            assert any(v.unit == code for v in readings(f"{spaced} 40"))


@pytest.mark.parametrize("line", entries("units", "measures"))
def test_every_name_of_a_unit_is_read(line: str) -> None:
    quantity, size, *names = line.split()
    for name in names:
        meanings = [v for v in readings(f"40 {name.replace('_', ' ')}") if v.measure]
        assert any(v.measured_in == quantity and v.size == pytest.approx(40 * float(size)) for v in meanings), name


@pytest.mark.parametrize("line", entries("scales", "measures"))
def test_every_scale_is_read(line: str) -> None:
    size, *names = line.split()
    assert all(values(f"4 {name} Euro")[0].amount == 4 * float(size) for name in names)


def test_every_name_of_a_month_is_read() -> None:
    for number, names in enumerate(entries("months", "measures"), 1):
        for name in names.split():
            assert [iso for _, iso in dates(f"3. {name.capitalize()} 2024")] == [f"2024-{number:02}-03"]
