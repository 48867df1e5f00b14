"""OpenDocument texts (.odt), made into HTML elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.load.html.lines import lines_of
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded
from rag.load.office.archive import Archive, local, text_at
from rag.load.office.properties import stated, value_named

if TYPE_CHECKING:
    from lxml.etree import _Element

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TAGS = {"p": "p", "list-item": "li", "table": "table", "table-row": "tr", "table-cell": "td"}
_SPANS = {"number-columns-spanned": "colspan", "number-columns-repeated": "colspan", "number-rows-spanned": "rowspan"}
_LEFT_OUT = (
    "tracked-changes annotation note-citation hidden-text hidden-paragraph object object-ole binary-data script "
    "forms sequence-decls variable-decls user-field-decls table-of-content alphabetical-index illustration-index "
    "bookmark title desc covered-table-cell"
).split()
_SPACES = {"s": " ", "tab": "\t", "line-break": " "}
_MAX_DEPTH = 200


def load_odt(data: bytes) -> Loaded:
    """Paragraphs, headings, lists, tables and footnotes; no headers, deletions, comments or hidden text."""
    archive = Archive(data)
    content = archive.xml("content.xml")
    body = next((e for e in content.iter() if local(e) == "text" and local(e.getparent()) == "body"), None)
    if body is None:
        raise LoadError("The file has no text: its content is no text document.")
    meta = archive.optional_xml("meta.xml")
    return Loaded(
        lines_of(_as_html(body, _hidden_styles(content))),
        properties=stated(
            title=text_at(meta, "title"),
            author=text_at(meta, "initial-creator") or text_at(meta, "creator"),
            created=text_at(meta, "creation-date") or text_at(meta, "date"),
            version=value_named(meta, "version"),
            programs=[text_at(meta, "generator")],
        ),
    )


def _hidden_styles(content: _Element) -> set[str]:
    """Names of the styles whose text is not displayed."""
    return {
        e.getparent().get(f"{_STYLE}name", "")
        for e in content.iter(f"{_STYLE}text-properties")
        if e.get(f"{_TEXT}display") == "none"
    }


def _as_html(body: _Element, hidden: set[str]) -> _Element:
    from lxml import etree

    notes: list[_Element] = []  # a footnote stands in the middle of a sentence, and is read below the text

    def fill(target: _Element, source: _Element, in_cell: bool, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise LoadError(f"The text is nested deeper than {_MAX_DEPTH} levels.")
        _append(target, source.text)
        for child in source:
            name = local(child)
            if name in _SPACES:
                _append(target, _SPACES[name])
            elif name == "note":
                notes.append(child)
            elif name and name not in _LEFT_OUT and child.get(f"{_TEXT}style-name") not in hidden:
                tag = _tag(child, name, in_cell)
                inner = etree.SubElement(target, tag, _spans(child)) if tag else target
                fill(inner, child, in_cell or name == "table-cell", depth + 1)
                if in_cell and name in ("p", "h"):
                    _append(inner, " ")
            _append(target, child.tail)

    html = etree.Element("body")
    fill(html, body, False, 0)
    fill_merged_cells(html)
    for note in notes:  # grows where a note has notes
        fill(etree.SubElement(html, "div"), note, False, 0)
    return html


def _tag(element: _Element, name: str, in_cell: bool) -> str:
    """The HTML element for one of OpenDocument; "" where its content goes into the element around it."""
    if in_cell and name in ("p", "h", "list-item"):
        return ""  # a cell is one line
    if name == "h":
        level = element.get(f"{_TEXT}outline-level", "1")
        return f"h{min(6, max(1, int(level)))}" if level.isdecimal() else "h1"
    if name == "table-cell" and local(element.getparent().getparent()) == "table-header-rows":
        return "th"
    return _TAGS.get(name, "")


def _spans(element: _Element) -> dict[str, str]:
    """The columns and rows that a cell stands in, as HTML has them."""
    if local(element) != "table-cell":
        return {}
    return {_SPANS[name]: value for key, value in element.items() if (name := key.rpartition("}")[2]) in _SPANS}


def _append(element: _Element, text: str | None) -> None:
    if not text:
        return
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
