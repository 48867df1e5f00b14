from dataclasses import replace

from rag.ground.quotations import left_out, like_the_first, other_sides, quoted
from rag.retrieve.choose import each_source, naming
from rag.retrieve.question import analyse
from rag.retrieve.relevance import Relevance, on_topic
from rag.retrieve.tuning import TUNING
from rag.types import Candidate, Chunk, Citation, Evidence, Hit, Sentence, Side, Span

DEAL = "The Seedling deal of Orchard Labs was worth $14 billion."
OTHER = "Orchard Labs announced the Seedling deal [3] and what it was\nworth to Dublin."


def evidence(*quotes: str) -> list[Evidence]:
    return [Evidence(f"{n}.txt", f"T{n}", None, 0, len(q), q, n, 1 / n) for n, q in enumerate(quotes, 1)]


def candidate(document: str, quote: str) -> Candidate:
    span = Span(0, len(quote))
    hit = Hit(Chunk(document, 0, len(quote), quote, "T", "", None, (span,)), 0, 1.0, 1, 1)
    return Candidate(document, "T", None, 0, len(quote), quote, hit, 1)


def test_a_quotation_says_what_it_quotes_on_one_line_without_foreign_marks() -> None:
    sentence = quoted(evidence(OTHER)[0])
    assert sentence.text == "Orchard Labs announced the Seedling deal and what it was worth to Dublin."
    assert sentence.citations[0].quote == OTHER


def test_what_answers_and_is_not_cited_is_quoted_as_far_as_there_is_room() -> None:
    found = evidence(DEAL, OTHER, *(f"Sentence number {n}." for n in range(9)))
    kept = [quoted(found[0])]
    added = left_out(kept, found)
    assert added[0] == quoted(found[1])
    assert len(kept) + len(added) == TUNING.most_quoted
    assert left_out([*kept, *added], found) == []


def test_what_answers_as_the_first_does_has_the_same_words_of_the_question() -> None:
    first, second, third, elsewhere = evidence(
        "Order 1033 is delayed.", "Order 1039 is delayed.", "Order 1040 was sent.", "Order 1047 is delayed."
    )
    first, second, third = (replace(e, document_id="orders.csv") for e in (first, second, third))
    asked = analyse("Which orders are delayed?")
    assert like_the_first(asked, [first, second, third, elsewhere]) == [second]
    assert like_the_first(analyse("Who paid?"), [first, second]) == []  # nothing tells how the first answers


def test_each_source_is_heard_once_with_its_best_sentence_on_the_subject() -> None:
    ranked = [candidate("a", DEAL), candidate("a", OTHER), candidate("b", OTHER), candidate("c", "Nothing of it.")]
    on_it = naming(analyse("What do the sources say about Seedling?"), ranked)
    assert on_it == ranked[:3]
    assert each_source(on_it) == [ranked[0], ranked[2]]
    assert naming(analyse("What do the sources say about Plum?"), ranked) == []
    assert naming(analyse("What do they say about it?"), ranked) == []


def test_a_sentence_that_only_names_the_subject_is_not_on_topic() -> None:
    found = [candidate("a", "Seedling is a firm."), candidate("b", DEAL), replace(candidate("c", DEAL), score=2.0)]
    ranked = ((found[2], 3.0), (found[1], 2.0), (found[0], 2.0 - TUNING.topic_gap))
    assert on_topic(Relevance(ranked, 0.0, ()), found) == [found[2], found[1]]
    assert on_topic(Relevance(ranked, 0.0, ()), []) == []


def test_a_side_the_answer_leaves_out_is_added() -> None:
    cited = [Citation(f"{n}.txt", "T", None, 0, 5, f"Kiwi{n}", n) for n in (1, 2)]
    sides = [Side(str(c.marker), (c.document_id,), (c,)) for c in cited]
    kept = [Sentence("Kiwi.", (cited[0],))]
    assert [s.citations for s in other_sides(kept, sides)] == [(cited[1],)]
    assert other_sides([*kept, Sentence("x", (cited[1],))], sides) == []
