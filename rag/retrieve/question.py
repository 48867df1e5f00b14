"""A question, analysed once: everything later stages ask of its words is read off this one value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import QuestionError
from rag.retrieve import kinds
from rag.retrieve.instructions import asks_about_replying
from rag.retrieve.recency import asks_for_the_latest
from rag.retrieve.tuning import TUNING
from rag.text.words import Word, content_stems, names

LONGEST_QUESTION = 2000  # characters


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, and what kind of answer would do."""

    text: str  # as it was asked, on one line
    subject: str  # what the sources are asked about; ``text`` where a fact is asked for
    stems: tuple[str, ...]  # of the words of ``text`` that carry content, in order
    names: tuple[Word, ...]  # words of ``text`` that are written as names
    what_sources_say: bool  # the sources' own words are asked for, rather than a fact
    yes_or_no: bool
    about_replying: bool  # sentences that tell a reader what to reply may be what is asked for
    latest: bool = False  # the newest of several versions is asked for
    earlier: tuple[str, ...] = ()  # questions before it that it may go on from ("and the tunnel?"), latest first


def analyse(question: str, history: Sequence[tuple[str, str]] = ()) -> Asked:
    """The question as asked after ``history``: (question, answer) pairs, oldest first.

    Raises QuestionError where there is nothing to ask, or too much.

    >>> asked = analyse("And when will it launch?", [("What is Avocado?", "A model.")])
    >>> asked.earlier, asked.yes_or_no
    (('What is Avocado?',), False)
    """
    text = check_question(question)
    return Asked(
        text,
        kinds.subject_asked(text),
        tuple(content_stems(text)),
        tuple(names(text)),
        what_sources_say=kinds.asks_what_sources_say(text),
        yes_or_no=kinds.asks_yes_or_no(text),
        about_replying=asks_about_replying(text),
        latest=asks_for_the_latest(text),
        earlier=tuple(earlier for earlier, _ in reversed(history))[: TUNING.earlier_questions],
    )


def check_question(question: str) -> str:
    """The question on one line. Raises QuestionError where there is nothing to ask or too much."""
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"The question is {len(question):,} characters long; at most {LONGEST_QUESTION:,} can be asked.",
            fix="ask a shorter question; put long material into the documents folder",
        )
    one_line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in question)).strip()
    if not re.search(r"\w", one_line):
        raise QuestionError(
            f"There are no words in the question {one_line!r}.", fix="ask a question in words, such as “Who leads …?”"
        )
    return one_line
