"""(history, question) -> a question that stands on its own.

Only words of the conversation are put in, by rule, so that a rewrite cannot invent a subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.words import content_stems, names

_PRONOUN = re.compile(
    r"\b(?P<possessive>its|their|his)\b|\b(?P<subject>it|they|them|he|she|him|her|this one|that one)\b", re.I
)
_OPENING = re.compile(r"^(?:and|but|so|what about|how about|why|when|where|who|how)\b", re.I)


def _topic(question: str) -> str:
    """The last run of names in a question, as written; "" where it has none.

    >>> _topic("What do sources say about Scale AI's deal?")
    'Scale AI'
    """
    found = names(question)
    if not found:
        return ""
    run = [found[-1]]
    for name in reversed(found[:-1]):
        if question[name.end : run[0].start].strip():
            break
        run.insert(0, name)
    return re.sub(r"['’]s?$", "", question[run[0].start : run[-1].end])


def standalone(question: str, history: Sequence[tuple[str, str]]) -> str:
    """``question`` with the subject of the last questions put in for a pronoun, or named after it.

    ``history`` holds (standalone question, answer) pairs, oldest first. A question that names its own
    subject is returned unchanged.

    >>> standalone("And when will it launch?", [("What is Avocado?", "A model.")])
    'And when will Avocado launch?'
    """
    topic = next((t for asked, _ in reversed(history) if (t := _topic(asked))), "")
    if not topic or names(question):
        return question

    def put_in(match: re.Match[str]) -> str:
        return f"{topic}'s" if match["possessive"] else topic

    rewritten, count = _PRONOUN.subn(put_in, question, count=1)
    if count:
        return rewritten
    if _OPENING.match(question.strip()) and len(content_stems(question)) <= 3:
        return f"{question.rstrip(' ?.!')} ({topic})?"
    return question
