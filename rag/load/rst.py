"""reStructuredText (.rst), by way of docutils' HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rag.errors import LoadError
from rag.load.canonical import canonical, decode
from rag.load.html.lines import body_of, lines_of, parse_html, remove_note_marks, remove_unseen
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded
from rag.text.dates import dates

if TYPE_CHECKING:
    from docutils.nodes import Node
    from lxml.etree import _Element

_DIRECTIVE = re.compile(r"^[ \t]*\.\. (?:\|[^|\n]+\| )?([\w.:+-]+)::", re.MULTILINE)
_ROLE = re.compile(r":([\w.:+-]+):`|`:([\w.:+-]+):")
_NO_FIRST_NAME = re.compile(r"^((?P<indent> *)={2,}(?: +=+)+ *\n(?P=indent))  (?= *\S)", re.MULTILINE)
"""A table whose first column has no name: to docutils, that row goes on from the one above, and is lost."""
_NESTED = re.compile(r"^[ \t]*\.\. \|[^|\n]+\| replace::[^|\n]*\|", re.MULTILINE)
_MOST_NESTED = 10
_TARGET = re.compile(r"\s*<[^<>]*>$")
_FIELD = re.compile(r":(author|date|title):[ \t]+(\S.*)", re.IGNORECASE)
_LEFT_OUT = frozenset("toctree index highlight currentmodule module py:module literalinclude tabularcolumns".split())
_CODE = frozenset("prompt testcode testoutput doctest ipython console".split())
_NAMED = frozenset("versionadded versionchanged versionremoved deprecated".split())  # the name is part of what it says
_SETTINGS = {  # no file but this one is read, no markup of another language passed on, nothing printed or raised
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 3,
    "warning_stream": False,
    "halt_level": 5,
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "smart_quotes": False,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "toc_backlinks": False,
    "sectnum_xform": False,
    "initial_header_level": 1,
    "line_length_limit": 100_000,
    "trim_footnote_reference_space": True,
    "traceback": True,
}


def load_rst(data: bytes) -> Loaded:
    """The text as a reader sees it: headings, lists, tables, notes, code; no link targets, comments or other files.

    What only another program knows, such as Sphinx's ".. versionadded::", is read as the text in it.
    """
    from docutils.core import publish_parts

    text = _NO_FIRST_NAME.sub(r"\1\\ ", canonical(decode(data)))
    if len(_NESTED.findall(text)) > _MOST_NESTED:
        raise LoadError(f"More than {_MOST_NESTED} substitutions hold others, which makes a text without end.")
    _teach(text)
    try:
        html = str(publish_parts(text, writer="html5", settings_overrides=dict(_SETTINGS))["html_body"])
    except RecursionError:
        raise LoadError("Lists or quotations stand too deep within one another.") from None
    tree = parse_html(f"<html><body>{html}</body></html>")
    for unseen in tree.xpath("//section[contains(@class, 'system-messages')]|//*[contains(@class, 'footnote')]/span"):
        unseen.drop_tree()
    for message in tree.xpath("//aside[contains(@class, 'system-message')]"):  # what could not be read stands in it
        for part in message.xpath("./*[not(self::pre)]"):
            part.drop_tree()
    remove_unseen(tree)
    remove_note_marks(tree)
    fill_merged_cells(tree)
    _as_typed(tree)
    fields = {name.lower(): value.strip() for name, value in _FIELD.findall(text[:2000])}
    when = dates(fields.get("date", ""))
    return Loaded(
        lines_of(body_of(tree), compact=True),
        title=fields.get("title") or next((" ".join(h.text_content().split()) for h in tree.iter("h1", "h2")), None),
        author=fields.get("author"),
        date=when[0][1] if when else None,
    )


def _as_typed(tree: _Element) -> None:
    """Fields on one line, code between fences, a rule below the names of a table's columns."""
    from lxml import etree

    for name in tree.xpath("//dl[contains(@class, 'field-list') or contains(@class, 'docinfo')]/dt"):
        value = name.getnext()
        if value is not None and value.tag == "dd" and not value.xpath(".//ul|.//ol|.//dl|.//table|.//pre|./p[2]"):
            name.tag, name.text = "p", " ".join(f"{name.text_content()} {value.text_content()}".split())
            for part in list(name):
                name.remove(part)
            value.drop_tree()
    for code in tree.iter("pre"):
        text = code.text_content().strip("\n")
        for part in list(code):
            code.remove(part)
        code.text = f"```\n{text}\n```"
    for head in tree.xpath("//thead[tr]"):
        rule = etree.SubElement(head, "tr")
        for _ in head[0]:
            etree.SubElement(rule, "td").text = "---"


def _teach(text: str) -> None:
    """Let docutils know the directives and roles of this text that it does not: their text stands for them."""
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles
    from docutils.parsers.rst.languages import en

    class Plain(Directive):  # type: ignore[misc]  # the library has no types
        optional_arguments = 1_000
        final_argument_whitespace = True
        has_content = True
        option_spec = _AnyOption(name=directives.unchanged)

        def run(self) -> list[Node]:
            if self.name in _LEFT_OUT:
                return []
            if self.name in _CODE:
                return [nodes.literal_block("", "\n".join(self.content))]
            container = nodes.container()
            words = " ".join(self.arguments)
            if words:
                inline, _ = self.state.inline_text(
                    f"{self.name} {words}" if self.name in _NAMED else words, self.lineno
                )
                container += nodes.paragraph("", "", *inline)
            self.state.nested_parse(self.content, self.content_offset, container)
            return [container]

    def plain(name: str, raw: str, content: str, *_: Any, **__: Any) -> tuple[list[Node], list[Node]]:
        return [nodes.inline("", _TARGET.sub("", content.replace("\x00", "")))], []

    for name in {name.lower() for name in _DIRECTIVE.findall(text)} - set(en.directives):
        directives.register_directive(name, Plain)
    for name in {name.lower() for pair in _ROLE.findall(text) for name in pair if name} - set(en.roles):
        roles.register_canonical_role(name, plain)


class _AnyOption(dict[str, Any]):
    """Every option that another program may know."""

    def __missing__(self, name: str) -> Any:
        return self["name"]
