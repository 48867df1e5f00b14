"""What kind of answer a question asks for, by its words."""

from __future__ import annotations

import re

from rag.text.quantities import Kind

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
_ONE_THING = re.compile(
    r"\b(?:who|whom|whose|which|where|when|how (?:many|much|old|long|tall|far|large))\b"
    r"|\bwhat(?: \w+)? (?:is|are|was|were|did|does|do|has|have)\b|\b(?:in|on|at|by|for) (?:what|which|whom)\b",
    re.I,
)
_A_NAME = re.compile(r"\b(?:who|whom|whose|where)\b", re.I)
_BEARING = re.compile(
    r"\b(?:what|how)\b.*\b(?:effects?|impact|influence|role|relation(?:ship)?|link(?:age)?|connection|correlation|"
    r"association|efficacy|effective\w*|benefits?|risks?|status|trend|stance|position|views?|beliefs?|consensus|"
    r"evidence|possible|known|affects?|contributes?|changes?)\b|\bwhich\b.*\b(?:better|best|safer|worse|more|most)\b",
    re.I,
)
_QUANTITIES: tuple[tuple[re.Pattern[str], frozenset[Kind]], ...] = (
    (
        re.compile(
            r"\bhow much\b.*\b(?:worth|cost|pa(?:y|id)|price|sp(?:end|ent)|invest|earn|raise|charge|pledge)", re.I
        ),
        frozenset({"money"}),
    ),
    (re.compile(r"\bhow much\b", re.I), frozenset({"money", "percent", "count"})),
    (re.compile(r"\bhow (?:many|long|old|big|large|far)\b", re.I), frozenset({"count"})),
    (
        re.compile(r"^\W*what (?:did|does|do|is|was|will|would)\b.*\b(?:cost|price|worth|pay|spend|budget)\b", re.I),
        frozenset({"money"}),
    ),
    (re.compile(r"\bwhat (?:percentage|percent|share|proportion)\b", re.I), frozenset({"percent"})),
    (
        re.compile(r"\bwhat (?:is|was|are|were) the (?:total |current )?(?:population|number)\b", re.I),
        frozenset({"count"}),
    ),
    (re.compile(r"\b(?:when|what (?:year|date|day|time))\b", re.I), frozenset({"date"})),
)


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


def asks_how_it_stands(question: str) -> bool:
    """Whether an effect, a relation or a position is asked for: what a source can affirm or deny.

    >>> asks_how_it_stands("What is the effect of zinc on colds?"), asks_how_it_stands("Who found zinc?")
    (True, False)
    """
    return _BEARING.search(question) is not None


def asks_for_one_thing(question: str) -> bool:
    """Whether a name, a date, a place or a figure would answer.

    >>> asks_for_one_thing("What sport is Lee associated with?"), asks_for_one_thing("Why did Lee leave?")
    (True, False)
    """
    return _ONE_THING.search(question) is not None


def asks_for_a_name(question: str) -> bool:
    """Whether a person or a place would answer.

    >>> asks_for_a_name("Who designed it?"), asks_for_a_name("Which license has it?")
    (True, False)
    """
    return _A_NAME.search(question) is not None


def quantities_asked(question: str) -> frozenset[Kind]:
    """Kinds of quantity that would answer; empty where the question is not for one.

    >>> sorted(quantities_asked("How much was the deal worth?"))
    ['money']
    """
    return next((kinds for pattern, kinds in _QUANTITIES if pattern.search(question)), frozenset())
