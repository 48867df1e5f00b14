"""HTML pages: the main text that a person sees."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import TYPE_CHECKING

from rag.load.canonical import canonical, decode
from rag.load.html.lines import body_of, lines_of, parse_html, remove_note_marks, remove_unseen, title_of
from rag.load.html.main_text import letters, remove_surroundings
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded
from rag.text.dates import dates

if TYPE_CHECKING:
    from lxml.etree import _Element


def load_html(data: bytes) -> Loaded:
    """Main text, title, author, date and site as the page's markup has them; without what it hides."""
    tree = parse_html(canonical(decode(data)))
    remove_unseen(tree)
    remove_note_marks(tree)
    fill_merged_cells(tree)
    return _main_text(tree) or Loaded(lines_of(body_of(tree)), title=title_of(tree))


def _main_text(tree: _Element) -> Loaded | None:
    """None where the extractor finds no main text; changes ``tree``."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it could not read, the plain text answers
    try:
        found = trafilatura.bare_extraction(
            deepcopy(tree),
            with_metadata=True,
            include_comments=False,
            include_tables=True,
            date_extraction_params={"extensive_search": False, "original_date": True},
        )
    except Exception:  # whatever it stumbles over, the plain text remains
        return None
    if found is None or found.body is None or not (extracted := letters(found.body)):
        return None
    body = body_of(tree)
    remove_surroundings(body, found.body)
    text = lines_of(body if len(letters(body)) >= len(extracted) else found.body)
    title = " ".join((found.title or "").split()) or None
    if title and title not in text[: len(title) + 200]:
        text = f"# {title}\n\n{text}"
    when = dates(found.date or "")
    return Loaded(text, title, found.sitename or None, found.author or None, when[0][1] if when else None)
