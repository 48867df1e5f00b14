"""Which of several documents is the newest: by its date, or by the year in its name or title."""

from __future__ import annotations

import re

from rag.load.metadata import title_from_name
from rag.text.dates import YEAR
from rag.text.lists import word_list
from rag.text.words import words
from rag.types import Passage

_YEAR = re.compile(rf"(?<!\d){YEAR}(?!\d)")
_WORDS = frozenset(word_list("recency_words"))


def asks_for_the_latest(question: str) -> bool:
    """
    >>> asks_for_the_latest("What does the latest policy say?"), asks_for_the_latest("What does the policy say?")
    (True, False)
    """
    return any(w.text.lower() in _WORDS for w in words(question))


def age(passage: Passage) -> str:
    """When its document is from, as YYYY or YYYY-MM-DD, so that a later one sorts higher; "" where nothing tells.

    A year in the file's name counts before a date: it is how people keep versions apart.
    """
    years = _YEAR.findall(title_from_name(passage.document_id)) or _YEAR.findall(passage.title)
    return max(years, default=passage.date or "")
