"""A document cut into chunks of whole units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rag.index.units import Section, sections
from rag.types import Chunk, Document, Unit


def chunk_document(document: Document, *, max_chars: int = 900, overlap: int = 0) -> list[Chunk]:
    """Chunks in order of at most ``max_chars`` code points, where a single unit allows it.

    None crosses a part, nor a heading unless a small section joins the one before; ``overlap`` counts the
    units repeated from the chunk above. Every unit is in one.
    """
    if max_chars < 1 or overlap < 0:
        raise ValueError(f"max_chars must be positive and overlap not negative, got {max_chars}, {overlap}")
    chunks = []
    for section in _join_small(sections(document), max_chars):
        for group in _pack(section.units, max_chars, overlap):
            start, end = _start(group), group[-1].end
            part = document.part_at(start)
            heading = "" if section.heading == part.title else section.heading
            chunks.append(
                Chunk(document.id, start, end, document.text[start:end], part.title, heading, part.date, tuple(group))
            )
    return chunks


def _join_small(sections: list[Section], max_chars: int) -> Iterator[Section]:
    """Sections below a third of a chunk join their neighbour of the same part while both fit one chunk."""
    current: Section | None = None
    for section in sections:
        if current is None:
            current = section
            continue
        small = min(len(current), len(section)) < max_chars // 3
        fits = section.units[-1].end - current.units[0].start <= max_chars
        if small and fits and current.part == section.part:
            current = Section(current.heading, current.part, current.units + section.units)
        else:
            yield current
            current = section
    if current is not None:
        yield current


def _start(units: Iterable[Unit]) -> int:
    """Where the first of them starts: a list stands behind its items, which may be in the chunk above."""
    return min(unit.start for unit in units)


def _pack(units: Sequence[Unit], max_chars: int, overlap: int) -> Iterator[list[Unit]]:
    """Runs of units of about equal length, so that no chunk ends up with a lone last sentence."""
    group: list[Unit] = []
    target = 0.0  # offset where the group should end
    for unit in units:
        too_long = unit.end - _start([*group, unit]) > max_chars
        if group and (too_long or target - group[-1].end < unit.end - target):
            yield group
            group = group[max(1, len(group) - overlap) :] if overlap else []
            while group and unit.end - _start([*group, unit]) > max_chars:
                group = group[1:]
            target = 0.0
        group.append(unit)
        if not target:
            left = units[-1].end - group[0].start
            target = group[0].start + left / -(-left // max_chars)
    if group:
        yield group
