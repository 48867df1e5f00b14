"""What a turn looks like: markup for the conversation, markup for the sources beside it.

Everything from outside goes through ``literal``; the tags are ours. Both are single HTML blocks
without a blank line, so that Markdown has nothing to interpret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rag.types import Citation, Document, Evidence, Quote, Removed, Sentence, Side, SourceQuotes
from rag.web.escape import document_href, link, literal, literal_lines
from rag.web.turn import Turn

Documents = Mapping[str, Document]

NOTHING_FOUND = "Nothing in the documents is near this question."


def question_markup(turn: Turn) -> str:
    """The person's own words."""
    return literal_lines(turn.question)


def turn_markup(turn: Turn, documents: Documents, *, loading: bool = False) -> str:
    """The reply to one question, at whatever stage it is; ``loading``: the language model is not ready yet."""
    blocks = [_standalone(turn)]
    if turn.answer is not None and turn.answer.refused:
        blocks.append(_refusal(turn.answer.reason, turn.answer.by_source, documents))
    else:
        blocks.append(_prose(turn.sentences, turn.draft))
    if turn.answer is not None:
        if turn.answer.disagreement:
            blocks.append(_sides(turn.answer.sides, documents))
        blocks.append(_left_out(turn.removed))
        if not turn.answer.refused:
            blocks.append(_each_source(turn.answer.by_source, documents, _markers(turn)))
    blocks.append(_state(turn, loading))
    return f'<div class="reply">{"".join(blocks)}</div>'


def sources_markup(turn: Turn | None, documents: Documents) -> str:
    """The evidence for the latest question, grouped by document."""
    if turn is None:
        return '<p class="quiet">The passages an answer rests on appear here, before the answer does.</p>'
    by_source = turn.answer.by_source if turn.answer else turn.retrieved.by_source if turn.retrieved else ()
    if not by_source:
        searched = turn.retrieved is not None or turn.answer is not None
        return f'<p class="quiet">{literal(NOTHING_FOUND) if searched else "Looking…"}</p>' if not turn.problem else ""
    return "".join(_source(source, documents, _markers(turn)) for source in by_source)


# --- the parts ------------------------------------------------------------------------------------

Markers = Mapping[tuple[str, int, int], int]


def _markers(turn: Turn) -> Markers:
    """The number of each quotation, by the place it stands in."""
    groups = [s.citations for s in turn.sentences] + [s.citations for s in (turn.answer.sides if turn.answer else ())]
    cited = [c for group in groups for c in group]
    found: Sequence[Evidence] = turn.retrieved.evidence if turn.retrieved else ()
    return {
        **{(e.document_id, e.start, e.end): e.number for e in found},
        **{(c.document_id, c.start, c.end): c.marker for c in cited},
    }


def _chip(citation: Citation) -> str:
    href = document_href(citation.document_id, citation.start, citation.end)
    return link(href, f"[{citation.marker}]", title=f"“{citation.quote}” — {citation.title}", css="chip")


def _chips(citations: Iterable[Citation]) -> str:
    return "".join(map(_chip, citations))


def _standalone(turn: Turn) -> str:
    asked = turn.retrieved.standalone_question if turn.retrieved else turn.question
    if asked.strip() == turn.question.strip():
        return ""
    return f'<p class="quiet">Understood as: {literal(asked)}</p>'


def _prose(sentences: Iterable[Sentence], draft: str) -> str:
    parts = [f"{literal(s.text)}&nbsp;{_chips(s.citations)}" for s in sentences]
    if draft:
        parts.append(f'<em class="pending">{literal(draft)} <span class="quiet">checking…</span></em>')
    return f'<p class="said">{" ".join(parts)}</p>' if parts else ""


def _refusal(reason: str, nearest: Sequence[SourceQuotes], documents: Documents) -> str:
    markup = f'<p class="said"><strong>The documents do not say.</strong></p><p>{literal(reason)}</p>'
    if nearest:
        markup += '<p class="label">Nearest passages</p>' + "".join(_source(s, documents, {}, 1) for s in nearest[:3])
    return markup


