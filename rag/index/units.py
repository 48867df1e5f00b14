"""A document -> units: the smallest things that can be quoted, each with the context in which a person reads it.

Units tile the visible text: every line with a letter or a digit is in one. What looks like the furniture of a web page
has a low weight, which puts it behind the rest; nothing is silenced.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from rag.text.blocks import MARKER, Block, blocks, ends_sentence, heading_text
from rag.text.languages import language_of
from rag.text.sentences import MAX_SENTENCE_CHARS, sentences
from rag.text.wiki import references
from rag.text.words import content_stems
from rag.types import PROPERTIES_HEADING, Document, Span, Unit, UnitKind, in_context

FURNITURE_WEIGHT = 0.3
HEADING_WEIGHT = 0.5
LONGEST_LIST = 600  # characters of a list that can be quoted as a whole
LONGEST_CONTEXT = 300  # characters of a question, a lead-in or column names that are kept with a unit

_LEAD = re.compile(r"\s*(?:(?:\[\d{1,3}\]|[,;:!?)\]}>|])+\s*|\.(?=\s)\s*|[•‣◦▪●■○*–—-]+\s+)*\s*")
_FOOTNOTE = re.compile(r"(?<=[^\W\d_]|[,”\"’)])\d{1,2}$")
_GAP = re.compile(r" {50,}")  # where a long wiki reference was blanked
_VISIBLE = re.compile(r"\w")
_BAR = re.compile(r"\s*\|\s*|\t")
_RULE = re.compile(r"[\s|:+-]*--[\s|:+-]*")  # between the names of columns and the rows
_FENCE = re.compile(r"(?:`{3}|~{3})\w*$")
_PAIR = re.compile(r"[^\s:][^:\n]{0,60}:\s+\S")
_LABEL = re.compile(r"(\S(?:[^\s:]|:(?!\s)| (?! )){0,60}):\s")  # who says what follows, or what it is about
_FIELD = re.compile(r"[^\s:][^:]{0,60}: \S")
_TIME = re.compile(r"\b\d{1,2}:\d\d\b")
_QUESTION = re.compile(r"\?[\"'”’)\]]*$")
_LONGEST_SCRAP = 3  # words
_SHORT = 200  # characters of a line that still answers the question just above it, or is a label with its value


@dataclass(frozen=True, slots=True)
class Section:
    """The units under one heading of one part, in order."""

    heading: str
    part: int  # offset where the part starts
    units: tuple[Unit, ...]

    def __len__(self) -> int:
        return self.units[-1].end - self.units[0].start


@dataclass(frozen=True, slots=True)
class _Above:
    """What the lines above say of the line in hand."""

    heading: str = ""
    question: str = ""  # asked by the heading or line just above
    lead_in: str = ""  # the line that a list, a table or code hangs from
    leads: bool = False  # it is the line just above
    columns: tuple[str, ...] = ()  # names, from the first row of the table in hand
    caption: str = ""  # a row of one cell above them
    in_table: bool = False


def sections(document: Document) -> list[Section]:
    """Every unit of the document, under the heading above it; a heading opens its own section."""
    text = _blanked(document.text[: document.properties])
    starts = [part.start for part in document.parts]
    structure = blocks(text)
    language = language_of(document.text)
    runs: list[tuple[str, int, list[Unit]]] = []  # heading, part and units
    page = any(block.kind == "furniture" for block in structure)
    above, part = _Above(), 0
    for n, block in enumerate(structure):
        before, part = part, starts[max(0, bisect_right(starts, block.start) - 1)] if starts else 0
        if part != before:
            above = _Above()
        line = text[block.start : block.end].strip()
        if not _VISIBLE.search(line) or _FENCE.match(line):
            continue
        units, above = _read(text, line, block, structure[n + 1 : n + 2], above, language)
        if not units:
            continue
        if page:
            units = [_behind(text, unit) for unit in units]
        if runs and runs[-1][:2] == (above.heading, part):
            runs[-1][2].extend(units)
        else:
            runs.append((above.heading, part, units))
    found = [Section(heading, part, tuple(_under(heading, text, units))) for heading, part, units in runs]
    return [*found, *_properties(document)]


def _properties(document: Document) -> Iterator[Section]:
    """What the file's property sheet says: a section, and so a chunk, by itself."""
    if document.properties is None:
        return
    context = f"{PROPERTIES_HEADING} of {document.title} ({PurePosixPath(document.id).name})"[:LONGEST_CONTEXT]
    start, units = document.properties, list[Unit]()
    for line in document.text[start:].split("\n"):
        if line == PROPERTIES_HEADING:
            units.append(Unit(start, start + len(line), "heading", weight=HEADING_WEIGHT))
        elif line:
            weight = HEADING_WEIGHT if line.startswith("Title: ") else 1.0  # its words are in the context already
            units.append(Unit(start, start + len(line), "pair", context, weight, PROPERTIES_HEADING))
        start += len(line) + 1
    yield Section(PROPERTIES_HEADING, document.properties, tuple(units))


