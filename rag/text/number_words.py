"""Number words of English with their places: "three hundred and twelve", "two and a half million", "two-thirds of".

Each word of a text becomes one letter, so that the grammar is a few short patterns over letters: "three hundred and
twelve people" is "uh&e". A letter has in this code the place that its word has in the list of words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from rag.text.lists import either, lower, word_list, word_numbers

DOZEN = 12

# 1 one, u two to nine, e ten to nineteen, t twenty, thirty ..., h hundred, k m b r thousand to trillion, d dozen
# x half, q quarter, Q quarters, n first, s second, o third and on, O hundredth and on, p thirds and on
# a article, & and, f of, < between, y by
_LEAST = {"r": 10**12, "b": 10**9, "m": 10**6, "k": 1000, "h": 100, "t": 20, "e": 10, "u": 2, "1": 1}
_BELOW_100 = "(?:t[1u]|t(?![1u])|[1ue])"
_BELOW_1000 = f"(?:(?:{_BELOW_100}|a)h(?:&?{_BELOW_100}(?!h))?|{_BELOW_100})"  # and "twelve hundred"
_GROUPS = "".join(f"(?:&?(?:{_BELOW_1000}|a){scale})?" for scale in "rbmk")
_CARDINAL = f"(?=[1ueta]){_GROUPS}(?:&?{_BELOW_1000}(?![hkmbr]))?(?<=[1uethkmbr])"
_FORMS = {  # the first that fits a place is taken
    "seconds": "(?<=a)ts",  # "a thirty-second delay"
    "ordinal": f"{_CARDINAL}(?:(?<=[thkmbr])&?[nsoO]|O)|[hkmbr]&?[nsoO]",  # "twenty-first", "two hundredth"
    "dozen": f"(?:{_BELOW_100}|a?xa?|a)d",
    "mixed": f"{_BELOW_100}&ax[hkmbr]?|(?:{_BELOW_100}|a)[mbr]&ax",  # "two and a half million", "a million and a half"
    "scaled": f"(?:a?xa?|(?:{_BELOW_100}[pQ]|1[oqx]|a[oqx])fa)[hkmbr]",  # "half a million", "a quarter of a million"
    "parts": f"{_BELOW_100}[pQ]|1[oOqx]|a[oOqx](?=f)|(?<=y)a[oqx]",
    "half": "x",
    "cardinal": _CARDINAL,
    "vague": f"[hkmbrd](?:&?{_BELOW_1000})?",  # "several hundred and fifty", or digits stand before
}
_GRAMMAR = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _FORMS.items()))
_HYPHEN = r"[-\u2010\u2011]"
_JOINT = re.compile(rf"[^\S\n]*{_HYPHEN}?[^\S\n]*")  # with spaces too: "seventy - two"
_HYPHENED = re.compile(rf"(?<!-){_HYPHEN}[^\W\d_]")
_RANGE = re.compile(  # "between one hundred and two hundred" holds no hundred and two; the second number is the larger
    rf"<({_CARDINAL})&((?:(?<![hkmbr]&)|(?=[^ &]*[hkmbr])){_CARDINAL})(?![&1uethkmbr])"
)
_LETTERS_ONLY = re.compile("[a-z]+")
_OF = re.compile(r"\s+of\b", re.I)
_WHOLE = re.compile(r"\s+(?:of|the|its|their|his|her|our|my|your|this|that|these|those)\b", re.I)
_OF_A = re.compile(r"\s+of\s+an?\b", re.I)
_A = re.compile(r"\s+an?\b", re.I)
_HALF_OF_TWO = re.compile(  # "the half", "its northern half", "until first half"
    r"\b(?:(?:the|this|that|an?|each|one|other|another|his|her|its|their|our)(?:\s+[\w-]+)?"
    r"|first|second|last|latter|upper|lower|top|bottom)\s*$",
    re.I,
)
_BY = re.compile(r"\bby\s+$", re.I)
_CLOSED = re.compile(rf"\s*(?:[^\w\s-]|$)|\s+(?:{either(word_list('stop_words'))})\b", re.I)
_PERIODS = re.compile(r"\b(?:first|last|past|next|previous|final)\s*$", re.I)


@dataclass(frozen=True, slots=True)
class NumberWords:
    """``text[start:end]`` says ``amount``; a ``share`` is of a whole ("half of the members")."""

    amount: float
    start: int
    end: int
    share: bool


def number_words(text: str) -> list[NumberWords]:
    """Numbers in words, in order. Ordinals, vague amounts ("hundreds of") and halves that are things are left out.

    "One" alone is among them: whether it counts shows the word after it.

    >>> [(n.amount, text[n.start : n.end]) for text in ["Twenty-five of a hundred"] for n in number_words(text)]
    [(25.0, 'Twenty-five'), (100.0, 'a hundred')]
    """
    vocabulary, word, needed = _vocabulary()
    if needed.isdisjoint(_LETTERS_ONLY.findall(text.lower())):
        return []
    matches: list[re.Match[str] | None] = []  # None: a break
    code, last = "", 0
    for match in word.finditer(text):
        letter = vocabulary[lower(match[0])][0]
        if not _JOINT.fullmatch(text, last, match.start()):
            code += " "
            matches.append(None)
        if letter in "nsoO" and _HYPHENED.match(text, match.end()) and text[match.start() - 1 : match.start()] != "-":
            continue  # "three hundred first-class seats"
        code, last = code + letter, match.end()
        matches.append(match)
    code = _RANGE.sub(r"<\1 \2", code)
    numbers = []
    for form in _GRAMMAR.finditer(code):
        run = [match for match in matches[form.start() : form.end()] if match]
        if run and form.lastgroup and (number := _read(text, form.lastgroup, code[form.start() : form.end()], run)):
            numbers.append(number)
    return numbers


@cache
def _vocabulary() -> tuple[dict[str, tuple[str, int]], re.Pattern[str], frozenset[str]]:
    """Word -> its letter and number; a pattern of these words; those without which there is no number."""
    words: dict[str, tuple[str, int]] = {}
    for word, number in word_numbers("numbers").items():
        words[word] = (next(letter for letter, least in _LEAST.items() if number >= least), number)
        if number >= 100:
            words[f"{word}s"] = words[word]
    words |= {"dozen": ("d", DOZEN), "half": ("x", 2), "quarter": ("q", 4), "quarters": ("Q", 4)}
    for word, number in word_numbers("ordinals").items():
        words[word] = ("n" if number == 1 else "s" if number == 2 else "O" if number >= 100 else "o", number)
        if number > 2:
            words[f"{word}s"] = ("p", number)
    needed = frozenset(word for word, (letter, _) in words.items() if letter not in "ns")
    words |= {"a": ("a", 1), "an": ("a", 1), "and": ("&", 0), "of": ("f", 0), "between": ("<", 0), "by": ("y", 0)}
    return words, re.compile(rf"\b(?:{either(words)})\b", re.I), needed


def _read(text: str, form: str, code: str, run: list[re.Match[str]]) -> NumberWords | None:
    """The number that ``run`` says, its words being of ``form``; None where they count nothing."""
    start, end = run[0].start(), run[-1].end()
    numbers = [_vocabulary()[0][lower(match[0])][1] for match in run]
    scale = next((number for letter, number in zip(code, numbers, strict=True) if letter in "hkmbr"), 1)
    if form == "cardinal":
        return NumberWords(_sum(code, numbers), start, end, False)
    if form == "seconds":
        return NumberWords(float(numbers[0]), start, run[0].end(), False) if lower(run[1][0]) == "second" else None
    if form == "dozen":
        return NumberWords((0.5 if "x" in code else _sum(code[:-1], numbers[:-1])) * DOZEN, start, end, False)
    if form == "mixed":
        return NumberWords((_sum(re.sub("[&mbr].*", "", code), numbers) + 0.5) * scale, start, end, False)
    if form in ("scaled", "parts"):
        place = next(n for n, letter in enumerate(code) if letter in "pQoOqx")
        if form == "parts" and not _parts_a_whole(text, code, run):  # "three quarters" of a year
            return NumberWords(_sum(code[:-1], numbers), start, run[-2].end(), False) if code[-1] == "Q" else None
        share = _sum(code[:place], numbers) / numbers[place] if place else 0.5
        return NumberWords(share * scale, start, end, form == "parts" and not _OF_A.match(text, end))
    if form == "half":
        whole = _WHOLE.match(text, end) and not _HALF_OF_TWO.search(text, max(0, start - 40), start)
        if whole or _A.match(text, end) or _is_difference(text, start, end):
            share = bool(whole) or not _A.match(text, end)
            return NumberWords(0.5, start, end, share and not _OF_A.match(text, end))
    return None


def _parts_a_whole(text: str, code: str, run: list[re.Match[str]]) -> bool:
    """ "Two thirds" always do; "one third" and "three quarters" with a hyphen or before "of", less those of a year."""
    start, end = run[0].start(), run[-1].end()
    hyphened = re.search(_HYPHEN, text[start:end]) is not None
    of_year = _PERIODS.search(text, max(0, start - 20), start)
    if _is_difference(text, start, end):
        return True
    return code[-1] == "p" or hyphened or (_OF.match(text, end) is not None and not of_year)


def _is_difference(text: str, start: int, end: int) -> bool:
    """ "Fell by half", "by a third to 50"; in "by a third party" a thing follows."""
    return bool(_BY.search(text, max(0, start - 10), start) and _CLOSED.match(text, end))


def _sum(code: str, numbers: list[int]) -> float:
    """Of the cardinal that ``code`` says; "a" is one, "and" nothing."""
    total = group = 0
    for letter, number in zip(code, numbers, strict=False):
        if letter == "h":
            group *= number
        elif letter in "kmbr":
            total, group = total + group * number, 0
        else:
            group += number
    return float(total + group)
