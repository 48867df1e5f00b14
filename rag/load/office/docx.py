"""Word documents (.docx), by way of mammoth's HTML."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

from rag.load.html.lines import lines_of, parse_html, remove_note_marks
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded
from rag.load.office.archive import Archive, local
from rag.load.office.properties import of_office_file

if TYPE_CHECKING:
    from lxml.etree import _Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_READ_BY_MAMMOTH = re.compile(r"\[Content_Types\]\.xml|(?:\w+/)?_rels/[\w.]*\.rels|\w+/\w+\.xml")
_NEEDED = re.compile(r"\[Content_Types\]\.xml|_rels/\.rels|word/document\d*\.xml")
_SMALLEST = 3  # half points of type that nobody reads
_NEARLY_WHITE = re.compile(r"(?:f[89a-f]){3}", re.IGNORECASE)
_OFF = ("0", "false", "off", "none")
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => h2:fresh
"""


def load_docx(data: bytes) -> Loaded:
    """Paragraphs, headings, lists, tables and footnotes; no headers, deletions, comments or hidden text."""
    import mammoth

    archive = Archive(data)
    html = mammoth.convert_to_html(
        io.BytesIO(_harmless(archive)), style_map=_STYLES, convert_image=mammoth.images.img_element(lambda image: {})
    ).value
    tree = parse_html(f"<html><body>{html}</body></html>")
    remove_note_marks(tree)
    for paragraph in tree.xpath("//td/p|//th/p"):
        paragraph.tag = "span"
        paragraph.tail = " "
    fill_merged_cells(tree)
    return Loaded(
        lines_of(tree.find("body")),
        properties=of_office_file(archive),
    )


def _harmless(archive: Archive) -> bytes:
    """A container of the text's XML alone, parsed and written anew, so that mammoth sees no DTD, image or object.

    A damaged member costs the document only if it is the text itself or what leads there.
    """
    from lxml import etree

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as container:
        for name in filter(_READ_BY_MAMMOTH.fullmatch, archive.names):
            needed = _NEEDED.fullmatch(name)
            root = archive.xml(name) if needed else archive.optional_xml(name)
            if root is not None:
                _remove_hidden(root)
                container.writestr(name, etree.tostring(root, encoding="utf-8", xml_declaration=True))
    return out.getvalue()


def _remove_hidden(root: _Element) -> None:
    for run in list(root.iter(f"{_W}r")):
        properties = run.find(f"{_W}rPr")
        if properties is not None and (
            _vanishes(properties) or _tiny(properties) or _white_on_nothing(run, properties)
        ):
            run.getparent().remove(run)


def _vanishes(properties: _Element) -> bool:
    mark = properties.find(f"{_W}vanish")
    return mark is not None and mark.get(f"{_W}val", "1").lower() not in _OFF


def _tiny(properties: _Element) -> bool:
    size = properties.find(f"{_W}sz")
    written = "" if size is None else size.get(f"{_W}val", "")
    return written.isdecimal() and int(written) <= _SMALLEST


def _white_on_nothing(run: _Element, properties: _Element) -> bool:
    """White or nearly white letters, and neither the run nor what it stands in is shaded."""
    colour = properties.find(f"{_W}color")
    if colour is None or not _NEARLY_WHITE.fullmatch(colour.get(f"{_W}val", "")):
        return False
    properties_around = [p for e in (run, *run.iterancestors()) for p in e if local(p).endswith("Pr")]
    return not any(local(e) in ("shd", "highlight") for p in properties_around for e in p)