def _under(heading: str, text: str, units: Sequence[Unit]) -> Iterator[Unit]:
    """The units with the heading above them: to what is no sentence it is what tells what it is about."""
    for unit in _with_lists(text, units, heading):
        if unit.kind == "heading":
            yield unit
        else:
            alone = unit.kind not in ("sentence", "furniture") or _stands_alone(text, unit)
            yield replace(unit, heading=heading, context=unit.context or (heading if alone else ""))


def _behind(text: str, unit: Unit) -> Unit:
    """A unit of a saved page; two or three words that are no sentence, such as "Summarized by", are its furniture."""
    quote = text[unit.start : unit.end]
    scrap = unit.kind == "sentence" and len(quote.split()) <= _LONGEST_SCRAP and not ends_sentence(quote)
    return Unit(unit.start, unit.end, "furniture", unit.context, FURNITURE_WEIGHT) if scrap else unit


def _with_lists(text: str, units: Sequence[Unit], heading: str) -> Iterator[Unit]:
    """The units, and behind the last item of a short list, or the last line of code, all of it with its lead-in."""
    run: list[Unit] = []
    lead: Unit | None = None  # the line that the run hangs from
    for above, unit, below in zip((None, *units[:-1]), units, (*units[1:], None), strict=True):
        listed = _is_item(text, unit) or unit.kind == "code"
        if not listed or (run and not _goes_on(run[0], unit)):
            yield from _list_of(lead, run, heading)
            run = []
        if listed:
            lead = lead if run else above if above is not None and _leads(text, above, unit) else None
            run.append(unit)
        announces = below is not None and _leads(text, unit, below)  # it says nothing without what stands below it
        yield replace(unit, weight=min(unit.weight, HEADING_WEIGHT)) if announces else unit
    yield from _list_of(lead, run, heading)


def _goes_on(first: Unit, unit: Unit) -> bool:
    """Whether ``unit`` is of the list that ``first`` begins: it hangs from the same line, if by a label of its own."""
    same = unit.context == first.context or (
        first.kind == unit.kind == "item" and unit.context.startswith(first.context)
    )
    return same and (first.kind == "code") == (unit.kind == "code")


def _leads(text: str, unit: Unit, below: Unit) -> bool:
    """Whether ``unit`` is the line that ``below`` hangs from, such as "You may bring:"."""
    line = text[unit.start : unit.end]
    hangs = below.kind != "sentence" and bool(below.context) and line.endswith(below.context)
    return unit.kind == "sentence" and hangs and not line.endswith((".", "!", "?"))


def _list_of(lead: Unit | None, items: Sequence[Unit], heading: str) -> Iterator[Unit]:
    if not items or len(items) + (lead is not None) < 2:
        return
    if items[0].kind == "code" and lead is None and not items[0].context:
        return  # lines of a log have little to do with one another
    start, context = (items[0].start, items[0].context) if lead is None else (lead.start, lead.context)
    if items[-1].end - start <= LONGEST_LIST:
        yield Unit(start, items[-1].end, "list", context or heading)


def _is_item(text: str, unit: Unit) -> bool:
    return unit.kind == "item" or (unit.kind in ("sentence", "pair") and _stands_alone(text, unit))


def _stands_alone(text: str, unit: Unit) -> bool:
    """A short line of its own that is no sentence: a name, an ingredient."""
    line_ends = text[unit.end : unit.end + 1] in ("", "\n")
    return line_ends and unit.end - unit.start <= _SHORT // 2 and not ends_sentence(text[unit.start : unit.end])


