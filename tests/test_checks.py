import pytest

from rag.ground.checks import check, negated_stems

DEAL = "Alexandr Wang joined through a $14.3 billion investment deal with his startup Scale AI."


@pytest.mark.parametrize(
    ("claim", "premise"),
    [
        ("Wang joined through a $14.3 billion deal with Scale AI.", DEAL),
        ("The startup's deal was worth $14.3bn.", DEAL),
        ("Avocado is a large language model.", "Avocado, an LLM, was shown."),
        ("Avocado is an LLM.", "“Avocado”: A massive Large Language Model designed to succeed Llama."),
        ("Seedling licensed the tool to Orchard.", "It is a tool that Orchard licensed from Seedling."),
        ("It went to Orchard.", "It came from Orchard and went back to Orchard."),
        ("They want to help Orchard.", "It is a gift from Orchard."),
        ("Meta won't release everything.", "Here the strategy gets interesting: Meta won't release everything."),
    ],
)
def test_what_agrees_passes(claim: str, premise: str) -> None:
    assert check(claim, premise).passes, check(claim, premise)


@pytest.mark.parametrize(
    ("claim", "premise", "reason"),
    [
        ("Wang joined through a $15 billion deal.", DEAL, "$15 billion"),
        ("Wang joined OpenAI through a deal.", DEAL, "OpenAI"),
        ("The deal was signed in 2025.", DEAL, "2025"),
        ("Meta will release everything.", "Meta won't release everything.", "releas"),
        ("Avocado is not open.", "Avocado is open to everyone.", "open"),
        ("The capital of France is Paris.", "Meta is developing a model.", "France"),
        (
            "Orchard licensed the tool to Seedling.",
            "It is a tool that Orchard licensed from AI startup Seedling.",
            "seedl",
        ),
        ("The tool came from the Orchard lab.", "The tool went to Orchard.", "orchard"),
    ],
)
def test_what_differs_in_value_name_or_negation_fails(claim: str, premise: str, reason: str) -> None:
    found = check(claim, premise)
    assert not found.passes
    assert reason in found.why


def test_negation_does_not_reach_over_punctuation() -> None:
    assert negated_stems("It is not cheap, but it is fast.") == {"cheap"}


def test_not_only_is_no_negation() -> None:
    assert not negated_stems("It is not only fast")


def test_order_is_the_share_of_words_in_the_claims_order() -> None:
    assert check("Foxes eat mice", "Foxes often eat mice").order == 1
    assert check("Mice eat foxes", "Foxes eat mice").order == pytest.approx(1 / 3)


def test_coverage_is_the_share_of_the_claims_words() -> None:
    assert check("red green blue white", "red green").coverage == 0.5


@pytest.mark.parametrize(
    ("claim", "premise", "limit"),
    [
        ("They were found to abuse it.", "They have sometimes been found to abuse it.", "sometimes"),
        ("Kiwi ships in June.", "Kiwi could ship in June.", "could"),
        ("Kiwi may ship in June.", "Kiwi could ship in June.", ""),
        ("Kiwi ships in May 2000.", "Kiwi ships in May 2000.", ""),
        ("Kiwi ships in June.", "Kiwi ships in June, and some shops will sell Plum.", ""),
        ("The plant reopened on Sunday.", "The mayor might resign, but the plant reopened on Sunday.", ""),
        ("The company opened a lab.", "The company, likely the largest, opened a lab.", ""),
    ],
)
def test_a_limit_of_the_source_is_not_dropped(claim: str, premise: str, limit: str) -> None:
    assert check(claim, premise).limit == limit
