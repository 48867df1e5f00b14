"""Markdown files: rendered to HTML, then read as a page is."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rag.errors import LoadError
from rag.load.canonical import canonical, decode
from rag.load.html.lines import body_of, lines_of, parse_html, remove_unseen
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded
from rag.text.dates import dates

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_-]+)\s*:\s*(.+)")
_CARD = frozenset("author authors date published updated version".split())
_LONGEST_CARD_LINE = 100  # characters
_ORNAMENT = re.compile(r"^ {0,3}(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+){20,}", re.MULTILINE)  # no quotation, no list
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)")
_UNDEFINED = re.compile(r"(?<![\w\]])!?\[([^\[\]]{1,500})\]\[[^\[\]]{0,200}\]")  # a link, its target in another file
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_SWALLOWS = frozenset(  # elements that hide all that follows until they are closed
    "audio canvas dialog iframe noembed noframes noscript object plaintext script select style svg template textarea "
    "title video xmp".split()
)
_DEEPEST = 60  # levels of quotations and lists; a list is two
_MOST_OPEN = 50  # elements that a paragraph leaves open, before they are no elements: "List<T>"
_LONGEST = 10_000  # characters of a paragraph; a longer one, by no person, keeps its emphasis marks and links


def load_markdown(data: bytes) -> Loaded:
    """The text as a reader sees it: no link targets, emphasis marks, comments or hidden HTML; headings keep their "#".

    >>> load_markdown(b"# Tea\\n\\nTea is a **hot** [drink](x.md).").text
    '# Tea\\n\\nTea is a hot drink.'
    """
    text = canonical(decode(data))
    fields: dict[str, str] = {}
    card: list[str] = []  # lines of the front matter that say what the document is
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        for line in front[1].split("\n"):
            if field := _FIELD.match(line):
                fields[field[1].lower()] = field[2].strip().strip("\"'")
                if field[1].lower() in _CARD and len(line) <= _LONGEST_CARD_LINE:
                    card.append(line.strip())
    when = dates(fields.get("date", fields.get("published", "")))
    tree = parse_html(f"<html><body>{_rendered(text)}</body></html>")
    remove_unseen(tree)
    fill_merged_cells(tree)
    return Loaded(
        "\n".join([*card, *([""] if card else []), lines_of(body_of(tree), compact=True)]),
        title=fields.get("title"),
        outlet=fields.get("outlet") or fields.get("publisher") or fields.get("site"),
        author=fields.get("author"),
        date=when[0][1] if when else None,
    )


def _rendered(text: str) -> str:
    parser, env = _parser(), dict[str, Any]()
    tokens = parser.parse(_ORNAMENT.sub(r"\\\g<0>", text), env)
    if any(token.level >= _DEEPEST - 1 for token in tokens):  # the library leaves out what is deeper
        raise LoadError(f"Lists or quotations stand more than {_DEEPEST // 2} deep within one another.")
    return str(parser.renderer.render(tokens, parser.options, env))


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables and struck-out text; HTML stays, pictures are their description, code keeps its fence."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import reference

    def definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        """A link's target, which nobody sees; but "[^1]: See there." is a footnote."""
        note = state.src.startswith("[^", state.bMarks[start] + state.tShift[start])
        return not note and reference(state, start, end, silent)

    def comment(state: StateInline, silent: bool) -> bool:
        """ "<!--- note --->": to the library, text."""
        end = state.src.find("-->", state.pos + 2) + 3 if state.src.startswith("<!--", state.pos) else 0
        if end < 3:
            return False
        if not silent:
            state.push("html_inline", "", 0).content = state.src[state.pos : end]
        state.pos = end
        return True

    def inline(state: StateCore) -> None:
        for above, token in pairwise([*state.tokens[:1], *state.tokens]):
            if token.type == "inline":
                token.children = []
                if len(token.content) <= _LONGEST:
                    state.md.inline.parse(token.content, state.md, state.env, token.children)
                    token.children = _closed(token.children, in_cell=above.type in ("th_open", "td_open"))
                else:
                    token.children = [_text(token.content)]

    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("html_inline", "comment", comment)
    parser.block.ruler.at("reference", definition)
    parser.core.ruler.at("inline", inline)
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # nobody follows them here
    for name, rule in (("image", _image), ("code_inline", _code), ("code_block", _code), ("fence", _code)):
        parser.add_render_rule(name, rule)
    parser.add_render_rule("thead_close", _rule_below_head)
    return parser


def _text(content: str, kind: str = "text") -> Token:
    from markdown_it.token import Token

    return Token(kind, "", 0, content=content)


def _closed(tokens: Sequence[Token], *, in_cell: bool) -> list[Token]:
    """The tokens of a paragraph, in which elements end that begin in it, as in a browser.

    One that would hide all that follows is text where nothing closes it: "Use the <template> tag." In the cell of a
    table, which is one line, a line break is a space.
    """
    out: list[Token] = []
    opened: list[tuple[str, int]] = []  # name, and where in ``out``
    for token in tokens:
        tag = _TAG.match(token.content) if token.type == "html_inline" else None
        name = tag[2].lower() if tag else ""
        if token.type in ("text", "softbreak") or (in_cell and (name == "br" or token.type == "hardbreak")):
            if not out or out[-1].type != "text":
                out.append(_text(""))
            out[-1].content += token.content if token.type == "text" else "\n"
            continue
        if tag and tag[1]:
            last = next((n for n in range(len(opened) - 1, -1, -1) if opened[n][0] == name), None)
            del opened[len(opened) if last is None else last :]
        elif tag and name not in _VOID:
            opened.append((name, len(out)))
        out.append(token)
    for n, (name, place) in reversed(list(enumerate(opened))):
        if name in _SWALLOWS or n >= _MOST_OPEN:
            out[place] = _text(out[place].content)
        else:
            out.append(_text(f"</{name}>", "html_inline"))
    for token in out:
        if token.type == "text":
            token.content = _UNDEFINED.sub(r"\1", token.content)
    return out


def _image(renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    return html.escape(renderer.renderInlineAsText(tokens[place].children, options, env), quote=False)


def _code(renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    token = tokens[place]
    code = html.escape(token.content, quote=False)
    if token.type == "code_inline":
        return code
    fence = html.escape(token.markup + token.info.rstrip(), quote=False)
    return f"<pre>{fence}\n{code}{token.markup}\n</pre>\n" if fence else f"<pre>{code}</pre>\n"


def _rule_below_head(renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    """The line that parts the names of a table's columns from its rows, by which later stages know them."""
    columns = 0
    while tokens[place].type != "thead_open":
        place -= 1
        columns += tokens[place].type == "th_open"
    return f"<tr>{'<td>---</td>' * columns}</tr></thead>\n"
