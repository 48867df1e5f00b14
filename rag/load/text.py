"""Plain text files."""

from __future__ import annotations

from rag.load.canonical import canonical, decode, unwrapped
from rag.load.loaded import Loaded


def load_text(data: bytes) -> Loaded:
    """The text as it stands, paragraphs wrapped at a column joined to one line.

    >>> load_text(b"Tea is a hot drink.\\r\\n").text
    'Tea is a hot drink.\\n'
    """
    return Loaded(unwrapped(canonical(decode(data))))
