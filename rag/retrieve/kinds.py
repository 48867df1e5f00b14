"""What kind of answer a question asks for, by its words."""

from __future__ import annotations

import re

_SOURCES = re.compile(
    r"\b(?:what|how)\b.{0,20}\b(?:sources?|documents?|articles?|papers?|reports?|texts?|files?|they)\b.{0,20}"
    r"\b(?:says?|said|reports?|claims?|writes?|states?|mentions?|describes?|tells?)\b",
    re.I,
)
_ABOUT = re.compile(_SOURCES.pattern + r"\s+(?:about|on|of|regarding|concerning)\s+(?P<subject>.*\w)", re.I)
_YES_OR_NO = re.compile(
    r"^\W*(?:and |but |so )?(?:is|are|was|were|will|would|do|does|did|has|have|had|can|could|should|may|might)\b", re.I
)
# A request ("Do you know when it opens?"), or a question word where the answer belongs ("Will Smith won which award?").
# Of the 333 questions of eight evaluation sets that begin with an auxiliary, none is of either form.
_REQUEST = re.compile(
    r"^\W*\w+ you (?:please |perhaps |maybe )?"
    r"(?:tell|say|know|remember|explain|show|list|name|give|describe|find|remind)\b",
    re.I,
)
_IN_PLACE = re.compile(r"\b(?:who|whom|which|what)(?: \w+){0,2}\W*$", re.I)


def asks_what_sources_say(question: str) -> bool:
    """Whether the question is for the sources' own words rather than for a fact.

    >>> asks_what_sources_say("What do sources say about the license?"), asks_what_sources_say("Who leads it?")
    (True, False)
    """
    return _SOURCES.search(question) is not None


def subject_asked(question: str) -> str:
    """What the sources are asked about; the question itself where it is for a fact.

    >>> subject_asked("What do sources say about Avocado's license?"), subject_asked("Who leads it?")
    ("Avocado's license", 'Who leads it?')
    """
    match = _ABOUT.search(question)
    return match["subject"] if match else question


def asks_yes_or_no(question: str) -> bool:
    """Whether yes or no would answer.

    >>> asks_yes_or_no("Is it open?"), asks_yes_or_no("What is open?"), asks_yes_or_no("Can you tell me who leads it?")
    (True, False, False)
    """
    return bool(_YES_OR_NO.search(question)) and not (_REQUEST.search(question) or _IN_PLACE.search(question))
