"""A conversation as a file that others can check: Markdown to read, JSON to verify against the documents."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import LoadError, RagError
from rag.load.sandbox import load_limited
from rag.load.walk import walk
from rag.output.render import STALE
from rag.types import Answer, Citation, Document

FORMAT = "quoted-rag conversation"
VERSION = 1
HOW_TO_CHECK = (
    "For every citation: the sha256 of the bytes of `file` is `sha256`; the sha256 of the UTF-8 bytes of the text of "
    "that document (under `documents`) is `text_sha256`; and the characters `start` to `end` of that text, counted in "
    "Unicode code points from 0, `end` left out, are `quote`. `rag verify FILE --seeds DIR` checks all three against "
    "a folder of the documents."
)

Exchange = tuple[Answer, Mapping[str, Document]]
"""An answer with the documents it was given from."""


def text_sha256(text: str) -> str:
    """Of the UTF-8 bytes; lone surrogates, which UTF-8 cannot carry, count as "?"."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def to_json(exchanges: Sequence[Exchange], *, at: str) -> str:
    """The conversation with its evidence; ``at`` is when it was exported, ISO 8601.

    The text of every cited document is included, so that the file can be checked without the program.
    """
    documents: dict[str, dict[str, Any]] = {}
    written = []
    for answer, known in exchanges:
        for identity in _cited(answer):
            if document := known.get(identity):
                documents[f"{identity}@{document.sha256}"] = {
                    "file": identity,
                    "sha256": document.sha256,
                    "title": document.title,
                    "date": document.date,
                    "text_sha256": text_sha256(document.text),
                    "text": document.text,
                }
        written.append(_exchange(answer, known))
    value = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": at,
        "how_to_check": HOW_TO_CHECK,
        "exchanges": written,
        "documents": list(documents.values()),
    }
    return json.dumps(value, ensure_ascii=True, indent=1) + "\n"


def _cited(answer: Answer) -> list[str]:
    groups = [*(s.citations for s in answer.sentences), *(s.citations for s in answer.sides)]
    ids = [c.document_id for group in groups for c in group] + [s.document_id for s in answer.by_source]
    return list(dict.fromkeys(ids))


def _exchange(answer: Answer, known: Mapping[str, Document]) -> dict[str, Any]:
    """``Answer.to_dict`` with what each citation can be checked by; where its chunks were found is left out."""
    value: dict[str, Any] = {name: part for name, part in answer.to_dict().items() if name != "hits"}
    for group in (*value["sentences"], *value["sides"]):
        for citation in group["citations"]:
            citation |= _origin(citation["document_id"], known)
    for source in value["by_source"]:
        for quote in source["quotes"]:
            quote |= _origin(source["document_id"], known)
    return value


def _origin(identity: str, known: Mapping[str, Document]) -> dict[str, str]:
    document = known.get(identity)
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
    for answer, known in exchanges:
        blocks += _exchange_markdown(answer, known)
    return "\n\n".join(blocks) + "\n"


def _exchange_markdown(answer: Answer, known: Mapping[str, Document]) -> Iterator[str]:
    yield f"## {plain_markdown(answer.question)}"
    if answer.standalone_question.strip() != answer.question.strip():
        yield f"Understood as: {plain_markdown(answer.standalone_question)}"
    if answer.refused:
        yield f"**The documents do not say.** {plain_markdown(answer.reason)}"
        nearest = [(s.document_id, s.title, s.date, q) for s in answer.by_source[:3] for q in s.quotes[:1]]
        if nearest:
            yield "Nearest passages:"
        for identity, title, date, quote in nearest:
            yield _quoted(quote.quote, title, date, identity, quote.start, quote.end, known)
        return
    yield " ".join(f"{plain_markdown(s.text)} {_numbers(s.citations)}" for s in answer.sentences)
    if answer.disagreement:
        yield "**Sources disagree:**\n\n" + "\n".join(
            f"- {plain_markdown(s.claim)} {_numbers(s.citations)}" for s in answer.sides
        )
    groups = [*(s.citations for s in answer.sentences), *(s.citations for s in answer.sides)]
    for c in dict.fromkeys(c for group in groups for c in group):
        changed = f"\n>\n> {STALE}" if c.document_id in answer.stale else ""
        yield f"\\[{c.marker}\\]\n" + _quoted(c.quote, c.title, c.date, c.document_id, c.start, c.end, known) + changed
    if answer.removed:
        yield "Left out, not supported by a source:\n\n" + "\n".join(
            f"- {plain_markdown(r.text)} ({plain_markdown(r.why)})" for r in answer.removed
        )


def _numbers(citations: Iterable[Citation]) -> str:
    return "".join(f"\\[{c.marker}\\]" for c in citations)


