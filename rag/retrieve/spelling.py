"""Words of a question that no document has, and what of the documents may have been meant by each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rag.index.lexical import Lexical
from rag.retrieve.question import Asked
from rag.text.words import spelled_out, words
from rag.types import Chunk

_MOST = 2  # words that are asked about
_SHORTEST = 5  # letters; of shorter words too many are alike
_LONG = 12  # letters of a word in which two slips are likely
_SHORTEST_ACRONYM = 3  # letters


def meant(asked: Asked, nearest: Iterable[Chunk], documents: Lexical) -> Mapping[str, str]:
    """For words of the question that no document has: the word of the documents that is spelled most like it, or, for
    an acronym, the words in ``nearest`` that it stands for.
    """
    unknown = dict.fromkeys(w.text for w in words(asked.text) if w.text.isalpha() and not documents.has(w.text))
    texts = [chunk.search_text for chunk in nearest] if unknown else []
    hints = {word: _long_form(word, texts) or _near(word, documents) for word in unknown}
    return dict([(word, hint) for word, hint in hints.items() if hint][:_MOST])


def _long_form(acronym: str, texts: Iterable[str]) -> str:
    """The words that it abbreviates; "" where none of the texts writes them as a name, or twice."""
    if len(acronym) < _SHORTEST_ACRONYM:
        return ""
    forms = [form for text in texts for form in spelled_out(acronym, text)]
    return next((form for form in forms if form.istitle() or forms.count(form) > 1), "")


def _near(word: str, documents: Lexical) -> str:
    """The word that takes the fewest changes; "" where each takes too many to be a slip."""
    near = documents.near(word, 1 if len(word) < _LONG else 2) if len(word) >= _SHORTEST else []
    return near[0][0] if near else ""
