"""Presentations (.pptx): slide by slide, each a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.load.canonical import canonical
from rag.load.html.lines import lines_of
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded
from rag.load.office.archive import Archive, id_of, local, targets
from rag.load.office.properties import of_office_file

if TYPE_CHECKING:
    from lxml.etree import _Element

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "hdr", "sldNum", "sldImg")  # date, foot, head, number, picture of the slide
_BULLETED = ("body", "obj", "")
_SMALLEST = 150  # hundredths of a point: type that nobody reads
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    mark: str = ""  # "• " of an item, with its indent
    is_title: bool = False


def load_pptx(data: bytes) -> Loaded:
    """Titles as headings, text, lists, tables and diagrams, then the notes; without heads, feet and comments."""
    archive = Archive(data)
    top = targets(archive, "").values()
    path = next((member for kind, member in top if kind == "officeDocument"), "ppt/presentation.xml")
    presentation = archive.xml(path)
    links = targets(archive, path)
    slides = [links.get(id_of(e), ("", ""))[1] for e in presentation.iter() if local(e) == "sldId"]
    size = next((e for e in presentation if local(e) == "sldSz"), None)
    width, height = (int(size.get("cx", "0")), int(size.get("cy", "0"))) if size is not None else (0, 0)
    texts: list[str] = []
    pages: list[int] = []
    length = 0
    for number, member in enumerate(slides, 1):
        text = canonical(_slide(archive, member, number, width, height) if member in archive.names else "").strip()
        if text and length:
            text = "\n\n" + text
        pages.append(length + 2 * bool(length and text))
        texts.append(text)
        length += len(text)
    return Loaded(
        "".join(texts),
        properties=of_office_file(archive),
        pages=tuple(pages),
    )


def _slide(archive: Archive, member: str, number: int, width: int, height: int) -> str:
    links = targets(archive, member).values()
    shapes = (s for tree in archive.xml(member).iter() if local(tree) == "spTree" for s in tree)
    lines = [line for shape in shapes if not _off(shape, width, height) for line in _lines(shape, 0)]
    for kind, part in links:
        if kind == "diagramData" and (diagram := archive.optional_xml(part)) is not None:
            lines += [_Line(text, "• ") for e in diagram.iter() if local(e) == "t" and (text := _text_of(e))]
    title = " ".join(line.text for line in lines if line.is_title)
    lines = [line for line in lines if not line.is_title]
    notes = [line.text for kind, part in links if kind == "notesSlide" for line in _notes(archive, part)]
    if notes:
        lines += [_Line(text) for text in (f"Notes: {notes[0]}", *notes[1:])]
    if not title and not lines:
        return ""
    heading = f"{'#' if number == 1 else '##'} {title or f'Slide {number}'}"
    return heading + "".join(
        ("\n" if n and line.mark and lines[n - 1].mark else "\n\n") + line.mark + line.text
        for n, line in enumerate(lines)
    )


def _notes(archive: Archive, member: str) -> Iterator[_Line]:
    root = archive.optional_xml(member)
    for tree in root.iter() if root is not None else ():
        if local(tree) == "spTree":
            for shape in tree:
                if _placeholder(shape) == "body":
                    yield from _lines(shape, 0)


def _off(shape: _Element, width: int, height: int) -> bool:
    """Hidden, or wholly beside the slide."""
    if any(e.get("hidden") in ("1", "true") for e in shape.iter() if local(e) == "cNvPr" and e.getparent() in shape):
        return True
    place: Mapping[str, _Element] = {
        local(e): e for e in shape.iter() if local(e) in ("off", "ext") and e.getparent().getparent() in (*shape, shape)
    }
    if not width or "off" not in place or "ext" not in place:
        return False
    left, top = int(place["off"].get("x", "0")), int(place["off"].get("y", "0"))
    right, bottom = left + int(place["ext"].get("cx", "0")), top + int(place["ext"].get("cy", "0"))
    return left >= width or top >= height or right < 0 or bottom < 0


def _placeholder(shape: _Element) -> str | None:
    """The kind of place of the layout that a shape fills; "" where it is not said, None for a free shape."""
    for part in shape:
        if local(part) == "nvSpPr":
            found = next((e for e in part.iter() if local(e) == "ph"), None)
            return None if found is None else str(found.get("type", ""))
    return None


def _lines(shape: _Element, depth: int) -> Iterator[_Line]:
    if depth > _MAX_DEPTH:
        raise LoadError(f"Shapes are grouped deeper than {_MAX_DEPTH} levels.")
    name = local(shape)
    if name == "sp":
        kind = _placeholder(shape)
        if kind not in _FURNITURE:
            for e in shape:
                if local(e) == "txBody":
                    yield from _paragraphs(e, kind in _TITLES, kind in _BULLETED)
    elif name == "graphicFrame":
        for table in (e for e in shape.iter() if local(e) == "tbl"):
            yield from (_Line(text[2:], "| ") for text in _rows(table))
    elif name in ("grpSp", "AlternateContent", "Choice"):  # what stands beside a choice says the same once more
        for inner in shape:
            yield from _lines(inner, depth + 1)


def _paragraphs(body: _Element, is_title: bool, bulleted: bool) -> Iterator[_Line]:
    for paragraph in body:
        if local(paragraph) != "p" or not (text := _text_of(paragraph)):
            continue
        properties = next((e for e in paragraph if local(e) == "pPr"), None)
        marks = [local(e) for e in properties] if properties is not None else []
        level = int(properties.get("lvl", "0")) if properties is not None else 0
        item = not is_title and "buNone" not in marks and (bulleted or bool({"buChar", "buAutoNum"} & {*marks}))
        yield _Line(text, "  " * min(level, 9) + "• " if item else "", is_title)


def _text_of(element: _Element) -> str:
    parts: list[str] = []
    for e in element.iter():
        if local(e) == "t":
            run = next((p for p in e.getparent() if local(p) == "rPr"), None)
            if run is None or int(run.get("sz", "1800")) > _SMALLEST:
                parts.append(e.text or "")
        elif local(e) in ("br", "tab", "p"):
            parts.append(" ")
    return " ".join("".join(parts).split())


def _rows(table: _Element) -> list[str]:
    """The rows of a table, each "| a | b |"."""
    from lxml import etree

    body = etree.Element("body")
    html = etree.SubElement(body, "table")
    properties = next((e for e in table if local(e) == "tblPr"), None)
    named = properties is not None and properties.get("firstRow") in ("1", "true")
    for row in (e for e in table if local(e) == "tr"):
        line = etree.SubElement(html, "tr")
        for cell in (e for e in row if local(e) == "tc"):
            if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                continue
            spans = {"colspan": cell.get("gridSpan", "1"), "rowspan": cell.get("rowSpan", "1")}
            etree.SubElement(line, "th" if named and len(html) == 1 else "td", spans).text = _text_of(cell)
    fill_merged_cells(body)
    return lines_of(body, compact=True).split("\n")
