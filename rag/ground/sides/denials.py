"""One source denies what the question names while another speaks of it without denying."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.ground.sides.common import side
from rag.ground.sides.opposites import POLES
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.words import content_stems, overlap, plain
from rag.types import Evidence, Side

_DENIAL = re.compile(
    r"\b(?:no|not|never|none|neither|nor|cannot|without|lack(?:s|ed|ing)?|absence|fail(?:s|ed)? to|insufficient|"
    r"unlikely|den(?:y|ies|ied)|reject(?:s|ed)?|refut(?:e|es|ed)|disput(?:e|es|ed)|contrary|rather than|instead of|"
    r"unproven|false|myth|hoax)\b|n['’]t\b",
    re.I,
)
_NO_DENIAL = re.compile(
    r"\b(?:with (?:or|and) without|whether or not|not (?:only|just|least|to mention)|no doubt)\b", re.I
)


def denied_sides(asked: Asked, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """The sources that deny something where they speak of what is asked, against those that do not; () unless both.

    Only the sentences nearest to the question count, and a denial must have half of its words and nearly as many as
    the sentence that has most: a question that one sentence answers word for word is not put in doubt by a remark.
    What exactly is denied a reader has to see; words alone do not tell it.
    """
    stems = set(asked.stems)
    if len(stems) < TUNING.least_shared or not (asked.yes_or_no or asked.how_it_stands):
        return ()  # too little to tell what a denial is about, or nothing that could be denied
    poles = {POLES[s] for s in stems if s in POLES}
    if any((pair, -sign) in poles for pair, sign in poles):
        return ()  # "open or closed?" has no side that denies
    near = sorted(evidence, key=lambda e: (-e.score, e.number))[: TUNING.nearest]
    said = {e: set(content_stems(plain(e.quote))) for e in near}
    covered = {e: overlap(stems, said[e]) for e in near}
    least = max(TUNING.spoken_of, TUNING.as_fully * max(covered.values(), default=0.0))
    denying: list[Evidence] = []
    affirming: list[Evidence] = []
    for e in near:
        turned = {(pair, -sign) for pair, sign in poles} & {POLES[s] for s in said[e] if s in POLES}
        if turned or _denies(plain(e.quote)):
            denying += [e] if covered[e] >= least else []
        elif covered[e] >= TUNING.mentioned:
            affirming.append(e)
    if not denying or not affirming or len({e.document_id for e in (*denying, *affirming)}) < 2:
        return ()
    return side("says so", affirming), side("denies or limits it", denying)


def _denies(text: str) -> bool:
    return _DENIAL.search(_NO_DENIAL.sub("", text)) is not None
