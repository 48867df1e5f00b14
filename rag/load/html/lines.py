"""An element tree to the lines that a person sees of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.errors import LoadError

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
BLOCK_TAGS = frozenset(
    re.findall(
        r"\w+",
        "p div section article header footer main aside h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tr blockquote pre "
        "nav menu address details summary fieldset legend hgroup search center figure figcaption form br hr head item "
        "list row quote lb body html title",
    )
)

_ENDS_TOO_EARLY = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)  # a browser reads on, the parser would not
_STRUCTURE = frozenset("table tr row ul ol dl list pre blockquote quote h1 h2 h3 h4 h5 h6 head form hr".split())
_LONGEST_ROW = 1000  # characters


def parse_html(text: str) -> _Element:
    """The tree of a page; raises LoadError where nothing can be made of it."""
    import lxml.html

    text = _ENDS_TOO_EARLY.sub("", text)
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
    from rag.load.html.hidden import remove_hidden  # with tinycss2 and cssselect2: nobody who only asks needs them

    remove_hidden(tree)
    for element in tree.xpath(_UNSEEN):
        if element.getparent() is not None and element.tag not in ("html", "body"):
            element.drop_tree()


def remove_note_marks(tree: _Element) -> None:
    """Drop the numbers of footnotes from the sentences that they stand in."""
    for mark in tree.xpath(_NOTE_MARKS):
        if mark.getparent() is not None:
            mark.drop_tree()


def lines_of(tree: _Element, *, compact: bool = False) -> str:
    """One line a block, blank lines between, a bullet before list items, "#" before headings, "|" around cells.

    Preformatted text keeps its lines. ``compact`` is for text as people type it: no blank line between list items,
    between rows, and where a <br> ended a line; ordered items have their numbers, and those of inner lists an indent.
    """
    from lxml.etree import iterwalk

    writer = _Writer(compact)
    for event, element in iterwalk(tree, events=("start", "end")):
        if event == "start":
            writer.open(element)
            writer.text.append(element.text or "")
        else:
            writer.close(element)
            writer.text.append(element.tail or "" if element is not tree else "")
    writer.end_line()
    return writer.joined()


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    mark: str = ""  # "•" of an item, "|" of a row
    broken: bool = False  # the line above ended with a <br>


class _Writer:
    """The lines so far, and what the next one begins with: a bullet may stand above the paragraph of its text."""

    def __init__(self, compact: bool) -> None:
        self.text: list[str] = []  # of the line that is being written
        self._compact = compact
        self._lines: list[_Line] = []
        self._next = _Line("")
        self._numbers: list[int] = []  # of each list that is open, the next item's; 0 where it has bullets
        self._preformatted = 0
        self._row: _Element | None = None  # the row that is open, if it is one line

    def open(self, element: _Element) -> None:
        tag = element.tag
        if self._row is not None:
            self.text.append(" " * (tag in BLOCK_TAGS))
        elif tag in BLOCK_TAGS:
            written = self.end_line()
            self._next = replace(self._next, broken=tag == "br" and written)
        if tag in ("ol", "ul"):
            start = element.get("start", "1")
            numbered = self._compact and tag == "ol" and re.fullmatch(r"\d{1,9}", start)
            self._numbers.append(int(start) if numbered else 0)
        elif tag in ("li", "item"):
            number = self._numbers[-1] if self._numbers else 0
            self._numbers[-1:] = [number + 1] if number else self._numbers[-1:]
            indent = "  " * (len(self._numbers) - 1) if self._compact else ""
            self._next = _Line(f"{indent}{number}. " if number else f"{indent}• ", "•")
        elif tag in ("tr", "row"):
            self._next = _Line("| ", "|")
            self._row = element if _is_one_line(element) else None
        elif level := _heading_level(element):
            self._next = _Line("#" * level + " ")
        self._preformatted += tag == "pre"

    def close(self, element: _Element) -> None:
        tag = element.tag
        if tag in ("td", "th", "cell"):
            self.text.append(" | ")
        if element is self._row:
            self._row = None
        if self._row is not None:
            self.text.append(" " * (tag in BLOCK_TAGS))
        elif tag in BLOCK_TAGS and (self.end_line() or tag != "br"):
            self._next = replace(self._next, broken=False)
        if tag in ("li", "item", "tr", "row") or _heading_level(element):
            self._next = _Line("")  # an empty one goes
        elif tag in ("ol", "ul"):
            self._numbers.pop()
        self._preformatted -= tag == "pre"

    def end_line(self) -> bool:
        """Whether there was anything on it."""
        text = "".join(self.text)
        self.text.clear()
        text = _with_line_ends(text) if self._preformatted else " ".join(text.split())
        if not text.strip("#•| \n"):
            if text == "|" and not self._next.text:  # between cells that are no one line
                self._next = _Line("| ", "|")
            return False
        fence = self._preformatted and text.startswith(("```", "~~~"))  # it has to stand at the start of its line
        self._lines.append(replace(self._next, text=text if fence else self._next.text + text))
        self._next = _Line("")
        return True

    def joined(self) -> str:
        text = ""
        for n, line in enumerate(self._lines):
            beside = self._compact and n and (line.broken or (line.mark and line.mark == self._lines[n - 1].mark))
            text += ("\n" if beside else "\n\n" if n else "") + line.text
        return text


def _is_one_line(row: _Element) -> bool:
    """Whether a row holds facts side by side, and is not the frame of a page."""
    cells = sum(child.tag in ("td", "th", "cell") for child in row)
    room = _LONGEST_ROW if cells > 1 else 0
    for element in row.iterdescendants():
        room -= len(element.text or "") + len(element.tail or "")
        if room < 0 or element.tag in _STRUCTURE:
            return False
    return True


def _with_line_ends(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _heading_level(element: _Element) -> int:
    """1 to 6, or 0; the extracted tree writes <head rend="h2"> for <h2>."""
    name = str(element.get("rend", "h2") if element.tag == "head" else element.tag)
    return int(name[1]) if re.fullmatch(r"h[1-6]", name) else 0
