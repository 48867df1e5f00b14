"""Which language a text is in: one of those whose stems and sentence ends are known, English where that is unsure."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from rag.text.lists import word_list

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

STEMMERS = MappingProxyType(
    {
        "ar": "arabic",
        "ca": "catalan",
        "cs": "czech",
        "da": "danish",
        "de": "german",
        "el": "greek",
        "en": "english",
        "es": "spanish",
        "et": "estonian",
        "eu": "basque",
        "fi": "finnish",
        "fr": "french",
        "hi": "hindi",
        "hu": "hungarian",
        "it": "italian",
        "lt": "lithuanian",
        "nl": "dutch",
        "no": "norwegian",
        "pl": "polish",
        "pt": "portuguese",
        "ro": "romanian",
        "ru": "russian",
        "sr": "serbian",
        "sv": "swedish",
        "tr": "turkish",
    }
)
"""The languages told apart (ISO 639-1) and the snowball stemmer of each."""

_SAMPLE = 400  # characters; 1,000 tell 2 more of 1,200 pages
_FEWEST_LETTERS = 20
_SURE = 0.8  # probability among these; of 1,120 pages in 14 languages .99 pass, of 585 English files none (LOG.md)
_ENGLISH_SHARE = 0.3  # of its words that are English function words; a Dutch sentence, the nearest, had .25
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """The language of ``text``, by its first 400 characters.

    A plainly English text is told by its function words; only for others is the model opened, which takes half a second
    and 120 MB once.

    >>> language_of("Die Kaution beläuft sich auf 1.800 Euro."), language_of("Port: 8443")
    ('de', 'en')
    """
    return _language(text[:_SAMPLE])


@lru_cache(maxsize=1024)
def _language(sample: str) -> str:
    words = _WORD.findall(sample.lower())
    if sum(map(len, words)) < _FEWEST_LETTERS:
        return "en"
    if sum(map(_english().__contains__, words)) >= _ENGLISH_SHARE * len(words):
        return "en"
    language, probability = _identifier().classify(" ".join(words))
    return str(language) if probability >= _SURE else "en"


@cache
def _english() -> frozenset[str]:
    return frozenset(word_list("stop_words"))


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(STEMMERS))
    return LanguageIdentifier(  # one that does not keep the 28 MB of the languages left out
        identifier.nb_ptc,
        identifier.nb_pc,
        identifier.nb_classes,
        identifier.tk_nextmove,
        identifier.tk_output,
        norm_probs=True,
        tk_row=identifier.tk_row,
    )
