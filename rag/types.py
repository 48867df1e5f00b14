"""Every value that crosses a file boundary, and the three protocols a model must satisfy. Read this first.

    Path -> Document -> Chunk -> Index -> Hit -> Evidence -> Prompt -> Piece... -> Claim -> Sentence -> Answer

All values are frozen and complete when born; a later stage makes a new type instead of filling in
an old one. Every offset is a half-open ``[start, end)`` range of code points of ``Document.text``,
so that ``document.text[c.start:c.end] == c.quote`` holds for every citation ever shown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

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

    def page_at(self, offset: int) -> int | None:
        """The number, from 1, of the page that holds ``offset``; None for a text without pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None

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
    sentences: tuple[Span, ...]  # quotable sentences: offsets of the document, furniture left out

    @property
    def id(self) -> str:
        return f"{self.document_id}#{self.start}-{self.end}"

    @property
    def search_text(self) -> str:
        """What is embedded and matched: title and heading lead, the text follows."""
        return "\n".join(t for t in (self.title, self.heading, self.text) if t)


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
class Candidate:
    """One quotable sentence of a hit, with what tells before any model reads it how likely it answers."""

    hit: Hit
    span: Span
    quote: str  # == document.text[span.start:span.end]
    before: str  # the sentence before it in its chunk; "" where it is the first
    score: float  # relevance to the question; higher is better


@dataclass(frozen=True, slots=True)
class Evidence:
    """One quotable sentence shown to the model as ``[number]``."""

    number: int  # 1-based
    document_id: str
    title: str
    date: str | None
    start: int
    end: int
    quote: str  # == document.text[start:end]
    score: float  # relevance to the question; comparable within one question only


# --- generating ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt before any model's chat format. ``system`` and ``examples`` never change between
    questions, so a backend can keep their state."""

    system: str
    examples: tuple[tuple[str, str], ...]  # (user, assistant) turns
    user: str
    opening: str = ""  # what the reply begins with: it is given to the model, not written by it


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a generation; ``text`` is "" while the prompt is being read."""

    text: str
    prompt_done: int = 0  # tokens, those found in the cache included
    prompt_total: int = 0
    output_tokens: int = 0  # so far


class Embedder(Protocol):
    """Texts to unit vectors. The two verbs differ where a model wants a query prefix."""

    name: str
    dimension: int
    fingerprint: str  # changes when a vector of the same text would

    def embed_documents(self, texts: Sequence[str]) -> Vectors: ...

    def embed_query(self, text: str) -> Vectors:
        """Shape (dimension,)."""
        ...


class Generator(Protocol):
    """A language model. Nothing in a prompt's text is ever read as a special token."""

    name: str

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        """Greedy decoding. Ends within a second of ``abort`` being set, the prompt phase included.

        ``max_tokens`` 0: the prompt is read and nothing is written.

        Raises GenerationError where the prompt does not fit the context or the engine fails.
        """
        ...

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """Natural log-probability of each option being how the reply goes on after ``prompt.opening`` (its first
        token). What was read for it is not read again by a ``stream`` of the same prompt."""
        ...

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        """Reads what comes before ``prompt.user`` ahead of the first question."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def close(self) -> None: ...


class Reranker(Protocol):
    """How well each text answers a question, read together with it."""

    name: str

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Log-odds of being relevant, in order; a text's score does not depend on the other texts."""
        ...


class Verifier(Protocol):
    """Does a premise support a claim? One probability a premise, 0 to 1."""

    name: str

    def support(self, claim: str, premises: Sequence[str], *, abort: Event | None = None) -> list[float]: ...


# --- answering -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a draft with the evidence numbers its markers name; () where it has none."""

    text: str  # without markers
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    marker: int
    document_id: str
    title: str
    date: str | None
    start: int
    end: int
    quote: str  # == document.text[start:end]


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
class Quote:
    start: int
    end: int
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class SourceQuotes:
    """What one source says about the question, in its own words."""

    document_id: str
    title: str
    date: str | None
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer as data: the command line's ``--json``, the chat, the evaluator and the tests read this."""

    question: str
    standalone_question: str
    answer: str
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


# --- the steps of one question, as the chat shows them -------------------------------------------


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Evidence is in hand; no language model has run yet."""

    question: str
    standalone_question: str
    hits: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]
    by_source: tuple[SourceQuotes, ...]


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
