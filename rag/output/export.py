"""A conversation as a file for others: Markdown to read, JSON to check against the documents (check_export.py)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict, cast

from rag.output.render import STALE
from rag.types import REFUSAL, Answer, Citation, Document, Passage

FORMAT = "quoted-rag conversation"
VERSION = 1
HOW_TO_CHECK = (
    "For every citation: the sha256 of the bytes of `file` is `sha256`; the sha256 of the UTF-8 bytes of the text of "
    "that document (under `documents`) is `text_sha256`; and the characters `start` to `end` of that text, counted in "
    "Unicode code points from 0, `end` left out, are `quote`. `rag verify FILE --seeds DIR` checks all three against "
    "a folder of the documents."
)

Documents = Mapping[str, Document]
"""By id."""

Exchange = tuple[Answer, Documents]
"""An answer with the documents it was given from."""


def text_sha256(text: str) -> str:
    """Of the UTF-8 bytes; lone surrogates, which UTF-8 cannot carry, count as "?"."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


# --- JSON ----------------------------------------------------------------------------------------


class Origin(TypedDict):
    """What a quotation's document can be recognised by."""

    file: str
    sha256: str  # of the file's bytes; "" for a document that is no longer known
    text_sha256: str


class DocumentExport(Origin):
    title: str
    date: str | None
    text: str


class QuotationExport(Origin):
    start: int
    end: int
    quote: str


class CitationExport(QuotationExport):
    marker: int


class StatementExport(TypedDict):
    """A sentence of an answer, or a side of a disagreement."""

    citations: list[CitationExport]


class SourceExport(TypedDict):
    document_id: str
    quotes: list[QuotationExport]


class ExchangeExport(TypedDict):
    """The parts that a check reads; the rest is as in ``AnswerData``."""

    sentences: list[StatementExport]
    sides: list[StatementExport]
    by_source: list[SourceExport]


class ConversationExport(TypedDict):
    """The whole file."""

    format: str
    version: int
    exported_at: str  # ISO 8601
    how_to_check: str
    exchanges: list[ExchangeExport]
    documents: list[DocumentExport]


def to_json(exchanges: Sequence[Exchange], *, at: str) -> str:
    """The conversation with its evidence; ``at`` is when it was exported, ISO 8601.

    The text of every cited document is included, so that the file can be checked without the program.
    """
    cited: dict[str, DocumentExport] = {}  # by id and sha256: a document may have changed between two questions
    for answer, documents in exchanges:
        for identity in _cited(answer):
            if document := documents.get(identity):
                cited[f"{identity}@{document.sha256}"] = {
                    "file": identity,
                    "sha256": document.sha256,
                    "title": document.title,
                    "date": document.date,
                    "text_sha256": text_sha256(document.text),
                    "text": document.text,
                }
    conversation: ConversationExport = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": at,
        "how_to_check": HOW_TO_CHECK,
        "exchanges": [_exchange(answer, documents) for answer, documents in exchanges],
        "documents": list(cited.values()),
    }
    return json.dumps(conversation, ensure_ascii=True, indent=1) + "\n"


def _cited(answer: Answer) -> list[str]:
    """Ids of the documents that it quotes."""
    ids = [c.document_id for group in _groups(answer) for c in group] + [s.document_id for s in answer.by_source]
    return list(dict.fromkeys(ids))


def _groups(answer: Answer) -> list[tuple[Citation, ...]]:
    """The citations of each sentence, then of each side."""
    return [*(s.citations for s in answer.sentences), *(s.citations for s in answer.sides)]


def _exchange(answer: Answer, documents: Documents) -> ExchangeExport:
    """``Answer.to_dict`` with what each citation can be checked by; which chunks were found is of no use to others."""
    data = answer.to_dict()
    exchange: dict[str, object] = {name: part for name, part in data.items() if name != "hits"}
    for name, statements in (("sentences", data["sentences"]), ("sides", data["sides"])):
        exchange[name] = [
            {**statement, "citations": [{**c, **_origin(c["document_id"], documents)} for c in statement["citations"]]}
            for statement in statements
        ]
    exchange["by_source"] = [
        {**source, "quotes": [{**quote, **_origin(source["document_id"], documents)} for quote in source["quotes"]]}
        for source in data["by_source"]
    ]
    return cast("ExchangeExport", exchange)


