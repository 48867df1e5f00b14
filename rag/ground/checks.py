"""A claim against a premise, by what can be compared exactly: quantities, names, negation, direction and limits.

These are necessary conditions: a claim that fails one is not supported however alike the words are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag.retrieve.tuning import TUNING
from rag.text.lists import word_list
from rag.text.negation import CLAUSE_END, NEGATIONS, negated_stems
from rag.text.quantities import same_value, values
from rag.text.words import STOPWORDS, content_stems, initials, names, one_line, overlap, stem, words

_AWAY, _TOWARDS = frozenset({"from", "by"}), frozenset({"to"})
_LIMITS = frozenset(word_list("limiting_words"))
_CODE = re.compile(r"`+(?:sh\n|\w+\n)?([^`]+)`+")  # words alone would take "-rf" for "rf"
_BEFORE_NAME = frozenset("the a an its their his her our".split())


@dataclass(frozen=True, slots=True)
class Check:
    """How a claim stands to a premise.

    ``coverage`` is the share of the claim's content stems found in it, ``order`` that of those found in the claim's
    order: what is taken from here and there may say something else.
    """

    missing_code: tuple[str, ...]
    missing_values: tuple[str, ...]
    missing_names: tuple[str, ...]
    negation: str  # the word affirmed on one side and denied on the other, or ""
    direction: str  # the name that something goes to on one side and comes from on the other, or ""
    limit: str  # the word that limits in the premise what the claim says without limit, or ""
    coverage: float
    order: float

    @property
    def passes(self) -> bool:
        differs = self.missing_code or self.missing_values or self.missing_names
        return not (differs or self.negation or self.direction or self.limit)

    @property
    def why(self) -> str:
        """Why the claim fails, for a person; "" where it passes."""
        if self.missing_code:
            return f"the source does not have {', '.join(self.missing_code)}"
        if self.missing_values:
            return f"the source does not state {', '.join(self.missing_values)}"
        if self.missing_names:
            return f"the source does not name {', '.join(self.missing_names)}"
        if self.negation:
            return f"“{self.negation}” is affirmed on one side and denied on the other"
        if self.direction:
            return f"it goes to {self.direction} on one side and comes from there on the other"
        if self.limit:
            return f"the source limits it by “{self.limit}”"
        return ""


def _negation_conflict(claim: str, premise: str) -> str:
    """The stem denied on one side that the other affirms; "" where there is none."""
    claim_negated, premise_negated = negated_stems(claim), negated_stems(premise)
    claim_stems, premise_stems = content_stems(claim), content_stems(premise)
    for word in claim_stems:
        if word in claim_negated and word in premise_stems and word not in premise_negated:
            return word
        if word not in claim_negated and word in premise_negated and premise_stems.count(word) == 1:
            return word
    if claim_negated and not premise_negated and not (set(claim_stems) & NEGATIONS & set(premise_stems)):
        return next(iter(sorted(claim_negated)))
    return ""


def _sides_of_names(text: str) -> dict[str, set[bool]]:
    """By the stem of a name, whether something comes from it (True) or goes to it (False), where a word says so."""
    all_words, found = words(text), {w.start for w in names(text)}
    sides: dict[str, set[bool]] = {}
    for at, name in enumerate(all_words):
        if name.start not in found:
            continue
        described, end = 0, name.start
        for before in reversed(all_words[:at]):
            lower = before.text.lower()
            if re.search(r"[^\s\w'’“”\"-]", text[before.end : end]) or described > TUNING.described:
                break
            end = before.start
            if lower in _AWAY or (lower in _TOWARDS and not described):
                sides.setdefault(name.stem, set()).add(lower in _AWAY)
                break
            if lower in STOPWORDS and lower not in _BEFORE_NAME:
                break
            described += before.start not in found and lower not in _BEFORE_NAME
    return sides


def _turned(claim: str, premise: str) -> str:
    """A name that is only where something comes from in one text, and only where it goes to in the other; or ""."""
    there = _sides_of_names(premise)
    return next((name for name, sides in _sides_of_names(claim).items() if not sides & there.get(name, sides)), "")


def _limit_dropped(claim: str, premise: str) -> str:
    """The word that limits in the premise what the claim has too, where nothing limits the claim; or "".

    >>> _limit_dropped("They were found out.", "They have sometimes been found out.")
    'sometimes'
    >>> _limit_dropped("The plant reopened.", "The mayor might resign, but the plant reopened.")
    ''
    """
    if any(w.text.lower() in _LIMITS for w in words(claim)):
        return ""
    claimed = set(content_stems(claim))
    limit, reach, last_end = "", 0, 0
    for word in words(premise):
        lower = word.text.lower()
        if CLAUSE_END.search(premise, last_end, word.start):
            reach = 0
        last_end = word.end
        if lower in _LIMITS and (lower != "may" or word.text == lower):  # with a capital that is a month
            limit, reach = word.text, TUNING.limited
        elif reach and lower not in STOPWORDS:
            if word.stem in claimed:
                return limit
            reach -= 1
    return ""


def _in_order(wanted: Sequence[str], present: Sequence[str]) -> float:
    """Length of the longest common subsequence (Wagner & Fischer 1974), as a share of ``wanted``; 1 where it is empty.

    >>> _in_order("abcd", "xaybd"), _in_order("ab", "ba")
    (0.75, 0.5)
    """
    row = [0] * (len(present) + 1)
    for one in wanted:
        diagonal = 0
        for n, other in enumerate(present, 1):
            diagonal, row[n] = row[n], diagonal + 1 if one == other else max(row[n], row[n - 1])
    return row[-1] / len(wanted) if wanted else 1.0


def check(claim: str, premise: str, *, known: Collection[str] = ()) -> Check:
    """Compare a claim with the exact text it cites.

    ``known`` holds stems that are names elsewhere: at the start of a sentence a name cannot be told by its capital.

    >>> check("The deal was $15 billion.", "a $14.3 billion investment deal").missing_values
    ('$15 billion',)
    """
    stated = values(premise)
    missing_values = tuple(
        claim[v.start : v.end].strip() for v in values(claim) if not any(same_value(v, s) for s in stated)
    )
    present = {w.stem for w in words(premise)}
    acronyms = initials(premise)
    premise_acronyms = {stem(w.text) for w in names(premise) if w.text.isupper()}
    spelled_out = initials(claim)
    missing_names = []
    found_names = names(claim)
    for name in [w for w in words(claim) if w in found_names or (w.stem in known and w.text[0].isupper())]:
        if name.stem in present or (name.text.isupper() and name.stem in acronyms):
            continue
        if any(a in spelled_out and a.startswith(name.stem[0]) for a in premise_acronyms):
            continue  # "Large Language Model" for "LLM"
        missing_names.append(name.text)
    return Check(
        tuple(code for code in map(one_line, _CODE.findall(claim)) if code not in one_line(premise)),
        missing_values,
        tuple(dict.fromkeys(missing_names)),
        _negation_conflict(claim, premise),
        _turned(claim, premise),
        _limit_dropped(claim, premise),
        overlap(content_stems(claim), content_stems(premise)),
        _in_order(content_stems(claim), content_stems(premise)),
    )
