"""What the product did with the questions of a set -> the set's metrics.

A metric is there only where the set's files allow it. Refused questions count as having cited nothing; questions
that failed with an error are not counted here, the report names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.ground.checks import Check, check
from rag.ground.verify import Judged, own_words, support
from rag.measure import metrics
from rag.measure.datasets import DataSet, GoldSentence, Pair, Question
from rag.measure.gold import holds_answer, holds_most, same_sentence
from rag.measure.metrics import Measure
from rag.retrieve.tuning import TUNING

Measures = dict[str, Measure]

_FAR = 100.0  # more than any two log-odds of support differ


@dataclass(frozen=True, slots=True)
class Quoted:
    """A span of a document and its text."""

    document_id: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the product did with one question."""

    ranking: tuple[str, ...]  # documents in order of their best chunk
    passages: tuple[Quoted, ...]  # the chunks the evidence was taken from
    evidence: tuple[Quoted, ...]  # the sentences shown to the model
    best_score: float  # of the evidence; 0 where there is none
    evidence_ms: float
    prompt_tokens: int = 0
    answer: Mapping[str, Any] | None = None  # as Answer.to_dict gives it; None: no answer was asked for

    @property
    def answered(self) -> bool:
        return self.answer is not None and not self.answer["refused"]

    @property
    def cited(self) -> list[Quoted]:
        """Every distinct citation of the answer, the sides' included."""
        if self.answer is None:
            return []
        holders = [*self.answer["sentences"], *self.answer["sides"]]
        found = [
            Quoted(c["document_id"], c["start"], c["end"], c["quote"]) for h in holders for c in h.get("citations", ())
        ]
        return list(dict.fromkeys(found))

    @property
    def said(self) -> str:
        return " ".join(s["text"] for s in self.answer["sentences"]) if self.answer else ""


Asked = Sequence[tuple[Question, Outcome]]


def ranking_measures(data: DataSet, rankings: Mapping[str, Sequence[str]], *, seed: int) -> Measures:
    """Of queries whose relevant documents are known by qrels."""
    judged = [q for q in rankings if any(grade > 0 for grade in data.qrels.get(q, {}).values())]
    relevant = {q: {d for d, grade in data.qrels[q].items() if grade > 0} for q in judged}
    return _there(
        {
            "ndcg@10": metrics.mean([metrics.ndcg(rankings[q], data.qrels[q]) for q in judged], seed=seed),
            "recall@5": metrics.mean([metrics.recall(rankings[q], relevant[q], k=5) for q in judged], seed=seed),
        }
    )


def evidence_measures(asked: Asked, *, shown: int, seed: int) -> Measures:
    """Of what was found, before any answer; ``shown``: how many sentences the model is shown at most."""
    gold = [(q, o) for q, o in asked if q.evidence]
    in_ten = [
        sum(any(e.document_id in o.ranking[:10] for e in side.evidence) for side in q.sides) >= 2
        for q, o in asked
        if _has_sides(q)
    ]
    kinds = [q.kind == "unanswerable" for q, _ in asked]
    recalls = [metrics.recall(o.ranking, {e.document_id for e in q.evidence}, k=5) for q, o in gold]
    return _there(
        {
            "recall@5": metrics.mean(recalls, seed=seed),
            "both_sides@10": metrics.share(in_ten),
            "both_sides_retrieved": metrics.share([_both_retrieved(q, o) for q, o in asked if _has_sides(q)]),
            f"both_sides_shown@{shown}": metrics.share([_both(q, o.evidence) for q, o in asked if _has_sides(q)]),
            f"evidence_hit@{shown}": metrics.share([_found(q, o.evidence) > 0 for q, o in gold]),
            f"evidence_recall@{shown}": metrics.ratio(
                [(_found(q, o.evidence), len(q.evidence)) for q, o in gold], seed=seed
            ),
            "auroc_retrieval_score": metrics.auroc(
                [o.best_score for _, o in asked], [not unanswerable for unanswerable in kinds], seed=seed
            ),
            **_times("time_to_evidence", [o.evidence_ms for _, o in asked], seed),
        }
    )


