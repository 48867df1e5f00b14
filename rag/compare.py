"""Evidence of several documents -> sides: who says what, where they cannot all be right.

Two general signs of disagreement are looked for: different quantities of one kind in otherwise like
statements, and opposite words said of one subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from rag.types import Citation, Evidence, Side
from rag.values import Value, same_value, values
from rag.verify import citation
from rag.words import content_stems, names, stem, words

_NEAR = 12  # words either side of a quantity that say what it measures
_LIKE = 0.4  # share of the smaller context's words from which two contexts are about one thing
_LEAST_SHARED = 3
_MOST_QUOTES = 2
_COMPARED = ("money", "percent", "count")

_OPPOSITES = """open:closed,proprietary public:private increase:decrease rise,rose:fall,fell gain:loss win,won:lose,lost
success,succeed:failure,fail approve:reject support:oppose,contradict accept:refuse confirm:deny allow,permit:ban,forbid
legal:illegal safe:unsafe,dangerous effective:ineffective higher:lower improve:worsen benefit:harm beneficial:harmful
positive:negative true:false possible:impossible likely:unlikely guilty:innocent alive:dead present:absent
start,begin:stop,end hire:fire buy:sell enter:leave grow:shrink accelerate:slow strengthen:weaken advocate:opponent
free:paid voluntary:mandatory temporary:permanent domestic:foreign majority:minority agree:disagree same:different"""

_POLES: dict[str, tuple[str, int]] = {}
for _pair in _OPPOSITES.split():
    _name, _, _ = _pair.partition(":")
    for _sign, _terms in zip((1, -1), _pair.split(":"), strict=True):
        for _term in _terms.split(","):
            _POLES[stem(_term)] = (_pair, _sign)

_CLAUSE = re.compile(r"[,;—–()]|--|\b(?:but|while|whereas|although|though|unlike|which)\b", re.I)
_QUANTITY_QUESTION = re.compile(r"\b(?:how (?:much|many|long|old|big|large|far)|when|what (?:year|date|time))\b", re.I)


def _context(text: str, value: Value) -> frozenset[str]:
    """Stems of the content words near a quantity, other quantities left out."""
    near = words(text)
    at = next((i for i, w in enumerate(near) if w.start >= value.start), len(near))
    window = near[max(0, at - _NEAR) : at + _NEAR]
    return frozenset(s for w in window for s in content_stems(w.text) if not s[0].isdigit())


def _about_one_thing(a: frozenset[str], b: frozenset[str]) -> bool:
    shared = a & b
    return len(shared) >= _LEAST_SHARED and len(shared) >= _LIKE * min(len(a), len(b))


def _side(claim: str, evidence: Sequence[Evidence]) -> Side:
    """The best sentences of each document, at most ``_MOST_QUOTES`` of one."""
    of: dict[str, list[Citation]] = {}
    for e in sorted(evidence, key=lambda e: (-e.score, e.number)):
        quotes = of.setdefault(e.document_id, [])
        if len(quotes) < _MOST_QUOTES and all(q.start != e.start for q in quotes):
            quotes.append(citation(e))
    return Side(claim, tuple(of), tuple(c for quotes in of.values() for c in quotes))


def value_sides(evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """Sides that give different quantities for one thing; () where none do.

    Dates and bare counts without a common noun are too often about different things to be compared.
    """
    stated = [
        (e, v, _context(e.quote, v))
        for e in evidence
        for v in values(e.quote)
        if v.kind in ("money", "percent", "count")
    ]
    groups: list[tuple[Value, list[Evidence], str]] = []
    for (e1, v1, c1), (e2, v2, c2) in combinations(stated, 2):
        if e1 is e2 or v1.kind != v2.kind or v1.unit != v2.unit or (v1.kind == "count" and not v1.unit):
            continue
        if same_value(v1, v2) or not _about_one_thing(c1, c2):
            continue
        for e, v in ((e1, v1), (e2, v2)):
            group = next((g for g in groups if g[0].kind == v.kind and same_value(g[0], v)), None)
            if group is None:
                groups.append((v, [e], e.quote[v.start : v.end].strip()))
            elif e not in group[1]:
                group[1].append(e)
    if len(groups) < 2:
        return ()
    for e, v, context in stated:  # whoever else states one of the values, in a like statement
        for value, members, _ in groups:
            agrees = value.kind == v.kind and same_value(value, v) and e not in members
            if agrees and any(
                _about_one_thing(context, _context(m.quote, w)) for m in members for w in values(m.quote)
            ):
                members.append(e)
    return tuple(_side(label, members) for _, members, label in groups)


def _pole(text: str, subject: str) -> tuple[str, int] | None:
    """The one pole of an opposition taken in a clause that names ``subject``; None for neither or both."""
    clauses = [c for c in _CLAUSE.split(text) if subject in content_stems(c)]
    found = {_POLES[s] for c in clauses for s in content_stems(c) if s in _POLES}
    return next(iter(found)) if len(found) == 1 else None


def opposite_sides(question: str, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """Two sides that say opposite things of a subject the question names; () where none do."""
    for word in names(question) or [w for w in words(question) if content_stems(w.text)]:
        subject = word.stem
        taken: dict[str, dict[int, list[Evidence]]] = {}
        for e in evidence:
            if subject in content_stems(e.quote) and (pole := _pole(e.quote, subject)) is not None:
                taken.setdefault(pole[0], {}).setdefault(pole[1], []).append(e)
        for pair, by_sign in taken.items():
            if len(by_sign) == 2:
                labels = [side.split(",")[0] for side in pair.split(":")]
                shown = re.sub(r"['’]s?$", "", word.text)
                return tuple(
                    _side(f"{shown}: {label}", by_sign[sign]) for label, sign in zip(labels, (1, -1), strict=True)
                )
    return ()


def sides(question: str, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """The sides of a disagreement that bears on the question; () where the evidence agrees.

    A question for a quantity is answered by quantities, so only those are compared for it.
    """
    found = value_sides(evidence)
    if found or _QUANTITY_QUESTION.search(question):
        return found
    return opposite_sides(question, evidence)
