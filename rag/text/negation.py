"""What a text denies: negations and the words that they govern."""

from __future__ import annotations

import re

from rag.text.lists import word_list
from rag.text.words import STOPWORDS, words

NEGATIONS = frozenset(word_list("negations"))
CLAUSE_END = re.compile(r"[.;:!?,]")
"""What no word governs across."""
_CONTRACTED = re.compile(r"n['’]t$", re.I)
_REACH = 4  # content words after a negation that it still governs


def negated_stems(text: str) -> frozenset[str]:
    """Stems of the content words that a negation governs.

    >>> sorted(negated_stems("Meta won't release everything; Avocado is open."))
    ['everyth', 'releas']
    """
    found: set[str] = set()
    reach = 0
    last_end = 0
    for word in words(text):
        if CLAUSE_END.search(text, last_end, word.start):
            reach = 0
        last_end = word.end
        lower = word.text.lower()
        if lower in NEGATIONS or _CONTRACTED.search(lower):
            reach = 0 if text[word.end : word.end + 5].lower() == " only" else _REACH
        elif reach and lower not in STOPWORDS:
            found.add(word.stem)
            reach -= 1
    return frozenset(found)
