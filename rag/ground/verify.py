"""Claims -> Sentences: supported or not, and by which exact span.

A claim is first held against the sentences its markers name, then against all the others, then
against those widened by the sentence before them (a pronoun's antecedent). Quantities, names and
negation must agree exactly; words must mostly agree; what is still undecided goes to the judge, and so does the
opposite of what it would let pass: small models say yes to whatever is about the same things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import chain
from math import log
from threading import Event

from rag.ground.checks import Check, check
from rag.ground.opposite import opposite
from rag.load.metadata import title_from_name
from rag.models.protocols import Verifier
from rag.retrieve.instructions import orders_a_reply
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.negation import negated_stems
from rag.text.words import content_stems, names, overlap, plain, words
from rag.types import Chunk, Citation, Claim, Document, Evidence, Removed, Sentence, is_restated

_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|be|been|will|would|has|have|had|can|could|may|might|must|should|do|does|did)\b", re.I
)
_YES_OR_NO = re.compile(r"\W*(?P<lead>yes|no)\b(?!\.\s*\d)[,.:;!\s]*", re.I)

_COMPARES = re.compile(r"\w{2,}est|most|least|more|less|fewer|only|first|last", re.I)

Widen = Callable[[Evidence], Evidence | None]


def premise(pieces: Iterable[Evidence]) -> str:
    """What a reader has before them: file, title and heading once, and the quotations behind what they stand under."""
    parts: dict[str, None] = {}
    for e in pieces:
        file, title = title_from_name(e.document_id), plain(e.title).rstrip(".:")
        parts.setdefault(
            f"{title}:" if overlap(content_stems(file), content_stems(title)) == 1.0 else f"{file}, {title}:"
        )
        asks = e.heading.endswith("?")  # which tells nothing
        if not asks and e.heading not in ("", e.title, e.context, e.quote):
            parts.setdefault(plain(e.heading))
        parts.setdefault(plain(e.in_context))
    return " ".join(parts)


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim held against one premise made of one or more pieces of evidence."""

    pieces: tuple[Evidence, ...]
    check: Check

    @property
    def premise(self) -> str:
        return premise(self.pieces)


def widener(chunks: Iterable[Chunk], documents: Mapping[str, Document]) -> Widen:
    """A function that extends a piece of evidence to begin at the sentence before it.

    Only over white space: the quotation stays one exact slice without page furniture in it.
    """
    chunks = list(chunks)

    def widen(evidence: Evidence) -> Evidence | None:
        text = documents[evidence.document_id].text
        for chunk in chunks:
            if chunk.document_id != evidence.document_id or not chunk.start <= evidence.start < chunk.end:
                continue
            before = [s for s in chunk.sentences if s.end <= evidence.start]
            if before and not text[before[-1].end : evidence.start].strip():
                start = before[-1].start
                opening = text[start : before[-1].end]
                if opening.endswith("?") or orders_a_reply(opening):
                    return None  # what asks, or tells a reader what to reply, bears nothing out
                return replace(evidence, start=start, quote=text[start : evidence.end])
        return None

    return widen


@dataclass(frozen=True, slots=True)
class _Statement:
    """What is held against premises: the claim, or the question and the fragment that completes it."""

    text: str
    known_names: frozenset[str]

    def hold(self, pieces: Sequence[Evidence]) -> _Held:
        return _Held(tuple(pieces), check(self.text, premise(pieces), known=self.known_names))


def _narrow(statement: _Statement, claim: Claim, evidence: Sequence[Evidence]) -> list[_Held]:
    """Premises as they are: the cited ones, those together, then the others by shared words."""
    cited = [e for e in evidence if e.number in claim.numbers]
    together = [statement.hold(pieces) for pieces in _of_each_document(cited) if len(pieces) > 1]
    others = [statement.hold([e]) for e in evidence if e not in cited]
    return [*(statement.hold([e]) for e in cited), *together, *sorted(others, key=lambda h: -h.check.coverage)]


def _of_each_document(evidence: Iterable[Evidence]) -> list[list[Evidence]]:
    """What is said here and there makes one premise only within a document."""
    by_document: dict[str, list[Evidence]] = {}
    for e in evidence:
        by_document.setdefault(e.document_id, []).append(e)
    return list(by_document.values())


def _wide(statement: _Statement, narrow: Sequence[_Held], widen: Widen) -> list[_Held]:
    """The same premises, each with the sentence before it, by shared words."""
    wider = [w for h in narrow if len(h.pieces) == 1 and (w := widen(h.pieces[0])) is not None]
    return sorted((statement.hold([w]) for w in wider), key=lambda h: -h.check.coverage)


@dataclass(frozen=True, slots=True)
class Judged:
    """The judge's probabilities that a premise supports a claim and its opposite; 0 where it has none."""

    claim: float
    opposite: float = 0.0


def own_words(check: Check) -> bool:
    """Whether the claim is the source's own wording, so that nobody needs to judge it."""
    return check.coverage == 1.0 and check.order >= TUNING.same_order


def signals(coverage: float, judged: Judged) -> dict[str, float]:
    """What ``TUNING.support`` weighs: the share of the claim's words in the premise, and what the judge says.

    Of the opposite, only what is above even odds counts, against the claim: a premise about something else supports
    neither.
    """
    return {"coverage": coverage, "judge": log_odds(judged.claim) - max(0.0, log_odds(judged.opposite))}


