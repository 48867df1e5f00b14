"""``rag inspect``: a document as the program sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli import FAILED, main

TEXT = """# House rules

Written by Ada Brook, 4 May 2026

The door closes at ten.

- Keep quiet.
- Feed the cat.

Deposit: 1,880 EUR
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "rules.md"
    path.write_text(TEXT, "utf-8")
    return path


def test_every_visible_line_is_in_a_unit_with_its_place(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(page), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["document_id"], data["title"], data["language"]) == ("rules.md", "House rules", "en")
    units = [unit for section in data["sections"] for unit in section["units"]]
    assert {"heading", "sentence", "item", "list", "pair"} <= {unit["kind"] for unit in units}
    assert {"Keep quiet.", "Deposit: 1,880 EUR"} <= {unit["quote"] for unit in units}
    assert data["in_no_unit"] == []
    assert all(unit["end"] - unit["start"] == len(unit["quote"]) for unit in units)


def test_it_is_shown_as_text_with_low_weights_marked(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(page)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "House rules (rules.md)"
    assert "    “Feed the cat.”" in lines
    assert any(line.startswith("heading") and line.endswith("weight 0.5") for line in lines)
    assert any(line.startswith("pair") and "weight" not in line for line in lines)


def test_characters_that_could_move_the_cursor_are_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.txt"
    path.write_text("The bell \x1b[31mrings\x07 at noon.", "utf-8")
    assert main(["inspect", str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_document_of_the_folder_has_its_path_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tea.txt").write_text("Tea is a hot drink that people like.", "utf-8")
    assert main(["inspect", str(tmp_path / "sub" / "tea.txt"), "--seeds", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["document_id"] == "sub/tea.txt"


@pytest.mark.parametrize("name", ["none.txt", "what.xyz"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "what.xyz":
        (tmp_path / name).write_text("x")
    assert main(["inspect", str(tmp_path / name)]) == FAILED
    assert name in capsys.readouterr().err
