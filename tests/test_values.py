import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.lists import word_numbers
from rag.text.quantities import same_value, stated, values


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
        ("TeamApril 7, 2026 and 2025/12/04", [("date", 20260407, ""), ("date", 20251204, "")]),
        ("July 4, 1776", [("date", 17760704, "")]),
        ("1.800 Euro, 1,800 euros", [("money", 1800, "EUR"), ("money", 1800, "EUR")]),
        ("CHF 40, 40 CHF, Fr. 40", [("money", 40, "CHF")] * 3),
        ("1.234.567,50 €", [("money", 1234567.5, "EUR")]),
        ("1'800 and 10\u202f000 and 10 000", [("count", 1800, "and"), ("count", 10_000, "and"), ("count", 10_000, "")]),
        ("Zeile 7 10 500 22", [("count", 7, ""), ("count", 10, ""), ("count", 500, ""), ("count", 22, "")]),
        ("1,00,000 rupees", [("money", 100_000, "INR")]),
        ("3,5 % und 1,5 Millionen Euro", [("percent", 3.5, "%"), ("money", 1.5e6, "EUR")]),
        ("items 1,2 and 3", [("count", 1, ""), ("count", 2, "and"), ("count", 3, "")]),
        ("0.125 and 3.141", [("count", 0.125, "and"), ("count", 3.141, "")]),
        ("at 192.168.100.200", [("count", 192.168, "")]),
        ("5mg, 90-minute, 24h", [("count", 5, "mg"), ("count", 90, "minute"), ("count", 24, "h")]),
        ("the 1990s, 5G, 4K", [("count", 4000, "")]),
        ("Section 5 100 m", [("count", 5100, "m")]),
        ("am 12. Oktober 2026, le 3 mars 2025", [("date", 20261012, ""), ("date", 20250303, "")]),
        ("12 de octubre de 2026, 12.10.2026", [("date", 20261012, "")] * 2),
        ("12.10.26, October 12, 12th of October", [("date", 20261012, ""), ("date", 1012, ""), ("date", 1012, "")]),
        ("May 20 , 1999", [("date", 19990520, "")]),
        ("6·8 years, 0·1 μg", [("count", 6.8, "year"), ("count", 0.1, "μg")]),
        (
            "in 2015 $40 million, by 2016 CHF 5",
            [("date", 2015, ""), ("money", 4e7, "USD"), ("date", 2016, ""), ("money", 5, "CHF")],
        ),
        ("12 to 14 October 2026", [("date", 20261012, ""), ("date", 20261014, "")]),
        (
            "January 27–28, 1922, May 3 and 4",
            [("date", 19220127, ""), ("date", 19220128, ""), ("date", 503, ""), ("date", 504, "")],
        ),
        ("one day, one second, one dollar", [("money", 1, "USD")]),
        ("it may 12 times", [("count", 12, "time")]),
        ("On May 12, 20000 people marched", [("count", 12, ""), ("count", 20000, "people")]),
        ("GPT-5 and H100", []),
        ("", []),
    ],
)
def test_quantities_in_normal_form(text: str, expected: list[tuple[str, float, str]]) -> None:
    assert [(v.kind, v.amount, v.unit) for v in values(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hired twenty-five employees", [("count", 25, "employee", "twenty-five")]),
        ("Thirty people", [("count", 30, "people", "Thirty")]),
        ("seventy - two - hour", [("count", 72, "hour", "seventy - two")]),
        ("one hundred", [("count", 100, "", "one hundred")]),
        ("a hundred-year-old oak", [("count", 100, "year", "a hundred")]),
        ("three hundred and twelve miles", [("count", 312, "mile", "three hundred and twelve")]),
        ("nine hundred ninety-nine thousand votes", [("count", 999_000, "vote", "nine hundred ninety-nine thousand")]),
        ("twelve hundred men", [("count", 1200, "men", "twelve hundred")]),
        ("two million three hundred thousand", [("count", 2_300_000, "", "two million three hundred thousand")]),
        ("two trillion cells", [("count", 2e12, "cell", "two trillion")]),
        ("two and a half million dollars", [("money", 2.5e6, "USD", "two and a half million")]),
        ("a million and a half euros", [("money", 1.5e6, "EUR", "a million and a half")]),
        ("a two-and-a-half-year term", [("count", 2.5, "year", "two-and-a-half")]),
        ("half a million people", [("count", 5e5, "people", "half a million")]),
        ("a quarter of a million", [("count", 250_000, "", "a quarter of a million")]),
        ("half an hour", [("count", 0.5, "hour", "half")]),
        ("a dozen eggs", [("count", 12, "egg", "a dozen")]),
        ("two dozen", [("count", 24, "", "two dozen")]),
        ("half-dozen", [("count", 6, "", "half-dozen")]),
        ("Fifty-one per cent of us", [("percent", 51, "%", "Fifty-one per cent")]),
        ("one percent", [("percent", 1, "%", "one percent")]),
        ("half of the members", [("percent", 50, "%", "half")]),
        ("lost half its value", [("percent", 50, "%", "half")]),
        ("three-quarters of voters", [("percent", 75, "%", "three-quarters")]),
        ("a tenth of them", [("percent", 10, "%", "a tenth")]),
        ("fell by a third", [("percent", pytest.approx(100 / 3), "%", "a third")]),
        (
            "rose by half, then by a quarter to 50",
            [("percent", 50, "%", "half"), ("percent", 25, "%", "a quarter"), ("count", 50, "", "50")],
        ),
        ("by a third party, by half the men", [("percent", 50, "%", "half")]),
        ("a quarter of a mile", [("count", 0.25, "mile", "a quarter")]),
        ("thirty seconds", [("count", 30, "second", "thirty")]),
        ("a thirty-second delay", [("count", 30, "second", "thirty")]),
        ("one million and two million", [("count", 1e6, "and", "one million"), ("count", 2e6, "", "two million")]),
        (
            "between one hundred and two hundred",
            [("count", 100, "and", "one hundred"), ("count", 200, "", "two hundred")],
        ),
        (
            "between ninety and one hundred and ten",
            [("count", 90, "and", "ninety"), ("count", 110, "", "one hundred and ten")],
        ),
        (
            "between one hundred and fifty and two hundred",
            [("count", 150, "and", "one hundred and fifty"), ("count", 200, "", "two hundred")],
        ),
        ("between one hundred and fifty", [("count", 150, "", "one hundred and fifty")]),
        ("between two and three", [("count", 2, "and", "two"), ("count", 3, "", "three")]),
        ("two five-year terms", [("count", 2, "five", "two"), ("count", 5, "year", "five")]),
        ("three quarters in a row", [("count", 3, "quarter", "three")]),
        ("the first three quarters of 2021", [("count", 3, "quarter", "three"), ("date", 2021, "", "2021")]),
        ("three hundred first-class seats", [("count", 300, "first", "three hundred")]),
        ("2 million", [("count", 2e6, "", "2 million")]),
        ("one of the firms had a second look, one third party", []),
        ("the twenty-first century, the two hundred and first, the thirty-second president", []),
        ("hundreds of thousands, several hundred and fifty, a few million, dozens, tens", []),
        ("the first half of the game, its northern half of the land, a half-brother, a year and a half", []),
        ("a second of it, a first half", []),
    ],
)
def test_number_words_with_their_places(text: str, expected: list[tuple[str, float, str, str]]) -> None:
    assert [(v.kind, v.amount, v.unit, text[v.start : v.end]) for v in values(text)] == expected


