from dataclasses import replace

import pytest

from rag.ground.verify import verify_claim, widener
from rag.retrieve.question import analyse
from rag.types import Chunk, Claim, Document, Evidence, Removed, Sentence, Span
from tests.fakes import OverlapVerifier

TEXT = "Avocado is a new model. It will be closed. Gemma 4 has an Apache 2.0 license."
QUOTES = ["Avocado is a new model.", "It will be closed.", "Gemma 4 has an Apache 2.0 license."]


def evidence(*quotes: str, text: str = TEXT) -> list[Evidence]:
    return [
        Evidence("a.txt", "A", None, text.index(q), text.index(q) + len(q), q, n, 1.0) for n, q in enumerate(quotes, 1)
    ]


class Unasked:
    name = "unasked"

    def support(self, claim: str, premises: object, *, abort: object = None) -> list[float]:
        raise AssertionError("the judge is the slow part: it is asked only where words leave it open")


class Says:
    """One probability for what it is asked about first, another for everything else: its opposite."""

    name = "says"

    def __init__(self, probability: float, *, of_opposite: float = 0.0) -> None:
        self.probability = probability
        self.of_opposite = of_opposite
        self.asked: list[tuple[str, str]] = []

    def support(self, claim: str, premises: list[str], *, abort: object = None) -> list[float]:
        self.asked += [(claim, p) for p in premises]
        return [self.probability if claim == self.asked[0][0] else self.of_opposite] * len(premises)


def numbers(result: Sentence | Removed) -> list[int]:
    assert isinstance(result, Sentence), result
    return [c.marker for c in result.citations]


def test_the_sources_own_words_need_no_judge() -> None:
    assert numbers(verify_claim(Claim("Gemma 4 has an Apache 2.0 license.", (3,)), evidence(*QUOTES), Unasked())) == [3]


def test_a_wrong_marker_is_moved_to_the_evidence_that_says_it() -> None:
    assert numbers(verify_claim(Claim("Gemma 4 has an Apache 2.0 license.", (1,)), evidence(*QUOTES), Unasked())) == [3]


def test_a_forgotten_marker_is_found() -> None:
    assert numbers(verify_claim(Claim("Avocado is a new model.", ()), evidence(*QUOTES), Unasked())) == [1]


def test_a_number_the_source_does_not_state_is_fatal_whatever_the_judge_says() -> None:
    result = verify_claim(Claim("Gemma 5 has an Apache 2.0 license.", (3,)), evidence(*QUOTES), Says(1.0))
    assert isinstance(result, Removed)
    assert "5" in result.why


def test_a_name_the_source_does_not_state_is_fatal() -> None:
    result = verify_claim(Claim("The capital of France is Paris.", (1,)), evidence(*QUOTES), Says(1.0))
    assert isinstance(result, Removed)


def test_words_of_the_question_are_for_the_judge() -> None:
    claim, asked = Claim("Gemma 4 ships under an Apache 2.0 license.", (3,)), analyse("What does Gemma 4 ship under?")
    yes, no = Says(0.9), Says(0.1)
    assert numbers(verify_claim(claim, evidence(*QUOTES), yes, asked=asked)) == [3]
    assert isinstance(verify_claim(claim, evidence(*QUOTES), no, asked=asked), Removed)
    assert yes.asked
    assert no.asked


@pytest.mark.parametrize("word", ["sells", "lost", "permits"])
def test_a_word_that_neither_source_nor_question_has_is_not_shown_whatever_the_judge_says(word: str) -> None:
    claim, asked = Claim(f"Gemma 4 {word} an Apache 2.0 license.", (3,)), analyse("Which license has Gemma 4?")
    assert isinstance(verify_claim(claim, evidence(*QUOTES), Unasked(), asked=asked), Removed)


SHIPS = Claim("Gemma 4 has been shipped under an Apache 2.0 license.", (3,))
SHIPPED = analyse("What has Gemma 4 been shipped under?")


def test_a_word_of_the_source_in_the_place_of_another_is_not_shown_whatever_the_judge_says() -> None:
    text = "The town took away our slot in the school gym because the volleyball club has moved up."
    asked = analyse("Why did we lose our slot in the school hall?")
    exchanged = Claim(text.replace("The town", "The school"), (1,))
    assert isinstance(verify_claim(exchanged, evidence(text, text=text), Says(1.0), asked=asked), Removed)
    assert numbers(verify_claim(Claim(text, (1,)), evidence(text, text=text), Unasked(), asked=asked)) == [1]
    shorter = Claim("The town took away our slot because the volleyball club has moved up.", (1,))
    assert numbers(verify_claim(shorter, evidence(text, text=text), Unasked(), asked=asked)) == [1]


@pytest.mark.parametrize(("of_opposite", "shown"), [(0.0, True), (0.5, True), (0.99, False)])
def test_a_claim_whose_opposite_the_judge_affirms_too_is_not_shown(of_opposite: float, shown: bool) -> None:
    judge = Says(0.99, of_opposite=of_opposite)
    assert isinstance(verify_claim(SHIPS, evidence(*QUOTES), judge, asked=SHIPPED), Sentence) == shown
    assert judge.asked == [
        ("Gemma 4 has been shipped under an Apache 2.0 license.", f"A: {QUOTES[2]}"),
        ("Gemma 4 has not been shipped under an Apache 2.0 license.", f"A: {QUOTES[2]}"),
    ]


