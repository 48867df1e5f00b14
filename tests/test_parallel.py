"""Like statements of two sources that differ in a figure, a date or a name, whatever the question's wording."""

import pytest

from rag.ground.sides.parallel import parallel_sides
from rag.retrieve.question import analyse
from rag.types import Evidence


def evidence(*statements: tuple[str, str]) -> list[Evidence]:
    return [
        Evidence(document, document.removesuffix(".txt"), None, 0, len(quote), quote, number, 1.0)
        for number, (document, quote) in enumerate(statements, 1)
    ]


@pytest.mark.parametrize("question", ["What does the pass cost?", "price of the pass", "Tell me the fee for a pass."])
@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        ("The yearly pass costs 90 euros.", "The yearly pass costs 75 euros.", ("90", "75")),
        ("The pass is sold by Ida Holm.", "The pass is sold by Jon Berg.", ("Ida Holm", "Jon Berg")),
        ("The pass holds from 3 May.", "The pass holds from 10 May.", ("3", "10")),
        ("The pass covers two zones.", "The pass covers three zones.", ("two", "three")),
    ],
)
def test_other_particulars_in_the_same_places_are_sides(
    question: str, one: str, other: str, differing: tuple[str, str]
) -> None:
    sides = parallel_sides(analyse(question), evidence(("a.txt", one), ("b.txt", other)))
    assert tuple(side.claim for side in sides) == differing
    assert [side.documents for side in sides] == [("a.txt",), ("b.txt",)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The yearly pass costs 90 euros.", "The yearly pass costs ninety euros."),  # one figure
        ("The yearly pass costs 90 euros.", "The monthly pass costs 75 euros."),  # two things
        ("Pass A costs 90 euros.", "Pass B costs 75 euros."),
        ("The pass costs 90 euros.", "The pass costs 75 euros for students."),  # one says more
        ("It costs 90 euros for the pass.", "It costs 75 euros for the pass."),  # what "it" is stands elsewhere
        ("The pass costs 90 euros.", "Whoever has the pass travels for 75 euros in the whole town."),
    ],
)
def test_what_is_not_alike_is_no_side(one: str, other: str) -> None:
    assert not parallel_sides(analyse("What does the pass cost?"), evidence(("a.txt", one), ("b.txt", other)))


def test_one_document_does_not_contradict_itself() -> None:
    pair = evidence(("a.txt", "The pass costs 90 euros."), ("a.txt", "The pass costs 75 euros."))
    assert not parallel_sides(analyse("What does the pass cost?"), pair)


def test_a_question_that_names_one_of_the_sources_sees_no_other_side() -> None:
    pair = evidence(("prices-2021.txt", "The pass costs 90 euros."), ("prices-2024.txt", "The pass costs 75 euros."))
    assert parallel_sides(analyse("What does the pass cost?"), pair)
    assert not parallel_sides(analyse("What did the pass cost in 2021?"), pair)
    assert not parallel_sides(analyse("What is the current price of the pass?"), pair)


def test_who_says_the_same_is_on_the_same_side() -> None:
    statements = [("a.txt", "90"), ("b.txt", "75"), ("c.txt", "90"), ("d.txt", "75")]
    sides = parallel_sides(
        analyse("What does the pass cost?"), evidence(*((d, f"The pass costs {n} euros.") for d, n in statements))
    )
    assert [side.documents for side in sides] == [("a.txt", "c.txt"), ("b.txt", "d.txt")]
