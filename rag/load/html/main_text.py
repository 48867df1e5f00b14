"""What of a page belongs to its main text: what an extractor took, and what stands between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.load.html.lines import BLOCK_TAGS

if TYPE_CHECKING:
    from lxml.etree import _Element

_CONTROLS = "self::nav or self::form or self::button or self::select or self::menu"
_MOST_LINKED = 0.5  # share of a block's letters in links, from which it leads elsewhere and says nothing itself


def remove_surroundings(body: _Element, main_text: str) -> None:
    """Drop from ``body`` the blocks that ``main_text`` lacks, but not those that stand among blocks that it has.

    An extractor judges each block by its length and its links, so it takes a page's paragraphs and leaves its short
    lists and its headings. What a person wrote between two of its paragraphs is part of the text; menus, forms and
    lists of links are not, wherever they stand. The page is left as it is where ``main_text`` has no block of it.
    """
    for element in body.xpath("descendant::*[@aria-hidden='true']"):  # what decorates, or says again what is said
        element.drop_tree()
    known = _letters(main_text)
    taken = {element for element in _leaves(body) if _letters(_text(element)) in known}
    holding = {above for element in taken for above in (element, *element.iterancestors())}
    for element in [e for e in body.iterdescendants() if e.tag in BLOCK_TAGS and e not in holding]:
        parent = element.getparent()
        if parent is None or parent not in holding:
            continue  # it went, or goes, with what it stands in
        beside = any(child in taken or _is_list_of(child, taken) for child in parent)
        if not beside or element.xpath(f"boolean(descendant-or-self::*[{_CONTROLS}])") or _is_linked(element):
            element.drop_tree()


def _leaves(body: _Element) -> Iterator[_Element]:
    """Blocks that hold no other, with text."""
    for element in body.iterdescendants():
        is_leaf = element.tag in BLOCK_TAGS and not any(e.tag in BLOCK_TAGS for e in element.iterdescendants())
        if is_leaf and _letters(_text(element)):
            yield element


def _is_list_of(element: _Element, taken: set[_Element]) -> bool:
    return element.tag in ("ul", "ol", "dl", "table", "blockquote") and any(
        e in taken for e in element.iterdescendants()
    )


def _is_linked(element: _Element) -> bool:
    linked = sum(len(_letters(_text(link))) for link in element.xpath("descendant-or-self::a[@href]"))
    return linked > _MOST_LINKED * len(_letters(_text(element)))


def _text(element: _Element) -> str:
    return "".join(element.itertext())


def _letters(text: str) -> str:
    return "".join(text.split())
