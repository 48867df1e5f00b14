"""Sources whose short answers to the question differ."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.ground.short_answers import ShortAnswer
from rag.ground.sides.common import of_one_text, side
from rag.retrieve.question import Asked
from rag.retrieve.recency import age
from rag.retrieve.tuning import TUNING
from rag.text.quantities import Value, same_value, stated, values
from rag.text.words import content_stems, plain, words
from rag.types import Evidence, Side

_YES_OR_NO = re.compile(r"\W*(yes|no)\b", re.I)


def answer_sides(asked: Asked, answers: Sequence[ShortAnswer]) -> tuple[Side, ...]:
    """Sides that answer differently; () where none is likely enough to disagree with the first, the likeliest answer.

    An answer joins the side that it agrees with, or makes one of its own where it is likely to disagree with all there
    are. The newest side comes first.
    """
    groups: list[list[ShortAnswer]] = []
    for answer in answers:
        alike = next((group for group in groups if same_answer(answer.text, group[0].text, asked.stems)), None)
        if alike is not None:
            alike.append(answer)
        elif all(_disagree(asked, answer, group[0]) for group in groups):
            groups.append([answer])
    if len(groups) < 2:
        return ()
    groups.sort(key=lambda group: max(age(a.evidence) for a in group), reverse=True)
    return tuple(side(_label(group[0]), [a.evidence for a in group]) for group in groups[: TUNING.most_sides])


def log_odds(one: ShortAnswer, other: ShortAnswer) -> float:
    """Of two different answers being a disagreement."""
    return TUNING.disagreement.log_odds(signals(one, other))


def signals(one: ShortAnswer, other: ShortAnswer) -> dict[str, float]:
    """What ``TUNING.disagreement`` weighs."""
    opposed = {_yes_or_no(one.text), _yes_or_no(other.text)} == {"yes", "no"}
    return {
        "answers": min(one.evidence.score, other.evidence.score),
        "unsaid": max(one.unsaid, other.unsaid),
        "opposed": float(opposed),
        "measured_alike": float(bool(_measures(one.text) & _measures(other.text))),
    }


def same_answer(one: str, other: str, question: Collection[str] = ()) -> bool:
    """Whether two answers are one; the ``question``'s own stems tell nothing.

    >>> same_answer("24 months", "two years"), same_answer("Ann Hale", "A. Hale"), same_answer("yes", "No, never")
    (True, True, False)
    >>> same_answer("6 ft x 4 ft", "8 ft x 6 ft")
    False
    >>> same_answer("an open license", "a closed license", {"licens"})
    False
    """
    if (a := _yes_or_no(one)) and (b := _yes_or_no(other)):
        return a == b
    stems, others = ({*content_stems(text)} - {*question} or {*content_stems(text)} for text in (one, other))
    if stems and others and (stems <= others or others <= stems):
        return True
    fewer, more = sorted((one, other), key=lambda text: len(values(text)))
    if values(fewer):
        return all(_has(more, value, fewer) for value in values(fewer))
    return bool(stems & others) and 2 * len(stems & others) >= min(len(stems), len(others))


def _has(text: str, value: Value, of: str) -> bool:
    """Whether ``text`` states the value, which stands in ``of``, be it rounded or in another unit."""
    if any(same_value(value, v) for v in values(text)):
        return True
    mine = (s for s in stated(of) if s.start <= value.start < s.end)
    return any(
        (s.value.kind, s.value.measured_in) == (t.value.kind, t.value.measured_in) and s.agrees_with(t)
        for s in mine
        for t in stated(text)
    )


def _disagree(asked: Asked, one: ShortAnswer, other: ShortAnswer) -> bool:
    """Whether two different answers are a disagreement; not where the newest is asked for and one of them is newer."""
    newer = asked.latest and age(one.evidence) != age(other.evidence)
    return not newer and not of_one_text(one.evidence, other.evidence) and log_odds(one, other) >= TUNING.disagree


def _measures(text: str) -> set[tuple[str, str]]:
    return {(v.kind, v.measured_in) for v in values(text)}


def _yes_or_no(text: str) -> str:
    match = _YES_OR_NO.match(text)
    return match[1].lower() if match else ""


def _label(answer: ShortAnswer) -> str:
    """The answer where the quotation has it word for word, else the quotation: a model's own words prove nothing."""
    tells = content_stems(answer.text) and not _yes_or_no(answer.text)
    return (_within(answer.text, answer.evidence) if tells else "") or plain(answer.evidence.quote)


def _within(text: str, evidence: Evidence) -> str:
    """The words of the quotation that ``text`` repeats; "" where it does not."""
    wanted = [w.text.casefold() for w in words(text)]
    quote = plain(evidence.quote)
    given = words(quote)
    for n in range(len(given) - len(wanted) + 1):
        if wanted and [w.text.casefold() for w in given[n : n + len(wanted)]] == wanted:
            start = given[n].start
            while start and not quote[start - 1].isspace() and quote[start - 1] not in "“\"'(":
                start -= 1  # a sign of currency
            return quote[start : given[n + len(wanted) - 1].end]
    return ""
