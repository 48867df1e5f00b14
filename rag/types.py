"""Every value that crosses a folder. Read this first.

    path -> Document -> Chunk -> Hit -> Candidate -> Evidence -> Claim -> Sentence -> Answer

All values are frozen and complete when born; a later stage makes a new type instead of filling in
an old one. Every offset is a half-open ``[start, end)`` range of code points of ``Document.text``,
so that ``document.text[c.start:c.end] == c.quote`` holds for every citation ever shown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from rag.data import AnswerData, CitationData, EvidenceData, HitData, PassageData, RetrievedData, SourceData

Vectors = npt.NDArray[np.float32]
"""Rows of unit length: shape (n, dimension), dtype float32, C order."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is in all."""


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points of one text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got {self.start}, {self.end}")

    def __len__(self) -> int:
        return self.end - self.start


UnitKind = Literal["sentence", "item", "list", "row", "pair", "heading", "code", "furniture"]


@dataclass(frozen=True, slots=True)
class Unit(Span):
    """The smallest thing that can be quoted, with what a person reads it under."""

    kind: UnitKind = "sentence"
    context: str = ""  # lead-in, column names, question or speaker: searched and read with the unit, never quoted
    weight: float = 1.0  # below 1 for what says little by itself: it comes behind the rest
    heading: str = ""  # nearest heading above it


def in_context(context: str, quote: str) -> str:
    """A quotation behind what it is read under; a row of a table under its columns is said once.

    >>> in_context("Price: 2.75; Stock: 58", "2.75 | 58"), in_context("You may bring", "a dog")
    ('Price: 2.75; Stock: 58', 'You may bring: a dog')
    """
    if not context or is_restated(context, quote):
        return context or quote
    return f"{context} {quote}" if context.endswith((":", ".", "?", "!", ";")) else f"{context}: {quote}"


def is_restated(context: str, quote: str) -> bool:
    """Whether the context says all that the cells of a row say."""
    cells = [cell.strip() for cell in quote.replace("\t", "|").split("|")]
    return len(cells) > 1 and all(" ".join(cell.split()) in context for cell in cells)


PROPERTIES_HEADING = "File properties"
"""The line above what a file's property sheet says of it, at the end of its text."""


# --- documents coming in -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One article of a file; most files are a single part that covers the whole text."""

    start: int
    end: int
    title: str
    outlet: str | None = None
    author: str | None = None
    date: str | None = None  # ISO 8601, YYYY-MM-DD


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the corpus as text. ``text`` is canonical: NFC, LF, decided once by the loader."""

    id: str  # path below the corpus folder, with forward slashes
    text: str
    title: str
    sha256: str  # of the file's bytes
    outlet: str | None = None
    author: str | None = None
    date: str | None = None  # ISO 8601, YYYY-MM-DD; None where the text does not show one
    parts: tuple[Part, ...] = ()
    pages: tuple[int, ...] = ()  # offset where each page starts, in order; empty for a text without pages
    properties: int | None = None  # where what the file's property sheet says begins, which stands on no page

    def in_properties(self, offset: int) -> bool:
        """Whether ``offset`` lies in what the file's property sheet says."""
        return self.properties is not None and offset >= self.properties

    def page_at(self, offset: int) -> int | None:
        """The number, from 1, of the page that holds ``offset``; None for what stands on no page."""
        if not self.pages or self.in_properties(offset):
            return None
        return max(1, bisect_right(self.pages, offset))

    def part_at(self, offset: int) -> Part:
        """The part that holds ``offset``; the whole document where no part does."""
        for part in self.parts:
            if part.start <= offset < part.end:
                return part
        return Part(0, len(self.text), self.title, self.outlet, self.author, self.date)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of one document, in order; what the index holds a row for."""

    document_id: str
    start: int
    end: int
    text: str  # == document.text[start:end]
    title: str  # of the part the chunk lies in
    heading: str  # nearest heading above, "" where there is none: searched, never quoted
    date: str | None
    sentences: tuple[Unit, ...]  # what of it can be quoted, in order

    @property
    def id(self) -> str:
        return f"{self.document_id}#{self.start}-{self.end}"

    @property
    def search_text(self) -> str:
        """What is embedded and matched: title and heading lead, the text follows."""
        return "\n".join(t for t in (self.title, self.heading, self.text) if t)

    def in_context(self, unit: Unit) -> str:
        """A unit of it behind its context, as it is embedded and read."""
        return in_context(unit.context, self.text[unit.start - self.start : unit.end - self.start])


FileStatus = Literal["indexed", "unchanged", "renamed", "removed", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file of the corpus folder; ``why`` is for skipped and failed, and the old name of renamed."""

    path: str
    status: FileStatus
    chunks: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a sync of the index with the folder did; every file of the folder is named."""

    generation: str
    files: tuple[FileOutcome, ...]
    documents: int
    chunks: int
    sentences: int
    seconds: float
    duplicates: Mapping[str, str] = field(default_factory=dict)  # id: that of the document it nearly repeats
    anew: str = ""  # why the index that was there could not be updated and every file was read again

    def count(self, status: FileStatus) -> int:
        return sum(f.status == status for f in self.files)


# --- finding -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was retrieved. Ranks are 1-based within each search; None: not found by it."""

    chunk: Chunk
    row: int
    score: float  # fused; comparable within one question only
    dense_rank: int | None
    lexical_rank: int | None


