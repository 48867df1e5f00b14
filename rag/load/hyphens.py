"""Is the hyphen at the end of a line part of a word, or does it divide one? The text's other words tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

DIVIDED = "\ufdd0"  # stands for a hyphen that a program took for a mark of division
_HYPHENS = f"[{DIVIDED}\u2010-]"
_OPEN = re.compile(rf"\w{_HYPHENS}$")
_FIRST_PIECE = re.compile(rf"[^\W\d_]+(?:-[^\W\d_]+)*(?={_HYPHENS}$)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
_PREFIXES = frozenset("under over inter with there where some every other after counter super".split())
_UNSPACED = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60]")  # Chinese and Japanese
_REACH = 80  # characters of a line's end that are looked at


def is_open(line: str) -> bool:
    """Does the line end within a word?

    >>> is_open("the town then bor-"), is_open("the town -")
    (True, False)
    """
    return bool(_OPEN.search(line[-_REACH:]))


def between(above: str, below: str) -> str:
    """What stands between two lines that are made one: a space, but none within a script that has no spaces.

    >>> between("hot", "tea"), between("热", "茶")
    (' ', '')
    """
    return "" if _UNSPACED.match(above[-1:]) and _UNSPACED.match(below[:1]) else " "


def whole_words(lines: Iterable[str]) -> Counter[str]:
    """How often each word is there, in lower case, those at open line ends left out."""
    words = Counter[str]()
    above = ""
    for line in lines:
        found = _WORD.findall(line.lower())
        words.update(found[is_open(above) : len(found) - is_open(line)])
        above = line
    return words


def closed(above: str, below: str, words: Counter[str]) -> str:
    """An open line, with or without its hyphen, as the line below goes on.

    >>> closed("it was re-", "turned", Counter()), closed("it is well-", "known", Counter(["well", "known"]))
    ('it was re', 'it is well-')
    """
    return above[:-1] + ("-" if _is_part(above[-_REACH:], below, words) else "")


def _is_part(above: str, below: str, words: Counter[str]) -> bool:
    left, right = _FIRST_PIECE.search(above), _LETTERS.match(below)
    if not left or not right or not right[0][0].islower() or "-" in left[0]:
        return True
    first, second = left[0].lower(), right[0].lower()
    if words[f"{first}-{second}"] or words[first + second]:
        return words[f"{first}-{second}"] > words[first + second]
    both_words = words[first] > 0 and words[second] > 0 and min(len(first), len(second)) >= 4
    return both_words and first not in _PREFIXES