def test_the_opposite_of_what_the_judge_rejects_is_not_asked_about() -> None:
    judge = Says(0.1)
    assert isinstance(verify_claim(SHIPS, evidence(*QUOTES), judge, asked=SHIPPED), Removed)
    assert judge.asked == [(SHIPS.text, f"A: {QUOTES[2]}")]


def test_a_pronoun_brings_the_sentence_before_it_along() -> None:
    spans = tuple(Span(TEXT.index(q), TEXT.index(q) + len(q)) for q in QUOTES)
    chunk = Chunk("a.txt", 0, len(TEXT), TEXT, "A", "", None, spans)
    widen = widener([chunk], {"a.txt": Document("a.txt", TEXT, "A", "0")})
    claim = Claim("Avocado will be closed.", (1,))
    result = verify_claim(claim, evidence(QUOTES[1]), Unasked(), asked=analyse("Is Avocado open?"), widen=widen)
    assert isinstance(result, Sentence)
    (found,) = result.citations
    assert found.quote == "Avocado is a new model. It will be closed." == TEXT[found.start : found.end]


def test_a_fragment_is_read_as_the_end_of_the_question() -> None:
    asked = "What license does Gemma 4 have?"
    kept = verify_claim(Claim("Apache 2.0.", (3,)), evidence(*QUOTES), OverlapVerifier(), asked=analyse(asked))
    assert numbers(kept) == [3]
    other = "What license does Avocado have?"
    assert isinstance(
        verify_claim(Claim("Apache 2.0.", (3,)), evidence(*QUOTES), OverlapVerifier(), asked=analyse(other)), Removed
    )


def test_several_cited_sentences_may_support_a_claim_together() -> None:
    claim = Claim("Avocado is a new model and Gemma 4 has an Apache 2.0 license.", (1, 3))
    assert numbers(verify_claim(claim, evidence(*QUOTES), Says(0.99))) == [1, 3]
    assert isinstance(verify_claim(claim, evidence(*QUOTES), Says(0.01)), Removed)


@pytest.mark.parametrize("empty", ["It is.", "They say so.", "Yes, it was."])
def test_a_claim_without_content_is_not_supported_by_anything(empty: str) -> None:
    assert isinstance(verify_claim(Claim(empty, (1,)), evidence(*QUOTES), Says(1.0), asked=analyse("Is it?")), Removed)


def test_what_only_repeats_the_question_is_no_answer_unless_it_says_yes_or_no() -> None:
    asked = "Avocado is a new model?"
    result = verify_claim(Claim("Avocado is a new model", (1,)), evidence(*QUOTES), Says(1.0), asked=analyse(asked))
    assert isinstance(result, Removed)
    assert "question" in result.why
    kept = verify_claim(Claim("Yes, Avocado is a new model.", (1,)), evidence(*QUOTES), Says(1.0), asked=analyse(asked))
    assert numbers(kept) == [1]


@pytest.mark.parametrize(
    ("question", "draft", "shown"),
    [
        ("Is Avocado a new model?", "Yes, Avocado is a new model.", "Yes, Avocado is a new model."),
        ("Is Avocado a new model?", "No, Avocado is a new model.", "Avocado is a new model."),
        ("Is Avocado an old model?", "Yes, Avocado is a new model.", "Avocado is a new model."),
        ("Can Avocado be open?", "No, it will be closed.", "It will be closed."),
    ],
)
def test_a_yes_or_no_stays_only_where_the_source_bears_it_out(question: str, draft: str, shown: str) -> None:
    result = verify_claim(Claim(draft, (1, 2)), evidence(*QUOTES), Unasked(), asked=analyse(question))
    assert isinstance(result, Sentence), result
    assert result.text == shown


def test_code_is_shown_only_as_it_stands_in_the_source() -> None:
    text = "Roll back with ./publish.sh --rollback and wait."
    good = verify_claim(Claim("Roll back with `./publish.sh --rollback`.", (1,)), evidence(text, text=text), Unasked())
    assert numbers(good) == [1]
    bad = verify_claim(Claim("Roll back with `publish.sh -rollback`.", (1,)), evidence(text, text=text), Unasked())
    assert isinstance(bad, Removed)
    assert "publish.sh -rollback" in bad.why


def test_what_two_documents_say_is_no_premise_of_one_claim() -> None:
    one, _, three = evidence(*QUOTES)
    claim = Claim("Avocado is a new model and Gemma 4 has an Apache 2.0 license.", (1, 3))
    assert isinstance(verify_claim(claim, [one, replace(three, document_id="b.txt")], Says(1.0)), Removed)


def test_without_evidence_nothing_is_supported() -> None:
    assert isinstance(verify_claim(Claim("Anything.", (1,)), [], Says(1.0)), Removed)


def test_a_sentence_without_a_citation_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="needs a citation"):
        Sentence("Anything.", ())


def test_a_sentence_that_breaks_off_is_not_shown() -> None:
    for text in ("Avocado is a new model that…", "Avocado is a new model ..."):
        result = verify_claim(Claim(text, (1,)), evidence(*QUOTES), OverlapVerifier())
        assert isinstance(result, Removed)
        assert result.why == "it is not finished"
