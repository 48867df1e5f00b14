"""What the styles of a page hide: each element's inline style and the simple rules of the page's own style sheets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

Colour = tuple[int, int, int]
Style = Mapping[str, str]
"""Properties in lower case, with their values in lower case and without "!important"."""

_MAX_SHEET = 200_000  # characters of style sheet that are looked at
_MAX_STYLE = 10_000
_SMALLEST = 1.5  # pixels of type that nobody reads
_FAR = 100.0  # pixels beyond the edge, of what is placed there
_MOVED_FAR = 1000.0  # of what is moved from where it would stand: less than that centres a box
_NEAR_COLOURS = 8  # of 255 in each of red, green and blue: nobody tells them apart
_FAINT = 0.05
_DECLARATION = re.compile(r"([\w-]+)\s*:\s*([^;]+)")
_IMPORTANT = re.compile(r"!\s*important\s*$")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ON_A_SCREEN = re.compile(r"@(?:media\s+(?:only\s+)?(?:all|screen)\s*$|layer\b|supports\b)", re.IGNORECASE)
_BRACE = re.compile(r"[{};]")
_SIMPLE = re.compile(r"(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
_LENGTH = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))\s*([a-z%]*)")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "em": 16.0, "rem": 16.0,
           "ex": 8.0, "ch": 8.0, "vw": 12.0, "vh": 8.0, "vmin": 8.0, "vmax": 12.0}  # fmt: skip
_SIZES = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "initial": 16.0}
_NOTHING_LEFT = re.compile(
    r"inset\(\s*(?:[5-9]\d|100)(?:\.\d+)?%|circle\(\s*0(?![.\d])|ellipse\(\s*0(?![.\d])|polygon\(\s*(?:0(?:px|%)?[\s,]*)+\)"
)
_NO_CLIP = re.compile(r"rect\(\s*([01])(?:px)?[\s,]+([01])(?:px)?[\s,]+\1(?:px)?[\s,]+\2(?:px)?\s*\)")
_FLATTENED = re.compile(r"(?:scale(?:3d|x|y)?|matrix)\(\s*0(?:\.0\d*)?\s*[,)]|scale\([^,()]*,\s*0(?:\.0\d*)?\s*\)")
_MOVED = re.compile(r"translate(?:3d|x|y)?\(\s*([^,()]+)(?:,\s*([^,()]+))?")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*(?:1|1\.0|100%)\s*)?\)")
_NAMED: dict[str, Colour] = {"white": (255, 255, 255), "black": (0, 0, 0), "snow": (255, 250, 250),
                             "ivory": (255, 255, 240), "ghostwhite": (248, 248, 255), "floralwhite": (255, 250, 240),
                             "whitesmoke": (245, 245, 245), "red": (255, 0, 0), "blue": (0, 0, 255),
                             "green": (0, 128, 0), "yellow": (255, 255, 0), "gray": (128, 128, 128),
                             "grey": (128, 128, 128)}  # fmt: skip
_PAPER = _NAMED["white"]


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What an element takes from the one around it; a colour is None where nobody knows it."""

    size: float = 16.0  # pixels of type
    visible: bool = True
    ink: Colour | None = _NAMED["black"]
    paper: Colour | None = _PAPER

    @property
    def readable(self) -> bool:
        return self.visible and self.size >= _SMALLEST and not _alike(self.ink, self.paper)


def declarations(style: str) -> dict[str, str]:
    """The properties that a style sets, the last and the important ones winning.

    >>> declarations("color:red; DISPLAY : none !important; display: block")
    {'color': 'red', 'display': 'none'}
    """
    usual, important = _declared(style)
    return usual | important


def _declared(style: str) -> tuple[dict[str, str], dict[str, str]]:
    """The usual declarations, and the important ones."""
    usual: dict[str, str] = {}
    important: dict[str, str] = {}
    for name, value in _DECLARATION.findall(_COMMENT.sub("", style[:_MAX_STYLE]).lower()):
        plain = _IMPORTANT.sub("", value).strip()
        (usual if plain == value.strip() else important)[name] = plain
    return usual, important