def support(coverage: float, judged: Judged) -> float:
    """Log-odds that a claim is supported, of the share of its words in the premise and what the judge says."""
    return TUNING.support.log_odds(signals(coverage, judged))


def log_odds(probability: float) -> float:
    """Finite: a probability is taken to be no nearer to 0 or 1 than a millionth."""
    probability = min(max(probability, 1e-6), 1 - 1e-6)
    return log(probability / (1 - probability))


def _judged_supported(text: str, held: _Held, verifier: Verifier, abort: Event | None) -> bool:
    """What the judge makes of it; the opposite is asked about only where that can change the verdict."""
    (probability,) = verifier.support(text, [held.premise], abort=abort)
    supported = support(held.check.coverage, Judged(probability)) >= TUNING.supported
    if supported and (turned := opposite(text)):
        (denied,) = verifier.support(turned, [held.premise], abort=abort)
        return support(held.check.coverage, Judged(probability, denied)) >= TUNING.supported
    return supported


def _in_the_words_of(held: _Held, claim: str, asked: Asked | None) -> bool:
    """Whether each word of the claim is the premise's or the question's; some then are the premise's alone.

    Another word may say something else, whoever judges it. What the claim compares ("the largest") no single premise
    bears out that does not say so.
    """
    stems, premised = set(content_stems(claim)), set(content_stems(held.premise))
    if stems <= premised:
        return True
    compared = {w.text.lower() for w in words(claim) if _COMPARES.fullmatch(w.text)}
    question = {*asked.stems, *content_stems(" ".join(asked.earlier[:1]))} if asked else set()
    own = (stems & premised) - question
    return stems <= premised | question and bool(own) and compared <= {w.text.lower() for w in words(held.premise)}


def _exchanges(claim: str, held: _Held) -> bool:
    """Whether the claim is a quotation with a word exchanged, be it for one that stands elsewhere in it.

    "The school took our slot in the school gym" has all its words from "The town took our slot in the school gym".
    """
    own = content_stems(claim)
    for e in held.pieces:
        matcher = SequenceMatcher(None, own, content_stems(plain(e.quote)), autojunk=False)
        alike = sum(block.size for block in matcher.get_matching_blocks())
        if alike >= TUNING.mostly_alike * len(own) and any(kind == "replace" for kind, *_ in matcher.get_opcodes()):
            return True
    return False


def _states(held: _Held, text: str) -> bool:
    """Whether the quotations themselves, titles aside, have the question and the fragment that completes it."""
    quoted = " ".join(plain(e.context if is_restated(e.context, e.quote) else e.quote) for e in held.pieces)
    return overlap(content_stems(text), content_stems(quoted)) >= TUNING.same_words


def _follows(lead: str, asked: Asked, held: _Held) -> bool:
    """Whether a leading yes or no is what the premise says: a yes needs the question's words, a no what denies them."""
    denied = bool(negated_stems(held.premise)) != bool(negated_stems(asked.text))
    return denied if lead.lower() == "no" else not denied and set(asked.stems) <= set(content_stems(held.premise))


def verify_claim(
    claim: Claim,
    evidence: Sequence[Evidence],
    verifier: Verifier,
    *,
    asked: Asked | None = None,
    widen: Widen | None = None,
    abort: Event | None = None,
) -> Sentence | Removed:
    """The claim with the citations that support it, or why it was taken out.

    A fragment ("The Apache 2.0 license.") is verified together with the question it completes, and must then be the
    source's own wording: the judge is easily led by a question that resembles the source.
    """
    lead = _YES_OR_NO.match(claim.text) if asked is not None else None
    body = claim.text[lead.end() :] if lead else claim.text
    stems = set(content_stems(body))
    if not stems:
        return Removed(claim.text, "it says nothing that could be checked")
    if asked is not None and not lead and stems <= set(asked.stems):
        return Removed(claim.text, "it says no more than the question")
    if claim.text.endswith(("…", "...")):
        return Removed(claim.text, "it is not finished")
    fragment = asked is not None and len(stems) < TUNING.fragment_words and not _AUXILIARY.search(body)
    named = [*(asked.names if asked else ()), *(n for e in evidence for n in names(e.in_context))]
    text = f"{asked.text} {body}" if asked is not None and fragment else body
    statement = _Statement(text, frozenset(n.stem for n in named))
    narrow = _narrow(statement, claim, evidence)
    if not narrow:
        return Removed(claim.text, "there is no evidence to hold it against")
    wide = _wide(statement, narrow, widen) if widen else []
    plausible = [
        h for h in (*narrow, *wide) if h.check.passes and _in_the_words_of(h, body, asked) and not _exchanges(body, h)
    ]
    if fragment:
        supporting = next((h for h in plausible if _states(h, text)), None)
    else:
        # words picked from several sentences may say what none of them does
        worded_alike = (h for h in plausible if len(h.pieces) == 1 and own_words(h.check))
        judged = (h for h in plausible[: TUNING.most_judged] if _judged_supported(text, h, verifier, abort))
        supporting = next(chain(worded_alike, judged), None)
    if supporting is not None:
        follows = not lead or (asked is not None and _follows(lead["lead"], asked, supporting))
        shown = claim.text if follows else body[:1].upper() + body[1:]
        return Sentence(shown, tuple(Citation.of(e, e.number) for e in supporting.pieces))
    if plausible:
        return Removed(claim.text, "the sources share its words but do not say it")
    nearest = max(narrow, key=lambda h: (h.check.coverage, h.check.passes))
    return Removed(claim.text, nearest.check.why or "no source says it")