def _origin(identity: str, documents: Documents) -> Origin:
    document = documents.get(identity)
    if document is None:
        return {"file": identity, "sha256": "", "text_sha256": ""}
    return {"file": identity, "sha256": document.sha256, "text_sha256": text_sha256(document.text)}


# --- Markdown ------------------------------------------------------------------------------------

_MARKUP = re.compile(r"[\\`*_{}\[\]#|~$!]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_AUTOLINK = re.compile(r"(?i)(:)(?=//)|(?<=mailto)(:)|(?<=xmpp)(:)|(?<=\bwww)(\.)")
_LIST_MARK = re.compile(r"^(\d*)([.)+=-])")


def plain_markdown(text: str) -> str:
    """One line of Markdown that shows ``text`` and nothing else: no link, picture, tag or formula takes effect.

    >>> print(plain_markdown("![x](y)  <b> www.example.org"))
    \\!\\[x\\](y) &lt;b&gt; www&#46;example.org
    """
    one_line = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())
    escaped = _MARKUP.sub(r"\\\g<0>", one_line.translate(_ENTITIES)).replace("@", "&#64;")
    return _LIST_MARK.sub(r"\1\\\2", _AUTOLINK.sub(lambda m: f"&#{ord(m[0])};", escaped))


def to_markdown(exchanges: Sequence[Exchange], *, at: str) -> str:
    """The conversation to be read, each quotation with its file, place and sha256."""
    blocks = ["# Questions to the documents", f"Exported {at}."]
    for answer, documents in exchanges:
        blocks += _exchange_markdown(answer, documents)
    return "\n\n".join(blocks) + "\n"


def _exchange_markdown(answer: Answer, documents: Documents) -> Iterator[str]:
    """Its blocks."""
    yield f"## {plain_markdown(answer.question)}"
    if answer.refused:
        yield from _refusal(answer, documents)
        return
    yield " ".join(f"{plain_markdown(s.text)} {_numbers(s.citations)}" for s in answer.sentences)
    if answer.disagreement:
        yield "**Sources disagree:**\n\n" + "\n".join(
            f"- {plain_markdown(s.claim)} {_numbers(s.citations)}" for s in answer.sides
        )
    for citation in dict.fromkeys(c for group in _groups(answer) for c in group):
        changed = f"\n>\n> {STALE}" if citation.document_id in answer.stale else ""
        yield f"\\[{citation.marker}\\]\n{_quoted(citation, documents)}{changed}"
    if answer.removed:
        yield "Left out, not supported by a source:\n\n" + "\n".join(
            f"- {plain_markdown(r.text)} ({plain_markdown(r.why)})" for r in answer.removed
        )


def _refusal(answer: Answer, documents: Documents) -> Iterator[str]:
    yield f"**{REFUSAL}** {plain_markdown(answer.reason)}"
    nearest = [quote for source in answer.nearest for quote in source.quotes]
    if nearest:
        yield "Nearest passages:"
    yield from (_quoted(quote, documents) for quote in nearest)


def _numbers(citations: Iterable[Citation]) -> str:
    return "".join(f"\\[{c.marker}\\]" for c in citations)


def _quoted(passage: Passage, documents: Documents) -> str:
    document = documents.get(passage.document_id)
    sha256 = f", sha256 {document.sha256}" if document else ""
    source = f"{', '.join(plain_markdown(part) for part in (passage.title, passage.date) if part)}"
    place = f"{plain_markdown(passage.document_id)}, characters {passage.start} to {passage.end}{sha256}"
    under = f">\n> under: {plain_markdown(passage.under)}\n" if passage.under else ""
    return f"> “{plain_markdown(passage.quote)}”\n{under}>\n> {source} ({place})"
