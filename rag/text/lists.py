"""The lists that the program goes by, most of them of English (``english/``): one list a file, with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent  # importlib.resources would take ten times as long to import as to read
_ALIKE = str.maketrans("ſıİ", "sii")
_COMMENT = re.compile(r"(?:^|[ \t]+)#(?= ).*", re.M)


@cache
def entries(name: str, folder: str = "english") -> tuple[str, ...]:
    """The lines of ``<folder>/<name>.txt``, less comments ("# ..." to the line's end) and blank lines.

    >>> entries("months")[0]
    'january jan'
    """
    text = _COMMENT.sub("", (_FOLDER / folder / f"{name}.txt").read_text("utf-8"))
    return tuple(line.strip() for line in text.split("\n") if line.strip())


@cache
def word_list(name: str, folder: str = "english") -> tuple[str, ...]:
    """The words of such a file, several on a line, in order.

    >>> "never" in word_list("negations")
    True
    """
    return tuple(" ".join(entries(name, folder)).split())


@cache
def word_numbers(name: str) -> dict[str, int]:
    """A file whose lines are a word and its number.

    >>> word_numbers("numbers")["forty"]
    40
    """
    return {word: int(number) for word, number in map(str.split, entries(name))}


def either(words: Iterable[str]) -> str:
    """A regular expression for any of ``words``, the longer first: "sept" before "sep".

    >>> either(["sep", "sept"])
    'sept|sep'
    """
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def lower(word: str) -> str:
    """Lower case as a pattern that ignores case has it: to such a pattern "ſ" is an s, and "ı" and "İ" are an i.

    >>> lower("Aprıl"), lower("ſept")
    ('april', 'sept')
    """
    return word.translate(_ALIKE).lower()
