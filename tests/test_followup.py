import pytest

from rag.followup import standalone

HISTORY = [("What do sources say about Avocado's license?", "It is closed.")]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And when will it launch?", "And when will Avocado launch?"),
        ("What is its price?", "What is Avocado's price?"),
        ("Why?", "Why (Avocado)?"),
        ("What is Mango?", "What is Mango?"),
        ("What is the capital of France?", "What is the capital of France?"),
    ],
)
def test_a_follow_up_gets_its_subject_from_the_conversation(question: str, expected: str) -> None:
    assert standalone(question, HISTORY) == expected


def test_without_history_nothing_is_put_in() -> None:
    assert standalone("And when will it launch?", []) == "And when will it launch?"


def test_the_last_subject_wins() -> None:
    assert standalone("Who leads it?", [*HISTORY, ("What is Mango?", "A model.")]) == "Who leads Mango?"
