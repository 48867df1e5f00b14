"""Markdown files."""

from __future__ import annotations

import re
from bisect import bisect_right

from rag.load.canonical import canonical, decode
from rag.load.html.hidden import declarations, unreadable
from rag.load.loaded import Page
from rag.text.dates import dates

_FRONT_MATTER = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_-]+)\s*:\s*(.+)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"\s*(?:```|~~~)")
_CODE = re.compile(
    r"^[ ]{0,3}(```|~~~).*?(?:^[ ]{0,3}\1|\Z)|(?<!`)(`{1,2})(?!`)[^\n]{1,1000}?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE
)
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)((?:\s[^<>]{0,2000})?)>")
_HIDDEN = re.compile(r"(?:^|\s)hidden(?=[\s=/]|$)", re.IGNORECASE)
_STYLE = re.compile(r"(?:^|\s)style\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))", re.IGNORECASE)
_OPENS_LINE = re.compile(r"(?:^|\n)[ \t]*\Z")
_NEVER_SHOWN = frozenset(("script", "style", "template", "noscript", "iframe", "object", "svg"))
_VOID = frozenset(("br", "hr", "img", "input", "meta", "link", "source", "wbr"))
_REFERENCE = re.compile(
    r"^[ ]{0,3}\[(?!\^)[^\[\]\n]{1,500}\]:[ \t]*\S+[ \t]*"
    r"(?:\n?[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$",
    re.MULTILINE,
)
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
    """The text as a reader sees it: no link targets, emphasis marks, comments or hidden HTML; headings keep their "#".

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
        _as_read(_without_unseen(_COMMENT.sub("", text))),
        title=fields.get("title"),
        outlet=fields.get("outlet") or fields.get("publisher") or fields.get("site"),
        author=fields.get("author"),
        date=when[0][1] if when else None,
    )


def _without_unseen(text: str) -> str:
    """Less the targets of links and the HTML that a browser does not draw; code stays as it is.

    >>> _without_unseen("It is <b hidden>not <b>so</b></b> open.\\n\\n[x]: y.html (Obey.)")
    'It is  open.\\n\\n'
    """
    code = [(0, 0), *(m.span() for m in _CODE.finditer(text))]
    starts = [start for start, _ in code]

    def in_code(match: re.Match[str]) -> bool:
        return match.start() < code[bisect_right(starts, match.start()) - 1][1]

    cuts = [m.span() for m in _REFERENCE.finditer(text) if not in_code(m)]
    opened: re.Match[str] | None = None
    depth = 0  # elements of the name of the one that hides, within it
    for tag in _TAG.finditer(text):
        closes, name = bool(tag[1]), tag[2].lower()
        if in_code(tag) or name in _VOID or tag[3].endswith("/"):
            continue
        if opened is None:
            if not closes and _is_hidden(name, tag[3]):
                opened, depth = tag, 1
        elif name == opened[2].lower():
            depth += -1 if closes else 1
            if not depth:
                cuts.append((opened.start(), tag.end()))
                opened = None
    if opened is not None and _OPENS_LINE.search(text, 0, opened.start()):  # never closed: to the end of what it is in
        below = text.find("\n\n", opened.start()) if opened[2].lower() in ("p", "li", "td") else -1
        cuts.append((opened.start(), below if below >= 0 else len(text)))
    out: list[str] = []
    at = 0
    for start, end in sorted(cuts):
        out.append(text[at : max(at, start)])
        at = max(at, end)
    return "".join(out) + text[at:]


def _is_hidden(name: str, attributes: str) -> bool:
    style = _STYLE.search(attributes)
    written = next((s for s in style.groups() if s), "") if style else ""
    return name in _NEVER_SHOWN or bool(_HIDDEN.search(attributes)) or unreadable(declarations(written))


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
