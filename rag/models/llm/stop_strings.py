"""Where a text that is still being written ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Event

from rag.models.protocols import Piece


def until_stop(pieces: Iterator[Piece], stops: Sequence[str], abort: Event | None = None) -> Iterator[Piece]:
    """The pieces up to the stop string that is complete first, which is no part of the text.

    What may become a stop string is held back until it is one or is not. llama.cpp can do this too, but
    loses what it holds back when the reply ends there.
    """
    text, shown = "", 0
    last: Piece | None = None
    for last in pieces:
        text += last.text
        ready, stopped = _visible(text, stops)
        if stopped or ready > shown or not last.text:
            yield replace(last, text=text[shown:ready])
            shown = ready
        if stopped:
            return
    if last and shown < len(text) and not (abort and abort.is_set()):
        yield replace(last, text=text[shown:])


def _visible(text: str, stops: Sequence[str]) -> tuple[int, bool]:
    """How many characters of an unfinished text may be shown, and whether a stop string has ended it.

    >>> _visible("one\\nQ", ["\\nQuestion"]), _visible("one\\nQuestion 2", ["\\nQuestion"])
    ((3, False), (3, True))
    """
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    if found:
        return min(found), True
    begun = [n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])]
    return len(text) - max(begun, default=0), False
