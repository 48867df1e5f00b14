"""PDF files, read by pdfium; by pypdf where pdfium cannot open them."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.load.canonical import MAX_CHARS, canonical
from rag.load.hyphens import DIVIDED
from rag.load.loaded import Loaded, Properties
from rag.load.office.properties import stated
from rag.load.pdf.layout import Line, paragraphs
from rag.load.pdf.paragraphs import as_text
from rag.load.pdf.tables import with_rows
from rag.load.pdf.visible import Glyphs

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

MAX_PAGES = 2_000
_ENCRYPTED = "The PDF is encrypted and opens with a password only; save a copy without one."
_BREAK = re.compile(r"(\r\n)|(?<=\ufffe)")  # pdfium ends a line with U+FFFE alone where a hyphen divides a word
_SAMPLED = (0.0, 0.25, 0.5, 0.75, 0.9999)  # places in a line whose characters tell its size
_NOTE = re.compile(r"(?<=[^\W\d_]|[.,;:!?”’\"')])\d{1,3}(?:,\d{1,3})*(?=\s|$)")
_LEAST_SIZE = 1.5  # points: smaller type is not there to be read


def load_pdf(data: bytes) -> Loaded:
    """The text as paragraphs, words whole, without running heads and page numbers; it knows where pages start."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise LoadError(_ENCRYPTED) from error
        return _with_pypdf(data, error)
    with closing(document):
        _check_count(count)
        pages = _pages(document)
        text, starts = as_text(paragraphs(pages), count)
        if not any(c.isalnum() for c in text):
            raise LoadError(_why_no_text(document))
        text = canonical(text)
        told = document.get_metadata_dict()
    return Loaded(
        text,
        pages=starts,
        properties=_properties({f"/{name}": value for name, value in told.items()}),
    )


def _check_count(count: int) -> None:
    if count > MAX_PAGES:
        raise LoadError(f"{count:,} pages; at most {MAX_PAGES:,} are read.")
    if count == 0:
        raise LoadError("The PDF has no pages.")


def _pages(document: PdfDocument) -> list[list[Line]]:
    import pypdfium2

    pages: list[list[Line]] = []
    length = 0
    for number in range(len(document)):
        lines: list[Line] = []
        try:
            page = document[number]
            with closing(page), closing(page.get_textpage()) as text:
                lines = _lines(page, text)
        except pypdfium2.PdfiumError:
            pass  # a damaged page is an empty one
        pages.append(lines)
        length += sum(len(line.text) for line in lines)
        if length > MAX_CHARS:
            raise LoadError(f"More than {MAX_CHARS:,} characters on its first {number + 1:,} pages; no more are read.")
    return pages


def _lines(page: PdfPage, text: PdfTextPage) -> list[Line]:
    """Lines in pdfium's order, without what lies off the page, is too small to be seen or white on nothing."""
    glyphs = Glyphs(page, text)
    lines: list[list[Line]] = []  # of pieces
    start = 0
    for raw in _BREAK.split(text.get_text_range()):
        if raw and raw != "\r\n":
            pieces = [_piece(part, start + at, glyphs) for at, part in glyphs.parts(raw, start)]
            lines.append([piece for piece in pieces if piece is not None])
        start += len(raw or "")
    return with_rows(lines, glyphs.rules)


def _piece(raw: str, start: int, glyphs: Glyphs) -> Line | None:
    printed = [start + i for i, c in enumerate(raw) if not c.isspace()]
    place = glyphs.line([printed[int(share * len(printed))] for share in _SAMPLED]) if printed else None
    if place is None or place.size < _LEAST_SIZE:
        return None
    letters = _clean(_without_notes(raw, start, place.size, glyphs))
    return Line(letters, place.left, place.right, place.bottom, place.size) if letters else None


def _without_notes(raw: str, start: int, size: float, glyphs: Glyphs) -> str:
    """Less the small raised numbers that point to footnotes, as in "the wall itself.1"."""
    for mark in reversed(list(_NOTE.finditer(raw))):
        note = glyphs.line([start + mark.start()])
        if note and note.size < 0.85 * size:
            raw = raw[: mark.start()] + raw[mark.end() :]
    return raw


def _clean(raw: str) -> str:
    divided = raw.endswith("\ufffe")
    return canonical(raw.replace("\ufffe", "")).strip(" \n\t↩↑") + DIVIDED * divided


def _why_no_text(document: PdfDocument) -> str:
    import pypdfium2.raw as pdfium

    images = 0
    for number in range(len(document)):
        try:
            with closing(document[number]) as page:
                images += any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))
        except Exception:
            continue
    if images:
        return f"The PDF has no text; it looks scanned: {images} {'page' if images == 1 else 'pages'} of images."
    return "The PDF has no text."


def _with_pypdf(data: bytes, why: Exception) -> Loaded:
    """The lines as pypdf gives them, without their places; ``why`` is what pdfium said, shown where pypdf fails too."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise LoadError(_ENCRYPTED)
        _check_count(len(reader.pages))
        pages = [_typed(canonical(page.extract_text())) for page in reader.pages]
        told = {str(name): str(value or "") for name, value in (reader.metadata or {}).items()}
    except LoadError:
        raise
    except Exception as error:  # pypdf meets a broken file with any kind
        raise LoadError(f"The PDF cannot be read: {why} (pdfium); {error or type(error).__name__} (pypdf).") from error
    text, starts = as_text(paragraphs(pages), len(pages))
    if not any(c.isalnum() for c in text):
        raise LoadError("The PDF has no text.")
    return Loaded(
        text,
        pages=starts,
        properties=_properties(told),
    )


def _properties(told: Mapping[str, str]) -> Properties:
    """By the names that a PDF has for them."""
    return stated(
        title=told.get("/Title"),
        author=told.get("/Author"),
        created=told.get("/CreationDate"),
        programs=[told.get("/Creator"), told.get("/Producer")],
    )


def _typed(text: str) -> list[Line]:
    """Lines whose places nobody told, as if typed: all letters of one width."""
    lines = enumerate(" ".join(line.split()) for line in text.split("\n"))
    return [Line(line, 0.0, 5.0 * len(line), -12.0 * n, 10.0) for n, line in lines if line]