def _quoted(
    quote: str, title: str, date: str | None, identity: str, start: int, end: int, known: Mapping[str, Document]
) -> str:
    document = known.get(identity)
    sha256 = f", sha256 {document.sha256}" if document else ""
    about = f"{plain_markdown(title)}, {plain_markdown(date or 'no date')} ({plain_markdown(identity)}"
    return f"> “{plain_markdown(quote)}”\n>\n> {about}, characters {start} to {end}{sha256})"


# --- checking ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckedCitation:
    """One quotation of an export, held against the folder; ``why`` is "" where it stands."""

    where: str  # such as "question 2, sentence 1, [3]"
    file: str
    quote: str
    why: str


def verify_export(path: Path, seeds: Path) -> list[CheckedCitation]:
    """Every quotation of an export, checked against the documents in ``seeds``.

    Files are found by the ids that a walk of the folder gives, so no name in the export can lead elsewhere.
    Raises RagError where ``path`` cannot be read as an export, CorpusError where the folder cannot be read.
    """
    exported = _read(path)
    files = {file.id: file.path for file in walk(seeds)[0]}
    loaded: dict[str, Document | str] = {}

    def document(identity: str) -> Document | str:
        """As the program reads it now, or why it cannot be had."""
        if identity not in loaded:
            try:
                loaded[identity] = (
                    load_limited(files[identity], seeds) if identity in files else "the file is not in the folder"
                )
            except LoadError as error:
                loaded[identity] = str(error)
        return loaded[identity]

    texts = {(d["file"], d["sha256"]): d["text"] for d in exported["documents"]}
    checked = []
    for where, citation in _citations(exported):
        if isinstance(citation, str):
            checked.append(CheckedCitation(where, "", "", citation))
            continue
        why = _disproof(citation, document(citation["file"]), texts.get((citation["file"], citation["sha256"])))
        checked.append(CheckedCitation(where, citation["file"], citation["quote"], why))
    return checked


def _disproof(citation: Mapping[str, Any], document: Document | str, text: str | None) -> str:
    """Why a quotation does not stand; "" where it does."""
    start, end, quote = citation["start"], citation["end"], citation["quote"]
    if not quote or not 0 <= start < end:
        return f"characters {start} to {end} are no passage"
    if isinstance(document, str):
        return document
    if document.sha256 != citation["sha256"]:
        return "the file is not the one that was quoted: its sha256 differs"
    if text_sha256(document.text) != citation["text_sha256"]:
        return "the text read from the file is not the one that was quoted: its sha256 differs"
    if document.text[start:end] != quote:
        return f"characters {start} to {end} are not the quotation"
    if text is None or text != document.text:
        return "the export's own copy of the text is not the document's"
    return ""


def _citations(exported: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    for n, exchange in enumerate(exported["exchanges"], 1):
        for name, label in (("sentences", "sentence"), ("sides", "side")):
            for m, said in enumerate(exchange[name], 1):
                if not said["citations"]:
                    yield f"question {n}, {label} {m}", "it carries no citation"
                for citation in said["citations"]:
                    yield f"question {n}, {label} {m}, [{citation['marker']}]", citation
        for source in exchange["by_source"]:
            for m, quote in enumerate(source["quotes"], 1):
                yield f"question {n}, what {source['document_id']} says, quotation {m}", quote


_CITATION = {"file": str, "sha256": str, "text_sha256": str, "start": int, "end": int, "quote": str}


def _read(path: Path) -> dict[str, Any]:
    fix = "export the conversation again, as JSON"
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RagError(f"{path} cannot be read: {error.strerror}.", fix="rag verify FILE") from error
    except (ValueError, RecursionError) as error:
        raise RagError(f"{path} is not JSON: {error}.", fix=fix) from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise RagError(f"{path} is not an exported conversation.", fix=fix)
    if value.get("version") != VERSION:
        raise RagError(f"{path} has version {value.get('version')!r}; this program reads {VERSION}.", fix=fix)
    try:
        _check_shape(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise RagError(f"{path} is damaged: {type(error).__name__} {error}.", fix=fix) from error
    return value


def _check_shape(value: Mapping[str, Any]) -> None:
    """Raises TypeError or KeyError where a part that is read later is missing or of another kind."""
    check: Callable[[Any, Mapping[str, type]], None] = _require
    for document in value["documents"]:
        check(document, {"file": str, "sha256": str, "text": str})
    for exchange in value["exchanges"]:
        for said in (*exchange["sentences"], *exchange["sides"]):
            for citation in said["citations"]:
                check(citation, {"marker": int, **_CITATION})
        for source in exchange["by_source"]:
            check(source, {"document_id": str})
            for quote in source["quotes"]:
                check(quote, _CITATION)


def _require(value: Any, kinds: Mapping[str, type]) -> None:
    for name, kind in kinds.items():
        if not isinstance(value[name], kind):
            raise TypeError(f"{name} is {type(value[name]).__name__}, not {kind.__name__}")
