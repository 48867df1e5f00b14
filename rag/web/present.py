"""What a turn looks like: markup for the conversation, markup for the sources beside it.

Everything from outside goes through ``literal``; the tags are ours. Each is one HTML block without a blank line, so
that Gradio's Markdown leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rag.output.render import STALE
from rag.types import REFUSAL, Answer, Citation, Document, Passage, Removed, Sentence, Side, SourceQuotes
from rag.web.document import page_label
from rag.web.escape import document_href, link, literal, literal_lines
from rag.web.turn import Turn

Documents = Mapping[str, Document]

NOTHING_FOUND = "Nothing in the documents is near this question."


def question_markup(turn: Turn) -> str:
    """The person's own words."""
    return literal_lines(turn.question)


def turn_markup(turn: Turn, documents: Documents, *, loading: bool = False) -> str:
    """The reply to one question, at whatever stage it is; ``loading``: the language model is not ready yet."""
    blocks = []
    if turn.answer is not None and turn.answer.refused:
        blocks.append(_refusal(turn.answer.reason, turn.answer.nearest, documents))
    else:
        blocks.append(_prose(turn.sentences, turn.draft, documents))
    if turn.answer is not None and turn.answer.disagreement:
        blocks.append(_sides(turn.answer.sides, documents))
    blocks.append(_left_out(turn.removed))
    if turn.answer is not None:
        blocks.append(_stale(turn.answer, documents))
        blocks.append(_timings(turn.answer.timings_ms))
    blocks.append(_state(turn, loading))
    return f'<div class="reply">{"".join(blocks)}</div>'


def sources_markup(turn: Turn | None, documents: Documents) -> str:
    """The evidence for the latest question: what the answer cites, in order, then, folded, what else came near."""
    if turn is None:
        return '<p class="quiet">The passages an answer rests on appear here, before the answer does.</p>'
    by_source = turn.answer.by_source if turn.answer else turn.retrieved.by_source if turn.retrieved else ()
    if not by_source:
        searched = turn.retrieved is not None or turn.answer is not None
        return f'<p class="quiet">{literal(NOTHING_FOUND) if searched else "Looking…"}</p>' if not turn.problem else ""
    markers = _markers(turn)
    if turn.answer is None:
        return "".join(_source(s.document_id, s.title, s.quotes, documents, markers) for s in by_source)
    cited = sorted(_cited(turn.sentences, turn.answer.sides), key=lambda citation: citation.marker)
    shown = {c.place for c in cited} | {q.place for s in turn.answer.nearest for q in s.quotes if turn.answer.refused}
    markup = "".join(
        _source(document_id, title, list(own), documents, markers)
        for (document_id, title), own in groupby(cited, key=lambda c: (c.document_id, c.title))
    )
    others = [(s, [quote for quote in s.quotes if quote.place not in shown]) for s in by_source]
    rest = "".join(_source(s.document_id, s.title, quotes, documents, markers) for s, quotes in others if quotes)
    return markup + (_folded("Also near the question", sum(len(quotes) for _, quotes in others), rest) if rest else "")


# --- the parts ------------------------------------------------------------------------------------

Markers = Mapping[tuple[str, int, int], int]


def _markers(turn: Turn) -> Markers:
    """The number of each quotation, by the place it stands in; what no sentence cites has none."""
    cited = _cited(turn.sentences, turn.answer.sides if turn.answer else ())
    return {citation.place: citation.marker for citation in cited}


def _cited(sentences: Iterable[Sentence], sides: Iterable[Side]) -> list[Citation]:
    """Each quotation that a sentence or a side rests on, once."""
    groups = [s.citations for s in sentences] + [side.citations for side in sides]
    return list({c.place: c for group in groups for c in group}.values())


def _chip(citation: Citation, documents: Documents) -> str:
    document = documents.get(citation.document_id)
    sha256 = document.sha256 if document else ""
    href = document_href(citation.document_id, citation.start, citation.end, sha256)
    page = page_label(document, citation.start) if document else ""
    source = ", ".join(t for t in (citation.title, page, citation.date) if t)
    return link(href, f"[{citation.marker}]", title=f"“{citation.quote}” — {source}", css="chip")


def _chips(citations: Iterable[Citation], documents: Documents) -> str:
    return "".join(_chip(c, documents) for c in citations)


