"""Bytes to the canonical text that every offset refers to: decided here, once."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise

from rag.errors import LoadError
from rag.load.hyphens import between, closed, is_open, whole_words
from rag.text.invisible import without_invisible

MAX_CHARS = 5_000_000

_BOMS = (  # the longer first: UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 200_000
_NEWLINE = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SOFT_BREAK = re.compile("\u00ad[ \t]*(?:\r\n?|\n)[ \t]*")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WIDEST = 120  # columns of wrapped text
_NARROWEST = 45
_ENOUGH = 3  # ends of lines, to tell how a text was written
_MOSTLY_FULL = 0.6  # share of full lines, but for those that end a paragraph
_LABEL = re.compile(r"\s*[^\s:=]+(?: [^\s:=]+){0,3}\s*[:=]\s")  # "half term: "
_ITEM = re.compile(r"\s*(?:[^\w\s(\"'“‘$€£]|\(?\w{1,3}[.)]\s)")


def decode(data: bytes) -> str:
    """Byte order mark, then strict UTF-8, then a guess; raises LoadError for what is not text."""
    if not data.strip():
        raise LoadError("The file has no text: it is empty.")
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if data.count(0) > max(8, len(data) // 100):
        if utf16 := _utf16_without_mark(data):
            return data.decode(utf16, "replace")
        raise LoadError(f"The file is binary, not text: {data.count(0)} of its {len(data)} bytes are NUL.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode(_guess(data), "replace")
    controls = len(re.findall("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]", text))
    if controls > max(8, len(text) // 20):
        raise LoadError(f"The file is binary, not text: {controls} of its {len(text)} characters are controls.")
    return text


def _utf16_without_mark(data: bytes) -> str | None:
    half = max(1, len(data) // 2)
    even, odd = data[::2].count(0) / half, data[1::2].count(0) / half
    if odd > 0.7 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.05 else None


def _guess(data: bytes) -> str:
    sample = data[:_SAMPLE_BYTES]
    start = sample.decode("utf-8", "ignore")
    if (
        sum(c > "\x7f" for c in start)
        and len(sample.decode("utf-8", "replace").split("\ufffd")) - 1 <= len(sample) // 1000
    ):
        return "utf-8"  # UTF-8 with a few broken bytes
    from charset_normalizer import from_bytes

    best = from_bytes(sample, preemptive_behaviour=True).best()
    return best.encoding if best else "cp1252"


def canonical(text: str) -> str:
    """NFC, line feeds, plain spaces, and nothing that a person cannot see; idempotent.

    >>> canonical("caf\\u0065\\u0301\\u200b\\r\\n\\u202eno\\u00a0trick")
    'café\\nno trick'
    """
    text = _SOFT_BREAK.sub("", text)
    text = _SPACE.sub(" ", _NEWLINE.sub("\n", text))
    text = _SURROGATE.sub("\ufffd", text)
    return unicodedata.normalize("NFC", without_invisible(text))


def unwrapped(text: str) -> str:
    """Join the lines of paragraphs that were wrapped at a column: newline and indent to one space.

    Only where nearly all lines of the text are short. A line is full where the next one's first word would not have
    fitted. In a text that somebody wrapped nearly every line but a paragraph's last is full; of facts, one a line, only
    the longest is. In between, a full line is joined to one that goes on in lower case. Of the line ends in 400 texts
    made of handbooks' paragraphs wrapped at 60 to 88 columns .98 are joined, of those between lines of their lists .02.

    >>> unwrapped("A paragraph that somebody wrapped at a column of\\nfifty or so.\\nShort.\\n")
    'A paragraph that somebody wrapped at a column of fifty or so.\\nShort.\\n'
    >>> unwrapped("Required: a declaration and a test report for it\\nInvoice to: the office")
    'Required: a declaration and a test report for it\\nInvoice to: the office'
    """
    lines = text.split("\n")
    full = [line for line in lines if line]
    if sum(len(line) > _WIDEST for line in full) > len(full) // 50:
        return text
    words = whole_words(lines) if any(map(is_open, full)) else Counter[str]()
    paragraphs = [(any_text, list(run)) for any_text, run in groupby(lines, lambda line: bool(line.strip()))]
    ends = [end for any_text, own in paragraphs if any_text for end in _full_lines(own)]
    wrapped = len(ends) >= _ENOUGH and sum(ends) >= _MOSTLY_FULL * len(ends)
    return "\n".join(
        _unwrap(own, words, wrapped=wrapped) if any_text else "\n".join(own) for any_text, own in paragraphs
    )


def _full_lines(lines: Sequence[str]) -> list[bool]:
    """Of each line but the last, and those before an item: whether the next one's first word would not have fitted."""
    width = max(map(len, lines))
    return [_is_full(above, line, width) for above, line in pairwise(lines) if not _starts(line, above)]


def _starts(line: str, above: str) -> bool:
    """An item, or a label with its value, is no rest of the line above; "three things: a tent" may be one."""
    if _ITEM.match(line):
        return True
    return _LABEL.match(line) is not None and (not line.lstrip()[:1].islower() or above.rstrip()[-1:] in ".!?:;")


def _is_full(above: str, line: str, width: int) -> bool:
    first = line.split(maxsplit=1)
    return bool(first) and len(above.rstrip()) + 1 + len(first[0]) > width


def _unwrap(lines: Sequence[str], words: Counter[str], *, wrapped: bool) -> str:
    """One paragraph; list items in it, and lines after one that ended early, start anew."""
    width = max(map(len, lines))
    if not _NARROWEST <= width <= _WIDEST:
        return "\n".join(lines)
    full = _full_lines(lines)
    mostly = sum(full) >= _MOSTLY_FULL * len(full)
    wrapped = mostly and (wrapped or sum(full) > 1)
    joined = [lines[0]]
    for above, line in pairwise(lines):
        goes_on = wrapped or (mostly and line.lstrip()[:1].islower() and not _LABEL.match(line))
        if _starts(line, above) or not goes_on or not _is_full(above, line, width):
            joined.append("\n" + line)
        elif is_open(above) and line.strip():
            joined[-1] = closed(joined[-1], line.strip(), words)
            joined.append(line.strip())
        else:
            joined.append(between(above.rstrip(), line.strip()) + line.strip())
    return "".join(joined)
