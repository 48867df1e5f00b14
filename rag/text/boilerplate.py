"""Lines of a web page that say nothing about its subject, told by their own words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from rag.text.dates import dates
from rag.text.lists import entries

_MARKED = re.compile(r"[#•*+>|`~-]|\d+[.)]|https?:|www\.|\S+@\S+$")  # of a list, a heading, code, a link: anybody's
_EDGES = " \t\n•·*#|<>«»[]-–—:.!?…"
_LEAST_CONTROLS = 3  # lines of a page's own controls from which a text is taken for a saved page,
_SHARE_OF_CONTROLS = 0.03  # and the least share of its lines
_RELATED_WORD = r"(?:related|recommended|more|trending|popular|latest|top)"
_RELATED_STORIES = rf"{_RELATED_WORD}\s+(?:stories|articles|posts|news|reading|content)"
_JOINTS = re.compile(r"\s+[|>/›»•·]\s+")  # between the links of a menu or a path
CONTENTS_ENTRY = re.compile(r"(?:\.\s?){5,}\s*\w{0,8}$")
"""Ends a line of a table of contents: "Introduction ..... 7"."""
_ROW = re.compile(r"[^:;]{1,80}: [^;]*; [^:;]{1,80}: \S.*")  # "Column: value; Column: value", which names may fill
_REFERENCES = re.compile(
    r"(?:#{1,6}\s+)?(?:(?:\d+\.?\s+)?(?:references|bibliography|works\s+cited)|citations|footnotes|endnotes|"
    r"further\s+reading|external\s+links|see\s+also|sources?|reference\s+list)\s*:?",
    re.IGNORECASE,
)
_RELATED = re.compile(
    rf"(?:#{{1,6}}\s+)?\W*(?:{_RELATED_STORIES}|you\s+(?:may|might)\s+also\s+like|read\s+(?:next|also))\b.{{0,20}}",
    re.IGNORECASE,
)
_ENTRY = re.compile(
    r"\s*(?:\[\d+\]|\^)|https?://|www\.|\bdoi\b|\bISBN\b|\(\d{4}[a-z]?\)|\bRetrieved\b|\bpp?\.\s?\d|\bet al\b|"
    r"\b(?:19|20)\d\d\s*;\s*\d+",
)
_GLUED_TAG = re.compile(r"[a-z]\w*(?:[a-z][A-Z]|_)\w*")
_NAME = re.compile(
    r"(?:[A-Z][\w.’'-]*|by|and|the|of|for|in|on|at|a\.?m\.?|p\.?m\.?|updated|published|posted|written|last|"
    r"modified|created|date)"
)
_STAMP = re.compile(
    r"\d+\s*min(?:ute)?s?\s+read|\d[\d ,.]*\s+words|(?:T|\b)\d{1,2}:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


@cache
def _phrases() -> re.Pattern[str]:
    """Of whole lines. Compiled when first needed: that takes some 30 ms."""
    related = rf"(?:{_RELATED_STORIES}|{_RELATED_WORD}\s+topics)(?:\s+(?:from|on|about|for)\s.{{0,40}})?"
    return re.compile("|".join((*entries("boilerplate"), related)), re.IGNORECASE)


def without_stamps(line: str) -> str:
    """A line less its dates, clock times, reading time and word count, each replaced by " | "."""
    for span, _ in reversed(dates(line)):
        line = f"{line[: span.start]} | {line[span.end :]}"
    return _STAMP.sub(" | ", line)


def is_byline(line: str) -> bool:
    """A line of names around a date or a reading time, or "By" and a name; never a sentence.

    >>> is_byline("Daily Digest TeamApril 7, 20267 min read1 360 words"), is_byline("Meta began on May 4, 2004")
    (True, False)
    """
    if len(line) > 200 or any(line[s.end :].lstrip().startswith(":") for s, _ in dates(line)):
        return False  # "April 7, 2026: the launch" is an entry of a chronicle
    rest = without_stamps(line)
    words = re.findall(r"[^\s|•·,–—/()-]+", rest)
    named = len(words) <= 9 and all(_NAME.fullmatch(w.rstrip(":")) or not any(c.isalpha() for c in w) for w in words)
    if rest != line:
        return named
    return named and 2 <= len(words) <= 7 and words[0].lower() == "by"


def is_furniture(line: str) -> bool:
    """Navigation, sharing, comment form, advert, stamp, bare link or no letters at all.

    >>> [is_furniture(t) for t in ("122", "LEAVE A REPLY", "Share this article:", "Meta shares fell.")]
    [True, True, True, False]
    """
    text = line.strip(_EDGES)
    if not any(c.isalpha() for c in text):
        return True
    if CONTENTS_ENTRY.search(line[-300:].rstrip()):
        return True
    if len(text) > 300 or _ROW.fullmatch(text):
        return False
    if _phrases().fullmatch(text) or _GLUED_TAG.fullmatch(text) or is_byline(text):
        return True
    pieces = _JOINTS.split(text)
    return (
        len(pieces) > 1
        and not line.startswith("|")
        and all(len(p.split()) <= 4 and (_phrases().fullmatch(p.strip()) or n) for n, p in enumerate(pieces))
    )


def looks_like_a_page(lines: Iterable[str]) -> bool:
    """Whether these are the lines of a saved web page: several of them are its controls, by their whole text.

    >>> looks_like_a_page(["Share", "Tea is hot.", "Log in", "Related stories"]), looks_like_a_page(["Lunch 12:30"])
    (True, False)
    """
    total = controls = 0
    for line in lines:
        total += bool(line)
        text = line.strip(_EDGES)
        plain = 0 < len(text) <= 60 and not line.endswith(".") and not _MARKED.match(line)
        controls += plain and _phrases().fullmatch(text) is not None
    return controls >= _LEAST_CONTROLS and controls >= _SHARE_OF_CONTROLS * total


def opens_references(line: str) -> bool:
    return bool(_REFERENCES.fullmatch(line.strip()))


def opens_related(line: str) -> bool:
    return bool(_RELATED.fullmatch(line.strip()))


def is_reference(line: str) -> bool:
    """Looks like an entry of a reference list; ask only below such a heading."""
    return bool(_ENTRY.search(line[:1000]))
