"""What the style sheets and attributes of a page set for each of its elements, as in a browser.

tinycss2 reads the sheets, cssselect2 says which elements a selector means; what wins over what, at-rules, nested
rules, layers and variables are put together here. Only the properties that can hide text are looked at.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import cssselect2
import tinycss2
from tinycss2.color5 import parse_color

from rag.load.html.screen import Token, applies, significant, split

if TYPE_CHECKING:
    from lxml.etree import _Element

Style = Mapping[str, str]
"""Properties in lower case, with their values in lower case and without "!important"."""
Declaration = tuple[str, str]
"""A property and its value as they were written; the name of a variable begins with "--"."""

_MAX_SHEETS = 500_000  # characters of all style sheets of a page that are looked at
_MAX_STYLE = 10_000  # of one style attribute
_MAX_SELECTOR = 5_000
_MAX_VALUE = 1_000
_MOST_SELECTORS = 20_000
_DEEPEST = 30  # rules within rules
_MOST_VARIABLES = 100  # of one value, those in its variables included
_STEPS = 5_000_000  # elements looked at to match the selectors of a page; past it no more rules are applied
_STEPS_EACH = 1_000_000  # likewise, for one selector, which then is given up
_ENDLESS = re.compile(r"\d{300,}")  # Python refuses to read such a number
_EVERYWHERE = frozenset(("inherit", "initial", "unset", "revert", "revert-layer"))  # values of every property
_SHORTHANDS = frozenset(("background", "font", "inset", "margin"))
_PROPERTIES = _SHORTHANDS | frozenset(
    "display content-visibility visibility zoom opacity filter clip clip-path transform scale translate position "
    "overflow overflow-x overflow-y height width max-height max-width line-height text-indent left top right bottom "
    "margin-left margin-top font-size color -webkit-text-fill-color background-color background-image".split()
)
_DISPLAYS = frozenset(
    "none contents block inline inline-block flow-root flow flex inline-flex grid inline-grid table inline-table "
    "table-row table-cell table-row-group table-header-group table-footer-group table-column table-column-group "
    "table-caption list-item run-in ruby ruby-text ruby-base math -webkit-box -webkit-inline-box -webkit-flex "
    "-ms-flexbox -ms-grid".split()
)
_SIZES = frozenset("xx-small x-small small medium large x-large xx-large xxx-large smaller larger".split())


def _tokens(source: str) -> list[Token]:
    return list(tinycss2.parse_component_value_list(_ENDLESS.sub("9", source), skip_comments=True))


def _source(tokens: Sequence[Token]) -> str:
    """What was written; nothing where brackets stand too deep within brackets for the library."""
    try:
        return str(tinycss2.serialize(tokens)).strip()
    except RecursionError:
        return ""


@lru_cache(maxsize=10_000)
def longhands(name: str, value: str) -> Style:
    """What a declaration sets, shorthands taken apart; nothing where a browser takes the value for invalid.

    >>> longhands("inset", "0 5px"), longhands("display", "nonsense")
    ({'top': '0', 'right': '5px', 'bottom': '0', 'left': '5px'}, {})
    """
    value = value.strip().lower()
    words = significant(_tokens(value))
    if not words or any(word.type == "error" for word in words):
        return {}
    everywhere = value in _EVERYWHERE
    if name in ("inset", "margin"):
        sides = (("top", 0), ("right", 1), ("bottom", 2), ("left", 3))
        texts = [_source([word]) for word in words]
        texts += [texts[0]] * (len(texts) == 1)  # right as top, then bottom as top, then left as right
        texts += texts[len(texts) - 2 : 2]
        prefix = "margin-" if name == "margin" else ""
        return {f"{prefix}{side}": texts[n] for side, n in sides}
    if name == "background":
        colours = [_source([word]) for word in words if _colour(word) is not None]
        pictures = [word for word in words if word.type in ("url", "function") and _colour(word) is None]
        return {
            "background-color": value if everywhere else (colours or ["transparent"])[-1],
            "background-image": "url()" if pictures else "none",
        }
    if name == "font":
        sizes = [_source([word]) for word in words if everywhere or _is_size(word)]
        return {"font-size": sizes[0]} if sizes else {}
    valid = everywhere or {
        "display": all(word.type == "ident" and word.lower_value in _DISPLAYS for word in words),
        "visibility": value in ("visible", "hidden", "collapse"),
        "font-size": len(words) == 1 and _is_size(words[0]),
        "opacity": words[0].type in ("number", "percentage", "function"),
        "color": words[0].type == "function" or _colour(words[0]) is not None,
        "-webkit-text-fill-color": words[0].type == "function" or _colour(words[0]) is not None,
        "background-color": words[0].type == "function" or _colour(words[0]) is not None,
    }.get(name, True)
    return {name: value} if valid else {}


def _is_size(word: Token) -> bool:
    if word.type == "ident":
        return word.lower_value in _SIZES
    return word.type in ("dimension", "percentage", "function") or (word.type == "number" and not word.value)


def _colour(word: Token) -> object:
    try:
        return parse_color(word)
    except Exception:  # a function with too few arguments
        return None


def _style(declarations: Iterable[Declaration]) -> Style:
    style: dict[str, str] = {}
    for name, value in declarations:
        style.update(longhands(name, value))
    return style


def _declarations(items: Iterable[Token]) -> tuple[list[Declaration], list[Declaration]]:
    """The usual declarations of properties that can hide text, and the important ones."""
    usual: list[Declaration] = []
    important: list[Declaration] = []
    for item in items:
        if item.type == "declaration" and (item.lower_name in _PROPERTIES or item.name.startswith("--")):
            name = item.name if item.name.startswith("--") else item.lower_name
            text = _source(item.value)
            if 0 < len(text) <= _MAX_VALUE:
                (important if item.important else usual).append((name, text))
    return usual, important


# --- matching ------------------------------------------------------------------------------------


class _TooDear(Exception):
    """A selector looked at more elements than it may."""


@dataclass(slots=True)
class _Purse:
    """Steps that the selector being matched may still take."""

    left: float = math.inf

    def pay(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise _TooDear


class _Variables(dict[str, str]):
    """Those that an element and what is in it have, and the styles that come of them."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        super().__init__(values or {})
        self.styles: dict[object, Style] = {}


