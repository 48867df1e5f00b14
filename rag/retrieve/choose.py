"""Which of the sentences found the model is shown, which of them answer, and which are compared across sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from rag.retrieve.candidates import numbered, select_evidence
from rag.retrieve.copies import content, says_the_same
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
    compared: tuple[Evidence, ...]  # of a subject: looked through for disagreement
    rivals: tuple[Evidence, ...]  # of several documents, whose answers are compared; scores are log-odds


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

    log_odds = {c.place: v for c, v in ranking}
    rivals = tuple(replace(e, score=log_odds[e.place]) for e in as_evidence(_rivals(asked, ranking)))
    return Choice(shown, as_evidence(likely), tuple(evidence.values()), rivals)


def _rivals(asked: Asked, ranking: Sequence[tuple[Candidate, float]]) -> list[Candidate]:
    """The likeliest sentence of each article, then further ones, as many as are compared; [] of a single article.

    Of several with the same words only the first, and no more than two that say the same: copies are one voice.
    """
    least = TUNING.rival_of_yes_or_no if asked.yes_or_no else TUNING.rival
    likely = _apart(c for c, log_odds in ranking if log_odds > least)
    different: list[Candidate] = []
    for c in list({" ".join(c.in_context.split()): c for c in reversed(likely)}.values())[::-1]:
        alike = [d for d in different if says_the_same(content(asked.stems, c.quote), content(asked.stems, d.quote))]
        if len(alike) < TUNING.most_alike:
            different.append(c)
    first = {(c.document_id, c.title): c for c in reversed(different)}
    if len(first) < 2:
        return []
    return sorted(different, key=lambda c: first[c.document_id, c.title] is not c)[: TUNING.most_rivals]


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
    best: dict[str, Candidate] = {}
    for candidate in ranked:
        best.setdefault(candidate.document_id, candidate)
    return list(best.values())[: TUNING.most_quoted]


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
