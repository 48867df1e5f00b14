"""What the product did with the questions of a set -> the set's metrics.

A metric is there only where the set's files allow it. Refused questions count as having cited nothing; questions
that failed with an error are not counted here, the report names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from rag.ground.checks import Check, check
from rag.ground.verify import Judged, own_words, support
from rag.measure import metrics
from rag.measure.datasets import DataSet, GoldSentence, Pair, Question
from rag.measure.gold import holds_answer, holds_in_order, holds_most, same_sentence
from rag.measure.metrics import Measure
from rag.retrieve.tuning import TUNING

Measures = dict[str, Measure]

_FAR = 100.0  # more than any two log-odds of support differ


class CitationData(TypedDict):
    marker: int
    document_id: str
    title: str
    start: int
    end: int
    quote: str


class SentenceData(TypedDict):
    text: str
    citations: list[CitationData]


class SideData(TypedDict):
    claim: str
    citations: list[CitationData]


class AnswerData(TypedDict):
    """An answer as ``Answer.to_dict`` gives it: what of it is measured."""

    question: str
    answer: str  # the sentences with their markers
    refused: bool
    reason: str  # why refused
    disagreement: bool
    sentences: list[SentenceData]
    sides: list[SideData]
    timings_ms: dict[str, float]


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
    answer: AnswerData | None = None  # None: none was asked for

    @property
    def answered(self) -> bool:
        return self.answer is not None and not self.answer["refused"]

    @property
    def cited(self) -> list[Quoted]:
        """Every distinct citation of the answer, the sides' included."""
        if self.answer is None:
            return []
        holders: list[SentenceData | SideData] = [*self.answer["sentences"], *self.answer["sides"]]
        citations = (c for holder in holders for c in holder["citations"])
        return list(dict.fromkeys(Quoted(c["document_id"], c["start"], c["end"], c["quote"]) for c in citations))

    @property
    def text(self) -> str:
        """What the answer says, without its markers."""
        return " ".join(s["text"] for s in self.answer["sentences"]) if self.answer else ""


def outcome_from(data: dict[str, Any]) -> Outcome:
    """An outcome from what ``dataclasses.asdict`` and JSON made of it. Raises KeyError or TypeError for other data."""
    quoted = {name: tuple(Quoted(**q) for q in data[name]) for name in ("passages", "evidence")}
    return Outcome(**{**data, **quoted, "ranking": tuple(data["ranking"])})


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
    """Of what was retrieved, before any answer; ``shown``: how many sentences the model is shown at most."""
    gold = [(q, o) for q, o in asked if q.evidence]
    sided = [(q, o) for q, o in asked if _has_sides(q)]
    recalls = [metrics.recall(o.ranking, {e.document_id for e in q.evidence}, k=5) for q, o in gold]
    hits = [(count_gold(q, o.evidence), len(q.evidence)) for q, o in gold]
    scores, answerable = [o.best_score for _, o in asked], [q.kind != "unanswerable" for q, _ in asked]
    return _there(
        {
            "recall@5": metrics.mean(recalls, seed=seed),
            "both_sides@10": metrics.share([_both_ranked(q, o.ranking[:10]) for q, o in sided]),
            "both_sides_retrieved": metrics.share([_both_retrieved(q, o) for q, o in sided]),
            f"both_sides_shown@{shown}": metrics.share([_both(q, o.evidence) for q, o in sided]),
            f"evidence_hit@{shown}": metrics.share([count > 0 for count, _ in hits]),
            f"evidence_recall@{shown}": metrics.ratio(hits, seed=seed),
            "auroc_retrieval_score": metrics.auroc(scores, answerable, seed=seed),
            **_times("time_to_evidence", [o.evidence_ms for _, o in asked], seed),
        }
    )


def answer_measures(asked: Asked, texts: Mapping[str, str], *, seed: int) -> Measures:
    """Of answers; ``texts`` are the documents by id."""
    return {
        **_citation_measures(asked, texts, seed),
        **_refusal_measures(asked, seed),
        **_disagreement_measures(asked, seed),
        **_cost_measures(asked, seed),
    }


