import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ground.opposite import opposite


@pytest.mark.parametrize(
    ("claim", "turned"),
    [
        ("Taxes raise prices.", "Taxes lower prices."),
        ("Sales were lower in May.", "Sales were higher in May."),
        ("Improved roads helped.", "Worsened roads helped."),
        ("The bridge is open.", "The bridge is closed."),
        ("The bridge was repaired.", "The bridge was not repaired."),
        ("The bridge was not repaired.", "The bridge was repaired."),
        ("There is no toll.", "There is toll."),
        ("It can't fly.", "It can fly."),
        ("It cannot fly.", "It can fly."),
        ("Ships won't call here.", "Ships will call here."),
        ("He didn’t sign.", "He did sign."),
    ],
)
def test_what_a_claim_turns_on_is_turned_round(claim: str, turned: str) -> None:
    assert opposite(claim) == turned


@pytest.mark.parametrize("claim", ["", "Ann wrote the book.", "Smoke-reduced ham tastes fine."])
def test_a_claim_that_turns_on_no_word_we_know_has_no_opposite(claim: str) -> None:
    assert opposite(claim) == ""


def test_not_only_is_no_negation() -> None:
    assert opposite("It not only saves money.") == ""


@given(st.text(alphabet="abcdeis not'’-.", max_size=60))
def test_the_opposite_is_never_the_claim(claim: str) -> None:
    assert opposite(claim) != claim or not claim
