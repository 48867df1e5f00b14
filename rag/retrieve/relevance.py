"""Which sentences answer a question, and whether any does: the passages found, read by the cross-encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rag.models.protocols import PassageScores, Reranker
from rag.retrieve.passages import passage_text
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.words import Word, content_stems, initials, names
from rag.types import Candidate, Chunk


@dataclass(frozen=True, slots=True)
class Relevance:
    """What the cross-encoder makes of the sentences found."""

    ranked: tuple[tuple[Candidate, float], ...]  # best first, with the log-odds of being an answering sentence
    answerable: float  # log-odds that any of them answers
    missing: tuple[str, ...]  # names of the question that all passages lack


@dataclass(frozen=True, slots=True)
class Signals:
    """What the weights of ``rag.retrieve.tuning`` are for."""

    question: Mapping[str, float]
    sentences: tuple[tuple[Candidate, Mapping[str, float]], ...]  # those read, in order
    missing: tuple[str, ...]  # names of the question that all passages lack


@dataclass(frozen=True, slots=True)
class _Read:
    """A sentence with the cross-encoder's log-odds of it and of the passage that it stands in."""

    candidate: Candidate
    unit: float
    passage: float


def judge_relevance(asked: Asked, candidates: Sequence[Candidate], reranker: Reranker) -> Relevance:
    """``candidates`` best first and at least one: those of the passages that hold the first ones are read.

    Whether any answers is read with the question before as well, where there is one, and the likelier reading counts:
    "and the tunnel?" alone is answered by nothing. Which sentence answers is better told by the question alone: read
    with the one before, the first is often an answer to that.
    """
    read = signals(asked, candidates, reranker)
    readings = [read.question]
    if asked.earlier:
        in_conversation = f"{asked.earlier[0]} {asked.text}"
        readings.append(_question_signals(_read_passages(in_conversation, candidates, reranker)))
    ranked = [(candidate, TUNING.sentence.log_odds(of)) for candidate, of in read.sentences]
    ranked.sort(key=lambda pair: -pair[1])
    return Relevance(tuple(ranked), max(map(TUNING.answerable.log_odds, readings)), read.missing)


def on_topic(relevance: Relevance, naming: Iterable[Candidate]) -> list[Candidate]:
    """Those of ``naming`` that speak of what the sources are asked about, likeliest first.

    For a question for what sources say: there any word on the subject is an answer, so what tells is how much less a
    sentence has to do with the question than the one that has most.
    """
    named = set(naming)
    ranked = [(c, log_odds) for c, log_odds in relevance.ranked if c in named]
    return [c for c, log_odds in ranked if log_odds >= ranked[0][1] - TUNING.topic_gap]


def signals(asked: Asked, candidates: Sequence[Candidate], reranker: Reranker) -> Signals:
    """Has the cross-encoder read the likeliest passages; takes nearly all the time."""
    read = _read_passages(asked.text, candidates, reranker)
    of_sentences = tuple((r.candidate, of) for r, of in _sentence_signals(read))
    return Signals(_question_signals(read), of_sentences, _lacked_by_all(asked, read))


def _read_passages(question: str, candidates: Sequence[Candidate], reranker: Reranker) -> list[_Read]:
    """The candidates of the passages that hold the first ones."""
    hits = list(islice(dict.fromkeys(c.hit for c in candidates), TUNING.read_passages))
    scores = dict(zip(hits, reranker.read(question, [passage_text(h.chunk) for h in hits]), strict=True))
    return [_read(c, scores[c.hit]) for c in candidates if c.hit in scores]


def _question_signals(read: Sequence[_Read]) -> Mapping[str, float]:
    return {"unit": max(r.unit for r in read), "passage": max(r.passage for r in read)}


def _read(candidate: Candidate, scores: PassageScores) -> _Read:
    place = [(u.start, u.end) for u in candidate.hit.chunk.sentences].index((candidate.start, candidate.end))
    return _Read(candidate, max(TUNING.min_log_odds, scores.units[place]), scores.passage)


def _sentence_signals(read: Sequence[_Read]) -> list[tuple[_Read, Mapping[str, float]]]:
    score, unit = max(r.candidate.score for r in read), max(r.unit for r in read)
    return [
        (
            r,
            {
                "score_gap": r.candidate.score - score,
                "unit": r.unit,
                "unit_gap": r.unit - unit,
                "passage": r.passage,
            },
        )
        for r in read
    ]


def _lacked_by_all(asked: Asked, read: Sequence[_Read]) -> tuple[str, ...]:
    """The names of the question that none of the passages has."""
    chunks = {r.candidate.hit.chunk.id: r.candidate.hit.chunk for r in read}.values()
    lacked = [{n.text for n in _lacking(asked, chunk)} for chunk in chunks]
    return tuple(n.text for n in names(asked.subject) if all(n.text in each for each in lacked))


def _lacking(asked: Asked, chunk: Chunk) -> list[Word]:
    """The names of the question that the chunk, its title and its heading do not have."""
    stems, acronyms = set(content_stems(f"{chunk.text} {chunk.title} {chunk.heading}")), initials(chunk.text)
    return [n for n in names(asked.subject) if n.stem not in stems and n.stem not in acronyms]
