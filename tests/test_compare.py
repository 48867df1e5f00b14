import pytest

from rag.ground.sides import subject_sides
from rag.ground.sides.amounts import value_sides
from rag.retrieve.question import analyse
from rag.types import Evidence


def evidence(*quotes: str) -> list[Evidence]:
    return [Evidence(f"{n}.txt", f"T{n}", None, 0, len(q), q, n, 1.0) for n, q in enumerate(quotes, 1)]


def claims(
    quotes: list[str], question: str = "What do sources say about Kiwi and the bridge?"
) -> dict[str, tuple[str, ...]]:
    return {s.claim: s.documents for s in subject_sides(analyse(question), evidence(*quotes))}


def test_different_sums_for_one_thing_are_sides_and_like_statements_join_them() -> None:
    found = claims(
        [
            "The bridge repairs in Harbour City cost $40 million.",
            "The bridge repairs in Harbour City cost $52 million, auditors say.",
            "Repairs of the bridge in Harbour City cost 40 million dollars.",
        ]
    )
    assert found == {"$40 million": ("1.txt", "3.txt"), "$52 million": ("2.txt",)}


@pytest.mark.parametrize(
    "quotes",
    [
        ["The bridge in Harbour City cost $40 million.", "The school kitchen in Milltown cost $2 million."],
        ["The bridge repairs cost the city $40 million.", "The bridge repairs cost the city $40 million, he said."],
        ["The bridge is 40 metres long and old.", "The bridge took 52 workers a long old year."],
        ["Kiwi is an open model.", "Kiwi is an open-source model."],
        ["Kiwi is an open model.", "Plum is a closed model."],
        ["The firm will pursue open and closed Kiwi models.", "Kiwi is an open model."],
        [],
    ],
)
def test_agreement_and_different_things_are_not_flagged(quotes: list[str]) -> None:
    assert claims(quotes) == {}


def test_opposite_words_of_the_questions_subject_are_sides() -> None:
    found = claims(["Unlike Plum, which is open, Kiwi will be closed.", "The company plans open versions of Kiwi."])
    assert found == {"Kiwi: open": ("2.txt",), "Kiwi: closed": ("1.txt",)}


def test_an_opposite_word_about_something_else_is_no_side() -> None:
    assert (
        claims(["The company plans open versions of Kiwi.", "Kiwi learned from others, such as Plum's closed model."])
        == {}
    )


def test_every_side_has_its_citations() -> None:
    quotes = evidence("The big bridge cost $4 million.", "The big bridge cost $5 million.")
    found = value_sides(analyse("What did the bridge cost?"), quotes)
    assert len(found) == 2
    for side in found:
        assert len(side.citations) == 1
        assert side.citations[0].document_id == side.documents[0]


def test_a_disagreement_the_question_is_not_about_is_not_shown() -> None:
    quotes = [
        "The bridge repairs in Harbour City cost $40 million.",
        "The bridge repairs in Harbour City cost $52 million.",
    ]
    assert claims(quotes, "What did the bridge repairs cost?")
    assert not claims(quotes, "Who runs the school kitchen?")


def test_two_disagreements_are_not_mixed() -> None:
    quotes = [
        "The bridge repairs in Harbour City cost $40 million.",
        "The bridge repairs in Harbour City cost $52 million.",
        "The mayor pledged to spend $600 million on Milltown school kitchens.",
        "The mayor pledged to spend $60 million on Milltown school kitchens.",
    ]
    for question, figures in (
        ("What did the bridge repairs cost?", {"$40 million", "$52 million"}),
        ("What will the mayor spend on kitchens?", {"$600 million", "$60 million"}),
    ):
        assert {s.claim for s in value_sides(analyse(question), evidence(*quotes))} == figures


def test_rounded_figures_agree() -> None:
    quotes = ["The big bridge cost $14.3 million.", "The big bridge cost about $14 million."]
    asked = analyse("How much did the big bridge cost?")
    assert not value_sides(asked, evidence(*quotes))
    assert not claims(quotes, asked.text)
    assert value_sides(asked, evidence(quotes[0], "The big bridge cost $15 million."))
