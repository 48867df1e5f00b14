"""Where the characters of a PDF page stand, and whether anybody can see them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from ctypes import c_uint
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from rag.load.pdf.tables import Rule

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""

_INNER_GAP = re.compile(r"(?<=\S)\s+(?=\S)")
_WIDE = 0.8  # of the height of the type: no blank between two words is so wide
_SHORTEST_RULE = 12.0  # points
_MOST_SHAPES = 2000  # a page of more is a drawing
_WHITE = 250  # of 255, in each of red, green and blue


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands on the page as it is read: turned, if its letters are turned."""

    left: float
    right: float
    bottom: float
    size: float  # the height of its type


class Glyphs:
    """The characters of one page by their index in its text."""

    def __init__(self, page: PdfPage, text: PdfTextPage) -> None:
        self._page = page
        self._text = text
        self._left, self._bottom, self._right, self._top = page.get_bbox()

    def line(self, indices: list[int]) -> Place | None:
        """The place of the line that these characters are of, in order; None where it cannot be seen."""
        import pypdfium2.raw as pdfium

        at = [pdfium.FPDFText_GetCharIndexFromTextIndex(self._text, i) for i in indices]
        if min(at) < 0:
            return None
        boxes = [self._text.get_charbox(i, loose=True) for i in at]
        middle = at[len(at) // 2]
        if not self._on_page(boxes) or self._is_white_on_nothing(middle, boxes[len(at) // 2]):
            return None
        quarter = round(pdfium.FPDFText_GetCharAngle(self._text, middle) / (math.pi / 2)) % 4
        turned = [_turned(box, quarter) for box in boxes]
        _, bottom, _, top = sorted(turned, key=lambda box: box[3] - box[1])[len(turned) // 2]  # a ligature's is wrong
        return Place(turned[0][0], turned[-1][2], bottom, top - bottom)

    def parts(self, raw: str, start: int) -> Iterator[tuple[int, str]]:
        """The parts of a line of text between its wide gaps, with their places in it; it starts at index ``start``."""
        import pypdfium2.raw as pdfium

        begin = 0
        for gap in _INNER_GAP.finditer(raw):
            at = [
                pdfium.FPDFText_GetCharIndexFromTextIndex(self._text, start + i) for i in (gap.start() - 1, gap.end())
            ]
            if min(at) < 0:
                continue
            before, after = (self._text.get_charbox(i, loose=True) for i in at)
            if after[0] - before[2] > _WIDE * max(after[3] - after[1], before[3] - before[1]):
                yield begin, raw[begin : gap.start()]
                begin = gap.end()
        yield begin, raw[begin:]

    @cached_property
    def rules(self) -> list[Rule]:
        """The horizontal lines drawn, and the upper and lower edges of boxes, from the bottom up."""
        import pypdfium2.raw as pdfium

        shapes = list(islice(self._page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=5), _MOST_SHAPES))
        if len(shapes) == _MOST_SHAPES:
            return []
        edges: dict[tuple[int, int, int], Rule] = {}  # one of those that stand in the same place
        for left, bottom, right, top in (shape.get_bounds() for shape in shapes):
            if right - left > _SHORTEST_RULE:
                for height in (bottom, top):
                    edges.setdefault((round(left), round(right), round(height)), Rule(left, right, height))
        return sorted(edges.values(), key=lambda rule: rule.height)

    def _on_page(self, boxes: list[Box]) -> bool:
        left, right = min(b[0] for b in boxes), max(b[2] for b in boxes)
        bottom, top = min(b[1] for b in boxes), max(b[3] for b in boxes)
        return bool(left < self._right and right > self._left and bottom < self._top and top > self._bottom)

    def _is_white_on_nothing(self, index: int, box: Box) -> bool:
        """White or transparent, and nothing but white is painted where it stands."""
        import pypdfium2.raw as pdfium

        colour = [c_uint() for _ in range(4)]
        if not pdfium.FPDFText_GetFillColor(self._text, index, *colour):
            return False
        if min(part.value for part in colour[:3]) < _WHITE and colour[3].value:
            return False
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return not any(left <= x <= right and bottom <= y <= top for left, bottom, right, top in self._painted)

    @cached_property
    def _painted(self) -> list[Box]:
        """The images, shadings and filled shapes that are not white."""
        import pypdfium2.raw as pdfium

        kinds = [pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING]
        return [o.get_bounds() for o in self._page.get_objects(filter=kinds, max_depth=5) if not _is_white(o)]


def _is_white(shape: Any) -> bool:
    import pypdfium2.raw as pdfium

    colour = [c_uint() for _ in range(4)]
    if shape.type != pdfium.FPDF_PAGEOBJ_PATH or not pdfium.FPDFPageObj_GetFillColor(shape, *colour):
        return False
    return min(part.value for part in colour[:3]) >= _WHITE


def _turned(box: Box, quarter: int) -> Box:
    """The box when text that is turned ``quarter`` right angles clockwise runs from left to right."""
    left, bottom, right, top = box
    return [box, (-top, left, -bottom, right), (-right, -top, -left, -bottom), (bottom, -right, top, -left)][quarter]
