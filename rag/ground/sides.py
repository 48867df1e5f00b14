"""Evidence of several documents -> sides: who says what, where they cannot all be right.

Four general signs of disagreement are looked for: different quantities of one kind in otherwise like
statements; opposite words said of one subject; where the question is for yes or no, one source that
denies what the question names while another speaks of it without denying; and, where one thing is asked for,
sentences that answer equally well with other names, dates or things.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from rag.ground.verify import citation
from rag.retrieve.copies import content
from rag.retrieve.question import (
    asks_for_a_name,
    asks_for_one_thing,
    asks_how_it_stands,
    asks_what_sources_say,
    asks_yes_or_no,
    quantities_asked,
)
from rag.text.quantities import Kind, Stated, Value, same_value, stated, values
from rag.text.words import Word, content_stems, names, overlap, plain, stem, words
from rag.types import Citation, Evidence, Side

_NEAR = 12  # words either side of a quantity that say what it measures
_LIKE = 0.4  # share of the smaller context's words from which two contexts are about one thing
_LEAST_SHARED = 3
_RELEVANT = 0.3  # share of the question's words that both statements must speak of
_MOST_QUOTES = 2
_MOST_SIDES = 4
_LEAST_ASKED = 2  # words of a question from which two answers to it are of one thing
_KINDS: frozenset[Kind] = frozenset({"money", "percent", "count"})
_NEAREST = 16  # sentences, by relevance, whose denials count
_MENTIONED = 0.4  # shares of the question's words that a sentence has
_SPOKEN_OF = 0.5
_NEARLY_ALL = 0.75
_AS_FULLY = 0.75  # of what the fullest sentence has
_DENIAL = re.compile(
    r"\b(?:no|not|never|none|neither|nor|cannot|without|lack(?:s|ed|ing)?|absence|fail(?:s|ed)? to|insufficient|"
    r"unlikely|den(?:y|ies|ied)|reject(?:s|ed)?|refut(?:e|es|ed)|disput(?:e|es|ed)|contrary|rather than|instead of|"
    r"unproven|false|myth|hoax)\b|n['’]t\b",
    re.I,
)
_NO_DENIAL = re.compile(
    r"\b(?:with (?:or|and) without|whether or not|not (?:only|just|least|to mention)|no doubt)\b", re.I
)

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


def _context(text: str, value: Stated) -> frozenset[str]:
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
            and not self.stated.agrees_with(other.stated)
            and _about_one_thing(self.context, other.context)
        )

    def agrees_with(self, other: _Amount) -> bool:
        like = self.stated.value.kind == other.stated.value.kind and self.stated.agrees_with(other.stated)
        return like and _about_one_thing(self.context, other.context)

    def _comparable(self, other: _Amount) -> bool:
        a, b = self.stated.value, other.stated.value
        return a.kind == b.kind and a.unit == b.unit and (a.kind != "count" or bool(a.unit))


def value_sides(question: str, evidence: Sequence[Evidence], *, kinds: Collection[Kind] = _KINDS) -> tuple[Side, ...]:
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
    asked = content_stems(question)
    first = max(conflicts, key=lambda pair: overlap(asked, pair[0].context & pair[1].context))
    if overlap(asked, first[0].context & first[1].context) < _RELEVANT:
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
        _side(g[0].evidence.quote[g[0].stated.start : g[0].stated.end].strip(), [m.evidence for m in g]) for g in groups
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


def _pole(text: str, subject: str) -> tuple[str, int] | None:
    """The one pole of an opposition taken in a clause that names ``subject``; None for neither or both."""
    clauses = [c for c in _CLAUSE.split(text) if subject in content_stems(c)]
    found = {_POLES[s] for c in clauses for s in content_stems(c) if s in _POLES}
    return next(iter(found)) if len(found) == 1 else None


def opposite_sides(question: str, evidence: Sequence[Evidence], answered: Sequence[str] = ()) -> tuple[Side, ...]:
    """Two sides that say opposite things of a subject the question names; () where none do.

    ``answered`` are the sentences of the answer. Unless the question is for what sources say, both sides must have
    half of what else it asks, and unless it asks yes or no with one of the opposite words, the opposition counts only
    where the answer itself takes a side in it.
    """
    always = asks_what_sources_say(question)
    least = 0.0 if always else _SPOKEN_OF
    asked = set(content_stems(question))
    named = {_POLES[s][0] for s in asked if s in _POLES} if asks_yes_or_no(question) else set()
    said = {e: set(content_stems(e.quote)) for e in evidence}
    near = [e for e in evidence if overlap(asked - _POLES.keys(), said[e]) >= least]
    for word in names(question) or [w for w in words(question) if content_stems(w.text)]:
        subject = word.stem
        relevant = named | {pole[0] for text in answered if (pole := _pole(text, subject))}
        taken: dict[str, dict[int, list[Evidence]]] = {}
        for e in near:
            if subject in said[e] and (pole := _pole(e.quote, subject)) is not None:
                taken.setdefault(pole[0], {}).setdefault(pole[1], []).append(e)
        for pair, by_sign in taken.items():
            if len(by_sign) == 2 and (always or pair in relevant):
                labels = [side.split(",")[0] for side in pair.split(":")]
                shown = re.sub(r"['’]s?$", "", word.text)
                return tuple(
                    _side(f"{shown}: {label}", by_sign[sign]) for label, sign in zip(labels, (1, -1), strict=True)
                )
    return ()


def asked_value_sides(question: str, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """For a yes-or-no question that states a quantity: who gives it, and who gives another; () unless both are there.

    What gives another must speak of nearly all that the question asks beside its figures.
    """
    wanted = stated(question)
    if not wanted or not asks_yes_or_no(question):
        return ()
    asked = {s for s in content_stems(question) if not s[0].isdigit()}
    same: list[Evidence] = []
    other: list[Evidence] = []
    for e in evidence:
        text = plain(e.quote)
        covered = overlap(asked, content_stems(text))
        given = stated(text)
        for want in wanted:
            like = [g for g in given if (g.value.kind, g.value.unit) == (want.value.kind, want.value.unit)]
            if any(g.agrees_with(want) for g in like):
                if covered >= _MENTIONED:
                    same.append(e)
            elif like and covered >= _NEARLY_ALL:
                other.append(e)
    sources = {e.document_id for e in same}
    other = [e for e in other if e.document_id not in sources]
    if not same or not other:
        return ()
    shown = question[wanted[0].start : wanted[0].end].strip()
    return _side(shown, same), _side("another figure", other)


def denied_sides(question: str, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """The sources that deny something where they speak of what is asked, against those that do not; () unless both.

    Only the sentences nearest to the question count, and a denial must have half of its words and nearly as many as
    the sentence that has most: a question that one sentence answers word for word is not put in doubt by a remark.
    What exactly is denied a reader has to see; words alone do not tell it.
    """
    asked = set(content_stems(question))
    if len(asked) < _LEAST_SHARED or not (asks_yes_or_no(question) or asks_how_it_stands(question)):
        return ()  # too little to tell what a denial is about, or nothing that could be denied
    poles = {_POLES[s] for s in asked if s in _POLES}
    if any((pair, -sign) in poles for pair, sign in poles):
        return ()  # "open or closed?" has no side that denies
    near = sorted(evidence, key=lambda e: (-e.score, e.number))[:_NEAREST]
    said = {e: set(content_stems(plain(e.quote))) for e in near}
    covered = {e: overlap(asked, said[e]) for e in near}
    least = max(_SPOKEN_OF, _AS_FULLY * max(covered.values(), default=0.0))
    denying: list[Evidence] = []
    affirming: list[Evidence] = []
    for e in near:
        turned = {(pair, -sign) for pair, sign in poles} & {_POLES[s] for s in said[e] if s in _POLES}
        if turned or _denies(plain(e.quote)):
            denying += [e] if covered[e] >= least else []
        elif covered[e] >= _MENTIONED:
            affirming.append(e)
    if not denying or not affirming or len({e.document_id for e in (*denying, *affirming)}) < 2:
        return ()
    return _side("says so", affirming), _side("denies or limits it", denying)


def _denies(text: str) -> bool:
    return _DENIAL.search(_NO_DENIAL.sub("", text)) is not None


@dataclass(frozen=True, slots=True)
class _Given:
    """What a sentence answers with: its own names, dates or words."""

    text: str
    stems: frozenset[str]
    dates: tuple[Value, ...]

    def differs_from(self, other: _Given) -> bool:
        if self.dates or other.dates:
            return not any(same_value(a, b) for a in self.dates for b in other.dates)
        return not self.stems & other.stems

    @property
    def label(self) -> str:
        """Its first name or date, or else its first own words."""
        if self.dates:
            return self.text[self.dates[0].start : self.dates[0].end].strip()
        runs: list[list[Word]] = [[]]
        for word in words(self.text):
            if word.stem in self.stems:
                runs[-1].append(word)
            elif runs[-1]:
                runs.append([])
        named = {w.start for w in names(self.text)}
        run = max(filter(None, runs), key=lambda r: (r[0].start in named, _is_particular(r[0])))  # the first of equals
        return self.text[run[0].start : run[-1].end]


def _is_particular(word: Word) -> bool:
    return word.text[0].isupper() or word.text[0].isdigit()


def _given(question: str, text: str) -> _Given | None:
    """None for what cannot be an answer: it speaks of too little that is asked, or gives nothing of the kind."""
    asked = set(content_stems(question))
    said = content(asked, text)
    if len(asked) < _LEAST_ASKED or len(said.asked) < _NEARLY_ALL * len(asked):
        return None
    dates: tuple[Value, ...] = ()
    stems = said.own
    if "date" in quantities_asked(question):
        dates = tuple(v for v in values(text) if v.kind == "date")
        if not dates:
            return None
    elif asks_for_a_name(question):
        stems &= {w.stem for w in words(text) if _is_particular(w)}
    return _Given(text, stems, dates) if stems else None


def answer_sides(question: str, rivals: Sequence[Evidence], answered: Sequence[str]) -> tuple[Side, ...]:
    """Sources that answer with something else where one thing is asked for; () where none does.

    ``rivals`` are sentences that each answer the question, ``answered`` those of the answer.
    """
    if not asks_for_one_thing(question) or asks_yes_or_no(question) or asks_how_it_stands(question):
        return ()
    given = [(e, found) for e in rivals if (found := _given(question, plain(e.quote))) is not None]
    # an answer may be no more than the name that completes the question
    mine = [found for text in answered if (found := _given(question, f"{question} {text}")) is not None]
    agreeing = [(e, g) for e, g in given if not all(g.differs_from(m) for m in mine)]
    sources = {e.document_id for e, _ in agreeing}
    groups: list[list[tuple[Evidence, _Given]]] = [agreeing]
    for e, found in given:
        if e.document_id in sources:
            continue
        like = [g for g in groups[1:] if not found.differs_from(g[0][1])]
        if like:
            like[0].append((e, found))
        else:
            groups.append([(e, found)])
    if not agreeing or len(groups) < 2:
        return ()
    return tuple(_side(group[0][1].label, [e for e, _ in group]) for group in groups[:_MOST_SIDES])


def sides(
    question: str, evidence: Sequence[Evidence], answered: Sequence[str] = (), rivals: Sequence[Evidence] = ()
) -> tuple[Side, ...]:
    """The sides of a disagreement that bears on the question; () where the evidence agrees.

    A question for a quantity is answered by quantities, so only those are compared for it. ``rivals`` are those
    sentences of the evidence that each answer it.
    """
    kinds = quantities_asked(question)
    if kinds == {"date"}:
        return answer_sides(question, rivals, answered)
    if kinds:
        return value_sides(question, evidence, kinds=kinds)
    if asks_what_sources_say(question):
        return value_sides(question, evidence) or opposite_sides(question, evidence, answered)
    return (
        asked_value_sides(question, evidence)
        or denied_sides(question, evidence)
        or opposite_sides(question, evidence, answered)
        or answer_sides(question, rivals, answered)
    )
