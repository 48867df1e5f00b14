"""What a sentence says beyond the question, and whether two say the same: many copies of a claim are one claim."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rag.retrieve.tuning import TUNING
from rag.text.words import content_stems, plain
from rag.types import Candidate


@dataclass(frozen=True, slots=True)
class Content:
    """The content stems of a sentence: those of the question, and its own."""

    asked: frozenset[str]
    own: frozenset[str]


def content(question: Collection[str], text: str) -> Content:
    """``question``: its content stems.

    >>> content({"design", "bridg"}, "Ada designed the bridge.").own
    frozenset({'ada'})
    """
    stems, wanted = frozenset(content_stems(plain(text))), frozenset(question)
    return Content(stems & wanted, stems - wanted)


def says_the_same(one: Content, other: Content) -> bool:
    """
    >>> a, b, c = (content({"design"}, t) for t in ("Ada designed it.", "Ada has designed it.", "Bo designed it."))
    >>> says_the_same(a, b), says_the_same(a, c)
    (True, False)
    """
    least = min(len(one.own), len(other.own))
    spoken = max(len(one.asked), len(other.asked))
    return (
        least > 0
        and len(one.own & other.own) >= TUNING.same_claim * least
        and len(one.asked & other.asked) >= TUNING.same_asked * spoken
    )  # fmt: skip


def each_claim_first(question: Collection[str], ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """``ranked`` (best first), the further copies of a claim with a lower score and therefore later.

    ``question``: its content stems.

    Only answers count: sentences with half of the question's words. A flood of documents with one lie (PoisonedRAG,
    Zou et al. 2024) so leaves room for who says otherwise, and where many truly agree, two of them are enough.
    """
    asked = frozenset(question)
    heard: list[tuple[Content, set[str]]] = []
    ordered: list[Candidate] = []
    for candidate in ranked:
        own, document = content(asked, candidate.quote), candidate.document_id
        if len(own.asked) >= TUNING.answers_words * len(asked) and own.own:
            sources = next((sources for first, sources in heard if says_the_same(own, first)), None)
            if sources is None:
                heard.append((own, {document}))
            elif document not in sources and len(sources) >= TUNING.most_alike:
                candidate = replace(candidate, score=candidate.score - TUNING.copy_penalty)
            else:
                sources.add(document)
        ordered.append(candidate)
    return tuple(sorted(ordered, key=lambda c: (-c.score, c.hit.row, c.start)))
