import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.quantities import same_value, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $14.3 billion deal", [("money", 14.3e9, "USD")]),
        ("US$3 trillion", [("money", 3e12, "USD")]),
        ("€5m and £2bn", [("money", 5e6, "EUR"), ("money", 2e9, "GBP")]),
        ("15 billion dollars", [("money", 15e9, "USD")]),
        ("8,550,647 downloads", [("count", 8550647, "download")]),
        ("three models", [("count", 3, "model")]),
        ("up 3.5 per cent", [("percent", 3.5, "%")]),
        ("04 Dec 2025", [("date", 20251204, "")]),
        ("in April 2026", [("date", 202604, "")]),
        ("since 2023", [("date", 2023, "")]),
        ("GPT-5 and H100", []),
        ("", []),
    ],
)
def test_quantities_in_normal_form(text: str, expected: list[tuple[str, float, str]]) -> None:
    assert [(v.kind, v.amount, v.unit) for v in values(text)] == expected


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("$14.3 billion", "14,300 million dollars", True),
        ("$15 billion", "$14.3 billion", False),
        ("$5 million", "€5 million", False),
        ("2026", "April 2026", True),
        ("April 2026", "May 2026", False),
        ("5%", "$5", False),
        ("400B parameters", "400 billion parameters", True),
    ],
)
def test_agreement_is_by_value_not_by_spelling(a: str, b: str, same: bool) -> None:
    assert same_value(values(a)[0], values(b)[0]) is same
    assert same_value(values(b)[0], values(a)[0]) is same


@given(st.text(max_size=200))
def test_spans_lie_in_the_text_and_do_not_overlap(text: str) -> None:
    found = values(text)
    assert all(0 <= v.start < v.end <= len(text) for v in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
