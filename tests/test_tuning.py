"""Every number of the program that was fitted or set by hand says what it was set on."""

from __future__ import annotations

import ast
from dataclasses import FrozenInstanceError, fields
from datetime import date
from pathlib import Path

import pytest

from rag.retrieve.tuning import TUNING, Tuning

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("field", fields(Tuning), ids=lambda f: f.name)
def test_a_number_says_its_data_its_n_and_its_date(field: object) -> None:
    where = field.metadata  # type: ignore[attr-defined]
    assert where["data"]
    assert (where["n"] > 0) == (where["data"] != "by hand")
    assert date(2026, 1, 1) < date.fromisoformat(where["date"])


def test_no_number_is_unused_and_none_can_be_changed() -> None:
    sources = [p.read_text("utf-8") for room in ("retrieve", "ground") for p in (ROOT / "rag" / room).rglob("*.py")]
    for field in fields(Tuning):
        assert any(f"TUNING.{field.name}" in text for text in sources), field.name
    with pytest.raises(FrozenInstanceError):
        TUNING.dense_weight = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("room", ["retrieve", "ground"])
def test_no_other_file_sets_a_share_or_a_weight_by_hand(room: str) -> None:
    """Fractions are tuning; whole numbers may be bounds of a format."""
    for path in (ROOT / "rag" / room).rglob("*.py"):
        if path.name == "tuning.py":
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                assert not (isinstance(node.value.value, float) and 0 < node.value.value < 10), (path, node.lineno)
