"""Paragraphs of printed lines -> text, the words divided at line ends made whole."""

from __future__ import annotations

from collections.abc import Sequence

from rag.load.hyphens import DIVIDED, between, closed, is_open, whole_words
from rag.load.pdf.layout import Paragraph


def as_text(found: Sequence[Paragraph], count: int) -> tuple[str, tuple[int, ...]]:
    """The text of the paragraphs, blank lines between, and the offset where each of ``count`` pages starts."""
    words = whole_words(line.text for paragraph in found for _, line in paragraph.lines)
    out: list[str] = []
    starts: list[int] = []
    length = 0
    for paragraph in found:
        for n, (page, line) in enumerate(paragraph.lines):
            if n == 0:
                joint = "\n\n" * bool(out) + ("#" * paragraph.level + " " if paragraph.level else "")
            elif is_open(out[-1]):
                joint, whole = "", closed(out[-1], line.text, words)
                length += len(whole) - len(out[-1])
                out[-1] = whole
            else:
                joint = between(out[-1], line.text)
            length += len(joint)
            while len(starts) <= page:
                starts.append(length if page else 0)
            out += [joint, line.text]
            length += len(line.text)
    starts += [length] * (count - len(starts))
    return "".join(out).replace(DIVIDED, "-"), tuple(starts)
