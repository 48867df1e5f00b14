"""Title, outlet, author, date and articles of a text, where the text shows them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from rag.load.canonical import canonical
from rag.load.loaded import Loaded, Properties
from rag.text.blocks import Block, blocks, heading_text
from rag.text.boilerplate import is_byline, is_furniture, without_stamps
from rag.text.dates import dates
from rag.text.words import one_line
from rag.types import PROPERTIES_HEADING, Document, Part

_NUMBER = re.compile(r"\[(\d{1,2})\]")
_LABELLED_DATE = re.compile(
    r"\b(?:published|posted|updated|date|first published|last updated)\b.{0,20}$", re.IGNORECASE
)
_LABELLED_AUTHOR = re.compile(r"(?:author|written by|words by|reporting by|by)\b\s*:?\s+(.+)", re.IGNORECASE)
_LABELLED_OUTLET = re.compile(r"(?:outlet|publisher|published (?:by|in)|publication)\b\s*:?\s+(.+)", re.IGNORECASE)
_DESK = re.compile(
    r"\s+(?:editorial\s+)?(?:team|staff|editors?|editorial board|newsroom|desk|writers?)$", re.IGNORECASE
)
_NAME = re.compile(r"[^\W\d_][\w.’'-]*(?:\s+[^\W\d_][\w.’'-]*){1,5}")
_DATELINE = re.compile(r"\s*(?:[A-Z][\w .'’-]{1,40}[,(]\s*)?$")
_AGENCY = re.compile(r"\s*[),]?\s*(?:\(([A-Z][\w ]{1,30})\)\s*)?[-–—]")
_LONGEST_BYLINE = 200  # characters
_LONGEST_HEAD = 300  # characters of a text's top, where a name is its author's
_HEAD_PROSE = 2  # paragraphs below the title within which a byline still is the article's own


def describe(document_id: str, text: str, sha256: str, page: Loaded) -> Document:
    """The Document of canonical ``text``; what the page's markup said wins over what the text shows.

    What the file's property sheet says and the text does not show stands below it, under "File properties".
    """
    structure = blocks(text) if page.is_article else ()
    if articles := _articles(text, structure):
        title, author, outlet, date = articles[0].title, None, None, None
    else:
        title = _title(text, structure) or title_from_name(document_id)
        author, outlet, date = _byline(text, structure)
    sheet = page.properties
    card = _card(sheet, text, author, date)
    outlet, author = page.outlet or outlet, page.author or sheet.author or author
    date = page.date or sheet.published or date or sheet.created
    parts = (
        tuple(Part(p.start, p.end, p.title, p.outlet or outlet, p.author or author, p.date or date) for p in page.parts)
        or articles
    )
    return Document(
        document_id,
        text + card,
        page.title or sheet.title or title,
        sha256,
        outlet,
        author,
        date,
        parts,
        page.pages,
        len(text) if card else None,
    )


def _card(sheet: Properties, text: str, author: str | None, date: str | None) -> str:
    """The lines of what the property sheet says, less what the text says itself, where ``author`` and ``date`` are of
    the text; "" where there is none.
    """
    shown = one_line(text).casefold()
    head = one_line(text[:_LONGEST_HEAD]).casefold()
    lines = []
    if sheet.title and sheet.title.casefold() not in shown:
        lines.append(f"Title: {sheet.title}")
    if sheet.author and not author and sheet.author.casefold() not in head:
        lines.append(f"Author: {sheet.author}")
    if sheet.published and sheet.published != date:
        lines.append(f"Date of publication: {sheet.published}")
    if sheet.created and not date and not sheet.published:
        lines.append(f"Date of creation: {sheet.created}")
    if sheet.version and not re.search(rf"\bv(?:ersion)?\W{{0,2}}{re.escape(sheet.version.casefold())}\b", shown):
        lines.append(f"Version: {sheet.version}")
    return canonical("\n".join(["", "", PROPERTIES_HEADING, *lines])) if lines else ""


def _line(text: str, block: Block) -> str:
    return text[block.start : block.end].strip()


def _title(text: str, structure: tuple[Block, ...]) -> str | None:
    """A first heading that is marked as the highest; else the first of three words above the prose, or the first."""
    found: list[str] = []
    for block in structure:
        if block.kind == "heading":
            line = _line(text, block)
            if not found and re.match(r"#\s", line):
                return heading_text(line)
            found.append(heading_text(line))
        elif block.kind != "furniture":
            break
    return next((t for t in found if len(t.split()) >= 3), found[0] if found else None)


def title_from_name(document_id: str) -> str:
    """The title of a document whose text and markup show none."""
    return re.sub(r"[_\W]+", " ", PurePosixPath(document_id).stem).strip() or document_id


def _byline(text: str, structure: tuple[Block, ...]) -> tuple[str | None, str | None, str | None]:
    """Author, outlet, date. A date counts where it stands in a line of its own or a byline or opens a
    paragraph as a dateline: near the top, or at the end if it is the only one there. A date that a
    sentence mentions is never the publication's, nor is one of several below the text: those are
    usually of other articles."""
    author = outlet = date = None
    says_nothing = [is_furniture(_line(text, block)) for block in structure]  # of a page, or a date, or a name
    of_text = [block.kind in ("prose", "list", "table") for block in structure]
    body = [n for n in range(len(structure)) if of_text[n] and not says_nothing[n]]
    for n in body[:_HEAD_PROSE]:
        if date is None:
            date, outlet = _dateline(_line(text, structure[n]), outlet)
    last = body[-1] if body else len(structure) - 1
    top = body[_HEAD_PROSE] if len(body) > _HEAD_PROSE else last + 1
    for line in (_line(text, structure[n]) for n in range(top) if says_nothing[n]):
        if len(line) > _LONGEST_BYLINE:
            continue
        date = date or _own_date(line)
        if match := _LABELLED_OUTLET.fullmatch(line):
            outlet = outlet or match[1].strip()
        author = author or _author(line)
    if date is None:
        tail = {iso for b in structure[last + 1 :] if (iso := _own_date(_line(text, b)))}
        date = tail.pop() if len(tail) == 1 else None
    if author and outlet is None and _DESK.search(author):
        outlet = _DESK.sub("", author)
    return author, outlet, date


def _own_date(line: str) -> str | None:
    found = dates(line)
    if not found or len(line) > _LONGEST_BYLINE:
        return None
    span, iso = found[0]
    alone = len(without_stamps(line).replace("|", " ").split()) <= 4
    return iso if alone or is_byline(line) or _LABELLED_DATE.search(line[: span.start]) else None


def _dateline(line: str, outlet: str | None) -> tuple[str | None, str | None]:
    """ "LONDON, April 7, 2026 (Reuters) - ..." """
    found = dates(line[:120])
    if not found or not _DATELINE.match(line[: found[0][0].start]):
        return None, outlet
    match = _AGENCY.match(line[found[0][0].end :])
    return (found[0][1], outlet or match[1]) if match else (None, outlet)


def _author(line: str) -> str | None:
    """The name behind "By" or "Author:"; a bare name only beside both a date and a reading time."""
    stamped = without_stamps(line)
    first = next((p.strip() for p in re.split(r"[|•·—–]|,(?=\s)", stamped) if any(c.isalpha() for c in p)), "")
    labelled = _LABELLED_AUTHOR.fullmatch(first)
    name = labelled[1].strip() if labelled else first
    stands = labelled or (stamped.count("|") >= 2 and is_byline(line))
    return name if stands and _NAME.fullmatch(name) else None


def _articles(text: str, structure: tuple[Block, ...]) -> tuple[Part, ...]:
    """The articles of a file that numbers them "[1]", title, text; what follows the last one's
    furniture is an article of its own, named by its first clause."""
    starts: list[tuple[int, str]] = []  # index of the block with the title
    for n, block in enumerate(structure[:-2]):
        match = _NUMBER.fullmatch(_line(text, block))
        heads = structure[n + 1].kind == "heading" and structure[n + 2].kind == "prose"
        if match and heads and int(match[1]) == len(starts) + 1:
            starts.append((n, heading_text(text[structure[n + 1].start : structure[n + 1].end])))
    if len(starts) < 2:
        return ()
    after = _after_furniture(structure, starts[-1][0] + 2)
    if after is not None:
        starts.append((after, _clause(_line(text, structure[after + 1])) + " (summary)"))
    parts = []
    for i, (first, title) in enumerate(starts):
        stop = starts[i + 1][0] if i + 1 < len(starts) else len(structure)
        own = structure[first:stop]
        author, outlet, date = _byline(text, own)
        start = 0 if i == 0 else own[0].start
        parts.append(Part(start, own[-1].end, title, outlet, author, date))
    return tuple(parts)


def _after_furniture(structure: tuple[Block, ...], begin: int) -> int | None:
    """The last of two furniture lines in a row that stand between prose and more prose."""
    for n in range(begin + 1, len(structure) - 1):
        pair = structure[n - 1].kind == structure[n].kind == "furniture"
        if pair and structure[n + 1].kind == "prose":
            return n
    return None


def _clause(line: str) -> str:
    """A title out of a first sentence: up to the last comma within 100 characters, else whole words."""
    sentence = re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0].rstrip(".")
    if len(sentence) <= 100:
        return sentence
    cut = sentence.rfind(",", 30, 100)
    return sentence[:cut] if cut > 0 else sentence[: sentence.rfind(" ", 0, 100)] + " …"
