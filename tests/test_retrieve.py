from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.index import generations
from rag.index.snapshot import Index, load_index
from rag.index.writer import write_index
from rag.retrieve.candidates import by_source, candidates, select_evidence
from rag.retrieve.question import analyse
from rag.retrieve.search import convex_combination, retrieve
from rag.types import Chunk, Document, Evidence, Hit, Unit
from tests.fakes import BagOfWordsEmbedder

EMBEDDER = BagOfWordsEmbedder()
TEXTS = {
    "avocado_closed.txt": [
        "Avocado will be a closed model, people said on Tuesday.",
        "The lab works on it in California.",
        "The weather there was fine.",
    ],
    "avocado_open.txt": [
        "Avocado will be an open model, the company said.",
        "It wants developers to build on Avocado.",
        "Avocado will be an open model,  the company said.",
    ],
    "bread.txt": ["Bread needs flour and water.", "An oven makes bread brown.", "Yeast makes dough rise slowly."],
    "whales.txt": ["Whales sing for hours.", "Their songs travel far under water.", "Nobody has answered them yet."],
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A chunk a sentence in the first two documents, a chunk a document in the others."""
    folder = tmp_path_factory.mktemp("index")
    documents = []
    for name, sentences in TEXTS.items():
        text = " ".join(sentences)
        starts = [text.index(sentences[0])]
        for sentence in sentences[1:]:
            starts.append(text.index(sentence, starts[-1] + 1))
        spans = [Unit(start, start + len(s)) for start, s in zip(starts, sentences, strict=True)]
        groups = [[s] for s in spans] if name.startswith("avocado") else [spans]
        chunks = tuple(
            Chunk(name, g[0].start, g[-1].end, text[g[0].start : g[-1].end], "", "", None, tuple(g)) for g in groups
        )
        documents.append((Document(name, text, name, "0"), chunks))
    manifest = {"embedder": {"name": "x", "fingerprint": "x", "dimension": EMBEDDER.dimension}}
    with generations.writing(folder):
        write_index(folder, documents, EMBEDDER.embed_documents, manifest)
    return load_index(folder)


def ask(index: Index, question: str, *, k: int = 12) -> tuple[Hit, ...]:
    return retrieve(question, EMBEDDER.embed_query(question), index, k=k)


def evidence_for(index: Index, question: str, *, limit: int = 8) -> tuple[Evidence, ...]:
    vector = EMBEDDER.embed_query(question)
    return select_evidence(candidates(analyse(question), vector, retrieve(question, vector, index), index), limit=limit)


def test_hits_are_best_first_and_say_who_found_them(index: Index) -> None:
    hits = ask(index, "will Avocado be an open model")
    assert hits[0].chunk.document_id == "avocado_open.txt"
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert hits[0].dense_rank in (1, 2)
    assert hits[0].lexical_rank in (1, 2)
    assert all(index.chunks[h.row] == h.chunk for h in hits)
    assert all(0 <= h.score <= 1 for h in hits)


def test_no_document_fills_the_hits_alone(index: Index) -> None:
    question = "Avocado model company developers lab"
    hits = retrieve(question, EMBEDDER.embed_query(question), index, k=3, max_per_document=1)
    assert len({h.chunk.document_id for h in hits}) == 3
    everything = retrieve(question, EMBEDDER.embed_query(question), index, k=99, max_per_document=1)
    assert sorted(h.row for h in everything) == list(range(len(index.chunks)))


def test_the_same_question_gives_the_same_answer(index: Index) -> None:
    assert ask(index, "who sings under water") == ask(index, "who sings under water")
    assert evidence_for(index, "who sings under water") == evidence_for(index, "who sings under water")


@given(
    st.dictionaries(st.integers(0, 20), st.floats(-1, 1), min_size=1),
    st.dictionaries(st.integers(0, 20), st.floats(0.1, 30)),
    st.floats(0, 1),
)
def test_fusion_is_the_formula(cosines: dict[int, float], bm25: dict[int, float], weight: float) -> None:
    bm25 = {row: score for row, score in bm25.items() if row in cosines}
    low, high = min(cosines.values()), max(cosines.values())
    fused = convex_combination(cosines, bm25, dense_weight=weight)
    for row, score in fused:
        meaning = (cosines[row] - low) / (high - low) if high > low else 1.0
        wording = bm25.get(row, 0.0) / max(bm25.values()) if bm25 else 0.0
        assert score == pytest.approx(weight * meaning + (1 - weight) * wording)
    assert fused == sorted(fused, key=lambda item: (-item[1], item[0]))
    assert {row for row, _ in fused} == set(cosines)


def test_what_only_its_words_find_is_found(index: Index) -> None:
    question = "Avocado"
    orthogonal = np.zeros(EMBEDDER.dimension, np.float32)
    orthogonal[EMBEDDER.embed_query("zebra").argmax()] = 1
    hits = retrieve(question, orthogonal, index)
    assert hits[0].chunk.document_id.startswith("avocado")
    assert hits[0].lexical_rank


def test_evidence_is_exact_numbered_and_in_document_order(index: Index) -> None:
    evidence = evidence_for(index, "will Avocado be an open or a closed model")
    assert [e.number for e in evidence] == list(range(1, len(evidence) + 1))
    for item in evidence:
        assert index.documents[item.document_id].text[item.start : item.end] == item.quote
    documents = [e.document_id for e in evidence]
    assert documents == [d for d in dict.fromkeys(documents) for _ in range(documents.count(d))]
    for a, b in pairwise(evidence):
        assert a.document_id != b.document_id or a.start < b.start


def test_both_sides_are_heard(index: Index) -> None:
    quotes = [e.quote for e in evidence_for(index, "will Avocado be an open or a closed model", limit=2)]
    assert len(quotes) == 2
    assert any("closed" in q for q in quotes)
    assert any("open" in q for q in quotes)


def test_what_has_nothing_to_do_with_the_question_is_left_out(index: Index) -> None:
    documents = {e.document_id for e in evidence_for(index, "Avocado will be an open model, the company said.")}
    assert documents <= {"avocado_open.txt", "avocado_closed.txt"}


def test_a_document_does_not_repeat_itself(index: Index) -> None:
    quotes = [e.quote.split() for e in evidence_for(index, "will Avocado be an open model")]
    assert quotes.count(TEXTS["avocado_open.txt"][0].split()) == 1


def test_the_limit_holds_and_sentences_stay_whole(index: Index) -> None:
    for limit in (1, 2, 5):
        chosen = evidence_for(index, "will Avocado be an open model", limit=limit)
        assert 0 < len(chosen) <= limit
        assert {e.quote for e in chosen} <= {sentence for sentences in TEXTS.values() for sentence in sentences}


def test_candidates_come_best_first(index: Index) -> None:
    question = "will Avocado be an open model"
    vector = EMBEDDER.embed_query(question)
    found = candidates(analyse(question), vector, retrieve(question, vector, index), index)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


def test_no_hits_no_evidence(index: Index) -> None:
    assert candidates(analyse("anything"), EMBEDDER.embed_query("anything"), (), index) == ()
    assert select_evidence(()) == ()


def test_by_source_keeps_the_best_three_of_each(index: Index) -> None:
    evidence = [Evidence("a", "A", None, n * 10, n * 10 + 5, f"q{n}", n, score) for n, score in enumerate([1, 5, 2, 4])]
    evidence.append(Evidence("b", "B", "2026-01-01", 0, 5, "other", 9, 9))
    sources = by_source(evidence)
    assert [s.document_id for s in sources] == ["b", "a"]
    assert [q.quote for q in sources[1].quotes] == ["q1", "q2", "q3"]
    assert sources[0].date == "2026-01-01"


def test_a_near_copy_is_no_source_of_its_own_but_may_contradict(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sentence counts once; one with another figure stays."""
    question = "will Avocado be an open or a closed model"
    vector = EMBEDDER.embed_query(question)
    hits = retrieve(question, vector, index)
    before = candidates(analyse(question), vector, hits, index)
    again = [*hits, *(replace(h, chunk=replace(h.chunk, document_id="copy")) for h in hits[:1])]
    monkeypatch.setattr(index, "documents", {**index.documents, "copy": index.documents[hits[0].chunk.document_id]})
    assert len(candidates(analyse(question), vector, again, index)) > len(before)
    monkeypatch.setattr(index, "duplicate_of", {"copy": hits[0].chunk.document_id})
    assert candidates(analyse(question), vector, again, index) == before
