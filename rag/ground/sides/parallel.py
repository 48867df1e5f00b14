"""Statements of two sources that are alike but for a figure, a date or a name: whatever the question's wording was.

Two sentences are aligned word by word. Where all that differs are particulars, in the same places of the sentence, both
speak of the same attribute of the same thing, and both cannot be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import combinations
from typing import TypeVar

from rag.ground.sides.common import of_other_things, side
from rag.load.metadata import title_from_name
from rag.retrieve.question import Asked
from rag.retrieve.recency import age
from rag.retrieve.tuning import TUNING
from rag.text.lists import word_numbers
from rag.text.quantities import Stated, Value, same_value, stated, values
from rag.text.words import STOPWORDS, Word, content_stems, names, plain, words
from rag.types import Evidence, Side

Quantity = TypeVar("Quantity", Value, Stated)

_NUMBER_WORDS = frozenset(word_numbers("numbers"))


def parallel_sides(asked: Asked, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """Sides whose statements differ in particulars only; () where none do.

    ``evidence``: what may answer, best first. A question that names what only one of two sources is called, such as a
    year, asks for that source and sees no other side.
    """
    for one, other in combinations(evidence, 2):
        if one.document_id == other.document_id or _picks(asked, one, other) or of_other_things(one, other):
            continue
        if not set(asked.stems) & set(content_stems(one.quote)) & set(content_stems(other.quote)):
            continue
        differing = _differing(plain(one.in_context), plain(other.in_context))
        if differing is None:
            continue
        like = [e for e in evidence if e not in (one, other) and not _picks(asked, one, e)]
        with_one = [e for e in like if _agrees(e, one)]
        with_other = [e for e in like if e not in with_one and _agrees(e, other)]
        return side(differing[0], [one, *with_one]), side(differing[1], [other, *with_other])
    return ()


def _agrees(one: Evidence, other: Evidence) -> bool:
    return content_stems(plain(one.quote)) == content_stems(plain(other.quote))


def _picks(asked: Asked, one: Evidence, other: Evidence) -> bool:
    """Whether the question wants the newer, or has a word that only one of them has in its name."""
    if asked.latest and age(one) != age(other):
        return True
    a, b = (set(content_stems(f"{title_from_name(e.document_id)} {e.title}")) for e in (one, other))
    return bool((a ^ b) & set(asked.stems))


def _differing(one: str, other: str) -> tuple[str, str] | None:
    """What the first says in place of what the second says, each as it stands; None where they are not parallel."""
    a, b = words(one), words(other)
    matcher = SequenceMatcher(None, [w.stem for w in a], [w.stem for w in b], autojunk=False)
    particulars = _particulars(one), _particulars(other)
    pairs: list[tuple[str, str]] = []
    shared = 0
    for tag, i, j, k, m in matcher.get_opcodes():
        left, right = _content(a[i:j]), _content(b[k:m])
        if tag == "equal":
            shared += len(left)
        elif left or right:
            if not left or not right or i == 0:
                return None  # one says more, or it speaks of another subject
            if not all(w.start in particulars[0] for w in left) or not all(w.start in particulars[1] for w in right):
                return None
            if _is_number(left[0]) != _is_number(right[0]):
                return None
            mine, theirs = (a[i].start, a[j - 1].end), (b[k].start, b[m - 1].end)
            if not _same_quantity(one, mine, other, theirs):
                pairs.append((one[slice(*mine)], other[slice(*theirs)]))
    if not pairs or shared < TUNING.parallel_words or shared < TUNING.parallel_share * len(_content(a)):
        return None
    return pairs[0]


def _same_quantity(one: str, mine: tuple[int, int], other: str, theirs: tuple[int, int]) -> bool:
    """Whether a quantity in ``mine`` of the first can be one in ``theirs`` of the second.

    24 and twenty-four, 11 May and May 11, $14.3 million and about $14 million are no difference.
    """
    a, b = _within(values(one), *mine), _within(values(other), *theirs)
    if any(same_value(v, w) for v in a for w in b):
        return True
    return any(
        (v.value.kind, v.value.measured_in) == (w.value.kind, w.value.measured_in) and v.agrees_with(w)
        for v in _within(stated(one), *mine)
        for w in _within(stated(other), *theirs)
    )


def _within(quantities: Iterable[Quantity], start: int, end: int) -> list[Quantity]:
    return [q for q in quantities if q.start < end and start < q.end]


def _content(part: Sequence[Word]) -> list[Word]:
    return [w for w in part if w.text.lower() not in STOPWORDS]


def _particulars(text: str) -> set[int]:
    """Where a word begins that is a name or a number."""
    return {w.start for w in names(text)} | {w.start for w in words(text) if _is_number(w)}


def _is_number(word: Word) -> bool:
    return word.text[0].isdigit() or word.text.lower() in _NUMBER_WORDS