def _prose(sentences: Iterable[Sentence], draft: str, documents: Documents) -> str:
    parts = [f"{literal(s.text)}&nbsp;{_chips(s.citations, documents)}" for s in sentences]
    if draft:
        parts.append(f'<em class="pending">{literal(draft)} <span class="quiet">checking…</span></em>')
    return f'<p class="said">{" ".join(parts)}</p>' if parts else ""


def _refusal(reason: str, nearest: Sequence[SourceQuotes], documents: Documents) -> str:
    markup = f'<p class="said"><strong>{REFUSAL}</strong></p><p>{literal(reason)}</p>'
    if nearest:
        markup += '<p class="label">Nearest passages</p>' + "".join(
            _source(s.document_id, s.title, s.quotes, documents, {}) for s in nearest
        )
    return markup


def _sides(sides: Sequence[Side], documents: Documents) -> str:
    ages = _ages([_latest(side, documents) for side in sides])
    items = "".join(
        f"<li>{literal(side.claim)}&nbsp;{_chips(side.citations, documents)}"
        f"{f' <strong>{age}</strong>' if age else ''}{_origins(side, documents)}</li>"
        for side, age in zip(sides, ages, strict=True)
    )
    return f'<div class="sides"><p class="label">Sources disagree</p><ul>{items}</ul></div>' if items else ""


def _latest(side: Side, documents: Documents) -> str | None:
    """The latest date among the places a side rests on; None where one of them has none."""
    dates = [
        c.date or (_date(documents[c.document_id], c.start) if c.document_id in documents else None)
        for c in side.citations
    ]
    return max(d for d in dates if d) if dates and all(dates) else None


def _date(document: Document, offset: int) -> str | None:
    return document.part_at(offset).date or document.date


def _ages(dates: Sequence[str | None]) -> list[str]:
    """Which side is newest and which are older, told only where every side is dated and the dates differ.

    >>> _ages(["2025-01-02", "2026-04-07"]), _ages(["2025-01-02", None])
    (['older', 'newest'], ['', ''])
    """
    days = [date for date in dates if date]
    if len(days) < len(dates) or len(set(days)) < 2:
        return [""] * len(dates)
    return ["newest" if day == max(days) else "older" for day in days]


def _origins(side: Side, documents: Documents) -> str:
    """A line a document, described at the place that is quoted from it."""
    places = {c.document_id: c.start for c in reversed(side.citations)}
    lines = (_origin(documents[i], places.get(i, 0)) if i in documents else i for i in side.documents)
    return "".join(f'<br><span class="quiet">{literal(line)}</span>' for line in dict.fromkeys(lines))


def _origin(document: Document, offset: int) -> str:
    part = document.part_at(offset)
    date = part.date or document.date
    return " · ".join(t for t in (part.title or document.title, part.outlet, date, page_label(document, offset)) if t)


def _stale(answer: Answer, documents: Documents) -> str:
    """Which documents the answer names are no longer what was read; "" where all are."""
    if not answer.stale:
        return ""
    titles = ", ".join(f"{documents[i].title} ({i})" if i in documents else i for i in answer.stale)
    advice = "Gone or changed since it was read, so look before you rely on it; “Bring up to date” reads it again: "
    return f'<p class="stale">{literal(advice + titles)}</p>'


def _left_out(removed: Sequence[Removed]) -> str:
    if not removed:
        return ""
    items = "".join(f'<li>{literal(r.text)} <span class="quiet">{literal(r.why)}</span></li>' for r in removed)
    return _folded("Left out: not supported by a source", len(removed), f"<ul>{items}</ul>")


def _timings(timings_ms: Mapping[str, float]) -> str:
    """How long each stage took, in one quiet line.

    >>> _timings({"retrieve": 57.2, "total": 10_700.0})
    '<p class="quiet timings">passages 0&#46;06 s · whole answer 10&#46;7 s</p>'
    """
    names = {
        "retrieve": "passages",
        "read": "reading them",
        "first_token": "first word",
        "verify": "checking",
        "total": "whole answer",
    }
    stages = [f"{label} {_seconds(timings_ms[name])}" for name, label in names.items() if name in timings_ms]
    return f'<p class="quiet timings">{" · ".join(map(literal, stages))}</p>' if stages else ""


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _folded(title: str, count: int, body: str) -> str:
    return f'<details><summary>{literal(title)} <span class="count">{count}</span></summary>{body}</details>'


