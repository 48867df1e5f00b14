"""Answers, evidence and the report of a build as text for a terminal."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.types import REFUSAL, Answer, BuildReport, Citation, Retrieved, Sentence, SourceQuotes

STALE = "the file is gone or has changed since it was indexed"


def answer_text(sentences: Sequence[Sentence]) -> str:
    """The sentences with their markers, as one paragraph."""
    return " ".join(s.text + " " + "".join(f"[{c.marker}]" for c in s.citations) for s in sentences)


def printable(text: str) -> str:
    """Text for a terminal: one line, without control or format characters that could move the cursor."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)).strip()


def _source_line(document_id: str, title: str, date: str | None) -> str:
    return printable(f"{title}, {date} ({document_id})" if date else f"{title} ({document_id})")


def _citation_lines(c: Citation, stale: Collection[str]) -> list[str]:
    changed = f"; {STALE}: python -m rag build" if c.document_id in stale else ""
    return [
        f"  [{c.marker}] “{printable(c.quote)}”",
        *([f"      under: {printable(c.under)}"] if c.under else []),
        f"      {_source_line(c.document_id, c.title, c.date)}, characters {c.start}-{c.end}{changed}",
    ]


def _quotes(by_source: Sequence[SourceQuotes]) -> list[str]:
    lines: list[str] = []
    for source in by_source:
        lines.append("  " + _source_line(source.document_id, source.title, source.date))
        lines += [f"    “{printable(q.quote)}”" for q in source.quotes]
    return lines


def to_text(answer: Answer) -> str:
    """The answer for a terminal: sentences with markers, then every quotation they rest on."""
    lines: list[str] = []
    if answer.refused:
        lines += [REFUSAL, f"Why: {answer.reason}"]
        lines += ["", "Nearest passages:", *_quotes(answer.nearest)] if answer.nearest else []
    else:
        lines += [printable(s.text) + " " + "".join(f"[{c.marker}]" for c in s.citations) for s in answer.sentences]
        cited = {(c.marker, c.start): c for s in answer.sentences for c in s.citations}
        lines += ["", "Quotations:"]
        for key in sorted(cited):
            lines += _citation_lines(cited[key], answer.stale)
    if answer.sides:
        lines += ["", "The sources disagree:"]
        for side in answer.sides:
            lines.append(f"  - {printable(side.claim)}")
            for c in side.citations:
                lines += ["  " + line for line in _citation_lines(c, answer.stale)]
    if not answer.refused and answer.by_source:
        lines += ["", "What each source says:", *_quotes(answer.by_source)]
    if answer.removed:
        lines += ["", "Left out, not supported by a source:"]
        lines += [f"  - {printable(r.text)} ({printable(r.why)})" for r in answer.removed]
    return "\n".join(lines)


def evidence_text(retrieved: Retrieved) -> str:
    """The evidence for a terminal, grouped by source."""
    if not retrieved.evidence:
        return "Nothing in the documents resembles the question."
    lines: list[str] = []
    previous = ""
    for e in retrieved.evidence:
        source = _source_line(e.document_id, e.title, e.date)
        if source != previous:
            lines.append(source)
            previous = source
        lines.append(f"  [{e.number}] “{printable(e.quote)}”")
    return "\n".join(lines)


def report_text(report: BuildReport) -> str:
    """The report of a build: every file that is not unchanged, then the totals."""
    lines = [f"made anew {printable(report.anew)}"] if report.anew else []
    lines += [
        f"{file.status:9} {printable(file.path)}" + (f"  ({printable(file.why)})" if file.why else "")
        for file in report.files
        if file.status != "unchanged"
    ]
    lines += [
        f"duplicate {printable(copy)}  (nearly the text of {printable(original)}: not a source of its own)"
        for copy, original in report.duplicates.items()
    ]
    lines.append(
        f"{report.generation}: {report.documents} documents, {report.chunks} chunks, {report.sentences} quotable "
        f"sentences; {report.count('unchanged')} files unchanged; {report.seconds:.1f} s"
    )
    return "\n".join(lines)