@dataclass(frozen=True, slots=True)
class Passage:
    """An exact slice of a document, with what names its source."""

    document_id: str
    title: str
    date: str | None
    start: int
    end: int
    quote: str  # == document.text[start:end]
    context: str = field(default="", kw_only=True)  # what it is read under; not part of the quotation
    heading: str = field(default="", kw_only=True)  # nearest heading above it

    @property
    def under(self) -> str:
        """The heading and the context that it stands under, as a reader is shown them; "" where there are none."""
        heading = "" if self.heading in (self.title, self.quote) or self.heading in self.context else self.heading
        return " › ".join(filter(None, (heading, self.context)))

    @property
    def in_context(self) -> str:
        """The quotation behind its context, as it is searched and read."""
        return in_context(self.context, self.quote)

    def overlaps(self, other: Passage) -> bool:
        return self.document_id == other.document_id and self.start < other.end and other.start < self.end

    @property
    def place(self) -> tuple[str, int, int]:
        """What makes two passages the same one."""
        return self.document_id, self.start, self.end


@dataclass(frozen=True, slots=True)
class Candidate(Passage):
    """One quotable sentence of a hit, with what tells before any model reads it how likely it answers."""

    hit: Hit
    score: float  # relevance to the question; higher is better
    restates: bool = False  # it has no word but the question's, which answers nothing
    orders: bool = False  # it tells its reader what to reply, and that is not what is asked for


@dataclass(frozen=True, slots=True)
class Evidence(Passage):
    """One quotable sentence shown to the model as ``[number]``."""

    number: int  # 1-based
    score: float  # relevance to the question; comparable within one question only

    @classmethod
    def of(cls, candidate: Candidate, number: int) -> Evidence:
        c = candidate
        place = (c.document_id, c.title, c.date, c.start, c.end, c.quote)
        return cls(*place, number, c.score, context=c.context, heading=c.heading)


# --- answering -----------------------------------------------------------------------------------

