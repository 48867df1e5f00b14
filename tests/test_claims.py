from __future__ import annotations

from dataclasses import replace

from rag.retrieve.copies import content, each_claim_first, says_the_same
from rag.text.words import content_stems
from rag.types import Candidate, Chunk, Hit, Span

QUESTION = "Who designed the Harrow bridge?"
LIES = [
    "Bram Keller designed the Harrow bridge.",
    "It was Bram Keller who designed the Harrow bridge.",
    "The Harrow bridge was designed by Bram Keller.",
    "Bram Keller, it is said, designed the Harrow bridge.",
]
TRUTH = "Ada Moreno designed the Harrow bridge, her first work in steel."


def ranked(*quotes: str) -> list[Candidate]:
    """A document a sentence, best first."""
    found = []
    for n, quote in enumerate(quotes):
        span = Span(0, len(quote))
        chunk = Chunk(f"{n}.txt", 0, len(quote), quote, "", "", None, (span,))
        hit = Hit(chunk, n, 1.0, 1, 1)
        found.append(Candidate(chunk.document_id, "", None, 0, len(quote), quote, hit, 2 - n / 10))
    return found


def test_the_same_words_are_the_same_claim() -> None:
    asked = {"design", "harrow", "bridg"}
    first, *others = (content(asked, text) for text in (*LIES, TRUTH))
    assert [says_the_same(first, other) for other in others] == [True, True, True, False]
    assert not says_the_same(content(asked, QUESTION), content(asked, QUESTION))  # it claims nothing


def test_two_sources_of_a_claim_are_heard_before_the_rest_and_none_is_lost() -> None:
    given = ranked(*LIES, TRUTH)
    order = each_claim_first(content_stems(QUESTION), given)
    assert [c.quote for c in order] == [*LIES[:2], TRUTH, *LIES[2:]]
    assert [c.score for c in order] == sorted((c.score for c in order), reverse=True)


def test_sentences_that_do_not_answer_keep_their_place() -> None:
    given = ranked(*["Bram Keller liked tea.", "Bram Keller liked tea very much.", "Bram Keller liked green tea."])
    assert each_claim_first(content_stems(QUESTION), given) == tuple(given)


def test_sentences_of_one_document_are_one_source() -> None:
    one = ranked(LIES[0])[0]
    others = [replace(one, quote=text, score=1.9 - n / 10) for n, text in enumerate(LIES[1:])]
    assert each_claim_first(content_stems(QUESTION), [one, *others]) == (one, *others)
