"""Whether the question can be answered from what was found; a reason to refuse is a sentence for the person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from threading import Event

from rag.index.snapshot import Index
from rag.load.metadata import title_from_name
from rag.models.protocols import Generator, Prompt
from rag.retrieve.question import Asked
from rag.retrieve.relevance import Relevance
from rag.retrieve.spelling import meant
from rag.retrieve.tuning import TUNING, Caution, ModelShare
from rag.text.dates import is_month
from rag.text.negation import NEGATIONS
from rag.text.words import content_stems

_MOST_NAMED = 3  # files that could not be read, in one reason


def unlikely(
    asked: Asked, relevance: Relevance, index: Index, *, caution: Caution, model: str, surprise: float | None = None
) -> str:
    """Why the evidence is too unlikely to answer; "" where it may.

    ``model`` is the language model's name and ``surprise`` what it says of the evidence; None: it has not been asked
    yet, and only what it could not turn any more is refused.
    """
    share = model_share(asked, model)
    log_odds = share.log_odds(relevance.answerable, share.most if surprise is None else surprise)
    if asked_for := [path for path in index.unread if _is_named(path, asked)]:
        return f"{', '.join(asked_for)} could not be read."
    if log_odds >= TUNING.caution[caution]:
        return ""
    unread = "".join(f" {path}, which could not be read, may have it." for path in _maybe(asked, index))
    return _reason(asked, relevance, index) + unread


def _reason(asked: Asked, relevance: Relevance, index: Index) -> str:
    absent = [n.text for n in asked.names if n.text.isalnum() and n.stem not in NEGATIONS]  # "NOT", "I'll": no names
    absent = [name for name in absent if not is_month(name)]  # a file says 2024-03 of March
    absent = [name for name in absent if not (asked.text.isupper() or index.mentions(name))]
    hints = meant(asked, dict.fromkeys(c.hit.chunk for c, _ in relevance.ranked), index.words)
    asks = (
        f"Did you mean “{hint}” by “{word}”?"
        if word in absent
        else f"No document has the word “{word}”; did you mean “{hint}”?"
        for word, hint in hints.items()
    )
    return " ".join([_why(absent, relevance), *asks])


def _why(absent: Sequence[str], relevance: Relevance) -> str:
    if absent:
        return f"No document mentions {', '.join(dict.fromkeys(absent))}."
    if relevance.missing:
        return f"The passages that come nearest do not speak of {', '.join(relevance.missing)}."
    return "The passages that were found do not answer the question."


def _is_named(path: str, asked: Asked) -> bool:
    """Whether the question is for this very file: by its name, or by all of several words of it."""
    name = PurePosixPath(path).name
    stems = set(content_stems(title_from_name(path)))
    return name.casefold() in asked.text.casefold() or (len(stems) > 1 and stems <= set(asked.stems))


def _maybe(asked: Asked, index: Index) -> list[str]:
    """Files that were not read and have a word of the question in their names."""
    return [p for p in index.unread if set(content_stems(title_from_name(p))) & set(asked.stems)][:_MOST_NAMED]


def model_share(asked: Asked, model: str) -> ModelShare:
    """How much the language model has a say in whether the question can be answered."""
    return TUNING.topic if asked.what_sources_say else TUNING.models.get(model, TUNING.unheard)


def model_surprise(generator: Generator, prompt: Prompt, none: str, abort: Event | None) -> float:
    """-log of the probability with which the model begins ``none``, its reply that nothing shown answers."""
    return -generator.score(prompt, (none,), abort=abort)[0]
