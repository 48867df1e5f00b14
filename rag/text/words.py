"""Text -> words, stems and names: the units in which two statements are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Protocol

from rag.text.languages import STEMMERS
from rag.text.lists import word_list
from rag.text.wiki import without_markup

WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:['’][^\W_]+)?")
"""An underscore parts words, as in the names of files and settings."""

STOPWORDS = frozenset(word_list("stop_words"))
"""Words that carry no content of their own. Negations are not among them: they change what is said."""


_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})
_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; other scripts have marks that are letters


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


@cache
def _stemmer(language: str) -> _Stemmer:
    from Stemmer import Stemmer

    stemmer: _Stemmer = Stemmer(STEMMERS[language], 0)  # without its cache, which threads must not share
    return stemmer


def fold(word: str) -> str:
    """A word in lower case without accents, "ß" as "ss", as people type it on another keyboard.

    >>> fold("Café"), fold("Straße")
    ('cafe', 'strasse')
    """
    word = word.lower()
    if word.isascii():
        return word
    parted = unicodedata.normalize("NFD", word.translate(_LETTERS))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", parted))


@lru_cache(maxsize=10_000)
def stem(word: str) -> str:
    """The word's English stem, lower case, without accents or a possessive (Porter 2, snowballstem.org).

    >>> stem("Models'"), stem("Meta’s"), stem("licenses")
    ('model', 'meta', 'licens')
    """
    word = re.sub(r"['’](s|S)?$", "", fold(word))
    return _stemmer("en").stemWord(word) if word.isalpha() else word


@lru_cache(maxsize=10_000)
def stem_in(word: str, language: str) -> str:
    """The word's stem in ``language`` behind its code, so that it is no English one, without accents and "l'".

    >>> stem_in("Verträgen", "de"), stem_in("l'école", "fr")
    ('de vertrag', 'fr ecol')
    """
    bare = max(reversed(re.split(r"['’]", word.lower())), key=len)
    return f"{language} {fold(_stemmer(language).stemWord(bare)) if bare.isalpha() else fold(bare)}"


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    stem: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Every word of ``text`` in order, hyphenated ones in their parts, stopwords included."""
    return [Word(m[0], stem(m[0]), *m.span()) for m in WORD.finditer(text)]


def content_words(text: str) -> list[str]:
    """Words of ``text`` as they are written, less English stopwords."""
    return [word for word in WORD.findall(text) if word.lower() not in STOPWORDS]


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry content, in order.

    >>> content_stems("What do sources say about Avocado's license?")
    ['avocado', 'licens']
    """
    stems = map(stem, content_words(text))
    return [s for s in stems if s not in STOPWORDS]


_SENTENCE_START = re.compile(r"(?:^|[.!?:;]['\"”’)\]]*\s+|\n\s*|[“\"(•]\s*)$")


def names(text: str) -> list[Word]:
    """Words written as names: capitalised inside a sentence, acronyms, or mixed case.

    The first word of a sentence counts only when it cannot be an ordinary one: an acronym, mixed
    case, or directly followed by another name.

    >>> [w.text for w in names("The lab of Alexandr Wang at Meta uses an LLM.")]
    ['Alexandr', 'Wang', 'Meta', 'LLM']
    """
    found: list[Word] = []
    all_words = words(text)
    for position, word in enumerate(all_words):
        bare = re.sub(r"['’]s$", "", word.text)
        if not bare[:1].isalpha() or word.text.lower() in STOPWORDS or len(bare) < 2:
            continue
        shouting = bare.isupper() or any(c.isupper() for c in bare[1:]) or (bare.isalnum() and not bare.isalpha())
        if shouting:
            found.append(word)
        elif bare[0].isupper():
            starts = _SENTENCE_START.search(text, max(0, word.start - 8), word.start) is not None
            following = all_words[position + 1] if position + 1 < len(all_words) else None
            joined = following is not None and text[word.end : following.start] == " " and following.text[0].isupper()
            if not starts or joined:
                found.append(word)
    return found


def initials(text: str) -> frozenset[str]:
    """Acronyms the words of ``text`` could be shortened to, lower case, 2 to 5 letters.

    >>> "llm" in initials("a large language model")
    True
    """
    letters = "".join(w.text[0].lower() for w in words(text))
    return frozenset(letters[i : i + n] for n in range(2, 6) for i in range(len(letters) - n + 1))


def spelled_out(acronym: str, text: str) -> list[str]:
    """Words of ``text`` in a row, the first with content, that the acronym is the initials of.

    >>> spelled_out("PTO", "Ask for Paid Time Off early.")
    ['Paid Time Off']
    """
    found, letters = words(text), fold(acronym)
    forms = []
    for first in range(len(found) - len(letters) + 1):
        run = found[first : first + len(letters)]
        if all(fold(w.text)[:1] == letter for w, letter in zip(run, letters, strict=True)):
            together = all(text[a.end : b.start] in (" ", "-") for a, b in pairwise(run))
            if together and run[0].text.lower() not in STOPWORDS:
                forms.append(text[run[0].start : run[-1].end])
    return forms


_REFERENCE = re.compile(r"\s*\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]")


def plain(text: str) -> str:
    """``text`` on one line without wiki markup and its document's reference marks, which are no markers of ours.

    >>> plain("It is\\nopen [1, 4].")
    'It is open.'
    """
    return re.sub(r"\s+", " ", _REFERENCE.sub("", without_markup(text))).strip()


def one_line(text: str) -> str:
    """``text`` with each run of white space as one blank, none at its ends."""
    return " ".join(text.split())


def overlap(wanted: Iterable[str], present: Iterable[str]) -> float:
    """Share of the distinct ``wanted`` that is ``present``; 1 where nothing is wanted."""
    wanted, present = set(wanted), set(present)
    return len(wanted & present) / len(wanted) if wanted else 1.0
