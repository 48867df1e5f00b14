"""Opposite words said of one subject."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.ground.sides.common import side
from rag.retrieve.question import Asked
from rag.text.words import content_stems, stem, words
from rag.types import Evidence, Side

_OPPOSITES = """open:closed,proprietary public:private increase:decrease rise,rose:fall,fell gain:loss win,won:lose,lost
success,succeed:failure,fail approve:reject support:oppose,contradict accept:refuse confirm:deny allow,permit:ban,forbid
legal:illegal safe:unsafe,dangerous effective:ineffective higher:lower improve:worsen benefit:harm beneficial:harmful
positive:negative true:false possible:impossible likely:unlikely guilty:innocent alive:dead present:absent
start,begin:stop,end hire:fire buy:sell enter:leave grow:shrink accelerate:slow strengthen:weaken advocate:opponent
free:paid voluntary:mandatory temporary:permanent domestic:foreign majority:minority agree:disagree same:different"""

POLES: dict[str, tuple[str, int]] = {}
"""By stem: the pair of opposites that a word belongs to, and 1 or -1 for which side of it."""
for _pair in _OPPOSITES.split():
    _name, _, _ = _pair.partition(":")
    for _sign, _terms in zip((1, -1), _pair.split(":"), strict=True):
        for _term in _terms.split(","):
            POLES[stem(_term)] = (_pair, _sign)

_CLAUSE = re.compile(r"[,;—–()]|--|\b(?:but|while|whereas|although|though|unlike|which)\b", re.I)


def _pole(text: str, subject: str) -> tuple[str, int] | None:
    """The one pole of an opposition taken in a clause that names ``subject``; None for neither or both."""
    clauses = [c for c in _CLAUSE.split(text) if subject in content_stems(c)]
    found = {POLES[s] for c in clauses for s in content_stems(c) if s in POLES}
    return next(iter(found)) if len(found) == 1 else None


def opposite_sides(asked: Asked, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """Two sides that say opposite things of a subject the question names; () where none do."""
    stems = {e: set(content_stems(e.quote)) for e in evidence}
    for word in asked.names or [w for w in words(asked.text) if content_stems(w.text)]:
        subject = word.stem
        taken: dict[str, dict[int, list[Evidence]]] = {}
        for e in evidence:
            if subject in stems[e] and (pole := _pole(e.quote, subject)) is not None:
                taken.setdefault(pole[0], {}).setdefault(pole[1], []).append(e)
        for pair, by_sign in taken.items():
            if len(by_sign) == 2:
                labels = [side.split(",")[0] for side in pair.split(":")]
                shown = re.sub(r"['’]s?$", "", word.text)
                return tuple(
                    side(f"{shown}: {label}", by_sign[sign]) for label, sign in zip(labels, (1, -1), strict=True)
                )
    return ()