def unreadable(style: Style) -> bool:
    """Whether text of this style, on a white page, is hidden, too small or of the page's colour.

    >>> unreadable(declarations("font-size: 0")), unreadable(declarations("color: #555"))
    (True, False)
    """
    return hides(style) or not _inherited(style, _Inherited()).readable


def hides(style: Style) -> bool:
    """Whether an element of this style, with all that is in it, leaves nothing on the page that could be read.

    >>> hides(declarations("height:1px; overflow:hidden")), hides(declarations("height:1px"))
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
    if (placed or "position" not in style) and any(
        _is_beyond(get(edge, ""), _FAR) for edge in ("left", "top", "right", "bottom")
    ):
        return True
    moved = [get("margin-left", ""), get("margin-top", ""), get("translate", "").split(" ")[0]]
    moved += [part for match in _MOVED.findall(get("transform", "")) for part in match]
    return any(_is_beyond(length, _MOVED_FAR) for length in moved)


def remove_hidden(tree: _Element) -> None:
    """Drop elements that their styles hide, and the text of those that are seen only in part."""
    sheet = _Sheet("".join(e.text or "" for e in tree.iter("style")))
    foreign = bool(tree.xpath("//link[contains(@rel, 'stylesheet')]")) or "@import" in sheet.source
    inherited: dict[_Element | None, _Inherited] = {None: _Inherited()}
    hidden: list[_Element] = []
    emptied: list[_Element] = []
    for element in tree.iter("*"):
        style = sheet.of(element)
        root = element.tag in ("html", "body", "head")
        # a style sheet that is not at hand may paint behind whatever has a class, and behind the whole page
        unknown = foreign and bool(element.get("class") or (root and "color" in style))
        own = _inherited(style, inherited[element.getparent()], unknown_paper=unknown)
        inherited[element] = own
        if not root and hides(style):
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
    background = style.get("background-color") or style.get("background") or ""
    paper = None if unknown_paper or style.get("background-image", "none") != "none" else around.paper
    if background not in ("", "none", "transparent", "inherit", "initial"):
        paper = _colour(background)
    ink = around.ink
    written = style.get("-webkit-text-fill-color") or style.get("color")
    if written and written not in ("inherit", "currentcolor"):
        ink = paper or _PAPER if _transparent(written) else _colour(written)
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
    match = _LENGTH.match(text)
    return (float(match[1]), match[2] or (unit if not float(match[1]) else "")) if match else None


def _pixels(length: tuple[float, str]) -> float:
    return length[0] * _PIXELS.get(length[1], 1.0)


def _is_beyond(text: str, far: float) -> bool:
    """Whether a distance leads off the page; a full width does too."""
    length = _number(text)
    return length is not None and (length[0] <= -100 if length[1] == "%" else _pixels(length) <= -far)


def _alike(ink: Colour | None, paper: Colour | None) -> bool:
    return ink is not None and paper is not None and all(
        abs(a - b) <= _NEAR_COLOURS for a, b in zip(ink, paper, strict=True)
    )  # fmt: skip


def _transparent(text: str) -> bool:
    return text == "transparent" or bool(re.fullmatch(r"(?:rgba?|hsla?)\(.*[,/]\s*(?:0|0?\.0\d*|0%)\s*\)", text))


def _colour(text: str) -> Colour | None:
    """None for what is no plain colour, or not one of the names that matter here."""
    text = text.strip()
    if match := re.fullmatch(r"#([0-9a-f]{3,8})", text):
        digits = match[1] if len(match[1]) >= 6 else "".join(2 * c for c in match[1])
        return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)) if len(digits) >= 6 else None
    if match := _RGB.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3])
    return _NAMED.get(text)


# --- style sheets --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Rule:
    """What is set for the elements of a tag, with these ids and classes."""

    tag: str
    ids: frozenset[str]
    classes: frozenset[str]
    usual: dict[str, str] = field(default_factory=dict)
    important: dict[str, str] = field(default_factory=dict)
    place: int = 0

    @property
    def rank(self) -> tuple[int, int, int]:
        return len(self.ids), len(self.classes), self.place

    def fits(self, tag: str, own_id: str, classes: frozenset[str]) -> bool:
        return self.tag in ("", tag) and self.ids <= {own_id} and self.classes <= classes


class _Sheet:
    """The rules whose selector is one tag, class or id, or several of one element; others may mean anything."""

    def __init__(self, source: str) -> None:
        self.source = _COMMENT.sub("", source[:_MAX_SHEET])
        found: dict[str, _Rule] = {}
        self._by_key: dict[str, list[_Rule]] = defaultdict(list)
        self._of: dict[tuple[str, str, str], tuple[dict[str, str], dict[str, str]]] = {}
        for place, (selector, body) in enumerate(_simple_rules(self.source)):
            if selector not in found:
                rule = found[selector] = _rule(selector)
                key = next(("#" + i for i in rule.ids), next(("." + c for c in rule.classes), rule.tag))
                self._by_key[key].append(rule)
            usual, important = _declared(body)
            found[selector].usual |= usual
            found[selector].important |= important
            found[selector].place = place

    def of(self, element: _Element) -> Style:
        """All that is set for an element, its own attributes included."""
        usual, important = _declared(element.get("style", "")) if element.get("style") else ({}, {})
        if element.get("bgcolor") or element.get("background"):
            usual.setdefault("background", element.get("bgcolor", "").lower() or "url()")
        if not self._by_key:
            return usual | important
        tag, own_id, names = str(element.tag), element.get("id", ""), element.get("class", "")
        if (tag, own_id, names) not in self._of:
            self._of[tag, own_id, names] = self._ruled(tag, own_id, frozenset(names.split()))
        ruled, ruled_important = self._of[tag, own_id, names]
        return ruled | usual | ruled_important | important

    def _ruled(self, tag: str, own_id: str, classes: frozenset[str]) -> tuple[dict[str, str], dict[str, str]]:
        keys = [*(f".{c}" for c in classes), f"#{own_id}", tag, ""]
        rules = [r for key in keys for r in self._by_key.get(key, ()) if r.fits(tag, own_id, classes)]
        usual: dict[str, str] = {}
        important: dict[str, str] = {}
        for rule in sorted(rules, key=lambda r: r.rank):
            usual |= rule.usual
            important |= rule.important
        return usual, important


def _simple_rules(sheet: str) -> Iterator[tuple[str, str]]:
    """(selector, declarations) in order; rules within @media may not apply to a screen, unless they say so."""
    opened: list[tuple[str, int]] = []  # what stands before each open brace, and where its inside begins
    own: dict[int, str] = {}  # declarations before the first rule within a rule, by where the inside begins
    elsewhere = at = 0  # open blocks that may not apply; where what is not read yet begins
    sheet += "}}}"  # the end of a sheet closes what is open
    for brace in _BRACE.finditer(sheet):
        inside = sheet[at : brace.start()]
        if brace[0] == "{":
            before = inside.rpartition(";")[2].strip()
            if opened and not opened[-1][0].startswith("@"):
                own.setdefault(opened[-1][1], inside)
            opened.append((before, brace.end()))
            elsewhere += before.startswith("@") and not _ON_A_SCREEN.match(before)
        elif brace[0] == "}" and opened:
            before, start = opened.pop()
            if before.startswith("@"):
                elsewhere -= not _ON_A_SCREEN.match(before)
            elif not elsewhere:
                for selector in before[:_MAX_STYLE].split(","):
                    if selector.strip() and _SIMPLE.fullmatch(selector.strip()):
                        yield selector.strip(), own.get(start, inside)
        elif brace[0] == ";" and opened and not opened[-1][0].startswith("@"):
            continue  # within a rule
        at = brace.end()


def _rule(selector: str) -> _Rule:
    match = _SIMPLE.fullmatch(selector)
    assert match is not None
    ids, classes = re.findall(r"#([\w-]+)", match[2]), re.findall(r"\.([\w-]+)", match[2])
    return _Rule((match[1] or "").lower().replace("*", ""), frozenset(ids), frozenset(classes))
