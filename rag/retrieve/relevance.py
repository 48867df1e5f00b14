"""Which sentences answer a question, and whether any does: what was found, read by the cross-encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.models.protocols import Reranker
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.quantities import values
from rag.text.words import content_stems, initials, names, plain
from rag.types import Candidate, Hit

Mentions = Callable[[str], bool]
"""Whether a word occurs anywhere in the index."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """What the cross-encoder makes of the sentences found."""

    ranked: tuple[tuple[Candidate, float], ...]  # best first, with the log-odds of being an answering sentence
    answerable: float  # log-odds that any of them answers
    missing: tuple[str, ...]  # names of the question that the likeliest passage lacks
    rivals: tuple[Candidate, ...]  # what by itself answers too, whatever it says


@dataclass(frozen=True, slots=True)
class _Read:
    """A sentence with the cross-encoder's log-odds."""

    candidate: Candidate
    alone: float
    in_context: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What the weights of ``rag.retrieve.tuning`` are for."""

    question: Mapping[str, float]
    sentences: tuple[tuple[Candidate, Mapping[str, float]], ...]  # those read, in order
    missing: tuple[str, ...]  # names of the question that the likeliest passage lacks


def judge_relevance(
    asked: Asked, candidates: Sequence[Candidate], hits: Sequence[Hit], reranker: Reranker, mentions: Mentions
) -> Relevance:
    """``candidates`` best first and at least one; ``hits`` are what they were taken from.

    Whether any answers is read with the question before as well, where there is one, and the likelier reading counts:
    "and the tunnel?" alone is answered by nothing. So 14 follow-ups are told from 31 questions without an answer, each
    after some other question, with an AUROC of .79; by the question alone of .55. Which sentence answers is better told
    by the question alone: read with the one before, the first is often an answer to that.
    """
    read = signals(asked, candidates, hits, reranker, mentions)
    readings = [read.question]
    if asked.earlier:
        in_conversation = replace(asked, subject=f"{asked.earlier[0]} {asked.subject}")
        readings.append(signals(in_conversation, candidates, hits, reranker, mentions).question)
    ranked = [(candidate, TUNING.sentence.log_odds(of)) for candidate, of in read.sentences]
    ranked.sort(key=lambda pair: -pair[1])
    rivals = tuple(
        c for c, of in read.sentences if of["alone"] >= TUNING.rival_log_odds or of["alone_gap"] >= -TUNING.rival_gap
    )
    return Relevance(tuple(ranked), max(map(TUNING.answerable.log_odds, readings)), read.missing, rivals)


def on_topic(asked: Asked, candidates: Sequence[Candidate], reranker: Reranker) -> list[Candidate]:
    """Those of ``candidates`` that speak of what the sources are asked about, likeliest first.

    For a question for what sources say: there any word on the subject is an answer, so what tells is how much less a
    sentence has to do with the question than the one that has most.
    """
    read = candidates[: TUNING.read_on_topic]
    alone = reranker.scores(asked.text, [plain(c.in_context) for c in read])
    least = max(alone, default=0.0) - TUNING.topic_gap
    rated = [(log_odds / 4 + 8 * c.score, c) for c, log_odds in zip(read, alone, strict=True) if log_odds >= least]
    return [c for _, c in sorted(rated, key=lambda pair: -pair[0])]


def signals(
    asked: Asked, candidates: Sequence[Candidate], hits: Sequence[Hit], reranker: Reranker, mentions: Mentions
) -> Signals:
    """Has the cross-encoder read the likeliest sentences and passages; takes nearly all the time."""
    first = candidates[: TUNING.read_alone]
    kinds = (
        [plain(c.in_context) for c in first],
        [_in_context(c) for c in first[: TUNING.read_in_context]],
        [plain(f"{h.chunk.title}. {h.chunk.text}") for h in hits[: TUNING.read_passages]],
    )
    scores = iter(reranker.scores(asked.subject, [text for texts in kinds for text in texts]))  # at once: in parallel
    alone, in_context, passages = ([next(scores) for _ in texts] for texts in kinds)
    in_context += [min(TUNING.min_log_odds, a) for a in alone[TUNING.read_in_context :]]
    read = [_Read(c, a, b) for c, a, b in zip(first, alone, in_context, strict=True)]
    of_question, missing = _question_signals(asked, read, passages, mentions)
    return Signals(of_question, tuple(zip(first, _sentence_signals(read), strict=True)), missing)


def _in_context(candidate: Candidate) -> str:
    return plain(f"{candidate.hit.chunk.title}. {candidate.before} {candidate.in_context}")


def _sentence_signals(read: Sequence[_Read]) -> list[Mapping[str, float]]:
    likeliest = max(read, key=lambda r: (r.alone + r.in_context) / 4 + 8 * r.candidate.score)
    score = max(r.candidate.score for r in read)
    alone, in_context = max(r.alone for r in read), max(r.in_context for r in read)
    document = likeliest.candidate.document_id
    return [
        {
            "score_gap": r.candidate.score - score,
            "alone": r.alone,
            "in_context": r.in_context,
            "alone_gap": r.alone - alone,
            "in_context_gap": r.in_context - in_context,
            "same_document": float(r.candidate.document_id == document),
        }
        for r in read
    ]


def _question_signals(
    asked: Asked, read: Sequence[_Read], passages: Sequence[float], mentions: Mentions
) -> tuple[Mapping[str, float], tuple[str, ...]]:
    """The signals of ``TUNING.answerable``, and the names that the chunk of the sentence likeliest in context lacks."""
    best = max(read, key=lambda r: r.in_context).candidate
    chunk = best.hit.chunk
    context = f"{chunk.text} {chunk.title} {chunk.heading}"
    stems, acronyms = set(content_stems(context)), initials(chunk.text)
    absent = [n for n in names(asked.subject) if n.stem not in stems and n.stem not in acronyms]
    missing = [n for n in absent if mentions(n.text)]  # of another document; what none has may only be another word
    stated = {v.amount for v in values(chunk.text)}
    alone = sorted((r.alone for r in read), reverse=True)
    signals = {
        "score": max(r.candidate.score for r in read),
        "in_context": max(r.in_context for r in read),
        "passage": max(passages),
        "second": alone[1] if len(alone) > 1 else TUNING.min_log_odds,
        "missing_names": len({n.stem for n in missing}),
        "missing_values": sum(v.amount not in stated for v in values(asked.subject)),
    }
    return signals, tuple(dict.fromkeys(n.text for n in absent))
