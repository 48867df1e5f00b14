"""The shapes of the values of ``rag.types`` as JSON: what ``--json``, the page's API and exports hold."""

from __future__ import annotations

from typing import TypedDict


class PassageData(TypedDict):
    document_id: str
    title: str
    date: str | None
    start: int
    end: int
    quote: str
    context: str


class CitationData(PassageData):
    marker: int


class EvidenceData(PassageData):
    number: int
    score: float


class SentenceData(TypedDict):
    text: str
    citations: list[CitationData]


class RemovedData(TypedDict):
    text: str
    why: str


class SideData(TypedDict):
    claim: str
    documents: list[str]
    citations: list[CitationData]


class SourceData(TypedDict):
    document_id: str
    title: str
    date: str | None
    quotes: list[EvidenceData]


class HitData(TypedDict):
    document_id: str
    start: int
    end: int
    score: float
    dense_rank: int | None
    lexical_rank: int | None


class AnswerData(TypedDict):
    """What ``Answer.to_dict`` gives."""

    question: str
    answer: str
    refused: bool
    reason: str
    disagreement: bool
    sentences: list[SentenceData]
    removed: list[RemovedData]
    sides: list[SideData]
    by_source: list[SourceData]
    hits: list[HitData]
    stale: list[str]
    timings_ms: dict[str, float]
    models: dict[str, str]


class RetrievedData(TypedDict):
    """What ``Retrieved.to_dict`` gives."""

    question: str
    evidence: list[EvidenceData]
    by_source: list[SourceData]
    hits: list[HitData]
