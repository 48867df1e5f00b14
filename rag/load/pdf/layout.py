"""Printed lines with their places on pages -> paragraphs, less what repeats on every page."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from rag.load.hyphens import is_open
from rag.text.blocks import MARKER, ends_sentence
from rag.text.boilerplate import CONTENTS_ENTRY

_EDGE_LINES = 3  # at the top and at the bottom of a page, where running heads and page numbers stand
_SAME_PLACE = 6.0  # points
_LARGER = 1.12  # a size that differs by this factor is another kind of text
_GAP = 1.45  # of the usual distance of lines: a paragraph ends
_PAGE_NUMBER = re.compile(
    r"\W*(?:page\s+|p\.\s*)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:/|of|von|de|sur)\s*\d{1,4})?\W*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of print, in points from the lower left corner of its page; ``size`` is the height of its type."""

    text: str
    left: float
    right: float
    bottom: float
    size: float
    row: bool = False  # of a table, whatever number of lines it takes


Group = list[tuple[int, Line]]
"""Lines that belong together, each with the index of its page."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A heading has a level from 1; prose has 0."""

    lines: Group
    level: int = 0


def paragraphs(pages: Sequence[Sequence[Line]]) -> list[Paragraph]:
    """Paragraphs in reading order, also over the end of a page; footnotes of a page before its last paragraph."""
    kept = [_without_marks(_in_rows(page)) for page in without_running_lines(pages)]
    sizes = Counter[float]()
    for page in kept:
        for line in page:
            sizes[round(line.size, 1)] += len(line.text)
    if not sizes:
        return []
    body = sizes.most_common(1)[0][0]
    groups: list[Group] = []
    for number, page in enumerate(kept):
        groups += _joined_to_last(groups, _groups(number, page, body), body)
    groups = [_without_number(g) if _is_note(g, body) else g for g in groups]
    levels = _levels([g for g in groups if _is_heading(g, body)])
    return [Paragraph(g, levels[round(g[0][1].size)] if _is_heading(g, body) else 0) for g in groups]


