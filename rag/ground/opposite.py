"""A claim -> its opposite, in words: what a source that contradicts the claim would say."""

from __future__ import annotations

import re
from itertools import chain

_VERBS = """increase:decrease reduce:increase raise:lower improve:worsen enhance:impair promote:inhibit accelerate:slow
activate:deactivate upregulate:downregulate strengthen:weaken prevent:cause protect:harm encourage:discourage
support:oppose allow:prohibit accept:refuse approve:reject"""

_OTHERS = """higher:lower more:less more:fewer better:worse greater:smaller larger:smaller longer:shorter faster:slower
high:low strong:weak elevated:reduced rises:falls rose:fell grows:shrinks grew:shrank wins:loses won:lost buys:sells
bought:sold hired:fired positive:negative positively:negatively effective:ineffective likely:unlikely safe:unsafe
common:rare beneficial:harmful possible:impossible legal:illegal true:false related:unrelated dependent:independent
same:different open:closed public:private presence:absence present:absent majority:minority always:never before:after
without:with"""

_NEGATION = re.compile(
    r"(?P<before>\b(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would|should))"
    r"(?: not\b| no\b|n['’]t\b)(?! only\b)|\b(?P<can>can)(?:not\b|['’]t\b)|\b(?P<will>w)on['’]t\b",
    re.I,
)
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|will|would|should)\b", re.I)
_WHOLE_WORD = re.compile(r"(?<![\w-])[A-Za-z]+(?![\w-])")


def _inflected(verb: str) -> list[str]:
    """Of a regular verb that doubles no consonant."""
    stem = verb.removesuffix("e")
    return [verb, f"{verb}s", f"{stem}ed", f"{stem}ing"]


def _turned() -> dict[str, str]:
    found: dict[str, str] = {}
    others = [pair.split(":") for pair in _OTHERS.split()]
    verbs = [zip(*map(_inflected, pair.split(":")), strict=True) for pair in _VERBS.split()]
    for one, other in chain(others, *verbs):
        found.setdefault(one, other)
        found.setdefault(other, one)
    del found["with"]  # too common a word to be what a claim turns on
    return found


_OPPOSITE = _turned()


def opposite(claim: str) -> str:
    """The claim with a negation taken out, else a word turned round, else a negation put in; "" where none can be.

    Roughly worded, and good enough to ask whether a source says that instead.

    >>> opposite("The drug reduces pain.")
    'The drug increases pain.'
    >>> opposite("It isn't open."), opposite("Ann is the author."), opposite("Ann wrote it.")
    ('It is open.', 'Ann is not the author.', '')
    """
    if negation := _NEGATION.search(claim):
        kept = negation["before"] or negation["can"] or f"{negation['will']}ill"
        return claim[: negation.start()] + kept + claim[negation.end() :]
    for word in _WHOLE_WORD.finditer(claim):
        if turned := _OPPOSITE.get(word[0].lower()):
            turned = turned.capitalize() if word[0][0].isupper() else turned
            return claim[: word.start()] + turned + claim[word.end() :]
    if auxiliary := _AUXILIARY.search(claim):
        return f"{claim[: auxiliary.end()]} not{claim[auxiliary.end() :]}"
    return ""
