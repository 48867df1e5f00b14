"""Prompt -> draft -> Claims: the model writes, a streaming parser ends sentences and resolves their markers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Event

from rag.models.protocols import Generator, Prompt
from rag.text.dates import SHORT_MONTHS
from rag.text.lists import either, word_list
from rag.types import Claim, Drafting, Reading

_OPEN, _CLOSE = "[【", "]】"
_MARKER_BODY = re.compile(r"[\d\s,;†\-–]*")
_MARKER = re.compile(r"[\[【]\s*\d+(?:\s*[,;\-–]\s*\d+)*\s*(?:†[^\]】]{0,40})?[\]】]")
_LONGEST_MARKER = 40
_ENDING = re.compile(r"[.!?…]['\"”’)*_]*$")
_ABBREVIATION = re.compile(
    rf"(?:\b(?:{either((*word_list('abbreviations'), *map(str.capitalize, SHORT_MONTHS)))})\.|\b(?:[A-Za-z]\.)+)$"
)
_BULLET = re.compile(r"^\s*(?:[-*•–]\s+|\d{1,2}[.)]\s+|#{1,6}\s+)")
_LARGEST_RANGE = 20


def _numbers(marker: str) -> list[int]:
    """Evidence numbers of one marker; a range is written out where it is short enough to be meant.

    >>> _numbers("[1, 3-5]")
    [1, 3, 4, 5]
    """
    found: list[int] = []
    for part in re.split(r"[,;]", marker.split("†")[0].strip("[]【】 ")):
        ends = [int(n) for n in re.findall(r"\d{1,6}", part)]
        if len(ends) == 2 and 0 < ends[1] - ends[0] <= _LARGEST_RANGE:
            found.extend(range(ends[0], ends[1] + 1))
        else:
            found.extend(ends)
    return found


class DraftParser:
    """Feed it pieces of a draft; it returns each claim once its end and its markers are certain.

    Markers stand before or after the full stop, in [1], [1][2], [1, 2], [1-3] or 【1】; unknown
    numbers are dropped. A bracket that turns out not to be a marker stays text.

    >>> parser = DraftParser(known=3)
    >>> parser.feed("It is closed [1"), parser.feed("]. It launch"), parser.finish()
    ([], [Claim(text='It is closed.', numbers=(1,))], [Claim(text='It launch', numbers=())])
    """

    def __init__(self, *, known: int) -> None:
        self._known = known
        self._text: list[str] = []  # the sentence in hand, without markers
        self._held = ""  # an open bracket that may become a marker
        self._numbers: list[int] = []
        self._ended = False  # a full stop was seen; markers may still follow

    @property
    def pending(self) -> str:
        """The unfinished sentence, without markers."""
        return _BULLET.sub("", "".join(self._text)).strip()

    def feed(self, piece: str) -> list[Claim]:
        done: list[Claim] = []
        for char in piece:
            if self._held:
                self._hold(char, done)
            elif char in _OPEN:
                self._held = char
            else:
                self._add(char, done)
        return done

    def finish(self) -> list[Claim]:
        """The last claim, where there is one."""
        done: list[Claim] = []
        for char in self._take_held():
            self._add(char, done)
        return done + self._emit()

    def _take_held(self) -> str:
        held, self._held = self._held, ""
        return held

    def _hold(self, char: str, done: list[Claim]) -> None:
        self._held += char
        if char in _CLOSE:
            held = self._take_held()
            if _MARKER.fullmatch(held):
                self._numbers.extend(_numbers(held))
            else:
                for c in held:
                    self._add(c, done)
        elif len(self._held) > _LONGEST_MARKER or not (_MARKER_BODY.fullmatch(self._held[1:]) or "†" in self._held):
            held = self._take_held()
            self._add(held[0], done)
            done.extend(self.feed(held[1:]))  # what follows "[" may hold another "["

    def _add(self, char: str, done: list[Claim]) -> None:
        if char == "\n":
            done.extend(self._emit())
            return
        if self._ended and not char.isspace() and char not in ".!?…'\"”’)*_,;":
            done.extend(self._emit())
        self._ended = False if self._ended and char in ",;" else self._ended
        self._text.append(char)
        if char.isspace() and not self._ended:
            tail = "".join(self._text[-24:]).rstrip()
            self._ended = bool(_ENDING.search(tail)) and not _ABBREVIATION.search(tail)

    def _emit(self) -> list[Claim]:
        text = re.sub(r"\s+", " ", _BULLET.sub("", "".join(self._text))).strip()
        text = re.sub(r"(?:\s*[,;])+\s*(?=[.!?]$)", "", text)  # between markers: "[3], [7]."
        text = re.sub(r"\s+([.,;:!?])", r"\1", text).replace("**", "").strip("*_ ")
        numbers = tuple(dict.fromkeys(n for n in self._numbers if 1 <= n <= self._known))
        self._text, self._numbers, self._ended = [], [], False
        return [Claim(text, numbers)] if re.search(r"\w", text) else []


def write_draft(
    generator: Generator, prompt: Prompt, *, sentences: int, max_tokens: int, abort: Event | None
) -> Iterator[Reading | Drafting | Claim]:
    """Let the model write one paragraph: how far it is, what is written so far, and each claim once it is finished.

    ``sentences``: how many it was shown; a marker above that is dropped.
    """
    parser = DraftParser(known=sentences)
    claims: list[Claim] = []
    for piece in generator.stream(prompt, max_tokens=max_tokens, stop=("\n\n",), abort=abort):
        if not piece.text:
            yield Reading(piece.prompt_done, piece.prompt_total)
            continue
        finished = parser.feed(piece.text)
        claims += finished
        yield from finished
        yield Drafting(" ".join([*(c.text for c in claims), parser.pending]))
    yield from parser.finish()
