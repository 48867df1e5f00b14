"""(history, question) -> a question that stands on its own.

Only words of the conversation are put in, by rule, so that a rewrite cannot invent a subject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.retrieve.kinds import subject_asked
from rag.text.words import content_stems, names

History = Sequence[tuple[str, str]]
"""(standalone question, answer) pairs, oldest first; the answer is "" where it was refused."""

_END = r"(?=\W*$|\s+(?:in|on|at|for|from|to|with|by|of|after|before|now|again|so|too|yet)\b)"
_PRONOUN = re.compile(
    rf"\b(?:(?P<possessive>its|their|his|her(?!{_END}))|(?P<object>(?:it|them|him|her){_END})"
    r"|(?P<subject>it|they|them|he|she|him|this one|that one))\b",
    re.I,
)
_PEOPLE, _SEVERAL = {"he", "she", "him", "his", "her"}, {"they", "them", "their"}
_NO_PRONOUN = re.compile(  # "it" that stands for nothing
    r"\bwhat (?:time|day|date) is it\b|\bis it (?:true|possible|likely)\b"
    r"|\bit (?:(?:is|was|be) )?(?:(?:rain|snow|hail|thunder|freez)(?:s|es|e|ed|ing)?|takes?|matters?|depends?)\b",
    re.I,
)
_OWN_CLAUSE = re.compile(r",|\b(?:says?|said|thinks?|believes?|claims?|that|if|whether|because|while|and)\b", re.I)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)(?:n['’]t)?\b", re.I
)
_CONNECTOR = re.compile(r"^\W*(?:(?:and|but|or|so)\b\s*(?:(?:what|how) about\b)?|(?:what|how) about\b)\s*", re.I)
_BARE = re.compile(
    r"^\W*(?:(?:and|but|so)\s+)?(?P<wh>why|when|where|how|how (?:much|many|long|often|so)|why not)\W*$", re.I
)
_ADVERB = re.compile(r"\W*(?:(?:and|but|so)\s+)?(?:why|when|where|how)?\W*", re.I)
_WH = re.compile(r"\b(?:who|whose|what|which|when|where|why|how(?: (?:much|many|long|often))?)\b", re.I)
_ADVERBIAL = re.compile(r"(?P<preposition>in|on|at|during|since|before|after|by|until)\s+(?P<object>.+)", re.I)
_EVENT = re.compile(r"\b(?:that|this)(?=\W*$|\s+(?:happen|mean|work|true|end|is|was|start|change)\w*\b)", re.I)
_GENERIC = re.compile(
    r"\bthe (?:company|firm|model|deal|product|project|person|country|city|place|plan|group|law)\b", re.I
)
_ANSWERED_BY_NAME = re.compile(
    r"^\W*(?:which|what) (?:company|firm|startup|lab|model|product|country|city|team|group)\b", re.I
)
_NO_PERSON = re.compile(r"\b(?:Labs?|Inc|Corp|Company|Group|Platforms|University|Institute|Bank|States|Party|Team)\b")
_PASSIVE = re.compile(
    r"^\W*(?:who|what|when|where|why|how) (?:is|are|was|were|has been|have been) \w+(?:ed|en)\W*$", re.I
)
_ORDER = re.compile(r"^\W*(?:tell me about|describe|explain|summari[sz]e|list|compare|define)\b", re.I)
_DETERMINED = re.compile(r"(?:the|an?|this|these|those|our|my)\b", re.I)
_PHRASE_END = re.compile(r"[,;?.!]|\b(?:in|on|at|for|from|to|with|by|of|after|before|that|which|who|when|than)\b", re.I)


@dataclass(frozen=True, slots=True)
class _Run:
    """Names that stand together, a number after them included: "Scale AI", "Llama 4 Maverick"."""

    text: str
    start: int
    end: int
    modifies: bool  # an acronym before a common noun: "AI unit"

    @property
    def shape(self) -> tuple[bool, bool, bool]:
        """Written like a person's name; with a number; an acronym."""
        number, acronym = any(c.isdigit() for c in self.text), self.text.isupper()
        words = self.text.split()
        plain = all(w[0].isupper() and not w[1:].isupper() and "-" not in w for w in words if len(w) > 1)
        person = 2 <= len(words) <= 3 and not number and plain and not _NO_PERSON.search(self.text)
        return person, number, acronym


def _runs(text: str) -> list[_Run]:
    spans: list[tuple[int, int]] = []
    for word in names(text):
        end = word.start + len(re.sub(r"['’]s?$", "", word.text))
        number = re.match(r"[ -]\d+(?:\.\d+)?\b", text[end:])
        end += number.end() if number else 0
        if spans and not text[spans[-1][1] : word.start].strip():
            spans[-1] = spans[-1][0], end
        else:
            spans.append((word.start, end))
    return [
        _Run(text[a:b], a, b, modifies=text[a:b].isupper() and re.match(r" [a-z]{3,}", text[b:]) is not None)
        for a, b in spans
    ]


