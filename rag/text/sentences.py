"""A text cut into sentences: spans that tile it exactly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from sentencex import get_sentence_boundaries

from rag.text.lists import either, word_list
from rag.types import Span

MAX_SENTENCE_CHARS = 600

_ABBREVIATION_BEFORE_NUMBER = re.compile(
    rf"\b(?:{either(word_list('abbreviations_before_numbers'))})\.\s*$", re.IGNORECASE
)
_INITIALISM_BEFORE_NAME = re.compile(r"(?:\b[A-Z]\.){2,}\s*$")
_ENUMERATOR = re.compile(r"[\s(\[]*(?:\d{1,3}|[A-Za-z])[.)]\s*$")
_LONG_QUOTATION_CHARS = 300
_WINDOW = 5000  # characters, many times the longest sentence that is kept whole
_QUOTES = re.compile("[\"'`“”‘’«»()\\[\\]{}]")
_CLOSING = "\"'”’»)]}"
_CAMEL = re.compile(r"[a-z][A-Z]")
_CLAUSE = re.compile(r"[;:,—–](?=\s)|[;，、；：](?=.)")
# with a list in sentence_ends/ of what sentencex cuts after
_MENDED = frozenset({"de", "en", "es", "fr", "it", "nl", "pt"})
_LAST_WORDS = re.compile(r"(?P<before>[^\W\d_]*)[\W_]*?(?<![^\W_])(?P<last>[^\W_]+)\.\s*$")
_SENTENCE_OPENER = re.compile(
    r"(?:The|An?|In|On|At|It|He|She|They|We|I|But|And|This|That|These|Those|However|Its|His|Her|Their|When|While|If|"
    r"As|For|After|Before|Although|Since|There)\b"
)


def sentences(text: str, *, language: str = "en") -> list[Span]:
    """Sentence spans in order whose texts join to ``text``; trailing whitespace belongs to the one before.

    No span crosses a newline or exceeds ``MAX_SENTENCE_CHARS``: a longer sentence is cut at a clause
    or a space. Boundaries are sentencex's for ``language`` (ISO 639-1), mended where a page lost a space or an
    abbreviation has a dot.

    >>> [(s.start, s.end) for s in sentences("It was so. Then not.")]
    [(0, 11), (11, 20)]
    """
    spans = []
    offset = 0
    for line in _lines(text):
        start = 0
        for end in _ends(line, language):
            for cut in _cuts(line, start, end):
                spans.append(Span(offset + start, offset + cut))
                start = cut
        offset += len(line)
    return spans


def _lines(text: str) -> list[str]:
    *ended, last = text.split("\n")  # splitlines would also cut at rarer separators
    return [line + "\n" for line in ended] + ([last] if last else [])


def _ends(line: str, language: str) -> Iterator[int]:
    if not line.strip():
        yield len(line)
        return
    safe = line.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate becomes one "?"
    start = 0
    for end in _boundaries(safe, language):
        inside = {*_after_parenthesis(line, start, end), *_inside_quotation(safe, start, end, language)}
        for inner in (*sorted(inside), end):
            if start < inner < len(line) and _is_boundary(line, start, inner, language):
                yield inner
                start = inner
    yield len(line)


def _boundaries(line: str, language: str) -> Iterator[int]:
    """Where sentencex ends a sentence. Its time grows with the square of a line, so it is given a window at a time."""
    start = 0
    while start < len(line):
        ends = [start + int(f["end_index"]) for f in get_sentence_boundaries(language, line[start : start + _WINDOW])]
        whole = start + _WINDOW >= len(line)
        ends = ends if whole or len(ends) < 2 else ends[:-1]  # the last one may go on beyond the window
        yield from ends
        start = len(line) if whole or not ends or ends[-1] <= start else ends[-1]


def _inside_quotation(line: str, start: int, end: int, language: str) -> Iterator[int]:
    """Sentences of a long quotation: sentencex keeps whole what stands in quotes, brackets or apostrophes."""
    if not _LONG_QUOTATION_CHARS < end - start < 100 * MAX_SENTENCE_CHARS:
        return
    plain = _QUOTES.sub(" ", line[start:end])
    for found in get_sentence_boundaries(language, plain):
        inner = start + int(found["end_index"])
        while inner < end and line[inner - 1 : inner + 1].strip() and line[inner] in _CLOSING:
            inner += 1
        if inner < end and (line[inner - 1].isspace() or line[inner].isspace()):
            yield inner


def _after_parenthesis(line: str, start: int, end: int) -> Iterator[int]:
    """ "(See there.) Next one." is two sentences."""
    if line[start] == "(":
        closing = re.compile(r"[.!?]\s?\)\s+(?=[A-Z“\"])").search(line, start, end)
        if closing and closing.end() < end:
            yield closing.end()


def _is_boundary(line: str, start: int, end: int, language: str) -> bool:
    """Is the border that sentencex saw at ``end`` one? Looks at a few characters around it only."""
    before, after = line[max(start, end - 40) : end], line[end : end + 40]
    last = before.rstrip()[-1:]
    next_word = after.lstrip()
    if not next_word or _ENUMERATOR.fullmatch(line[start:end] if end - start < 12 else ""):
        return False
    if last != ".":
        return True
    spaced = before[-1].isspace() or after[0].isspace()
    if not spaced:
        return _glued(before, after)
    if language in _MENDED and _goes_on(before, next_word, language):
        return False
    if next_word[0].islower() and not _CAMEL.match(next_word):
        return False
    if next_word[0].isdigit() and _ABBREVIATION_BEFORE_NUMBER.search(before):
        return False
    if _INITIALISM_BEFORE_NAME.search(before):
        return not next_word[0].isalpha() or bool(_SENTENCE_OPENER.match(next_word))
    return True


def _goes_on(before: str, next_word: str, language: str) -> bool:
    """After an abbreviation of ``language``, and in German after an ordinal before a noun: "die 3. Auflage"."""
    match = _LAST_WORDS.search(before)
    if not match:
        return False
    if match["last"].isdecimal():
        ordinal = len(match["last"]) <= 2 and match["before"].lower() in _before_ordinals()
        return language == "de" and ordinal and next_word[0].isalpha()
    return match["last"] in _abbreviations(language)


@cache
def _abbreviations(language: str) -> frozenset[str]:
    return frozenset(word_list(language, "sentence_ends"))


@cache
def _before_ordinals() -> frozenset[str]:
    return frozenset(word_list("before_ordinals_de", "sentence_ends"))


def _glued(before: str, after: str) -> bool:
    """ "publicly.The" lost its space; "01.AI", "Node.JS" and "U.S.A" did not.

    >>> _glued("said publicly.", "The Avocado"), _glued("startup 01.", "AI, founded"), _glued("Node.", "JS runs")
    (True, False, False)
    """
    word = re.search(r"([^\W\d_]+)[”\"’)]*\.[”\"’)]*$", before)
    if not word:
        return bool(re.search(r"\.[”\"’)\]]+$|[)\]”\"]\.$|\d\.$", before) and re.match(r"[A-Z“\"][a-z]+[\s,’']", after))
    if not re.match(r"[“\"‘(]?[A-Z]", after):
        return False
    if word[1].islower() and len(word[1]) > 1:
        return bool(re.match(r"[“\"‘(]?[A-Z][\w’'-]*(?:[\s,]|$)", after))
    return len(word[1]) > 3 and bool(re.match(r"[“\"‘(]?(?:[A-Z][a-z]+|A|I)[’'\w]*[\s,]", after))


def _cuts(line: str, start: int, end: int) -> Iterator[int]:
    """Ends of the pieces of one sentence, the last being ``end``."""
    while end - start > MAX_SENTENCE_CHARS:
        limit = start + MAX_SENTENCE_CHARS
        floor = start + MAX_SENTENCE_CHARS // 3
        clauses = [m.end() for m in _CLAUSE.finditer(line, floor, limit - 1)]
        space = max(line.rfind(" ", floor, limit), line.rfind("\t", floor, limit)) + 1
        cut = clauses[-1] if clauses else space or _between_characters(line, floor, limit)
        while cut < limit and line[cut].isspace():
            cut += 1
        yield cut
        start = cut
    yield end


def _between_characters(line: str, floor: int, limit: int) -> int:
    """The last place before ``limit`` that does not part a letter from its combining marks."""
    for cut in range(limit, floor, -1):
        joined = unicodedata.combining(line[cut]) or "\u200d" in line[cut - 1 : cut + 1] or line[cut] == "\ufe0f"
        if not joined:
            return cut
    return limit
