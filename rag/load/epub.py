"""Books (.epub): the chapters in reading order, each a part."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.errors import LoadError
from rag.load.canonical import canonical, decode
from rag.load.html.lines import body_of, lines_of, parse_html, remove_note_marks, remove_unseen
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded, in_parts
from rag.load.office.archive import Archive, local, text_at
from rag.load.office.properties import stated

if TYPE_CHECKING:
    from lxml.etree import _Element

_PAGES = ("application/xhtml+xml", "text/html")
_LEFT_OUT = ("toc", "cover", "landmarks", "page-list", "index")


def load_epub(data: bytes) -> Loaded:
    """The documents of the spine; its table of contents and cover are left out."""
    archive = Archive(data)
    name = _package(archive)
    package = archive.xml(name)
    if "META-INF/encryption.xml" in archive.names and not _only_fonts(archive):
        raise LoadError("The book is encrypted (DRM); it cannot be read.")
    properties = stated(
        title=text_at(package, "title"), author=text_at(package, "creator"), published=text_at(package, "date")
    )
    sections = []
    for member in _spine(package, posixpath.dirname(name)):
        if member in archive.names:
            tree = parse_html(canonical(decode(archive.read(member))))
            if not _is_navigation(tree):
                remove_unseen(tree)
                remove_note_marks(tree)
                fill_merged_cells(tree)
                sections.append((_heading(tree) or properties.title or "", lines_of(body_of(tree))))
    text, parts = in_parts(sections)
    return Loaded(
        text,
        outlet=text_at(package, "publisher"),
        parts=parts if len(parts) > 1 else (),
        properties=properties,
    )


def _package(archive: Archive) -> str:
    for element in archive.xml("META-INF/container.xml").iter():
        if local(element) == "rootfile" and element.get("full-path"):
            return str(element.get("full-path"))
    raise LoadError("The book names no package document.")


def _only_fonts(archive: Archive) -> bool:
    """Fonts may be obfuscated in a book that is not encrypted."""
    found = [
        str(e.get("URI", "")) for e in archive.xml("META-INF/encryption.xml").iter() if local(e) == "CipherReference"
    ]
    return all(name.lower().endswith((".ttf", ".otf", ".woff", ".woff2")) for name in found)


def _spine(package: _Element, folder: str) -> list[str]:
    """Names of the members to read, in order, each once."""
    items = {
        e.get("id"): posixpath.normpath(posixpath.join(folder, unquote(e.get("href", ""))))
        for e in package.iter()
        if local(e) == "item" and e.get("media-type") in _PAGES and "nav" not in e.get("properties", "").split()
    }
    order = [items.get(e.get("idref")) for e in package.iter() if local(e) == "itemref"]
    return list(dict.fromkeys(name for name in order if name))


def _is_navigation(tree: _Element) -> bool:
    body = body_of(tree)
    marked = [e.get(name) or "" for e in (body, *body[:1]) for name in ("epub:type", "id", "class")]
    return any(mark.lower() in _LEFT_OUT for mark in marked)


def _heading(tree: _Element) -> str | None:
    for element in body_of(tree).iter("h1", "h2", "h3"):
        if text := " ".join("".join(element.itertext()).split()):
            return text[:300]
    return None