# --- what was spoken of --------------------------------------------------------------------------


def _common(question: str) -> str:
    """What a question without names is about, as written; "" where that cannot be told.

    >>> _common("What do foxes eat?"), _common("When was the harbour bridge built?")
    ('foxes', 'the harbour bridge')
    """
    verb = _AUXILIARY.search(question)
    if verb is None:
        return ""
    rest = question[verb.end() :].strip(" ?.!")
    phrase = _PHRASE_END.split(rest)[0].split()
    if not phrase or _PRONOUN.match(rest) or not content_stems(" ".join(phrase)):
        return ""
    if re.fullmatch(r"\W*(?:what|who)\s*", question[: verb.start()], re.I) and verb[0].lower() in "is are was were":
        return " ".join(phrase[:-1] if len(phrase) > 1 and phrase[-1].endswith("ed") else phrase)
    if _DETERMINED.match(rest):
        return " ".join(phrase[:-1] if len(phrase) > 2 else phrase)
    plural = next((n for n, word in enumerate(phrase[:3], 1) if word.endswith("s")), 1)
    return " ".join(phrase[:plural])


def _thing(asked: str, answer: str) -> str:
    """What "it" is after this turn; "" where there is nothing."""
    runs = _runs(asked)
    if _ANSWERED_BY_NAME.match(asked):
        new = [r for r in _runs(f"is {answer}") if r.text not in asked]  # inside a sentence any capital is a name
        if new:
            return new[0].text
    for one, other in pairwise(runs):  # "Meta's deal with Scale AI"
        if re.fullmatch(r"['’]s? \w+ (?:with|between|against) ", asked[one.end : other.start]):
            return asked[one.start : other.end]
    chosen = [r for r in runs if not r.modifies] or runs
    chosen = [r for r in chosen if not r.shape[0]] or chosen
    return chosen[-1].text if chosen else _common(asked)


def _several(asked: str, answer: str) -> str:
    """What "they" are: names joined by "and", or else what "it" would be."""
    runs = _runs(asked)
    joined = runs[:1]
    for run in runs[1:]:
        if joined and re.fullmatch(r",? (?:and|or) |, ", asked[joined[-1].end : run.start]):
            joined.append(run)
        elif len(joined) < 2:
            joined = [run]
    return asked[joined[0].start : joined[-1].end] if len(joined) > 1 else _thing(asked, answer)


def _person(asked: str, answer: str) -> str:
    """Who "he" or "she" is after this turn; "" where nobody is named in full."""
    there, new = ([r.text for r in _runs(text) if r.shape[0]] for text in (asked, answer))
    new = [name for name in new if name not in asked]
    who = re.match(r"\W*(?:and |but |so )?who(?:se)?\b", asked, re.I) is not None
    found = [*new[:1], *there[-1:]] if who and new else [*there[-1:], *new[:1]]
    return found[0] if found else ""


def _topic(pronoun: str, history: History) -> str:
    pronoun = pronoun.lower()
    of = _person if pronoun in _PEOPLE else _several if pronoun in _SEVERAL else _thing
    found = next((t for asked, answer in reversed(history) if (t := of(asked, answer))), "")
    return found or (_topic("it", history) if of is _person else "")


def _gist(asked: str) -> str:
    """A question without its question words: what it takes to be so.

    >>> _gist("How many jobs did Meta cut?")
    'jobs Meta cut'
    """
    subject = subject_asked(asked).strip(" ?.!")
    if subject != asked.strip(" ?.!"):
        return subject
    words = _AUXILIARY.sub("", _WH.sub("", _CONNECTOR.sub("", subject), count=1), count=1)
    return " ".join(words.split())


# --- the rewrite ---------------------------------------------------------------------------------


def standalone(question: str, history: History) -> str:
    """``question`` with what it leaves to the conversation put in; one that stands on its own is returned unchanged.

    >>> standalone("And when will it launch?", [("What is Avocado?", "A model.")])
    'And when will Avocado launch?'
    >>> standalone("What about Mango?", [("Which license does Avocado have?", "A closed one.")])
    'Which license does Mango have?'
    """
    if not history or not re.search(r"\w", question):
        return question
    for rule in (_bare, _elliptical, _pronoun, _in_brackets):
        if (found := rule(question, history)) is not None:
            return found
    return question


def _append(question: str, said: str) -> str:
    return f"{question.rstrip(' ?.!')} ({said})?" if said else question


