"""What the styles of a page hide from its reader."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.load.html.cascade import Cascade, Style
from rag.load.html.colours import BLACK, WHITE, Colour, alike, painted
from rag.load.html.screen import PIXELS

if TYPE_CHECKING:
    from lxml.etree import _Element

_SMALLEST = 1.5  # pixels of type that nobody reads
_FAR = 100.0  # pixels beyond the edge, of what is placed there
_MOVED_FAR = 1000.0  # of what is moved from where it would stand: less than that centres a box
_FAINT = 0.05
_NO_VALUE = ("", "none", "currentcolor", "inherit", "initial", "unset", "revert", "revert-layer")
_LENGTH = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?)([a-z%]*)")
_CALCULATED = re.compile(rf"calc\(\s*{_LENGTH.pattern}\s*\)")  # without a sum, which could be anything
_SIZES = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "initial": 16.0}
_NOTHING_LEFT = re.compile(
    r"inset\(\s*(?:[5-9]\d|100)(?:\.\d+)?%|circle\(\s*0(?![.\d])|ellipse\(\s*0(?![.\d])|polygon\(\s*(?:0(?:px|%)?[\s,]*)+\)"
)
_NO_CLIP = re.compile(r"rect\(\s*([01])(?:px)?[\s,]+([01])(?:px)?[\s,]+\1(?:px)?[\s,]+\2(?:px)?\s*\)")
_FLATTENED = re.compile(r"(?:scale(?:3d|x|y)?|matrix)\(\s*0(?:\.0\d*)?\s*[,)]|scale\([^,()]*,\s*0(?:\.0\d*)?\s*\)")
_MOVED = re.compile(r"translate(?:3d|x|y)?\(\s*([^,()]+)(?:,\s*([^,()]+))?")


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What an element takes from the one around it; a colour is None where nobody knows it."""

    size: float = 16.0  # pixels of type
    visible: bool = True
    ink: Colour | None = BLACK
    paper: Colour | None = WHITE

    @property
    def readable(self) -> bool:
        return self.visible and self.size >= _SMALLEST and not alike(self.ink, self.paper)


def hides(style: Style) -> bool:
    """Whether an element of this style, with all that is in it, leaves nothing on the page that could be read.

    >>> hides({"height": "1px", "overflow": "hidden"}), hides({"height": "1px"})
    (True, False)
    """
    get = style.get
    if get("display") == "none" or get("content-visibility") == "hidden" or get("zoom") in ("0", "0%"):
        return True
    faint = _number(get("opacity", "")) or _number((re.findall(r"opacity\(([^)]*)\)", get("filter", "")) or [""])[0])
    if faint is not None and faint[0] / (100 if faint[1] == "%" else 1) <= _FAINT:
        return True
    if _NOTHING_LEFT.search(get("clip-path", "")) or _FLATTENED.search(get("transform", "")) or get("scale") == "0":
        return True
    placed = get("position") in ("absolute", "fixed")
    if placed and _NO_CLIP.search(get("clip", "")):
        return True
    cut = any(get(name, "").split(" ")[0] in ("hidden", "clip") for name in ("overflow", "overflow-x", "overflow-y"))
    sizes = [get(name, "") for name in ("height", "width", "max-height", "max-width", "line-height")]
    if cut and any(length[1] and _pixels(length) <= _SMALLEST for size in sizes if (length := _number(size, "px"))):
        return True
    indent = get("text-indent", "")
    if _is_beyond(indent, _FAR) or (cut and _is_beyond(f"-{indent}", _MOVED_FAR)):
        return True
    edges = [get(edge, "") for edge in ("left", "top", "right", "bottom")]
    if (placed or "position" not in style) and any(_is_beyond(edge, _FAR) for edge in edges):
        return True
    moved = [get("margin-left", ""), get("margin-top", ""), get("translate", "").split(" ")[0]]
    moved += edges[:2] if get("position") in ("relative", "sticky") else []
    moved += [part for match in _MOVED.findall(get("transform", "")) for part in match]
    return any(_is_beyond(length, _MOVED_FAR) for length in moved)


def remove_hidden(tree: _Element) -> None:
    """Drop elements that their styles hide, and the text of those that are seen only in part."""
    cascade = Cascade(tree)
    inherited: dict[_Element | None, _Inherited] = {None: _Inherited()}
    hidden: list[_Element] = []
    emptied: list[_Element] = []
    for element, style in cascade:
        root = element.tag in ("html", "body", "head")
        # a style sheet that is not at hand may paint behind whatever has a class, and behind the whole page
        unknown = cascade.foreign and bool(element.get("class") or (root and "color" in style))
        own = _inherited(style, inherited[element.getparent()], unknown_paper=unknown)
        inherited[element] = own
        if style and not root and hides(style):
            hidden.append(element)
        elif not own.readable:
            emptied.append(element)
    for element in emptied:
        element.text = None
        for child in element:
            child.tail = " " if child.tail else None
    for element in hidden:
        if element.getparent() is not None:
            element.drop_tree()


def _inherited(style: Style, around: _Inherited, *, unknown_paper: bool = False) -> _Inherited:
    if not style and not unknown_paper:
        return around
    visible = {"hidden": False, "collapse": False, "visible": True}.get(style.get("visibility", ""), around.visible)
    paper = around.paper
    if unknown_paper or style.get("background-image", "none") not in _NO_VALUE:
        paper = None
    elif (background := style.get("background-color", "")) not in _NO_VALUE:
        paper = painted(background, around.paper)
    ink = around.ink
    written = style.get("-webkit-text-fill-color", "currentcolor")
    written = style.get("color", "inherit") if written == "currentcolor" else written
    if written == "initial":
        ink = BLACK
    elif written not in _NO_VALUE:
        ink = painted(written, paper)
    return replace(around, size=_size(style, around.size), visible=visible, ink=ink, paper=paper)


def _size(style: Style, around: float) -> float:
    size = style.get("font-size", "")
    if size in _SIZES:
        return _SIZES[size]
    number = _number(size)
    if number is None:
        return around
    if number[1] in ("em", "%"):
        return around * number[0] / (100 if number[1] == "%" else 1)
    return _pixels(number)


def _number(text: str, unit: str = "") -> tuple[float, str] | None:
    """A number and its unit; 0 is of ``unit`` where it has none."""
    match = _LENGTH.match(text) or _CALCULATED.fullmatch(text)
    return (float(match[1]), match[2] or (unit if not float(match[1]) else "")) if match else None


def _pixels(length: tuple[float, str]) -> float:
    return length[0] * PIXELS.get(length[1], 1.0)


def _is_beyond(text: str, far: float) -> bool:
    """Whether a distance leads off the page; a full width does too."""
    length = _number(text)
    return length is not None and (length[0] <= -100 if length[1] == "%" else _pixels(length) <= -far)
