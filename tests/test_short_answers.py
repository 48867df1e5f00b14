"""Sources that answer a question differently: what each sentence answers, and which answers disagree."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from rag.ground.prompt import NOT_SAID, short_answer_prompt
from rag.ground.short_answers import ShortAnswer, short_answers
from rag.ground.sides.answers import answer_sides, log_odds, same_answer
from rag.models.protocols import Piece, Prompt
from rag.retrieve.question import analyse
from rag.types import Evidence

FEE = "What does a locker cost?"


def evidence(*quotes: str, score: float = 1.0) -> list[Evidence]:
    return [Evidence(f"{n}.txt", f"T{n}", None, 0, len(q), q, n, score) for n, q in enumerate(quotes, 1)]


def answers(*pairs: tuple[str, str], score: float = 1.0, unsaid: float = -5.0) -> list[ShortAnswer]:
    """(quotation, what it answers), each of a document of its own."""
    found = evidence(*(quote for quote, _ in pairs), score=score)
    return [ShortAnswer(e, text, unsaid) for e, (_, text) in zip(found, pairs, strict=True)]


LOCKERS = (
    ("A locker costs £18 a year.", "£18"),
    ("Lockers: £25, to be paid in May", "£25"),
    ("For a locker we ask 18 pounds.", "18 pounds"),
)


class Reader:
    """A language model that answers with the figure of a line, and says nothing of a line that has none."""

    name = "reader"

    def __init__(self) -> None:
        self.written: list[str] = []

    def score(self, prompt: Prompt, options: Sequence[str], **_: Any) -> list[float]:
        assert list(options) == [NOT_SAID]
        return [-6.0 if "£" in prompt.user else -0.1]

    def stream(self, prompt: Prompt, **_: Any) -> Iterator[Piece]:
        self.written.append(prompt.user)
        yield Piece("", prompt_done=1)
        yield Piece(" £" + prompt.user.partition("£")[2].split()[0])


def test_a_line_that_does_not_tell_is_left_out_unwritten() -> None:
    reader = Reader()
    given = evidence("A locker costs £18 a year.", "Lockers are in the hall.")
    (answer,) = short_answers(reader, analyse(FEE), given)  # type: ignore[arg-type]
    assert (answer.text, answer.evidence, answer.unsaid) == ("£18", given[0], -6.0)
    assert len(reader.written) == 1


def test_a_line_is_read_under_its_title_and_heading() -> None:
    (line,) = evidence("£18 a year")
    line = Evidence(*line.place[:1], "Fees", None, 0, 10, line.quote, 1, 1.0, context="Locker", heading="Sheds")
    assert short_answer_prompt(FEE, line).user == f"Line: Fees: Sheds › Locker: £18 a year\nQuestion: {FEE}"


def test_sources_that_answer_differently_are_sides_and_who_agrees_joins() -> None:
    sides = answer_sides(analyse(FEE), answers(*LOCKERS))
    assert {s.claim: s.documents for s in sides} == {"£18": ("1.txt", "3.txt"), "£25": ("2.txt",)}
    assert [c.quote for c in sides[0].citations] == [LOCKERS[0][0], LOCKERS[2][0]]


def test_a_yes_and_a_no_are_sides_told_by_their_quotations() -> None:
    hens = ("Up to six hens may be kept.", "yes"), ("No livestock of any kind on the site.", "no")
    sides = answer_sides(analyse("Can I keep hens?"), answers(*hens))
    assert [s.claim for s in sides] == [hens[0][0], hens[1][0]]  # "yes" is the model's word, not the source's


def test_what_the_newest_says_comes_first() -> None:
    old, new = answers(*LOCKERS[:2])
    new = ShortAnswer(Evidence("fees-2025.txt", "T", None, 0, 9, LOCKERS[1][0], 2, 1.0), "£25", -5.0)
    assert [s.claim for s in answer_sides(analyse(FEE), [old, new])] == ["£25", "£18"]
    assert answer_sides(analyse("What does a locker cost now, in the latest list?"), [old, new]) == ()


@pytest.mark.parametrize(
    "given",
    [
        [],
        answers(*LOCKERS[:1]),
        answers(LOCKERS[0], LOCKERS[2]),  # they agree
        answers(*LOCKERS[:2], score=-2.0, unsaid=-0.8),  # neither is likely to be an answer
        [ShortAnswer(evidence(q)[0], a, -5.0) for q, a in LOCKERS[:2]],  # two rows of one document
    ],
)
def test_no_disagreement_is_made_up(given: list[ShortAnswer]) -> None:
    assert answer_sides(analyse(FEE), given) == ()


def test_the_surer_the_answers_the_likelier_is_a_disagreement() -> None:
    def of(score: float, unsaid: float) -> float:
        return log_odds(*answers(*LOCKERS[:2], score=score, unsaid=unsaid))

    assert of(1.0, -5.0) > of(1.0, -1.0)
    assert of(1.0, -5.0) > of(-1.0, -5.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("£18", "18 pounds"),
        ("about $14 million", "$14.3 million"),
        ("3 Ah", "3 Ah, lithium"),
        ("six", "6"),
        ("2.2 to 3.5 cm", "22 to 35 mm"),
        ("in the green cabinet", "green cabinet, top shelf"),
        ("Yes, always", "yes"),
    ],
)
def test_one_answer_in_other_words(one: str, other: str) -> None:
    assert same_answer(one, other)
    assert same_answer(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("£18", "£25"),
        ("31 October", "14 October"),
        ("Ann Hale", "Otto Berg"),
        ("galvanised steel", "plastic"),
        ("yes", "No, not in winter"),
        ("6 ft x 4 ft", "8 feet by 6 feet"),
    ],
)
def test_other_answers(one: str, other: str) -> None:
    assert not same_answer(one, other)
    assert not same_answer(other, one)
