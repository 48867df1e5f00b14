"""Where one thing is asked for, sentences that answer equally well with other names, dates or things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.ground.sides.common import side
from rag.retrieve.copies import content
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.quantities import Value, same_value, values
from rag.text.words import Word, names, plain, words
from rag.types import Evidence, Side


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


def _given(asked: Asked, text: str) -> _Given | None:
    """None for what cannot be an answer: it speaks of too little that is asked, or gives nothing of the kind."""
    stems_asked = set(asked.stems)
    said = content(stems_asked, text)
    if len(stems_asked) < TUNING.least_asked or len(said.asked) < TUNING.nearly_all * len(stems_asked):
        return None
    dates: tuple[Value, ...] = ()
    stems = said.own
    if "date" in asked.quantities:
        dates = tuple(v for v in values(text) if v.kind == "date")
        if not dates:
            return None
    elif asked.a_name:
        stems &= {w.stem for w in words(text) if _is_particular(w)}
    return _Given(text, stems, dates) if stems else None


def answer_sides(asked: Asked, rivals: Sequence[Evidence], answered: Sequence[str]) -> tuple[Side, ...]:
    """Sources that answer with something else where one thing is asked for; () where none does.

    ``rivals`` are sentences that each answer the question, ``answered`` those of the answer.
    """
    if not asked.one_thing or asked.yes_or_no or asked.how_it_stands:
        return ()
    given = [(e, found) for e in rivals if (found := _given(asked, plain(e.quote))) is not None]
    # an answer may be no more than the name that completes the question
    mine = [found for text in answered if (found := _given(asked, f"{asked.text} {text}")) is not None]
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
    return tuple(side(group[0][1].label, [e for e, _ in group]) for group in groups[: TUNING.most_sides])
