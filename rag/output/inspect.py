"""A document as the program sees it: what is known of it, and its units in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypedDict

from rag.output.render import printable
from rag.text.languages import language_of
from rag.types import Document, Unit, UnitKind

_VISIBLE = re.compile(r"\w")


class UnitData(TypedDict):
    kind: UnitKind
    start: int
    end: int
    quote: str
    context: str
    weight: float
    page: int | None


class SectionData(TypedDict):
    heading: str
    units: list[UnitData]


class PartData(TypedDict):
    title: str
    date: str | None
    author: str | None
    outlet: str | None
    start: int
    end: int


class Inspection(TypedDict):
    """What ``rag inspect --json`` prints."""

    document_id: str
    title: str
    date: str | None
    author: str | None
    outlet: str | None
    language: str
    characters: int
    pages: int
    sha256: str
    parts: list[PartData]
    sections: list[SectionData]
    in_no_unit: list[str]  # lines, or what is left of them, that have a letter or a digit and cannot be quoted


def inspection(document: Document, sections: Sequence[tuple[str, Sequence[Unit]]]) -> Inspection:
    """``sections``: the heading and the units of each, in order."""
    return {
        "document_id": document.id,
        "title": document.title,
        "date": document.date,
        "author": document.author,
        "outlet": document.outlet,
        "language": language_of(document.text),
        "characters": len(document.text),
        "pages": len(document.pages),
        "sha256": document.sha256,
        "parts": [
            {
                "title": part.title,
                "date": part.date,
                "author": part.author,
                "outlet": part.outlet,
                "start": part.start,
                "end": part.end,
            }
            for part in document.parts
        ],
        "sections": [
            {"heading": heading, "units": [_unit(document, unit) for unit in units]} for heading, units in sections
        ],
        "in_no_unit": _in_no_unit(document.text, [unit for _, units in sections for unit in units]),
    }


def _unit(document: Document, unit: Unit) -> UnitData:
    return {
        "kind": unit.kind,
        "start": unit.start,
        "end": unit.end,
        "quote": document.text[unit.start : unit.end],
        "context": unit.context,
        "weight": unit.weight,
        "page": document.page_at(unit.start),
    }


def _in_no_unit(text: str, units: Iterable[Unit]) -> list[str]:
    gaps, end = [], 0
    for unit in sorted(units, key=lambda unit: unit.start):
        gaps.append(text[end : unit.start])
        end = max(end, unit.end)
    gaps.append(text[end:])
    return [line.strip() for gap in gaps for line in gap.split("\n") if _VISIBLE.search(line)]


def inspection_text(data: Inspection) -> str:
    """The same for a terminal; a unit of less than full weight, which comes behind others, is marked."""
    facts = {"date": data["date"], "author": data["author"], "outlet": data["outlet"], "language": data["language"]}
    lines = [printable(f"{data['title']} ({data['document_id']})")]
    lines += [f"  {name}: {printable(value) if value else 'not shown in the file'}" for name, value in facts.items()]
    units = [unit for section in data["sections"] for unit in section["units"]]
    low = sum(unit["weight"] < 1 for unit in units)
    pages = f", {data['pages']:,} pages" if data["pages"] else ""
    lines.append(f"  {data['characters']:,} characters{pages}, {len(units):,} units, {low:,} of them of low weight")
    if len(data["parts"]) > 1:
        lines.append(f"  {len(data['parts'])} parts:")
        lines += [f"    {printable(part['title'])}, {part['date'] or 'no date'}" for part in data["parts"]]
    for section in data["sections"]:
        lines += ["", f"== {printable(section['heading']) or '(no heading)'}"]
        for unit in section["units"]:
            weight = f"  weight {unit['weight']:g}" if unit["weight"] < 1 else ""
            page = f", page {unit['page']}" if unit["page"] else ""
            lines.append(f"{unit['kind']:<9} {unit['start']}-{unit['end']}{page}{weight}")
            lines.append(f"    “{printable(unit['quote'])}”")
            lines += [f"    under: {printable(unit['context'])}"] if unit["context"] else []
    if data["in_no_unit"]:
        lines += ["", "In no unit, so it cannot be quoted (marks of lists, headings and footnotes):"]
        lines += [f"    {printable(line)}" for line in data["in_no_unit"]]
    return "\n".join(lines)