def _citation_measures(asked: Asked, texts: Mapping[str, str], seed: int) -> Measures:
    """What answers cite, against the gold sentences and answers."""
    gold = [(q, o) for q, o in asked if q.evidence]
    cited = [(q, o) for q, o in gold if o.answered]
    named = [(q, o) for q, o in asked if o.answered and q.kind != "unanswerable" and _verbatim(q, texts)]
    held = [any(holds_answer(c.quote, q.answers) for c in o.cited) for q, o in named]
    right = [(sum(_is_gold(c, q) for c in o.cited), len(o.cited)) for q, o in cited]
    elsewhere = [(sum(_wrong_document(c, q) for c in o.cited), len(o.cited)) for q, o in cited]
    recalled = [(count_gold(q, o.cited), len(q.evidence)) for q, o in gold]
    return _there(
        {
            "validity": metrics.share([not invalid(o, texts) for _, o in asked if o.answered]),
            "evidence_precision": metrics.ratio(right, seed=seed),
            "evidence_recall": metrics.ratio(recalled, seed=seed),
            "gold_cited": metrics.share([count_gold(q, o.cited) > 0 for q, o in gold]),
            "gold_cited_given_answered": metrics.share([count_gold(q, o.cited) > 0 for q, o in cited]),
            "answer_in_citation": metrics.share(held),
            "wrong_document_citations": metrics.ratio(elsewhere, seed=seed),
            "exact_match": metrics.share([_exact(q, o) for q, o in asked if q.wrong_answers is not None and q.answers]),
        }
    )


def _refusal_measures(asked: Asked, seed: int) -> Measures:
    """Whether what can be answered was, and nothing else."""
    refused = [not o.answered for q, o in asked if q.kind == "unanswerable"]
    answered = [o.answered for q, o in asked if q.kind != "unanswerable"]
    return _there(
        {
            "unanswerable_refused": metrics.share(refused),
            "answerable_answered": metrics.share(answered),
            "balanced_accuracy": metrics.balanced(refused, answered, seed=seed),
            "wrong_answer_rate": metrics.share([is_wrong(q, o) for q, o in asked if can_be_judged(q)]),
        }
    )


def _disagreement_measures(asked: Asked, seed: int) -> Measures:
    """Whether a conflict between sources was flagged, and its sides stated."""
    flagged = [
        (bool(o.answer and o.answer["disagreement"]), q.kind == "conflict")
        for q, o in asked
        if q.kind in ("conflict", "agree")
    ]
    stated = [(q, o) for q, o in asked if _has_sides(q)]
    return _there(
        {
            "disagreement_f1": metrics.f1(flagged, seed=seed),
            "false_alarms": metrics.share([flag for flag, conflict in flagged if not conflict]),
            "both_sides_stated": metrics.share([_both(q, o.cited) for q, o in stated]),
            "both_sides_stated_given_retrieved": metrics.share(
                [_both(q, o.cited) for q, o in stated if _both_retrieved(q, o)]
            ),
        }
    )


def _cost_measures(asked: Asked, seed: int) -> Measures:
    timings = [o.answer["timings_ms"] for _, o in asked if o.answer]
    return _there(
        {
            **_times("time_to_first_token", [t["first_token"] for t in timings if "first_token" in t], seed),
            **_times("time_to_answer", [t["total"] for t in timings], seed),
            "prompt_tokens": metrics.mean([o.prompt_tokens for _, o in asked if o.prompt_tokens], seed=seed),
        }
    )


