"""An exported conversation, held against a folder of the documents that it quotes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rag.errors import LoadError, RagError
from rag.load.sandbox import load_limited
from rag.load.walk import walk
from rag.output.export import FORMAT, VERSION, ConversationExport, QuotationExport, text_sha256
from rag.types import Document


@dataclass(frozen=True, slots=True)
class CheckedCitation:
    """One quotation of an export, held against the folder; ``why`` is "" where it stands."""

    where: str  # such as "question 2, sentence 1, [3]"
    file: str
    quote: str
    why: str


def check_export(path: Path, seeds: Path) -> list[CheckedCitation]:
    """Every quotation of an export, checked against the documents in ``seeds``.

    Files are looked up by the ids that a walk of the folder gives, so no name in the export can lead out of it.
    Raises RagError where ``path`` cannot be read as an export, CorpusError where the folder cannot be read.
    """
    conversation = _read(path)
    folder = _Folder(seeds)
    own_texts = {(d["file"], d["sha256"]): d["text"] for d in conversation["documents"]}
    checks = []
    for where, citation in _citations(conversation):
        if citation is None:
            checks.append(CheckedCitation(where, "", "", "it carries no citation"))
            continue
        file = citation["file"]
        why = _disproof(citation, folder.document(file), own_texts.get((file, citation["sha256"])))
        checks.append(CheckedCitation(where, file, citation["quote"], why))
    return checks


class _Folder:
    """The documents of a folder, each read when it is first asked for."""

    def __init__(self, seeds: Path) -> None:
        self._seeds = seeds
        self._paths = {file.id: file.path for file in walk(seeds)[0]}
        self._documents: dict[str, Document | str] = {}

    def document(self, identity: str) -> Document | str:
        """As the program reads it now, or why it cannot be had."""
        if identity not in self._paths:
            return "the file is not in the folder"
        if identity not in self._documents:
            try:
                self._documents[identity] = load_limited(self._paths[identity], self._seeds)
            except LoadError as error:
                self._documents[identity] = str(error)
        return self._documents[identity]


def _disproof(citation: QuotationExport, document: Document | str, own_text: str | None) -> str:
    """Why a quotation does not stand; "" where it does. ``own_text``: the export's copy of the document's text."""
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
    if own_text is None or own_text != document.text:
        return "the export's own copy of the text is not the document's"
    return ""


def _citations(conversation: ConversationExport) -> Iterator[tuple[str, QuotationExport | None]]:
    """Every quotation with its place in the conversation; None stands for the one that a sentence or side lacks."""
    for n, exchange in enumerate(conversation["exchanges"], 1):
        statements = [(f"sentence {m}", s["citations"]) for m, s in enumerate(exchange["sentences"], 1)]
        statements += [(f"side {m}", s["citations"]) for m, s in enumerate(exchange["sides"], 1)]
        for label, citations in statements:
            if not citations:
                yield f"question {n}, {label}", None
            for citation in citations:
                yield f"question {n}, {label}, [{citation['marker']}]", citation
        for source in exchange["by_source"]:
            for m, quote in enumerate(source["quotes"], 1):
                yield f"question {n}, what {source['document_id']} says, quotation {m}", quote


# --- reading it ----------------------------------------------------------------------------------

_EXPORT_AGAIN = "export the conversation again, as JSON"
_DOCUMENT = {"file": str, "sha256": str, "text": str}
_QUOTATION = {"file": str, "sha256": str, "text_sha256": str, "start": int, "end": int, "quote": str}


def _read(path: Path) -> ConversationExport:
    """Raises RagError where the file is no export, or lacks what is read later."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RagError(f"{path} cannot be read: {error.strerror}.", fix="rag verify FILE") from error
    except (ValueError, RecursionError) as error:
        raise RagError(f"{path} is not JSON: {error}.", fix=_EXPORT_AGAIN) from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise RagError(f"{path} is not an exported conversation.", fix=_EXPORT_AGAIN)
    if value.get("version") != VERSION:
        message = f"{path} has version {value.get('version')!r}; this program reads {VERSION}."
        raise RagError(message, fix=_EXPORT_AGAIN)
    try:
        _check_shape(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise RagError(f"{path} is damaged: {type(error).__name__} {error}.", fix=_EXPORT_AGAIN) from error
    return cast("ConversationExport", value)


def _check_shape(conversation: Mapping[str, Any]) -> None:
    """Raises an error where a part that is read later is missing or of another type."""
    for document in conversation["documents"]:
        _require(document, _DOCUMENT)
    for exchange in conversation["exchanges"]:
        for statement in (*exchange["sentences"], *exchange["sides"]):
            for citation in statement["citations"]:
                _require(citation, {"marker": int, **_QUOTATION})
        for source in exchange["by_source"]:
            _require(source, {"document_id": str})
            for quote in source["quotes"]:
                _require(quote, _QUOTATION)


def _require(value: Mapping[str, Any], types: Mapping[str, type]) -> None:
    for name, expected in types.items():
        if not isinstance(value[name], expected):
            raise TypeError(f"{name} is {type(value[name]).__name__}, not {expected.__name__}")
