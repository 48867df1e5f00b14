"""A document cut into chunks of whole sentences."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from rag.text.blocks import MARKER, Block, blocks, ends_sentence, heading_text
from rag.text.boilerplate import is_furniture
from rag.text.sentences import MAX_SENTENCE_CHARS, sentences
from rag.text.wiki import references
from rag.types import Chunk, Document, Span

_LEAD = re.compile(r"\s*(?:(?:\[\d{1,3}\]|[,;:!?)\]}>|])+\s*|\.(?=\s)\s*|[•‣◦▪●■○*–—-]+\s+)*\s*")
_FOOTNOTE = re.compile(r"(?<=[^\W\d_]|[,”\"’)])\d{1,2}$")
_GAP = re.compile(r" {50,}")  # where a long wiki reference was blanked
_WORD = re.compile(r"[^\W\d_]")
_UNSPACED_SCRIPT = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class _Section:
    """The quotable sentences under one heading of one part."""

    heading: str
    part: int  # offset where the part starts
    sentences: list[Span]

    def __len__(self) -> int:
        return self.sentences[-1].end - self.sentences[0].start


def chunk_document(document: Document, *, max_chars: int = 900, overlap: int = 0) -> list[Chunk]:
    """Chunks in order of at most ``max_chars`` code points, where a single sentence allows it.

    None crosses a part, nor a heading unless a small section joins the one before; ``overlap`` counts the
    sentences repeated from the chunk above. Text without a quotable sentence is in no chunk.
    """
    if max_chars < 1 or overlap < 0:
        raise ValueError(f"max_chars must be positive and overlap not negative, got {max_chars}, {overlap}")
    chunks = []
    for section in _join_small(_sections(document), max_chars):
        for group in _pack(section.sentences, max_chars, overlap):
            start, end = group[0].start, group[-1].end
            part = document.part_at(start)
            heading = "" if section.heading == part.title else section.heading
            chunks.append(
                Chunk(document.id, start, end, document.text[start:end], part.title, heading, part.date, tuple(group))
            )
    return chunks


def quotable_sentences(document: Document) -> list[Span]:
    """Every sentence that may be quoted, in order: clean at both ends, no heading, no furniture."""
    return [span for section in _sections(document) for span in section.sentences]


def _sections(document: Document) -> list[_Section]:
    text = _blanked(document.text)
    starts = [part.start for part in document.parts]
    structure = blocks(text)
    sections: list[_Section] = []
    heading, current, part = "", None, 0
    for n, block in enumerate(structure):
        above, part = part, starts[max(0, bisect_right(starts, block.start) - 1)] if starts else 0
        if part != above:
            heading, current = "", None
        if block.kind == "heading":
            heading, current = heading_text(text[block.start : block.end]), None
        leads_in = n + 1 < len(structure) and structure[n + 1].kind == "list"
        opens_table = block.kind == "table" and (n == 0 or structure[n - 1].kind not in ("table", "furniture"))
        if opens_table and not ends_sentence(text[block.start : block.end].strip()):
            continue  # the row that names the columns
        for span in _quotable(text, block, leads_in):
            if current is None:
                current = _Section(heading, part, [])
                sections.append(current)
            current.sentences.append(span)
    return sections


def _quotable(text: str, block: Block, leads_in: bool) -> Iterator[Span]:
    if block.kind in ("heading", "furniture"):
        return
    start = block.start
    if block.kind == "list" and (marker := MARKER.match(text[start : start + 200].lstrip())):
        start += marker.end() + len(text[start : start + 200]) - len(text[start : start + 200].lstrip())
    body = text[start : block.end]
    spans = [Span(0, len(body))] if block.kind == "table" and len(body) <= MAX_SENTENCE_CHARS else sentences(body)
    for span in (piece for s in spans for piece in _pieces(body, s)):
        trimmed = _trim(text, start + span.start, start + span.end)
        quote = text[trimmed.start : trimmed.end]
        dangling = leads_in and quote.endswith(":")
        if _says_something(quote) and not dangling and not is_furniture(quote):
            yield trimmed


def _blanked(text: str) -> str:
    """The text with spaces where wiki references stand, so that sentences end before them."""
    parts, last = [], 0
    for start, end in references(text):
        if start >= last:
            parts += [text[last:start], re.sub(r"[^\n]", " ", text[start:end])]
            last = end
    return "".join((*parts, text[last:]))


def _pieces(text: str, span: Span) -> Iterator[Span]:
    """A sentence without the blanks around it, cut where a long reference stood in it."""
    start, end = span.start, span.start + len(text[span.start : span.end].rstrip())
    for gap in _GAP.finditer(text, start, end):
        yield Span(start, gap.start())
        start = gap.end()
    yield Span(start, max(start, end))


def _trim(text: str, start: int, end: int) -> Span:
    """Without the marks of lists and footnotes at the edges.

    A page whose footnotes became text reads "monetize2\\n. This pivot" or "company\\n1\\n. Unlike".
    """
    quote = text[start:end].rstrip(" \n\t|")
    if text.startswith("\n.", start + len(quote)):
        quote = _FOOTNOTE.sub("", quote)
    lead = _LEAD.match(quote)
    skip = lead.end() if lead else 0
    if quote.startswith(".", skip) and re.search(r"\d\n$", text[max(0, start - 2) : start]):
        skip += 1
    return Span(start + skip, start + max(skip, len(quote)))


def _says_something(quote: str) -> bool:
    words = sum(bool(_WORD.search(word)) for word in quote.split())
    return words >= 3 or len(_UNSPACED_SCRIPT.findall(quote)) >= 6


def _join_small(sections: list[_Section], max_chars: int) -> Iterator[_Section]:
    """Sections below a third of a chunk join their neighbour of the same part while both fit one chunk."""
    current: _Section | None = None
    for section in sections:
        if current is None:
            current = section
            continue
        small = min(len(current), len(section)) < max_chars // 3
        fits = section.sentences[-1].end - current.sentences[0].start <= max_chars
        if small and fits and current.part == section.part:
            current = _Section(current.heading, current.part, current.sentences + section.sentences)
        else:
            yield current
            current = section
    if current is not None:
        yield current


def _pack(spans: list[Span], max_chars: int, overlap: int) -> Iterator[list[Span]]:
    """Runs of sentences of about equal length, so that no chunk ends up with a lone last sentence."""
    group: list[Span] = []
    target = 0.0  # offset where the group should end
    for span in spans:
        if group and (span.end - group[0].start > max_chars or target - group[-1].end < span.end - target):
            yield group
            group = group[max(1, len(group) - overlap) :] if overlap else []
            while group and span.end - group[0].start > max_chars:
                group = group[1:]
            target = 0.0
        group.append(span)
        if not target:
            left = spans[-1].end - group[0].start
            target = group[0].start + left / -(-left // max_chars)
    if group:
        yield group