def pair_measures(pairs: Sequence[Pair], judged: Mapping[str, Judged], *, seed: int) -> Measures:
    """Of the verifier: how well words, the judge (of the pairs in ``judged``) and both tell support."""
    checks = {p.id: check(p.claim, p.passage) for p in pairs}
    coverage = [checks[p.id].coverage for p in pairs]
    asked = [p for p in pairs if p.id in judged]
    supported = [p.label == "supported" for p in asked]
    scores = [_score(checks[p.id], judged[p.id]) for p in asked]
    combined = [support(checks[p.id].coverage, judged[p.id]) for p in asked]
    passed = [score >= TUNING.supported for score in scores]
    return _there(
        {
            "auroc_coverage": metrics.auroc(coverage, [p.label == "supported" for p in pairs], seed=seed),
            "auroc": metrics.auroc(scores, supported, seed=seed),
            "auroc_support": metrics.auroc(combined, supported, seed=seed),
            "auroc_judge": metrics.auroc([judged[p.id].claim for p in asked], supported, seed=seed),
            "verifier_precision": metrics.share([s for s, p in zip(supported, passed, strict=True) if p]),
            "verifier_recall": metrics.share([p for s, p in zip(supported, passed, strict=True) if s]),
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
    right = count_gold(question, outcome.cited) > 0 or holds_answer(outcome.text, question.answers)
    right = right or any(holds_answer(c.quote, question.answers) for c in outcome.cited)
    return question.kind == "unanswerable" or not right


def risk_coverage(asked: Asked) -> list[tuple[float, float]]:
    """Of the questions answered, the score of the best evidence being the confidence."""
    answered = [(q, o) for q, o in asked if o.answered and can_be_judged(q)]
    return metrics.risk_coverage([o.best_score for _, o in answered], [not is_wrong(q, o) for q, o in answered])


def _there(measures: Mapping[str, Measure | None]) -> Measures:
    """Those that the set's files allow."""
    return {name: measure for name, measure in measures.items() if measure is not None}


def _times(name: str, values: Sequence[float], seed: int) -> dict[str, Measure | None]:
    """Milliseconds: the median under the plain name."""
    return {
        f"{name}_ms": metrics.quantile(values, 0.5, seed=seed),
        f"{name}_p95_ms": metrics.quantile(values, 0.95, seed=seed),
    }


def _matches(quoted: Quoted, gold: GoldSentence) -> bool:
    if quoted.document_id != gold.document_id:
        return False
    return same_sentence(quoted.quote, gold.text) or (gold.of_file and holds_in_order(quoted.quote, gold.text))


def _is_gold(quoted: Quoted, question: Question) -> bool:
    return any(_matches(quoted, gold) for gold in question.evidence)


def count_gold(question: Question, quoted: Sequence[Quoted]) -> int:
    """How many of the gold sentences are among ``quoted``."""
    return sum(any(_matches(item, gold) for item in quoted) for gold in question.evidence)


def _wrong_document(quoted: Quoted, question: Question) -> bool:
    return all(quoted.document_id != gold.document_id for gold in question.evidence)


def _has_sides(question: Question) -> bool:
    return question.kind == "conflict" and sum(bool(side.evidence) for side in question.sides) >= 2


def _both(question: Question, quoted: Sequence[Quoted]) -> bool:
    """Is there a gold sentence of at least two sides?"""
    return sum(any(_matches(i, g) for i in quoted for g in side.evidence) for side in question.sides) >= 2


def _both_ranked(question: Question, documents: Sequence[str]) -> bool:
    """Does a document of at least two sides rank among ``documents``?"""
    return sum(any(g.document_id in documents for g in side.evidence) for side in question.sides) >= 2


def _both_retrieved(question: Question, outcome: Outcome) -> bool:
    def held(gold: GoldSentence) -> bool:
        return any(p.document_id == gold.document_id and holds_most(p.quote, gold.text) for p in outcome.passages)

    return sum(any(held(g) for g in side.evidence) for side in question.sides) >= 2


def _verbatim(question: Question, texts: Mapping[str, str]) -> bool:
    """Can an answer be looked for in a quotation: does a gold or given document hold it word for word?"""
    names = {e.document_id for e in question.evidence} or question.given_docs or ()
    return any(holds_answer(texts.get(name, ""), question.answers) for name in names)


def can_be_judged(question: Question) -> bool:
    """Does the set say what is right?"""
    return question.kind == "unanswerable" or bool(question.evidence or question.answers)


def _exact(question: Question, outcome: Outcome) -> bool:
    """All right answers and no wrong one, as RAMDocs asks (Wang et al. 2025)."""
    text = outcome.text
    wrong = holds_answer(text, question.wrong_answers or ())
    return not wrong and all(holds_answer(text, [answer]) for answer in question.answers)


def _score(words: Check, judged: Judged) -> float:
    """The score of rag.ground.verify's rule for one premise; what the rule holds alike is in order of support."""
    score = support(words.coverage, judged)
    if not words.passes:
        return score - _FAR
    return score + _FAR if own_words(words) else score
