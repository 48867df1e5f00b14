"""What of a page belongs to its main text: what an extractor took, and what stands between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.load.html.lines import BLOCK_TAGS

if TYPE_CHECKING:
    from lxml.etree import _Element

_BLOCKS = BLOCK_TAGS - {"br", "hr", "lb"}
_LISTS = frozenset("ul ol dl table blockquote".split())
_BESIDE = "nav aside footer form button select menu".split()
_COMMENT = re.compile(r"comment|disqus", re.IGNORECASE)
_MOST_LINKED = 0.5  # share of a block's letters in links, from which it leads elsewhere and says nothing itself
_OWN_WORDS = 40  # letters of a block that can be found within one of the extractor's, of which it made one of several


def remove_surroundings(body: _Element, main_text: _Element) -> None:
    """Empty the blocks of ``body`` that the extracted ``main_text`` lacks, but not those among blocks that it has.

    An extractor judges each block by its length and its links, so it takes a page's paragraphs and leaves its short
    lists and its headings. What a person wrote between two of its paragraphs is part of the text; menus, forms,
    readers' comments and lists of links are not, wherever they stand.
    """
    total = len(letters(body))
    for element in body.xpath("descendant::*[@aria-hidden='true']"):  # what decorates, or says again what is said
        if 2 * len(letters(element)) < total:
            element.clear(keep_tail=True)
    known = {letters(block) for block in main_text.iter() if isinstance(block.tag, str)}
    everything = letters(main_text)
    taken = {
        leaf
        for leaf in _leaves(body)
        if (text := letters(leaf)) in known or (len(text) >= _OWN_WORDS and text in everything)
    }
    holding = {above for element in taken for above in (element, *element.iterancestors())}
    stays = {
        parent: any(child in taken or (child.tag in _LISTS and child in holding) for child in parent)
        for parent in holding
    }
    for element in [e for e in body.iterdescendants() if e not in holding and isinstance(e.tag, str)]:
        parent = element.getparent()
        if parent not in holding:
            continue  # it goes, or stays, with what it stands in
        if element.tag in _BLOCKS and (not stays[parent] or _leads_away(element)):
            element.clear(keep_tail=True)


def letters(element: _Element) -> str:
    """The text in an element without its white space."""
    return "".join("".join(element.itertext()).split())


def _leaves(body: _Element) -> list[_Element]:
    """Blocks that hold no other, with text, and in no menu or form."""
    with_blocks = {above for e in body.iterdescendants() if e.tag in _BLOCKS for above in e.iterancestors()}
    beside = {e for control in body.iter(*_BESIDE) for e in control.iter()}
    leaves = (e for e in body.iterdescendants() if e.tag in _BLOCKS and e not in with_blocks and e not in beside)
    return [e for e in leaves if letters(e)]


def _leads_away(element: _Element) -> bool:
    name = f"{element.get('id', '')} {element.get('class', '')}"
    if _COMMENT.search(name) or next(element.iter(*_BESIDE), None) is not None:
        return True
    linked = sum(len(letters(link)) for link in element.xpath("descendant-or-self::a[@href]"))
    return linked > _MOST_LINKED * len(letters(element))