def without_running_lines(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Lines less the ones that stand, but for their digits, at the same place of several pages, and lone numbers.

    Only the outer lines of a page are asked. One set in larger type than the others is a title, and stays.
    """
    alike: dict[str, list[tuple[int, int]]] = defaultdict(list)  # page and line
    running: set[tuple[int, int]] = set()
    for n, page in enumerate(pages):
        order = _from_the_top(page)
        for i in {*order[:_EDGE_LINES], *order[-_EDGE_LINES:]}:
            alike[_masked(page[i].text)].append((n, i))
        if len(page) > 1:
            for i, neighbour in [(order[0], order[1]), (order[-1], order[-2])]:
                apart = abs(page[i].bottom - page[neighbour].bottom) > 1.8 * page[i].size  # or else it ends a sentence
                if apart and _PAGE_NUMBER.fullmatch(page[i].text):
                    running.add((n, i))
    for found in alike.values():
        size = median(pages[n][i].size for n, i in found)
        height = median(pages[n][i].bottom for n, i in found)
        same = [
            (n, i)
            for n, i in found
            if abs(pages[n][i].bottom - height) < _SAME_PLACE and pages[n][i].size < size * _LARGER
        ]
        if len({n for n, _ in same}) >= (2 if len(pages) <= 4 else 3):
            running.update(same)
    return [[line for i, line in enumerate(page) if (n, i) not in running] for n, page in enumerate(pages)]


def _from_the_top(page: Sequence[Line]) -> list[int]:
    """The indexes of the page's lines, the topmost line first."""
    return sorted(range(len(page)), key=lambda i: -page[i].bottom)


def _masked(text: str) -> str:
    return re.sub(r"\d+|\b[ivxlc]+\b", "#", " ".join(text.split()).casefold())


def _in_rows(page: Sequence[Line]) -> list[Line]:
    """Pieces that stand beside each other on one row, close together, as one line."""
    rows: list[Line] = []
    for line in page:
        above = rows[-1] if rows else None
        if above is not None and _beside(above, line):
            rows[-1] = replace(
                above, text=f"{above.text} {line.text}", right=line.right, size=max(above.size, line.size)
            )
        else:
            rows.append(line)
    return rows


def _beside(above: Line, line: Line) -> bool:
    if above.row or line.row:
        return False
    level = abs(above.bottom - line.bottom) < 0.3 * above.size and line.size > 0.85 * above.size
    return level and -1 <= line.left - above.right < 2.5 * above.size


def _without_marks(page: Sequence[Line]) -> list[Line]:
    """Less the raised numbers of footnotes, which some writers set as lines of their own."""
    kept: list[Line] = []
    for line in page:
        above = kept[-1] if kept else None
        raised = above is not None and 0 <= line.bottom - above.bottom < above.size and line.left >= above.right - 1
        if not (raised and above and line.size < 0.92 * above.size and re.fullmatch(r"[\d*†‡,\s]{1,6}", line.text)):
            kept.append(line)
    return kept


def _groups(number: int, page: Sequence[Line], body: float) -> list[Group]:
    """The lines of one page as paragraphs."""
    if not page:
        return []
    steps = [a.bottom - b.bottom for a, b in pairwise(page) if _alike(a, b) and 0 < a.bottom - b.bottom < 3 * a.size]
    step = median(steps) if steps else 1.3 * body
    edges = _right_edges(page)
    groups = [[(number, page[0])]]
    for (n, above), line in zip(enumerate(page), page[1:], strict=False):
        fall = above.bottom - line.bottom
        if (
            above.row
            or line.row
            or not _alike(above, line)
            or MARKER.match(line.text)
            or CONTENTS_ENTRY.search(above.text[-300:])
        ):
            goes_on = False
        elif fall > 0:
            usual = step if abs(above.size - body) < 1 else max(step, 1.4 * above.size)
            goes_on = fall < _GAP * usual and _goes_on([one for _, one in groups[-1]], line, edges[n])
        else:
            goes_on = not ends_sentence(above.text) and _is_full(above, line, edges[n])  # the next column
        if goes_on:
            groups[-1].append((number, line))
        else:
            groups.append([(number, line)])
    return groups


def _alike(above: Line, line: Line) -> bool:
    return max(above.size, line.size) < _LARGER * min(above.size, line.size)


def _right_edges(page: Sequence[Line]) -> list[float]:
    """For each line the right edge of its column: of the run of lines around it that go down in one size."""
    edges: list[float] = []
    run: list[Line] = []
    for line in page:
        if run and not (_alike(run[-1], line) and line.bottom < run[-1].bottom and line.left < run[-1].right):
            edges += [max(one.right for one in run)] * len(run)
            run = []
        run.append(line)
    return edges + [max(one.right for one in run)] * len(run)


def _is_full(above: Line, line: Line, edge: float) -> bool:
    """Would the first word of ``line`` not have fitted on the line above?"""
    word = line.text.split(maxsplit=1)[0] if line.text.strip() else ""
    width = (line.right - line.left) / max(1, len(line.text))
    return above.right + (len(word) + 1) * width > edge - 0.5 * width


def _goes_on(paragraph: Sequence[Line], line: Line, edge: float) -> bool:
    above = paragraph[-1]
    indented = line.left - above.left > 0.8 * line.size and len(paragraph) > 1
    if not _is_full(above, line, edge):
        # A narrow column, or lines broken at a count of letters, leave room; a sentence that plainly goes on decides.
        below = abs(line.left - above.left) < 0.8 * line.size
        unfinished = line.text[:1].islower() or (below and _is_prose(paragraph))
        return unfinished and above.right > edge - 0.35 * (edge - above.left)
    return not (indented and ends_sentence(above.text))


def _is_prose(paragraph: Sequence[Line]) -> bool:
    """Does a paragraph of two lines or more stop in the middle of a sentence, most of its last line small words?

    Addresses, names and rows of a table stand in short lines of capitals and numbers.
    """
    words = paragraph[-1].text.split()
    small = sum(word[0].islower() for word in words)
    return len(paragraph) > 1 and small >= max(3, len(words) / 2) and not ends_sentence(paragraph[-1].text)


def _joined_to_last(groups: list[Group], new: list[Group], body: float) -> list[Group]:
    """``new`` groups of the next page, less the first where it goes on from the page before.

    Footnotes that stand between change places with the paragraph that goes on.
    """
    last = next((i for i in range(len(groups) - 1, -1, -1) if not _is_note(groups[i], body)), None)
    if not new or last is None or not groups[last]:
        return new
    above, line = groups[last][-1][1], new[0][0][1]
    row = above.row or line.row
    unfinished = not row and not ends_sentence(above.text) and _alike(above, line) and not MARKER.match(line.text)
    words = sum(len(one.text) for _, one in groups[last]) > 25 and (
        line.text[:1].islower() or is_open(above.text) or _reaches(groups[last])
    )
    if groups[last][-1][0] == new[0][0][0] - 1 and unfinished and words and not _is_heading(groups[last], body):
        paragraph = groups.pop(last)
        groups.append(paragraph + new[0])
        return new[1:]
    return new


def _reaches(group: Group) -> bool:
    """Is the last line of a paragraph of several as long as the others?"""
    return len(group) > 1 and group[-1][1].right > max(line.right for _, line in group) - 2 * group[-1][1].size


def _is_note(group: Group, body: float) -> bool:
    return not group[0][1].row and group[0][1].size * _LARGER < body * 1.02


def _without_number(note: Group) -> Group:
    (page, first), *others = note
    return [(page, replace(first, text=re.sub(r"^(?:\d{1,3}|[*†‡])\s+(?=\D)", "", first.text))), *others]


def _is_heading(group: Group, body: float) -> bool:
    length = sum(len(line.text) for _, line in group)
    return not group[0][1].row and group[0][1].size > body * _LARGER and 3 <= length <= 200 and len(group) <= 4


def _levels(headings: list[Group]) -> dict[int, int]:
    sizes = sorted({round(g[0][1].size) for g in headings}, reverse=True)
    return {size: min(level, 6) for level, size in enumerate(sizes, 1)}