def _sides(sides: Iterable[Side], documents: Documents) -> str:
    items = "".join(
        f"<li>{literal(side.claim)}&nbsp;{_chips(side.citations)}{_origins(side.documents, documents)}</li>"
        for side in sides
    )
    return f'<div class="sides"><p class="label">Sources disagree</p><ul>{items}</ul></div>' if items else ""


def _origins(ids: Iterable[str], documents: Documents) -> str:
    return "".join(
        f'<br><span class="quiet">{literal(_origin(documents[i], 0) if i in documents else i)}</span>' for i in ids
    )


def _origin(document: Document, offset: int) -> str:
    part = document.part_at(offset)
    return " · ".join(t for t in (part.title or document.title, part.outlet, part.date or "no date") if t)


def _left_out(removed: Sequence[Removed]) -> str:
    if not removed:
        return ""
    items = "".join(f'<li>{literal(r.text)} <span class="quiet">{literal(r.why)}</span></li>' for r in removed)
    return _folded("Left out: not supported by a source", len(removed), f"<ul>{items}</ul>")


def _each_source(by_source: Sequence[SourceQuotes], documents: Documents, markers: Markers) -> str:
    if not by_source:
        return ""
    shown = "".join(_source(s, documents, markers) for s in by_source)
    return _folded("What each source says", len(by_source), shown)


def _folded(title: str, count: int, body: str) -> str:
    return f'<details><summary>{literal(title)} <span class="count">{count}</span></summary>{body}</details>'


def _source(source: SourceQuotes, documents: Documents, markers: Markers, limit: int | None = None) -> str:
    quotes = source.quotes[:limit]
    document = documents.get(source.document_id)
    part = document.part_at(quotes[0].start) if document and quotes else None
    outlet = part.outlet if part else None
    about = " · ".join(literal(t) for t in (outlet, source.date or "no date") if t)
    body = "".join(_quote(source.document_id, quote, markers) for quote in quotes)
    return f'<div class="source"><p class="title">{literal(source.title)}</p><p class="quiet">{about}</p>{body}</div>'


def _quote(document_id: str, quote: Quote, markers: Markers) -> str:
    number = markers.get((document_id, quote.start, quote.end))
    label = f'<span class="number">[{number}]</span>' if number else ""
    href = document_href(document_id, quote.start, quote.end)
    return f"<blockquote>{label}{link(href, quote.quote, title='Open the document at this passage')}</blockquote>"


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
    if turn.reading and turn.reading[1]:
        share = min(100, 100 * turn.reading[0] // turn.reading[1])
        return f'<p class="quiet">Reading the passages… {share}&nbsp;%</p>'
    return '<p class="quiet">Reading the passages…</p>' if not turn.sentences else '<p class="quiet">Writing…</p>'


def copy_text(turn: Turn, documents: Documents) -> str:
    """The answer as plain text, its quotations listed under it; "" while there is none."""
    answer = turn.answer
    if answer is None:
        return ""
    groups = [s.citations for s in answer.sentences] + [side.citations for side in answer.sides]
    cited = dict.fromkeys(c for group in groups for c in group)
    notes = [f"[{c.marker}] “{c.quote}” — {c.title}, {c.date or 'no date'} ({c.document_id})" for c in cited]
    body = (
        f"{answer.answer} {answer.reason}"
        if answer.refused
        else " ".join(f"{s.text} {''.join(f'[{c.marker}]' for c in s.citations)}" for s in answer.sentences)
    )
    sides = [f"- {side.claim} {''.join(f'[{c.marker}]' for c in side.citations)}" for side in answer.sides]
    disagree = ["Sources disagree:", *sides] if answer.disagreement else []
    return "\n\n".join("\n".join(lines) for lines in ([turn.question], [body], disagree, notes) if lines)