def _source(document_id: str, title: str, quotes: Sequence[Passage], documents: Documents, markers: Markers) -> str:
    document = documents.get(document_id)
    outlet = document.part_at(quotes[0].start).outlet if document else None
    about = " · ".join(literal(t) for t in (outlet, quotes[0].date) if t)
    line = f'<p class="quiet">{about}</p>' if about else ""
    body = "".join(_quote(document_id, document, quote, markers) for quote in quotes)
    return f'<div class="source"><p class="title">{literal(title)}</p>{line}{body}</div>'


def _quote(document_id: str, document: Document | None, quote: Passage, markers: Markers) -> str:
    number = markers.get(quote.place)
    label = f'<span class="number">[{number}]</span>' if number else ""
    href = document_href(document_id, quote.start, quote.end, document.sha256 if document else "")
    page = page_label(document, quote.start) if document else ""
    place = f' <span class="quiet">{literal(page)}</span>' if page else ""
    context = f'<span class="context">under: {literal(quote.under)}</span>' if quote.under else ""
    return f"<blockquote>{label}{context}{link(href, quote.quote)}{place}</blockquote>"


def _state(turn: Turn, loading: bool) -> str:
    """One quiet line on what is going on, or why it ended."""
    if turn.problem:
        return f'<p class="problem">{literal_lines(turn.problem)}</p>'
    if turn.stopped:
        return '<p class="quiet">Stopped.</p>'
    if not turn.open or turn.draft:
        return ""
    if turn.retrieved is None:
        return '<p class="quiet">One moment…</p>'
    if loading:
        return '<p class="quiet">The passages are found. The language model is still loading…</p>'
    if not turn.started:
        return '<p class="quiet">The passages are found. Waiting for the language model…</p>'
    if turn.reading and turn.reading[1]:
        share = min(100, 100 * turn.reading[0] // turn.reading[1])
        return f'<p class="quiet">Reading the passages… {share}&nbsp;%</p>'
    return '<p class="quiet">Reading the passages…</p>' if not turn.sentences else '<p class="quiet">Writing…</p>'


def copy_text(turn: Turn, documents: Documents) -> str:
    """The answer as plain text, its quotations listed under it; "" while there is none."""
    answer = turn.answer
    if answer is None:
        return ""
    cited = _cited(answer.sentences, answer.sides)
    changed = dict.fromkeys(answer.stale, f"; {STALE}")
    under = {c: f" (under: {c.under})" if c.under else "" for c in cited}
    notes = [
        f"[{c.marker}] “{c.quote}”{under[c]} — {', '.join(filter(None, (c.title, c.date)))} "
        f"({c.document_id}{changed.get(c.document_id, '')})"
        for c in cited
    ]
    body = (
        f"{answer.answer} {answer.reason}"
        if answer.refused
        else " ".join(f"{s.text} {''.join(f'[{c.marker}]' for c in s.citations)}" for s in answer.sentences)
    )
    sides = [f"- {side.claim} {''.join(f'[{c.marker}]' for c in side.citations)}" for side in answer.sides]
    disagree = ["Sources disagree:", *sides] if answer.disagreement else []
    return "\n\n".join("\n".join(lines) for lines in ([turn.question], [body], disagree, notes) if lines)


def announcement(turn: Turn | None) -> str:
    """What a screen reader is told of a turn: its stages, not its every word."""
    if turn is None:
        return ""
    if turn.open:
        return "The passages are found; the answer is being written." if turn.retrieved else "Looking for passages."
    if turn.problem or turn.stopped or turn.answer is None:
        return turn.problem or "Stopped."
    if turn.answer.refused:
        return REFUSAL
    quotations = len({(c.document_id, c.start) for s in turn.sentences for c in s.citations})
    disagree = " The sources disagree." if turn.answer.disagreement else ""
    return f"The answer is ready: sentences {len(turn.sentences)}, quotations {quotations}.{disagree}"


def history_markup(conversations: Sequence[tuple[str, str]], present: str) -> str:
    """Links to the conversations of this browser session but the ``present`` one; "" where there is none.

    ``conversations``: (name, its first question), as ``Sessions.history`` gives them.
    """
    items = [f"<li>{link(f'/?c={name}', shortened(first))}</li>" for name, first in conversations if name != present]
    return _folded("Earlier", len(items), f"<ul>{''.join(items)}</ul>") if items else ""


def shortened(text: str, limit: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def export_markup(conversation: str) -> str:
    """Links that download the conversation."""
    ways = (("md", "Markdown"), ("json", "JSON"))
    links = " · ".join(f'<a href="/export/{conversation}.{suffix}" download>{name}</a>' for suffix, name in ways)
    return f'<p class="quiet">Save the conversation: {links}</p>'