class _Family(list[Any]):
    """The children of an element; a slice of them, over which cssselect2 counts one by one, costs steps."""

    purse: _Purse

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            self.purse.pay(len(self) // 4)
        return super().__getitem__(key)


class _Node(cssselect2.ElementWrapper):  # type: ignore[misc]
    """An element as cssselect2 sees it, but walking away from it is counted and remembers nothing.

    cssselect2 keeps a tuple of all elder siblings with each element, and asks them one within the other.
    """

    def __init__(self, etree_element: _Element, parent: _Node | None, *args: Any, **options: Any) -> None:
        super().__init__(etree_element, parent, *args, **options)
        self.purse: _Purse = _Purse() if parent is None else parent.purse
        self.variables: _Variables = _Variables() if parent is None else parent.variables

    @property
    def ancestors(self) -> Iterator[_Node]:
        node = self.parent
        while node is not None:
            self.purse.pay()
            yield node
            node = node.parent

    @property
    def previous_siblings(self) -> Iterator[_Node]:
        node = self.previous
        while node is not None:
            self.purse.pay()
            yield node
            node = node.previous

    def iter_children(self) -> Iterator[_Node]:
        for child in super().iter_children():
            self.purse.pay()
            yield child

    @cached_property
    def etree_children(self) -> _Family:
        family = _Family(child for child in self.etree_element if isinstance(child.tag, str))
        family.purse = self.purse
        return family


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    usual: tuple[Declaration, ...]
    important: tuple[Declaration, ...]
    layer: tuple[float, ...]  # those that come later win, and what is in no layer over what is in one


@dataclass(slots=True, eq=False)
class _Selector:
    test: Any
    rank: tuple[tuple[int, int, int], int]  # specificity, then order
    rule: _Rule
    left: float = _STEPS_EACH


# --- style sheets --------------------------------------------------------------------------------


class Cascade:
    """The elements of a page in order, each with the style that it comes to have."""

    def __init__(self, tree: _Element) -> None:
        self.foreign = bool(tree.xpath("//link[contains(@rel, 'stylesheet')]"))
        """Whether further style sheets belong to the page that are not at hand."""
        self._tree = tree
        self._by_key: dict[str, list[_Selector]] = defaultdict(list)
        self._layers: dict[tuple[tuple[float, ...], str], int] = {}
        self._count = 0
        self._left: float = _STEPS
        self._known: dict[object, tuple[list[Declaration], Style | None]] = {}
        room = _MAX_SHEETS
        for element in tree.xpath("//style[not(ancestor::noscript or ancestor::template)]"):
            source = (element.text or "")[:room]
            room -= len(source)
            media = _tokens(element.get("media", ""))
            if element.get("type", "text/css").strip().lower() in ("", "text/css") and applies("media", media):
                self._read(tinycss2.parse_stylesheet(_tokens(source)), None, (), 0)

    def __iter__(self) -> Iterator[tuple[_Element, Style]]:
        for node in _Node.from_html_root(self._tree).iter_subtree():
            yield node.etree_element, self._style_of(node)

    def _read(self, items: Sequence[Token], around: str | None, layer: tuple[float, ...], depth: int) -> None:
        """Take in rules and, within the rule with the selector ``around``, declarations."""
        if depth > _DEEPEST:
            return
        if around is not None:
            self._add(around, items, layer)
        for item in items:
            if item.type == "qualified-rule":
                selector = _nested(item.prelude, around)
                if selector is not None:
                    self._read(tinycss2.parse_blocks_contents(item.content), selector, layer, depth + 1)
            elif item.type == "at-rule":
                self._read_at_rule(item, around, layer, depth)

    def _read_at_rule(self, item: Token, around: str | None, layer: tuple[float, ...], depth: int) -> None:
        name = item.lower_at_keyword
        if name == "import":
            self.foreign = True
        inner = [layer]
        if name == "layer":
            inner = [self._layer(layer, _source(run)) for run in split(item.prelude, ",")]
        if item.content is not None and (name == "layer" or applies(name, item.prelude)):
            parse = tinycss2.parse_rule_list if around is None else tinycss2.parse_blocks_contents
            self._read(parse(item.content), around, inner[0], depth + 1)

    def _layer(self, outer: tuple[float, ...], name: str) -> tuple[float, ...]:
        for part in (name or f"?{len(self._layers)}").split("."):  # one without a name is like no other
            number = self._layers.setdefault((outer, part), len(self._layers))
            outer = (*outer, number)
        return outer

    def _add(self, selector: str, items: Sequence[Token], layer: tuple[float, ...]) -> None:
        usual, important = _declarations(items)
        if not usual and not important:
            return
        rule = _Rule(tuple(usual), tuple(important), (*layer, math.inf))
        try:
            compiled = cssselect2.compile_selector_list(selector)
        except Exception:  # invalid, or too deep for the compiler of Python that cssselect2 uses
            return
        for one in compiled:
            self._count += 1
            if one.pseudo_element is None and not one.never_matches and self._count <= _MOST_SELECTORS:
                key = next((f"{mark}{name}" for mark, name in (("#", one.id), (".", one.class_name)) if name), "")
                self._by_key[key or one.lower_local_name or ""].append(
                    _Selector(one.test, (one.specificity, self._count), rule)
                )

    # --- an element's style ---

    def _style_of(self, node: _Node) -> Style:
        element = node.etree_element
        rules = self._rules_of(node) if self._left > 0 else ()
        written = element.get("style", "")[:_MAX_STYLE]
        hints = tuple(_hints(element))
        key = (rules, written, hints)
        if key not in self._known:
            declared = _in_order(rules, written, hints)
            fixed = not any(name.startswith("--") or "var(" in value for name, value in declared)
            self._known[key] = declared, _style(declared) if fixed else None
        declared, style = self._known[key]
        if style is not None:
            return style
        own = {name: value for name, value in declared if name.startswith("--")}
        if own:
            node.variables = _Variables({**node.variables, **own})
        if key not in node.variables.styles:
            filled = [(name, _filled(value, node.variables)) for name, value in declared if name not in own]
            node.variables.styles[key] = _style(filled)
        return node.variables.styles[key]

    def _rules_of(self, node: _Node) -> tuple[_Rule, ...]:
        """Those that an element falls under, the stronger later."""
        purse = node.purse
        matches: list[_Selector] = []
        for key in (*(f".{name}" for name in node.classes), f"#{node.id}", node.local_name, ""):
            for selector in self._by_key.get(key, ()):
                purse.left = given = min(selector.left, self._left)
                if given <= 0:
                    continue
                try:
                    if selector.test(node):
                        matches.append(selector)
                except Exception:  # too dear, or an attribute that cssselect2 cannot read
                    pass
                steps = given - purse.left + 1
                selector.left -= steps
                self._left -= steps
        purse.left = math.inf
        matches.sort(key=lambda selector: selector.rank)
        return tuple(selector.rule for selector in matches)


def _nested(prelude: Sequence[Token], around: str | None) -> str | None:
    """The selector of a rule, within another one's if it is nested; None where it is too long."""
    texts = [_source(run) for run in split(prelude, ",")]
    if around is not None:
        outer = f":is({around})"
        texts = [text.replace("&", outer) if "&" in text else f"{outer} {text}" for text in texts]
    selector = ", ".join(texts)
    return selector if len(selector) <= _MAX_SELECTOR else None


def _hints(element: _Element) -> Iterator[Declaration]:
    """What attributes of old set, the weakest of all."""
    if element.get("background"):
        yield "background-image", "url()"
    for name, attribute in (("background-color", "bgcolor"), ("color", "text"), ("color", "color")):
        value = element.get(attribute)
        if value and (attribute == "bgcolor" or element.tag in ("body", "font")):
            yield name, value if longhands("color", value) else f"#{value}"


def _in_order(rules: Sequence[_Rule], written: str, hints: Sequence[Declaration]) -> list[Declaration]:
    """All that is declared for an element, the stronger later."""
    usual, important = _declarations(tinycss2.parse_blocks_contents(_tokens(written)))
    by_layer = sorted(rules, key=lambda rule: rule.layer)
    against = sorted(rules, key=lambda rule: rule.layer, reverse=True)  # stable: the order within a layer stays
    return [
        *hints,
        *(declaration for rule in by_layer for declaration in rule.usual),
        *usual,
        *(declaration for rule in against for declaration in rule.important),
        *important,
    ]


def _filled(value: str, variables: Mapping[str, str]) -> str:
    """A value with its variables filled in; "unset", as in a browser, where one is not known."""
    if "var(" not in value.lower():
        return value
    try:
        return _without_variables(value, variables, _Purse(_MOST_VARIABLES))
    except (LookupError, ValueError, RecursionError, _TooDear):
        return "unset"


def _without_variables(value: str, variables: Mapping[str, str], purse: _Purse) -> str:
    return _written(_tokens(value), variables, purse)


def _written(tokens: Sequence[Token], variables: Mapping[str, str], purse: _Purse) -> str:
    text = ""
    for token in tokens:
        if token.type != "function":
            text += token.serialize()
        elif token.lower_name != "var":
            text += f"{token.name}({_written(token.arguments, variables, purse)})"
        else:
            purse.pay()
            name, *otherwise = split(token.arguments, ",")
            words = significant(name)
            word = words[0].value if words and words[0].type == "ident" else ""
            if word in variables:
                text += _without_variables(variables[word], variables, purse)
            elif otherwise:
                text += ",".join(_written(run, variables, purse) for run in otherwise)
            else:
                raise LookupError(word)
    return text