REFUSAL = "I found no sentence that answers this."
"""What is said where no answer is shown: the program cannot know that the documents do not say."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a draft with the evidence numbers its markers name; () where it has none."""

    text: str  # without markers
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Citation(Passage):
    """A passage that a sentence of the answer rests on; shown as ``[marker]``."""

    marker: int  # 1-based, in the order in which an answer first uses its citations

    @classmethod
    def of(cls, passage: Passage, marker: int) -> Citation:
        p = passage
        place = (p.document_id, p.title, p.date, p.start, p.end, p.quote)
        return cls(*place, marker, context=p.context, heading=p.heading)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence shown as (part of) an answer; it has at least one citation."""

    text: str
    citations: tuple[Citation, ...]

    def __post_init__(self) -> None:
        if not self.citations:
            raise ValueError(f"a sentence of an answer needs a citation: {self.text!r}")


@dataclass(frozen=True, slots=True)
class Removed:
    """A drafted sentence that was not shown as an answer, and why."""

    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of several statements that cannot all be true, with who makes it."""

    claim: str
    documents: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class SourceQuotes:
    """What one source says about the question, in its own words."""

    document_id: str
    title: str
    date: str | None
    quotes: tuple[Evidence, ...]  # by position


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown for a question. A refusal is an answer too: ``refused``, with ``reason`` and the nearest passages.

    ``print(answer)`` shows the sentences and, numbered, the quotations that they rest on.
    """

    question: str
    answer: str  # the sentences with their markers, as one paragraph
    refused: bool
    reason: str  # why refused; "" where answered
    disagreement: bool
    sentences: tuple[Sentence, ...]
    removed: tuple[Removed, ...]
    sides: tuple[Side, ...]
    by_source: tuple[SourceQuotes, ...]
    hits: tuple[Hit, ...]
    stale: tuple[str, ...] = ()  # documents named here whose file is gone or another one than was indexed
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation of the sentences once, by marker."""
        by_marker = {c.marker: c for s in self.sentences for c in s.citations}
        return tuple(by_marker[marker] for marker in sorted(by_marker))

    @property
    def nearest(self) -> tuple[SourceQuotes, ...]:
        """The three quotations that come nearest to the question, best first: what a refusal shows."""
        quotes = sorted((q for source in self.by_source for q in source.quotes), key=lambda q: (-q.score, q.number))
        return tuple(SourceQuotes(q.document_id, q.title, q.date, (q,)) for q in quotes[:3])

    def to_dict(self) -> AnswerData:
        """The one shape that ``--json``, the page's API, exports and evaluations read; ready for ``json.dumps``."""
        return {
            "question": self.question,
            "answer": self.answer,
            "refused": self.refused,
            "reason": self.reason,
            "disagreement": self.disagreement,
            "sentences": [{"text": s.text, "citations": _citations(s.citations)} for s in self.sentences],
            "removed": [{"text": r.text, "why": r.why} for r in self.removed],
            "sides": [
                {"claim": s.claim, "documents": list(s.documents), "citations": _citations(s.citations)}
                for s in self.sides
            ],
            "by_source": [_source(s) for s in self.by_source],
            "hits": [_hit(h) for h in self.hits],
            "stale": list(self.stale),
            "timings_ms": {name: round(ms, 1) for name, ms in self.timings_ms.items()},
            "models": dict(self.models),
        }

    def __str__(self) -> str:
        if self.refused:
            nearest = [(f"- “{q.quote}”", s.title) for s in self.nearest for q in s.quotes]
            lines = [REFUSAL, self.reason, *(["", "Nearest:"] if nearest else [])]
        else:
            nearest = [(f"[{c.marker}] “{c.quote}”", f"{c.title} ({c.document_id})") for c in self.citations]
            lines = [self.answer, ""]
        return "\n".join([*lines, *(f"{quote}\n    {source}" for quote, source in nearest)])


# --- the steps of one question, as the chat shows them -------------------------------------------


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Evidence is in hand; no language model has run yet."""

    question: str
    hits: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]
    by_source: tuple[SourceQuotes, ...]
    documents: Mapping[str, Document] = field(default_factory=dict, compare=False, repr=False)  # of the index in use

    def to_dict(self) -> RetrievedData:
        """``rag search --json``; ready for ``json.dumps``."""
        return {
            "question": self.question,
            "evidence": [_evidence(e) for e in self.evidence],
            "by_source": [_source(s) for s in self.by_source],
            "hits": [_hit(h) for h in self.hits],
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """The model is reading the prompt."""

    prompt_done: int
    prompt_total: int


@dataclass(frozen=True, slots=True)
class Drafting:
    """The unfinished sentence so far; not verified, never an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A finished sentence of the draft: kept with its citations, or removed."""

    result: Sentence | Removed


@dataclass(frozen=True, slots=True)
class Finished:
    answer: Answer


Step = Retrieved | Reading | Drafting | Checked | Finished


# --- the same values as JSON ---------------------------------------------------------------------


def _passage(p: Passage) -> PassageData:
    document_id, start, end = p.place
    return PassageData(
        document_id=document_id, title=p.title, date=p.date, start=start, end=end, quote=p.quote, context=p.under
    )


def _citations(citations: tuple[Citation, ...]) -> list[CitationData]:
    return [{"marker": c.marker, **_passage(c)} for c in citations]


def _evidence(e: Evidence) -> EvidenceData:
    return {"number": e.number, **_passage(e), "score": round(e.score, 4)}


def _source(s: SourceQuotes) -> SourceData:
    quotes = [_evidence(quote) for quote in s.quotes]
    return {"document_id": s.document_id, "title": s.title, "date": s.date, "quotes": quotes}


def _hit(h: Hit) -> HitData:
    return {
        "document_id": h.chunk.document_id,
        "start": h.chunk.start,
        "end": h.chunk.end,
        "score": round(h.score, 6),
        "dense_rank": h.dense_rank,
        "lexical_rank": h.lexical_rank,
    }