def answer_measures(asked: Asked, texts: Mapping[str, str], *, seed: int) -> Measures:
    """Of answers; ``texts`` are the documents by id."""
    gold = [(q, o) for q, o in asked if q.evidence]
    refusals = [not o.answered for q, o in asked if q.kind == "unanswerable"]
    answered = [o.answered for q, o in asked if q.kind != "unanswerable"]
    cited = [(q, o) for q, o in gold if o.answered]
    stated = [(q, o) for q, o in asked if _has_sides(q)]
    named = [(q, o) for q, o in asked if o.answered and q.kind != "unanswerable" and _verbatim(q, texts)]
    flagged = [(bool(o.answer and o.answer["disagreement"]), q) for q, o in asked]
    wrong = [is_wrong(q, o) for q, o in asked if _can_be_judged(q)]
    timings = [o.answer["timings_ms"] for _, o in asked if o.answer]
    judged_kinds = [(flag, q.kind == "conflict") for flag, q in flagged if q.kind in ("conflict", "agree")]
    return _there(
        {
            "validity": metrics.share([not invalid(o, texts) for _, o in asked if o.answered]),
            "evidence_precision": metrics.ratio(
                [(sum(_is_gold(c, q) for c in o.cited), len(o.cited)) for q, o in cited], seed=seed
            ),
            "evidence_recall": metrics.ratio([(_found(q, o.cited), len(q.evidence)) for q, o in gold], seed=seed),
            "gold_cited": metrics.share([_found(q, o.cited) > 0 for q, o in gold]),
            "gold_cited_given_answered": metrics.share([_found(q, o.cited) > 0 for q, o in cited]),
            "answer_in_citation": metrics.share(
                [any(holds_answer(c.quote, q.answers) for c in o.cited) for q, o in named]
            ),
            "wrong_document_citations": metrics.ratio(
                [(sum(_wrong_document(c, q) for c in o.cited), len(o.cited)) for q, o in cited], seed=seed
            ),
            "unanswerable_refused": metrics.share(refusals),
            "answerable_answered": metrics.share(answered),
            "balanced_accuracy": metrics.balanced(refusals, answered, seed=seed),
            "wrong_answer_rate": metrics.share(wrong),
            "disagreement_f1": metrics.f1(judged_kinds, seed=seed),
            "false_alarms": metrics.share([flag for flag, q in flagged if q.kind == "agree"]),
            "both_sides_stated": metrics.share([_both(q, o.cited) for q, o in stated]),
            "both_sides_stated_given_retrieved": metrics.share(
                [_both(q, o.cited) for q, o in stated if _both_retrieved(q, o)]
            ),
            "exact_match": metrics.share([_exact(q, o) for q, o in asked if q.wrong_answers is not None and q.answers]),
            **_times("time_to_first_token", [t["first_token"] for t in timings if "first_token" in t], seed),
            **_times("time_to_answer", [t["total"] for t in timings], seed),
            "prompt_tokens": metrics.mean([o.prompt_tokens for _, o in asked if o.prompt_tokens], seed=seed),
        }
    )


def pair_measures(pairs: Sequence[Pair], judged: Mapping[str, Judged], *, seed: int) -> Measures:
    """Of the verifier: how well words, the judge (of the pairs in ``judged``) and both tell support."""
    checks = {p.id: check(p.claim, p.passage) for p in pairs}
    found = _there(
        {
            "auroc_coverage": metrics.auroc(
                [checks[p.id].coverage for p in pairs], [p.label == "supported" for p in pairs], seed=seed
            )
        }
    )
    asked = [p for p in pairs if p.id in judged]
    supported = [p.label == "supported" for p in asked]
    ruled = [_ruled(checks[p.id], judged[p.id]) for p in asked]
    kept = [score >= TUNING.supported for score in ruled]
    return found | _there(
        {
            "auroc": metrics.auroc(ruled, supported, seed=seed),
            "auroc_support": metrics.auroc(
                [support(checks[p.id].coverage, judged[p.id]) for p in asked], supported, seed=seed
            ),
            "auroc_judge": metrics.auroc([judged[p.id].claim for p in asked], supported, seed=seed),
            "verifier_precision": metrics.share([s for s, k in zip(supported, kept, strict=True) if k]),
            "verifier_recall": metrics.share([k for s, k in zip(supported, kept, strict=True) if s]),
        }
    )


