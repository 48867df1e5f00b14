"""Paragraphs of printed lines -> text, the words divided at line ends made whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rag.load.layout import DIVIDED, HYPHENS, Paragraph

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PREFIXES = frozenset("under over inter with there where some every other after counter super".split())


def as_text(found: Sequence[Paragraph], count: int) -> tuple[str, tuple[int, ...]]:
    """The text of the paragraphs, blank lines between, and the offset where each of ``count`` pages starts."""
    words = _whole_words(found)
    out: list[str] = []
    starts: list[int] = []
    length = 0
    for paragraph in found:
        mark = "#" * paragraph.level + " " if paragraph.level else ""
        above = ""
        for n, (page, line) in enumerate(paragraph.lines):
            joint = ("\n\n" if out else "") + mark if n == 0 else " "
            text = line.text.strip()
            if n and above[-1:] in HYPHENS:
                joint = ""
                kept = "-" if _keeps_hyphen(above, text, words) else ""
                length += len(kept) - 1
                out[-1] = out[-1][:-1] + kept
            length += len(joint)
            while len(starts) <= page:
                starts.append(length if page else 0)
            out += [joint, text]
            length += len(text)
            above = text
    starts += [length] * (count - len(starts))
    return "".join(out).replace(DIVIDED, "-"), tuple(starts)


def _whole_words(found: Sequence[Paragraph]) -> Counter[str]:
    """How often the document has each word, those divided at the end of a line left out."""
    words = Counter[str]()
    for paragraph in found:
        above = ""
        for _, line in paragraph.lines:
            whole = _WORD.findall(line.text.lower())
            words.update(whole[above[-1:] in HYPHENS : len(whole) - (line.text[-1:] in HYPHENS)])
            above = line.text
    return words


def _keeps_hyphen(above: str, below: str, words: Counter[str]) -> bool:
    """Is the hyphen at the end of a line part of the word, as in "well-known"? The document's other words tell."""
    left = re.search(r"[^\W\d_]+(?:-[^\W\d_]+)*(?=.$)", above)
    right = re.match(r"[^\W\d_]+", below)
    if not left or not right or not right[0][0].islower() or "-" in left[0]:
        return True
    first, second = left[0].lower(), right[0].lower()
    if words[f"{first}-{second}"] or words[first + second]:
        return words[f"{first}-{second}"] > words[first + second]
    both_words = words[first] > 0 and words[second] > 0 and min(len(first), len(second)) >= 4
    return both_words and first not in _PREFIXES
