"""The document view: the whole text of one document as a page, the quoted passage marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from rag.types import PROPERTIES_HEADING, Document
from rag.web.escape import visible

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/style/document.css">
</head>
<body>
<header>
<nav><a href="/">Ask a question</a><span>{title}</span>{jump}</nav>
</header>
<main>
<h1>{title}</h1>
<p class="origin">{origin}</p>
<article>{text}</article>
</main>
<footer>{file}</footer>
</body>
</html>
"""


def _shown(text: str) -> str:
    return escape(visible(text))


def page_label(document: Document, offset: int) -> str:
    """ "page 3" where the document has pages, "file properties" for what stands in none of its text, else ""."""
    if document.in_properties(offset):
        return PROPERTIES_HEADING.lower()
    page = document.page_at(offset)
    return f"page {page}" if page else ""


def document_page(document: Document, start: int | None = None, end: int | None = None) -> str:
    """A complete HTML page; ``[start, end)`` stands in ``<mark id="hit">``.

    The document's text is shown as it is, line breaks kept; no markup in it takes effect. Raises
    ValueError for offsets that do not name a passage of the text.
    """
    text = document.text
    if start is None and end is None:
        marked, part = _shown(text), document.part_at(0)
    elif start is None or end is None or not 0 <= start < end <= len(text):
        raise ValueError(f"{document.id} holds {len(text)} characters; [{start}, {end}) is no passage of it")
    else:
        marked = f'{_shown(text[:start])}<mark id="hit">{_shown(text[start:end])}</mark>{_shown(text[end:])}'
        part = document.part_at(start)
    page = page_label(document, start) if start is not None else ""
    origin = [part.outlet, part.author, part.date, page]
    return _PAGE.format(
        title=_shown(part.title or document.title),
        origin=" · ".join(_shown(o) for o in origin if o),
        jump='<a href="#hit">Go to the quote</a>' if start is not None else "",
        text=marked,
        file=_shown(document.id),
    )


def parse_offset(value: str | None) -> int | None:
    """An offset of a query string; None where it is not given. Raises ValueError where it is not a number."""
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise ValueError(f"{value[:20]!r} is not an offset")
    return int(value)


def find_page(
    generations: Sequence[Mapping[str, Document]],
    document_id: str,
    s: str | None,
    e: str | None,
    v: str | None = None,
) -> tuple[int, str]:
    """Status and page: 200, 404 for an unknown document, 400 for offsets that name no passage of it.

    ``generations`` holds the documents of each index that answers may rest on, the newest first; ``v`` is the
    beginning of the sha256 of the file that was quoted. Another file than that is never marked: 410.
    """
    versions = [documents[document_id] for documents in generations if document_id in documents]
    if not versions:
        return 404, _notice("There is no such document", "It may have been removed since the answer was given.")
    document = next((d for d in versions if d.sha256.startswith(v or "")), None)
    if document is None:
        return 410, _notice("The document has changed", "The passage was quoted from an earlier version of this file.")
    try:
        return 200, document_page(document, parse_offset(s), parse_offset(e))
    except ValueError:
        return 400, _notice("There is no such passage", "The document may have changed since the answer was given.")


def _notice(title: str, text: str) -> str:
    return _PAGE.format(title=title, origin=text, jump="", text="", file="")