@pytest.mark.parametrize(
    ("text", "amount"),
    [("Aprıl 4, 2024", 20240404), ("ſept 4, 2024", 20240904), ("two mıllıon", 2e6), ("UſS$3", 3), ("uſ$3", 3)],
)
def test_letters_that_a_pattern_takes_for_others_are_no_fault(text: str, amount: float) -> None:
    assert values(text)[-1].amount == amount


@pytest.mark.parametrize("name", ["numbers", "ordinals"])
def test_every_number_word_is_read(name: str) -> None:
    for word, number in word_numbers(name).items():
        if name == "ordinals":
            assert values(f"the hundred and {word} visitor") == []
            if number > 2:
                (v,) = values(f"a {word} of them")
                assert (v.kind, v.amount) == ("percent", pytest.approx(100 / number))
        elif number > 1:
            (v,) = values(f"a {word} things" if number >= 100 else f"{word} things")
            assert (v.amount, v.unit) == (number, "thing")


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ("three hundred and twelve", "320", False),  # exact, though a hundred stands in it
        ("two and a half million", "2.51 million", True),
        ("two and a half million", "2.9 million", False),
        ("five or six thousand people", "5500 people", True),
        ("half of the members", "51% of the members", True),
        ("half of the members", "60% of the members", False),
    ],
)
def test_what_a_number_in_words_may_stand_for(a: str, b: str, agree: bool) -> None:
    assert stated(a)[0].agrees_with(stated(b)[0]) is agree


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
        ("twenty-five people", "25 people", True),
        ("fifty percent", "half of them", True),
        ("a third of them", "33%", True),
        ("a third of them", "34%", False),
        ("two-thirds of them", "66.7%", True),
        ("by a third", "33.3%", True),
        ("1.800 Euro", "1,800 euros", True),
        ("1.800 Euro", "EUR 1800", True),
        ("1.800", "1,800", True),
        ("1.800", "1.8", True),
        ("1,800", "1.8", False),
        ("$14.300 billion", "14300 billion dollars", False),
        ("40 CHF", "$40", False),
        ("40 CHF", "40", False),
        ("CHF 40", "40 Swiss francs", True),
        ("298.00", "$298.00", False),
        ("Total (EUR): 298.00", "298 euros", True),
        ("Total (EUR): 298.00", "$298", False),
        ("A$40", "US$40", False),
        ("A$40", "$40", True),
        ("5 mg", "5 g", False),
        ("5 mg", "5 ml", False),
        ("5 mg", "5 tablets", False),
        ("5 mg", "0.005 grams", True),
        ("5 mg", "5", True),
        ("Dose (mg): 5", "5 g", False),
        ("Dose (mg): 5", "5 mg", True),
        ("Dose (mg): 5", "5", True),
        ("Share (%): 5", "5 percent", True),
        ("Total (EUR): 298.00", "298", True),
        ("1.5 km", "1500 m", True),
        ("1,5 km", "1500 Meter", True),
        ("90 minutes", "1.5 hours", True),
        ("90 minutes", "2 hours", False),
        ("two weeks", "14 days", True),
        ("30 days", "1 month", False),
        ("24 consecutive hours", "24 hours", True),
        ("half an hour", "30 minutes", True),
        ("100m", "100 metres", True),
        ("5 pounds", "£5", True),
        ("5 pounds", "5 lb", True),
        ("5 pounds", "5 kg", False),
        ("4 GB", "4096 MB", True),
        ("100 nM", "100 nm", False),  # molar
        ("100 nM", "0.1 μm", False),
        ("Day 1 Day", "24 hours", False),
        ("90 mm Hg", "9 cm", False),
        ("5 mg/kg", "5 mg", True),
        ("5 mg/kg", "5 g/kg", False),
        ("5% of members", "5 members", False),
        ("12. Oktober 2026", "2026-10-12", True),
        ("12/10/2026", "2026-10-12", True),
        ("12/10/2026", "2026-12-10", True),
        ("12/10/2026", "2026-12-11", False),
        ("31/12/2026", "31 décembre 2026", True),
        ("12 October", "2026-10-12", True),
        ("12 October", "October 12", True),
        ("12 October", "13 October", False),
        ("12 October", "October 2026", False),
        ("in May 12 people", "12 people", True),
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


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ("5 to 10 mg", "0.007 g", True),
        ("90 minutes", "1.5 hours", True),
        ("about 90 minutes", "2 hours", False),
        ("1.800 Euro", "1,800 euros", True),
        ("14.3 million km", "14.3 million kilometres", True),
        ("5 m", "6 m", False),
        ("5 mg/kg", "0.005 g/kg", True),
    ],
)
def test_measured_quantities_agree_in_basic_units(a: str, b: str, agree: bool) -> None:
    assert stated(a)[0].agrees_with(stated(b)[0]) is agree
    assert stated(a)[0].value.measured_in == stated(b)[0].value.measured_in


def test_the_longest_rows_of_figures_are_read_in_time() -> None:
    started = time.perf_counter()
    values("1 234 567 " * 2000 + "1.234." * 2000 + "1,2," * 2000)
    assert time.perf_counter() - started < 5
