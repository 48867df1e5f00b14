"""Org files (.org): headings, lists, tables and code; drawers and settings are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from rag.load.canonical import canonical, decode
from rag.load.loaded import Loaded
from rag.text.dates import dates

_HEADING = re.compile(r"(\*+)\s+(.*?)(?:\s+:[\w@#%:]+:)?\s*$")  # with its tags
_KEYWORD = re.compile(r"\s*#\+(\w+)(?:\[[^\]\n]*\])?:\s*(.*)")
_BLOCK = re.compile(r"\s*#\+(begin|end)_(\w+)[ \t]*(\w*)", re.IGNORECASE)
_DRAWER = re.compile(r"\s*:[\w-]+:\s*$")
_DRAWER_END = re.compile(r"\s*:end:\s*$", re.IGNORECASE)
_COMMENT = re.compile(r"\s*#(?:\s|$)")
_PLANNING = re.compile(r"\s*(?:SCHEDULED|DEADLINE|CLOSED|CLOCK):")
_RULE = re.compile(r"\s*\|[-+|]+\s*$")
_BOX = re.compile(r"(\s*(?:[-+*]|\d+[.)])\s+)\[[ xX-]\]\s+")
_ITEM = re.compile(r"(?:\s*(?:[-+]|\d{1,9}[.)])|\s+\*)\s+\S")
_LINK = re.compile(r"\[\[([^\[\]]+)\](?:\[([^\[\]]+)\])?\]")
_EMPHASIS = re.compile(r"(?<![\w*/_=~+])([*/_=~+])(?=\S)([^\n]{0,300}?[^\s*/_=~+])\1(?![\w*/_=~+])")
_CODE = frozenset(("src", "example", "export"))


def load_org(data: bytes) -> Loaded:
    """The text as a reader sees it: no drawers, comments, link targets and emphasis marks; headings have "#" marks.

    >>> load_org(b"#+TITLE: Tea\\n* Kinds :tea:\\n- *Assam* from [[https://x.example][India]]\\n").text
    '# Kinds\\n- Assam from India'
    """
    lines = canonical(decode(data)).split("\n")
    fields = {m[1].lower(): m[2].strip() for line in lines if (m := _KEYWORD.match(line)) and m[2].strip()}
    when = dates(fields.get("date", ""))
    runs = groupby(_read(lines), lambda line: line[0])
    text = "\n".join(
        "\n".join(one for _, one in run) if kind else _joined([one for _, one in run]) for kind, run in runs
    )
    return Loaded(
        re.sub(r"\n{3,}", "\n\n", text).strip("\n"),
        title=fields.get("title"),
        author=fields.get("author"),
        date=when[0][1] if when else None,
    )


def _read(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The kind of each line that is read, "" for prose, and its text."""
    drawer, block = False, ""
    last = max((n for n, line in enumerate(lines) if _DRAWER_END.match(line)), default=-1)
    for n, line in enumerate(lines):
        mark = _BLOCK.match(line)
        heading = _HEADING.match(line)
        if mark and mark[2].lower() in _CODE:
            block = mark[2].lower() if mark[1].lower() == "begin" else ""
            yield "code", f"```{mark[3] if block == 'src' else ''}"
        elif block:
            yield "code", line
        elif drawer and not heading:
            drawer = not _DRAWER_END.match(line)
        elif heading:
            drawer = False
            yield "heading", f"{'#' * min(6, len(heading[1]))} {_plain(heading[2])}"
        elif _DRAWER.match(line) and n < last:
            drawer = True
        elif _RULE.match(line):
            yield "table", f"|{' --- |' * (line.count('+') + 1)}"
        elif line.lstrip().startswith("|"):
            yield "table", _plain(line.strip())
        elif not (mark or _KEYWORD.match(line) or _COMMENT.match(line) or _PLANNING.match(line)):
            yield "", _BOX.sub(r"\1", line)


def _joined(lines: list[str]) -> str:
    """Prose and lists: lines without an empty one between are one paragraph, or one item."""
    joined = [""]
    for line in lines:
        if not joined[-1].strip() or not line.strip() or _ITEM.match(line):
            joined.append(line.rstrip())
        else:
            joined[-1] += f" {line.strip()}"
    return "\n".join(_plain(line) for line in joined[1:])


def _plain(line: str) -> str:
    return _EMPHASIS.sub(r"\2", _LINK.sub(lambda link: link[2] or link[1], line))
