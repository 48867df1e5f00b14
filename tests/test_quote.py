import pytest

from rag.quote import other_sides, overlooked, quotations
from rag.types import Citation, Evidence, Sentence, Side


def evidence(*quotes: str) -> list[Evidence]:
    return [Evidence(n, f"{n}.txt", f"T{n}", None, 0, len(q), q, 1 / n) for n, q in enumerate(quotes, 1)]


DEAL = "The Seedling deal of Orchard Labs was worth $14 billion."
OTHER = "Orchard Labs announced the Seedling deal and what it was worth to Dublin."


@pytest.mark.parametrize(
    ("question", "drafted", "documents"),
    [
        ("How much was the Seedling deal worth?", False, ["1.txt"]),  # a sum is asked for, and stated
        ("How much was the Seedling deal worth?", True, ["1.txt", "2.txt"]),
        ("Was the Seedling deal worth it?", False, []),  # nothing a program could see
        ("How much was the Plum deal worth?", False, []),
        ("How much was the Plum deal worth?", True, []),
        ("What do the sources say about Seedling?", False, ["1.txt", "2.txt"]),
        ("What do the sources say about Plum?", False, []),
    ],
)
def test_the_evidence_is_quoted_only_where_it_answers(question: str, drafted: bool, documents: list[str]) -> None:
    found = quotations(question, evidence(DEAL, OTHER), drafted=drafted)
    assert [s.citations[0].document_id for s in found] == documents
    assert all(s.text == s.citations[0].quote for s in found)


def test_a_source_is_quoted_once() -> None:
    twice = [Evidence(n, "a.txt", "A", None, n, n + len(DEAL), DEAL, 1.0) for n in (1, 2)]
    assert len(quotations("How much was the Seedling deal worth?", twice, drafted=True)) == 1


def test_a_side_the_answer_leaves_out_is_added() -> None:
    cited = [Citation(n, f"{n}.txt", "T", None, 0, 5, f"Kiwi{n}") for n in (1, 2)]
    sides = [Side(str(c.marker), (c.document_id,), (c,)) for c in cited]
    kept = [Sentence("Kiwi.", (cited[0],))]
    assert [s.citations for s in other_sides(kept, sides)] == [(cited[1],)]
    assert other_sides([*kept, Sentence("x", (cited[1],))], sides) == []


def test_a_sentence_with_the_questions_words_is_not_passed_over() -> None:
    found = evidence("Orchard Labs is in Dublin.", "The power to sing will be withheld from Kiwi users.")
    asked = "Which power will be withheld from Kiwi users?"
    about = [Sentence("Orchard Labs is in Dublin.", (Citation(1, "1.txt", "T", None, 0, 26, "x"),))]
    assert [s.citations[0].document_id for s in overlooked(asked, about, found)] == ["2.txt"]
    assert overlooked("Which power does Orchard have in Dublin?", about, found) == []
    assert overlooked(asked, overlooked(asked, about, found), found) == []