def _read(
    text: str, line: str, block: Block, below: Sequence[Block], above: _Above, language: str
) -> tuple[list[Unit], _Above]:
    """The units of one line, and what the lines below it can know of it."""
    start = text.index(line, block.start)
    end = start + len(line)
    if block.kind == "heading":
        heading = heading_text(line)
        start = text.index(heading, block.start)
        states = _PAIR.match(heading) or _TIME.search(heading)  # "Front door: dark green" is a fact, "Doors" is not
        unit = Unit(start, start + len(heading), "heading", "", 1.0 if states else HEADING_WEIGHT)
        return [unit], _Above(heading, question=heading if _QUESTION.search(heading) else "", lead_in=heading)
    if block.kind == "table" and len(line) <= MAX_SENTENCE_CHARS:
        if above.columns and below and _RULE.fullmatch(text, below[0].start, below[0].end):  # the next table begins
            above = replace(above, columns=(), caption="")
        return _row(text, start, end, above)
    if block.kind == "code":
        return [Unit(s.start, s.end, "code", above.lead_in, 1.0) for s in _cut(text, start, end, language)], above
    if block.kind == "list" and (marker := MARKER.match(line)):
        start += marker.end()
    footnote = line.isdecimal() and text.startswith("\n.", end)
    furniture = block.kind == "furniture" or footnote
    kind: UnitKind = "furniture" if furniture else "item" if block.kind == "list" else "sentence"
    if kind == "sentence" and len(line) <= _SHORT and _PAIR.match(line):
        kind = "pair"
    below_lead = above.lead_in.endswith(":") and (above.leads or not ends_sentence(line))
    listed = block.kind == "list" or (block.kind == "prose" and len(line) <= _SHORT and below_lead)
    weight, lead_in = FURNITURE_WEIGHT if furniture else 1.0, above.lead_in if listed else ""
    spans = [_trim(text, start, end)] if _is_record(text[start:end]) else list(_cut(text, start, block.end, language))
    label = _LABEL.match(text, start, end) if kind != "furniture" and len(spans) > 1 else None
    rest = in_context(lead_in, label[1]) if label else lead_in
    contexts = [lead_in, *([rest] * (len(spans) - 1))]
    units = [
        Unit(s.start, s.end, kind, _asked(above.question, text[s.start : s.end]) or context, weight)
        for s, context in zip(spans, contexts, strict=False)
    ]
    asks = block.kind != "list" and len(line) <= LONGEST_CONTEXT and _QUESTION.search(line) is not None
    last = text[units[-1].start : units[-1].end] if units else line
    leads = bool(below) and below[0].kind in ("list", "table", "code") and block.kind != "list"
    after = _Above(
        above.heading,
        question=line if asks else above.question if block.kind == "list" else "",
        lead_in=last[-LONGEST_CONTEXT:].lstrip() if leads or line.endswith(":") else above.lead_in if listed else "",
        leads=leads or line.endswith(":"),
    )
    return units, after


def _is_record(line: str) -> bool:
    """A row as "column: cell; column: cell": its cells may end like sentences."""
    labelled = sum(map(bool, map(_FIELD.match, line.split("; ")))) if len(line) <= MAX_SENTENCE_CHARS else 0
    return labelled > 2 or (labelled == 2 and len(line) <= _SHORT)


def _asked(question: str, answer: str) -> str:
    """The question that an answer needs in order to be understood; "" for one that says itself what it is about.

    Else a document could put any sentence above those of others by asking before it what people will ask.
    """
    stems = set(content_stems(question))
    if len(answer) > _SHORT // 2:
        return ""
    return "" if stems and 2 * len(stems & set(content_stems(answer))) >= len(stems) else question


def _row(text: str, start: int, end: int, above: _Above) -> tuple[list[Unit], _Above]:
    """A row of a table under the names of its columns: those of the first row that has more than one cell."""
    cells = tuple(" ".join(cell.split()) for cell in _BAR.split(text[start:end].strip().strip("|").strip()))
    span = _trim(text, start, end)
    if above.columns:
        named = [f"{name}: {cell}" if name else cell for name, cell in zip(above.columns, cells, strict=False) if cell]
        context = "; ".join([*filter(None, [above.caption]), *named])[:LONGEST_CONTEXT]
        return [Unit(span.start, span.end, "row", context)], above
    if sum(map(bool, cells)) <= 1:
        return [Unit(span.start, span.end, "row", above.lead_in)], replace(above, caption=" ".join(cells).strip())
    unit = Unit(span.start, span.end, "row", above.caption or above.lead_in, HEADING_WEIGHT)
    return [unit], replace(above, columns=cells, question="")


def _cut(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    """The sentences of one line, trimmed; each holds something that can be seen."""
    body = text[start:end]
    for span in (piece for s in sentences(body, language=language) for piece in _pieces(body, s)):
        trimmed = _trim(text, start + span.start, start + span.end)
        if _VISIBLE.search(text[trimmed.start : trimmed.end]):
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
