"""An element tree to the lines that a person sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.errors import LoadError

if TYPE_CHECKING:
    from lxml.etree import _Element

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|"
    r"font-size\s*:\s*0(?:\.0+)?\s*(?:[a-z%]+)?\s*(?:;|!|$)|(?:text-indent|left|top)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_UNSEEN = (
    "//script|//style|//noscript|//template|//iframe|//object|//svg|//comment()|//processing-instruction()"
    "|//*[@hidden]|//*[@aria-hidden='true']|//input[@type='hidden']"
)
_NOTE_MARKS = (  # the raised number that points to a footnote, and the arrow back from it
    "//sup[.//a[starts-with(@href, '#') or contains(@href, '.xhtml#') or contains(@href, '.html#')] "
    "and string-length(normalize-space()) <= 5]"
    "|//a[contains(@class, 'footnote-ref') or contains(@class, 'noteref') or contains(@role, 'doc-noteref')]"
    "|//a[translate(normalize-space(), '↩↑^\ufe0e\ufe0f', '') = '' and normalize-space() != '']"
)
_COLOUR = re.compile(r"(?<![\w-])color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?<![\w-])background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITES = ("white", "#fff", "#ffffff", "rgb(255,255,255)", "rgba(255,255,255,1)")
_AT_BLOCK = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]*)\}")
_SIMPLE = re.compile(r"\s*([.#])([\w-]+)\s*")
_MAX_STYLES = 200_000  # characters of style sheet that are looked at
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
    """Drop from ``tree`` what a browser does not draw.

    Scripts, hidden attributes, inline styles that hide or paint white on white, and classes and ids that a
    one-word rule of the page's own style sheet hides.
    """
    styled = [e for e in tree.xpath("//*[@style]") if _hides(e.get("style", "")) or _white_on_white(e)]
    classes, ids = _hidden_names(tree)
    if classes:
        styled += [e for e in tree.xpath("//*[@class]") if classes & set(e.get("class", "").split())]
    if ids:
        styled += [e for e in tree.xpath("//*[@id]") if e.get("id") in ids]
    for element in [*tree.xpath(_UNSEEN), *styled]:
        if element.getparent() is not None and element.tag not in ("html", "body"):
            element.drop_tree()


def remove_note_marks(tree: _Element) -> None:
    """Drop the numbers of footnotes from the sentences that they stand in."""
    for mark in tree.xpath(_NOTE_MARKS):
        if mark.getparent() is not None:
            mark.drop_tree()


def _hides(style: str) -> bool:
    return bool(_HIDDEN_STYLE.search(style[:10_000]))


def _white_on_white(element: _Element) -> bool:
    """Text in its background's colour, or white where no background is set around it."""
    style = element.get("style", "")[:10_000]
    colour = _COLOUR.search(style)
    if not colour:
        return False
    ink = re.sub(r"\s", "", colour[1]).lower()
    while element is not None:
        if background := _BACKGROUND.search(element.get("style", "")[:10_000]):
            paper = re.sub(r"\s", "", background[1]).lower()
            return paper == ink or (paper in _WHITES and ink in _WHITES)
        if element.get("bgcolor") or element.get("background") or element.get("class"):
            return False
        element = element.getparent()
    return ink in _WHITES


def _hidden_names(tree: _Element) -> tuple[set[str], set[str]]:
    """Classes and ids that ".name" or "#name" alone hides; rules within @media may not apply to a screen."""
    classes: set[str] = set()
    ids: set[str] = set()
    sheet = "".join(e.text or "" for e in tree.xpath("//style"))[:_MAX_STYLES]
    for selectors, style in _RULE.findall(_AT_BLOCK.sub("", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL))):
        if _hides(style):
            for selector in selectors.split(","):
                if simple := _SIMPLE.fullmatch(selector):
                    (classes if simple[1] == "." else ids).add(simple[2])
    return classes, ids


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