def _pronoun(question: str, history: History) -> str | None:
    match = None if _NO_PRONOUN.search(question) else _PRONOUN.search(question)
    topic = _topic(match[0], history) if match else ""
    if match is None or not topic:
        return None
    if len({m[0].lower() for m in _PRONOUN.finditer(question)}) > 1:
        return _append(question, topic)  # which of them it is cannot be told
    before = [r for r in _runs(question) if r.end <= match.start()]
    if before:
        last = before[-1]
        between = question[last.end : match.start()]
        outside = match["object"] and not _OWN_CLAUSE.search(between)  # the object is never the subject of its clause
        someone = match[0].lower() in _PEOPLE and last.text in {r.text for r in _runs(history[-1][0])}
        if last.text == topic or not (outside or someone):
            return question
    return question[: match.start()] + (f"{topic}'s" if match["possessive"] else topic) + question[match.end() :]


def _bare(question: str, history: History) -> str | None:
    """ "Why?" asks it of what the last question took to be so."""
    match, asked = _BARE.match(question), history[-1][0]
    if match is None:
        return None
    verb = _AUXILIARY.search(asked)
    wh = match["wh"][0].upper() + match["wh"][1:]
    asks_how = re.compile(r"how \w+ ", re.I) if " " in wh else _ADVERB  # "How deep is it?" - "How long?"
    if verb is None or not (_ADVERB.fullmatch(head := asked[: verb.start()]) or asks_how.fullmatch(head)):
        return _append(wh, _gist(asked))
    return f"{wh} {asked[verb.start()].lower()}{asked[verb.start() + 1 :]}"


def _elliptical(question: str, history: History) -> str | None:
    """ "And X?" asks the last question of X instead, or at X."""
    asked = history[-1][0]
    rest = _CONNECTOR.sub("", question).strip(" ?.!")
    connected = rest != question.strip(" ?.!")
    if not rest or _AUXILIARY.search(rest) or _WH.search(rest):
        return None
    if adverbial := _ADVERBIAL.fullmatch(rest):
        if _EVENT.search(rest):
            return _append(question, _gist(asked))
        pronoun = _PRONOUN.fullmatch(adverbial["object"])
        object_ = _topic(pronoun[0], history) if pronoun else adverbial["object"]
        return _with_adverbial(asked, adverbial["preposition"].lower(), object_) if object_ else None
    if not connected or _PRONOUN.search(rest):
        return None
    at = question.rindex(rest)
    new = [r for r in _runs(question) if r.start >= at]
    if new and question[at : new[0].start].lower() in ("", "the ") and new[-1].end == at + len(rest):
        return _with_name(asked, rest, new[0])
    topic = "" if new or _runs(asked) or _DETERMINED.match(rest) else _common(asked)
    return asked.replace(topic, rest, 1) if topic and len(rest.split()) <= 2 else None


def _with_name(asked: str, rest: str, new: _Run) -> str | None:
    """The question with ``rest``, the name ``new`` and perhaps "the", in the stead of the name most like it."""
    runs = [r for r in _runs(asked) if not r.modifies]
    like = [r for r in runs if r.shape == new.shape] or runs
    if not like or rest in asked:
        return None
    old = like[-1]
    one_article = rest.lower().startswith("the ") or not re.match(r" [a-z]", asked[old.end :])  # not "the Kiwi model"
    start = old.start - (len("the ") if one_article and asked[: old.start].lower().endswith("the ") else 0)
    return asked[:start] + rest + asked[old.end :]


def _with_adverbial(asked: str, preposition: str, object_: str) -> str:
    """The question with the time or place put in the stead of its own, or at its end."""
    if re.match(r"\d{4}\b", object_):
        own = re.search(r"\b(?:in|since|before|after|by|until|during)\s+\d{4}\b", asked)
    else:
        places = (re.search(rf"\b{preposition}\s+{re.escape(r.text)}", asked) for r in _runs(asked))
        own = next((match for match in places if match), None)
    said = f"{preposition} {object_}"
    return asked[: own.start()] + said + asked[own.end() :] if own else f"{asked.rstrip(' ?.!')} {said}?"


def _in_brackets(question: str, history: History) -> str | None:
    """A question that says too little, with what was spoken of after it."""
    if names(question):
        return None
    asked, answer = history[-1]
    if _EVENT.search(question):
        return _append(question, _gist(asked))
    spoken_of = set(content_stems(f"{asked} {answer}"))
    nouns = re.findall(r"\bthe (\w+)", question, re.I)
    known = any(stem in spoken_of for noun in nouns for stem in content_stems(noun))
    stems, verb = len(content_stems(question)), _AUXILIARY.search(question)
    asks = re.match(r"\W*(?:who|which|what|how)\b", question, re.I) is not None
    fragment = verb is None and not _ORDER.match(question) and stems <= (1 if asks else 3)
    if (
        known
        or fragment
        or _PASSIVE.match(question)
        or _GENERIC.search(question)
        or (_CONNECTOR.match(question) and stems <= 3)
    ):
        return _append(question, _topic("it", history))
    return None
