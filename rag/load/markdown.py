"""Markdown files."""

from __future__ import annotations

import re

from rag.dates import dates
from rag.load.canonical import canonical, decode
from rag.load.page import Page

_FRONT_MATTER = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_-]+)\s*:\s*(.+)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"\s*(?:```|~~~)")
_OPENS_BLOCK = re.compile(r"\s*(?:[#>|]|[-*+]\s|\d{1,3}[.)]\s|```|~~~|(?:[-*_]\s*){3,}$|$)")
_MARKUP = re.compile(r"[*_~`<\\]|\]")
_INLINE = (
    (re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}(?:\s+\"[^\"\n]{0,200}\")?\)"), r"\1"),  # link, image
    (re.compile(r"!?\[([^\[\]\n]{1,500})\]\[[^\[\]\n]{0,100}\]"), r"\1"),  # link by reference
    (re.compile(r"<(https?://[^<>\s]{1,2000})>"), r"\1"),
    (re.compile(r"</?[A-Za-z][^<>\n]{0,500}>"), ""),
    (re.compile(r"(\*\*|__|~~)(?=\S)([^\n]{1,1000}?\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,1000})(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)_(?=\S)([^_\n]{1,1000})(?<=\S)_(?!\w)"), r"\1"),
    (re.compile(r"(?<!`)`([^`\n]{1,1000})`(?!`)"), r"\1"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


def load_markdown(data: bytes) -> Page:
    """The text as a reader sees it: no link targets, emphasis marks or comments; headings keep their "#".

    >>> load_markdown(b"# Tea\\n\\nTea is a **hot** [drink](x.md).").text
    '# Tea\\n\\nTea is a hot drink.'
    """
    text = canonical(decode(data))
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        for line in front[1].split("\n"):
            if field := _FIELD.match(line):
                fields[field[1].lower()] = field[2].strip().strip("\"'")
    when = dates(fields.get("date", fields.get("published", "")))
    return Page(
        _as_read(_COMMENT.sub("", text)),
        title=fields.get("title"),
        outlet=fields.get("outlet") or fields.get("publisher") or fields.get("site"),
        author=fields.get("author"),
        date=when[0][1] if when else None,
    )


def _as_read(text: str) -> str:
    out: list[str] = []
    code = False
    for line in text.split("\n"):
        if not line or line.isspace():
            out.append("")
        elif _FENCE.match(line):
            code = not code
            out.append(line)
        elif code:
            out.append(line)
        elif re.fullmatch(r"\s{0,3}(=+|-+)\s*", line) and out and out[-1].strip() and not _OPENS_BLOCK.match(out[-1]):
            out[-1] = ("# " if "=" in line else "## ") + out[-1].strip()
        else:
            line = re.sub(r"^\s{0,3}(?:>\s?)+", "", line)
            soft = out and out[-1].strip() and not re.match(r"\s*(?:#|\||```|~~~)", out[-1])
            if soft and not _OPENS_BLOCK.match(line) and not out[-1].endswith("  "):
                out[-1] = f"{out[-1]} {line.strip()}"
            else:
                out.append(line)
    return "\n".join(line if n_code else _inline(line) for line, n_code in zip(out, _in_code(out), strict=True))


def _in_code(lines: list[str]) -> list[bool]:
    inside, marks = False, []
    for line in lines:
        fence = bool(_FENCE.match(line))
        marks.append(inside or fence)
        inside ^= fence
    return marks


def _inline(line: str) -> str:
    if not _MARKUP.search(line):
        return line
    for pattern, plain in _INLINE:
        line = pattern.sub(plain, line)
    return line