def invalid(outcome: Outcome, texts: Mapping[str, str]) -> str:
    """Why an answer breaks the promise that every sentence is an exact retrieved quotation; "" where it keeps it."""
    if outcome.answer is None:
        return ""
    for sentence in outcome.answer["sentences"]:
        if not sentence["citations"]:
            return f"no citation: {sentence['text'][:80]!r}"
    for c in outcome.cited:
        if texts.get(c.document_id, "")[c.start : c.end] != c.quote or not c.quote:
            return f"not the text of {c.document_id}[{c.start}:{c.end}]: {c.quote[:80]!r}"
        if not any(p.document_id == c.document_id and p.start <= c.start and c.end <= p.end for p in outcome.passages):
            return f"not retrieved: {c.document_id}[{c.start}:{c.end}]"
    return ""


def is_wrong(question: Question, outcome: Outcome) -> bool:
    """Answered, and unanswerable or without a gold sentence cited or a right answer said or cited."""
    if not outcome.answered:
        return False
    right = _found(question, outcome.cited) > 0 or holds_answer(outcome.said, question.answers)
    right = right or any(holds_answer(c.quote, question.answers) for c in outcome.cited)
    return question.kind == "unanswerable" or not right


def risk_coverage(asked: Asked) -> list[tuple[float, float]]:
    """Of the questions answered, the score of the best evidence being the confidence."""
    answered = [(q, o) for q, o in asked if o.answered and _can_be_judged(q)]
    return metrics.risk_coverage([o.best_score for _, o in answered], [not is_wrong(q, o) for q, o in answered])


def _there(found: Mapping[str, Measure | None]) -> Measures:
    return {name: measure for name, measure in found.items() if measure is not None}


def _times(name: str, values: Sequence[float], seed: int) -> dict[str, Measure | None]:
    """Milliseconds: the median under the plain name."""
    return {
        f"{name}_ms": metrics.quantile(values, 0.5, seed=seed),
        f"{name}_p95_ms": metrics.quantile(values, 0.95, seed=seed),
    }


def _matches(quoted: Quoted, gold: GoldSentence) -> bool:
    return quoted.document_id == gold.document_id and same_sentence(quoted.quote, gold.text)


def _is_gold(quoted: Quoted, question: Question) -> bool:
    return any(_matches(quoted, gold) for gold in question.evidence)


def _found(question: Question, quoted: Sequence[Quoted]) -> int:
    """How many of the gold sentences are among ``quoted``."""
    return sum(any(_matches(item, gold) for item in quoted) for gold in question.evidence)


def _wrong_document(quoted: Quoted, question: Question) -> bool:
    return all(quoted.document_id != gold.document_id for gold in question.evidence)


def _has_sides(question: Question) -> bool:
    return question.kind == "conflict" and sum(bool(side.evidence) for side in question.sides) >= 2


def _both(question: Question, quoted: Sequence[Quoted]) -> bool:
    """Is there a gold sentence of at least two sides?"""
    return sum(any(_matches(i, g) for i in quoted for g in side.evidence) for side in question.sides) >= 2


def _both_retrieved(question: Question, outcome: Outcome) -> bool:
    def held(gold: GoldSentence) -> bool:
        return any(p.document_id == gold.document_id and holds_most(p.quote, gold.text) for p in outcome.passages)

    return sum(any(held(g) for g in side.evidence) for side in question.sides) >= 2


def _verbatim(question: Question, texts: Mapping[str, str]) -> bool:
    """Can an answer be looked for in a quotation: does a gold or given document hold it word for word?"""
    names = {e.document_id for e in question.evidence} or question.given_docs or ()
    return any(holds_answer(texts.get(name, ""), question.answers) for name in names)


def _can_be_judged(question: Question) -> bool:
    return question.kind == "unanswerable" or bool(question.evidence or question.answers)


def _exact(question: Question, outcome: Outcome) -> bool:
    """All right answers and no wrong one, as RAMDocs asks (Wang et al. 2025)."""
    said = outcome.said
    return all(holds_answer(said, [a]) for a in question.answers) and not holds_answer(
        said, question.wrong_answers or ()
    )


def _ruled(found: Check, judged: Judged) -> float:
    """The score of rag.ground.verify's rule for one premise; what the rule holds alike is in order of support."""
    score = support(found.coverage, judged)
    if not found.passes or found.coverage < TUNING.some_words:
        return score - _FAR
    return score + _FAR if own_words(found) else score
