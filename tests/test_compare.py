import pytest

from rag.ground.sides import answer_sides, opposite_sides, sides, value_sides
from rag.retrieve.question import analyse
from rag.types import Evidence


def evidence(*quotes: str) -> list[Evidence]:
    return [Evidence(f"{n}.txt", f"T{n}", None, 0, len(q), q, n, 1.0) for n, q in enumerate(quotes, 1)]


def claims(
    quotes: list[str], question: str = "What do sources say about Kiwi and the bridge?"
) -> dict[str, tuple[str, ...]]:
    given = evidence(*quotes)
    return {s.claim: s.documents for s in sides(analyse(question), given, rivals=given)}


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


def test_opposite_words_are_sides_only_where_what_is_asked_is_spoken_of() -> None:
    question = "Do open fields make Kiwi sweeter?"
    beside = evidence("Open stalls sell Kiwi on Fridays.", "The Kiwi museum is closed on Fridays.")
    assert not opposite_sides(analyse(question), beside)
    assert opposite_sides(
        analyse(question), evidence("Kiwi from open fields is sweeter.", "Kiwi of closed fields is sweeter.")
    )


def test_a_question_between_two_opposites_has_those_as_sides() -> None:
    found = claims(
        ["Kiwi models will be open.", "Kiwi models will be closed, not open."], "Will Kiwi be open or closed?"
    )
    assert found == {"Kiwi: open": ("1.txt",), "Kiwi: closed": ("2.txt",)}


def test_a_question_for_a_quantity_compares_quantities_only() -> None:
    quotes = ["Kiwi is an open model.", "Kiwi is a closed model."]
    assert opposite_sides(analyse("Is Kiwi open?"), evidence(*quotes))
    assert not sides(analyse("When will Kiwi be released?"), evidence(*quotes))


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


def test_an_opposition_the_answer_takes_no_side_in_is_not_shown() -> None:
    quotes = evidence("Kiwi is an open model.", "Kiwi is a closed model.")
    asked = "Which ability will Kiwi have?"
    assert not sides(analyse(asked), quotes, ["Kiwi will write code."])
    assert sides(analyse(asked), quotes, ["Kiwi is an open model."])


def test_a_denial_and_a_statement_of_what_is_asked_are_sides() -> None:
    quotes = evidence(
        "Vitamin C shortens a common cold by a day.",
        "There is no evidence that vitamin C shortens a cold.",
        "Trees do not grow in winter.",
    )
    found = sides(analyse("Does vitamin C shorten a cold?"), quotes, rivals=quotes)
    assert [s.documents for s in found] == [("1.txt",), ("2.txt",)]
    assert not sides(analyse("Does vitamin C shorten a cold?"), quotes, rivals=quotes[:1])  # the denial answers nothing


def test_an_opposite_word_denies_what_is_asked() -> None:
    found = sides(analyse("Is Kiwi open?"), evidence("Kiwi is an open model.", "Kiwi is a closed model."))
    assert [s.documents for s in found] == [("1.txt",), ("2.txt",)]


@pytest.mark.parametrize(
    "quotes",
    [
        ["Vitamin C shortens a cold.", "Vitamin C was shown to shorten a cold, with or without zinc."],
        ["Vitamin C shortens a common cold.", "Vitamin C is not sold in this cold town."],  # far less of the question
        ["There is no evidence that vitamin C shortens a cold."],
        ["Vitamin C shortens a cold."],
    ],
)
def test_what_is_not_denied_is_no_disagreement(quotes: list[str]) -> None:
    given = evidence(*quotes)
    assert not sides(analyse("Does vitamin C shorten a common cold in adults?"), given, rivals=given)


def test_the_figure_a_question_states_is_held_against_the_sources() -> None:
    quotes = evidence(
        "Volcanoes emit 0.2 to 0.3 billion tons of gas a year.",
        "Each year the volcanoes emit 0.6 billion tons of gas.",
        "Factories emit 29 billion tons.",
    )
    found = sides(analyse("Do volcanoes emit about 0.25 billion tons of gas a year?"), quotes)
    assert [s.documents for s in found] == [("1.txt",), ("2.txt",)]
    assert not sides(analyse("Do volcanoes emit 0.25 billion tons of gas a year?"), quotes[:1])


def test_rounded_figures_agree() -> None:
    quotes = ["The big bridge cost $14.3 million.", "The big bridge cost about $14 million."]
    asked = analyse("How much did the big bridge cost?")
    assert not value_sides(asked, evidence(*quotes))
    assert not claims(quotes, asked.text)
    assert value_sides(asked, evidence(quotes[0], "The big bridge cost $15 million."))


def named(question: str, *quotes: str) -> dict[str, tuple[str, ...]]:
    """Sides of sentences that all answer, where the answer is the first of them."""
    found = evidence(*quotes)
    return {s.claim: s.documents for s in answer_sides(analyse(question), found, [quotes[0]])}


def test_other_names_and_dates_for_the_one_thing_asked_are_sides() -> None:
    who = "Who designed the Harrow bridge?"
    said = ("Bram Keller designed the Harrow bridge.", "Scholars hold that Ada Moreno designed the Harrow bridge.")
    assert list(named(who, *said)) == ["Bram Keller", "Ada Moreno"]
    when = "When was the Brenta tunnel opened?"
    said = ("The Brenta tunnel was opened in 1987.", "The Brenta tunnel was opened in May 2003.")
    assert list(named(when, *said)) == ["1987", "May 2003"]
    which = "Which metal is the Stroud bell made of?"
    said = ("The Stroud bell is made of a metal, silver.", "Bronze is the metal the Stroud bell is made of.")
    assert list(named(which, *said)) == ["silver", "Bronze"]


def test_an_answer_that_only_completes_the_question_has_another_side() -> None:
    who = analyse("Who designed the Harrow bridge?")
    found = evidence("Bram Keller designed the Harrow bridge.", "Ada Moreno designed the Harrow bridge in 1931.")
    assert [s.claim for s in answer_sides(who, found, ["Bram Keller."])] == ["Bram Keller", "Ada Moreno"]


def test_what_says_the_same_or_does_not_answer_makes_no_side() -> None:
    who = "Who designed the Harrow bridge?"
    assert not named(who, "Ada Moreno designed the Harrow bridge.", "Moreno designed the Harrow bridge in Leeds.")
    assert not named(who, "Ada Moreno designed the Harrow bridge.", "Bram Keller crossed the bridge.")
    when = "When was the Brenta tunnel opened?"
    assert not named(when, "The Brenta tunnel was opened in 1987.", "The Brenta tunnel was opened on 4 May 1987.")
    assert not named(when, "The Brenta tunnel was opened in 1987.", "The Brenta tunnel was opened by Bram Keller.")
    assert not named("Is the bridge old?", "The bridge is old.", "The bridge is new.")
