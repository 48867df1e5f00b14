"""Which of the sentences found the model is shown, which of them answer, and which are compared across sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from rag.retrieve.candidates import numbered, select_evidence
from rag.retrieve.question import Asked
from rag.retrieve.recency import age
from rag.retrieve.relevance import Relevance, on_topic
from rag.retrieve.tuning import TUNING
from rag.text.words import content_stems
from rag.types import Candidate, Evidence

_MARKER_TOKENS = 4  # "[12] " and the end of the line


@dataclass(frozen=True, slots=True)
class Choice:
    """The parts that the sentences found play in an answer; one sentence has the same number in all of them."""

    shown: tuple[Evidence, ...]  # to the language model, as many as its budget allows
    answering: tuple[Evidence, ...]  # best first, at least one
    compared: tuple[Evidence, ...]  # looked through for disagreement
    rivals: tuple[Evidence, ...]  # each answers by itself, whatever it says


def choose(
    asked: Asked,
    ranked: Sequence[Candidate],
    relevance: Relevance,
    *,
    most_shown: int,
    token_budget: int,
    count_tokens: Callable[[str], int],
) -> Choice:
    """``ranked`` is best first by retrieval and not empty; ``relevance`` is what the cross-encoder made of it.

    What orders its reader to reply something is neither shown to the model nor an answer, unless it may be what is
    asked for. At most ``most_shown`` sentences of together ``token_budget`` tokens are shown to it, one at least.
    """
    ranked = [c for c in ranked if not c.orders]
    ranking = [(c, v) for c, v in relevance.ranked if not c.orders]
    ranking = [(c, v) for c, v in ranking if not c.restates] or ranking
    if not ranking:
        ranking = [(c, TUNING.min_log_odds) for c in ranked[:1]] or list(relevance.ranked[:1])
    by_relevance = [c for c, _ in ranking]
    likely: list[Candidate] = []
    if asked.what_sources_say:
        likely = each_source(on_topic(relevance, naming(asked, ranked)))
    likely = likely or (each_view(by_relevance) if asked.yes_or_no else [])
    likely = likely or [c for n, (c, log_odds) in enumerate(ranking) if n == 0 or log_odds >= TUNING.taken]
    likely = _apart(_whole_lists(likely, ranked))
    near: Iterable[Candidate] = _with_neighbours(list(dict.fromkeys([*likely, *by_relevance])), ranked)
    if asked.latest and (newest := max(map(age, likely))):
        near = (c for c in near if age(c) in ("", newest))
    shown = numbered(_fitting(near, most_shown, token_budget, count_tokens))
    evidence = {e.place: e for e in shown}
    for e in (*compared(ranked), *(Evidence.of(c, 0) for c in [*likely, *by_relevance])):
        evidence.setdefault(e.place, replace(e, number=len(evidence) + 1))

    def as_evidence(candidates: Iterable[Candidate]) -> tuple[Evidence, ...]:
        return tuple(evidence[c.place] for c in candidates)

    rivals = as_evidence(dict.fromkeys([*likely, *(c for c in relevance.rivals if c.place in evidence)]))
    return Choice(shown, as_evidence(likely), tuple(evidence.values()), rivals)


def likeliest(relevance: Relevance, most: int) -> tuple[Evidence, ...]:
    """The sentences likeliest to answer, none within another, numbered as they are shown; scores are log-odds."""
    ranked = [replace(c, score=log_odds) for c, log_odds in relevance.ranked if not c.orders]
    return numbered(_apart([c for c in ranked if not c.restates] or ranked)[:most])


def compared(ranked: Sequence[Candidate]) -> tuple[Evidence, ...]:
    """The sentences that are looked through for disagreement, before any model has read them."""
    return select_evidence(ranked, limit=TUNING.most_compared, margin=inf)


def naming(asked: Asked, ranked: Iterable[Candidate]) -> list[Candidate]:
    """Those that name all that the question names, in order; [] where it names nothing."""
    subject = {w.stem for w in asked.names}
    return [c for c in ranked if subject and subject <= set(content_stems(c.in_context))]


def each_source(ranked: Iterable[Candidate]) -> list[Candidate]:
    """The first sentence of each document, documents in order."""
    return _of_each_source(ranked, TUNING.most_quoted)


def each_view(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The best sentence of each of the likeliest documents, for a question that sources may answer either way.

    ``ranked`` is best first and not empty; what resembles the question much less than the first is left out.
    """
    return _of_each_source((c for c in ranked if c.score >= ranked[0].score - TUNING.view_margin), TUNING.views)


def _of_each_source(ranked: Iterable[Candidate], most: int) -> list[Candidate]:
    best: dict[str, Candidate] = {}
    for candidate in ranked:
        best.setdefault(candidate.document_id, candidate)
    return list(best.values())[:most]


def _whole_lists(likely: Sequence[Candidate], others: Iterable[Candidate]) -> list[Candidate]:
    """With a list in the place of its first item where most of it answers, in items that would be quoted one by one."""
    whole = list(likely)
    for other in others:
        items = [
            c for c in whole if c is not other and other.start <= c.start and other.overlaps(c) and c.end <= other.end
        ]
        if len(items) > 1 and sum(c.end - c.start for c in items) >= TUNING.most_of_list * (other.end - other.start):
            whole[whole.index(items[0])] = other
            whole = [c for c in whole if c not in items]
    return whole


def _apart(ranked: Iterable[Candidate]) -> list[Candidate]:
    """Without what lies within one before it, or around it: an item beside its list."""
    apart: list[Candidate] = []
    for candidate in ranked:
        if not any(candidate.overlaps(other) for other in apart):
            apart.append(candidate)
    return apart


def _with_neighbours(ranked: Sequence[Candidate], others: Iterable[Candidate]) -> Iterator[Candidate]:
    """The first ones each followed by what stands before and after it in its chunk, as far as ``others`` have it.

    The reason, the number or the name that completes an answer often stands a sentence beside the one that has the
    question's words. Later ones come alone: their neighbours would only take the place of other answers.
    """
    by_place = {c.place: c for c in others}
    for n, candidate in enumerate(ranked):
        yield candidate
        if n >= TUNING.with_neighbours:
            continue
        chunk = candidate.hit.chunk
        places = [(chunk.document_id, u.start, u.end) for u in chunk.sentences]
        at = places.index(candidate.place)
        yield from (by_place[p] for p in places[max(0, at - 1) : at] + places[at + 1 : at + 2] if p in by_place)


def _fitting(
    ranked: Iterable[Candidate], most: int, budget: int, count_tokens: Callable[[str], int]
) -> list[Candidate]:
    """At most ``most`` of them, none within another, within the budget of tokens, in order; the first always."""
    fitting: list[Candidate] = []
    for candidate in ranked:
        if len(fitting) == most:
            break
        if any(candidate.overlaps(other) for other in fitting):
            continue
        tokens = count_tokens(candidate.in_context) + _MARKER_TOKENS
        if tokens <= budget or not fitting:
            fitting.append(candidate)
            budget -= tokens
    return fitting
