"""Different quantities of one kind in otherwise like statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from rag.ground.sides.common import of_one_text, of_other_things, side
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.quantities import Kind, Stated, stated
from rag.text.words import content_stems, overlap, words
from rag.types import Evidence, Side

_KINDS: frozenset[Kind] = frozenset({"money", "percent", "count"})


def _context(text: str, value: Stated) -> frozenset[str]:
    """Stems of the content words near a quantity, other quantities left out."""
    near = words(text)
    at = next((i for i, w in enumerate(near) if w.start >= value.start), len(near))
    window = near[max(0, at - TUNING.near_words) : at + TUNING.near_words]
    return frozenset(s for w in window for s in content_stems(w.text) if not s[0].isdigit())


def _about_one_thing(a: frozenset[str], b: frozenset[str]) -> bool:
    shared = a & b
    return len(shared) >= TUNING.least_shared and len(shared) >= TUNING.like_context * min(len(a), len(b))


@dataclass(frozen=True, slots=True)
class _Amount:
    """One quantity where it stands."""

    evidence: Evidence
    stated: Stated
    context: frozenset[str]

    def differs_from(self, other: _Amount) -> bool:
        """Whether the two give different quantities of one kind for one thing."""
        return (
            self._comparable(other)
            and not of_one_text(self.evidence, other.evidence)
            and not of_other_things(self.evidence, other.evidence)
            and not self.stated.agrees_with(other.stated)
            and _about_one_thing(self.context, other.context)
        )

    def agrees_with(self, other: _Amount) -> bool:
        like = self.stated.value.kind == other.stated.value.kind and self.stated.agrees_with(other.stated)
        return like and _about_one_thing(self.context, other.context)

    def _comparable(self, other: _Amount) -> bool:
        a, b = self.stated.value, other.stated.value
        return a.kind == b.kind and a.measured_in == b.measured_in and (a.kind != "count" or bool(a.unit))


def value_sides(asked: Asked, evidence: Sequence[Evidence], *, kinds: Collection[Kind] = _KINDS) -> tuple[Side, ...]:
    """Sides that give different quantities, of ``kinds``, for one thing the question is about; () where none do.

    Dates and bare counts without a common noun are too often about different things to be compared.
    """
    amounts = [_Amount(e, s, _context(e.quote, s)) for e in evidence for s in stated(e.quote) if s.value.kind in kinds]
    conflicts = [
        (one, other)
        for one, other in combinations(amounts, 2)
        if one.evidence is not other.evidence and one.differs_from(other) and not _share_an_amount(one, other, amounts)
    ]
    if not conflicts:
        return ()
    first = max(conflicts, key=lambda pair: overlap(asked.stems, pair[0].context & pair[1].context))
    if overlap(asked.stems, first[0].context & first[1].context) < TUNING.relevant:
        return ()
    groups: list[list[_Amount]] = [[one] for one in first]
    for one in amounts:  # whoever else speaks of the same thing joins the side that gives its value, or makes one
        if any(one.agrees_with(group[0]) for group in groups):
            next(group for group in groups if one.agrees_with(group[0])).append(one)
        elif any(one.differs_from(member) for member in first) and not any(
            _share_an_amount(one, member, amounts) for member in first
        ):
            groups.append([one])
    return tuple(
        side(g[0].evidence.quote[g[0].stated.start : g[0].stated.end].strip(), [m.evidence for m in g]) for g in groups
    )


def _share_an_amount(one: _Amount, other: _Amount, amounts: Sequence[_Amount]) -> bool:
    """Whether the two sentences agree in some amount of this kind: then neither contradicts the other."""
    mine = [a for a in amounts if a.evidence is one.evidence]
    return any(
        a._comparable(b) and a.stated.agrees_with(b.stated)
        for a in mine
        for b in amounts
        if b.evidence is other.evidence and a._comparable(one)
    )
