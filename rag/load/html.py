"""HTML pages: the main text that a person sees."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from rag.dates import dates
from rag.errors import LoadError
from rag.load.canonical import canonical, decode
from rag.load.page import Page

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
_BLOCK_TAGS = frozenset(
    re.findall(
        r"\w+",
        "p div section article header footer main aside h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tr blockquote pre "
        "figure figcaption form br hr head item list row quote code lb body html title",
    )
)


def load_html(data: bytes) -> Page:
    """Main text, title, author, date and site as the page's markup has them; without what it hides."""
    import lxml.html

    text = canonical(decode(data))
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False)
        tree = lxml.html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (ValueError, lxml.etree.LxmlError) as error:
        raise LoadError(f"The page cannot be parsed: {error}.") from error
    remove_unseen(tree)
    body = tree.find("body") if tree.find("body") is not None else tree
    return _main_text(tree) or Page(_lines(body), title=_title(tree))


def remove_unseen(tree: _Element) -> None:
    """Drop from ``tree`` what a browser does not draw: scripts, hidden attributes, hiding inline styles."""
    styled = [e for e in tree.xpath("//*[@style]") if _HIDDEN_STYLE.search(e.get("style", ""))]
    for element in [*tree.xpath(_UNSEEN), *styled]:
        if element.getparent() is not None:
            element.drop_tree()


def _main_text(tree: _Element) -> Page | None:
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it could not read, the plain text answers
    try:
        found = trafilatura.bare_extraction(
            tree,
            with_metadata=True,
            include_comments=False,
            include_tables=True,
            date_extraction_params={"extensive_search": False, "original_date": True},
        )
    except Exception:  # whatever it stumbles over, the plain text remains
        return None
    if found is None or found.body is None or not (text := _lines(found.body)).strip():
        return None
    title = " ".join((found.title or "").split()) or None
    if title and title not in text[: len(title) + 200]:
        text = f"# {title}\n\n{text}"
    when = dates(found.date or "")
    return Page(text, title, found.sitename or None, found.author or None, when[0][1] if when else None)


def _title(tree: _Element) -> str | None:
    found = tree.xpath("//title")
    return " ".join("".join(found[0].itertext()).split()) or None if found else None


def _lines(tree: _Element) -> str:
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
    return "\n\n".join(text for text in out if text.strip("#•| "))


def _heading_level(element: _Element) -> int:
    """1 to 6, or 0; the extracted tree writes <head rend="h2"> for <h2>."""
    name = str(element.get("rend", "h2") if element.tag == "head" else element.tag)
    return int(name[1]) if re.fullmatch(r"h[1-6]", name) else 0
