"""An element tree to the lines that a person sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.load.html.hidden import remove_hidden

if TYPE_CHECKING:
    from lxml.etree import _Element

_UNSEEN = (
    "//script|//style|//noscript|//template|//iframe|//object|//svg|//canvas|//audio|//video|//datalist|//noembed"
    "|//noframes|//comment()|//processing-instruction()|//*[@hidden]|//input[@type='hidden']|//dialog[not(@open)]"
)
_NOTE_MARKS = (  # the raised number that points to a footnote, and the arrow back from it
    "//sup[.//a[starts-with(@href, '#') or contains(@href, '.xhtml#') or contains(@href, '.html#')] "
    "and string-length(normalize-space()) <= 5]"
    "|//a[contains(@class, 'footnote-ref') or contains(@class, 'noteref') or contains(@role, 'doc-noteref')]"
    "|//a[translate(normalize-space(), '↩↑^\ufe0e\ufe0f', '') = '' and normalize-space() != '']"
)
_BLOCK_TAGS = frozenset(
    re.findall(
        r"\w+",
        "p div section article header footer main aside h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tr blockquote pre "
        "figure figcaption form br hr head item list row quote code lb body html title",
    )
)


def parse_html(text: str) -> _Element:
    """The tree of a page; raises LoadError where nothing can be made of it."""
    import lxml.html

    try:
        parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False)
        return lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (ValueError, AssertionError, lxml.etree.LxmlError) as error:
        raise LoadError(f"The page cannot be parsed: {error}.") from error


def body_of(tree: _Element) -> _Element:
    body = tree.find("body")
    return tree if body is None else body


def title_of(tree: _Element) -> str | None:
    found = tree.xpath("//title")
    return " ".join("".join(found[0].itertext()).split()) or None if found else None


def remove_unseen(tree: _Element) -> None:
    """Drop from ``tree`` what a browser does not draw, or draws so that nobody can read it."""
    remove_hidden(tree)
    for element in tree.xpath(_UNSEEN):
        if element.getparent() is not None and element.tag not in ("html", "body"):
            element.drop_tree()


def remove_note_marks(tree: _Element) -> None:
    """Drop the numbers of footnotes from the sentences that they stand in."""
    for mark in tree.xpath(_NOTE_MARKS):
        if mark.getparent() is not None:
            mark.drop_tree()


def lines_of(tree: _Element) -> str:
    """One line a block, blank lines between, a bullet before list items, "#" before headings, "|" around cells."""
    from lxml.etree import iterwalk

    out: list[str] = []
    line: list[str] = []
    for event, element in iterwalk(tree, events=("start", "end")):
        tag = element.tag
        if tag in _BLOCK_TAGS:
            out.append(" ".join("".join(line).split()))
            line.clear()
        if event == "start":
            if tag in ("li", "item"):
                line.append("• ")
            elif tag in ("tr", "row"):
                line.append("| ")
            elif level := _heading_level(element):
                line.append("#" * level + " ")
            line.append(element.text or "")
        else:
            if tag in ("td", "th", "cell"):
                line.append(" | ")
            line.append(element.tail or "" if element is not tree else "")
    out.append(" ".join("".join(line).split()))
    return "\n\n".join(_marks_joined(text for text in out if text))


def _marks_joined(lines: Iterator[str]) -> Iterator[str]:
    """A bullet, row or heading whose text stands in a paragraph of its own is one line; empty ones go."""
    mark = ""
    for line in lines:
        if line.strip("#•| "):
            yield f"{mark} {line}" if mark and not line.startswith(("•", "|", "#")) else line
            mark = ""
        else:
            mark = line if line in ("•", "|") or set(line) == {"#"} else ""


def _heading_level(element: _Element) -> int:
    """1 to 6, or 0; the extracted tree writes <head rend="h2"> for <h2>."""
    name = str(element.get("rend", "h2") if element.tag == "head" else element.tag)
    return int(name[1]) if re.fullmatch(r"h[1-6]", name) else 0
