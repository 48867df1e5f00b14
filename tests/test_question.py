"""What a question asks for, and that it is analysed once and for all."""

from __future__ import annotations

import pytest

from rag.errors import QuestionError
from rag.retrieve.kinds import asks_yes_or_no
from rag.retrieve.question import analyse


@pytest.mark.parametrize(
    "question",
    [
        "Can you tell me who leads the lab?",
        "Do you know when Avocado launches?",
        "Could you list the members of the board?",
        "Would you please explain the refund policy?",
        "Will Smith won which award?",
        "Could you perhaps name the supplier?",
    ],
)
def test_a_request_and_a_question_word_in_its_place_want_more_than_yes_or_no(question: str) -> None:
    assert not asks_yes_or_no(question)


@pytest.mark.parametrize(
    "question",
    [
        "Can you bring a dog?",
        "Will my unused leave be paid out when I quit?",
        "Does the fee rise when clouds are included?",
        "Did the man who built it live there?",
        "So is it open on Sundays?",
        "Do you need a permit to park overnight?",
    ],
)
def test_a_question_for_yes_or_no_may_hold_a_clause_with_a_question_word(question: str) -> None:
    assert asks_yes_or_no(question)


def test_everything_is_read_off_the_question_itself() -> None:
    asked = analyse("  How much did it\n cost? ", [("Who built the Harrow bridge?", "Ada Moreno built it. [1]")])
    assert asked.text == "How much did it cost?"
    assert asked.earlier == ("Who built the Harrow bridge?",)
    assert not asked.names
    assert not asked.yes_or_no


@pytest.mark.parametrize("question", ["", " \t", "?!", "x" * 2001])
def test_what_cannot_be_asked_says_so(question: str) -> None:
    with pytest.raises(QuestionError):
        analyse(question)
