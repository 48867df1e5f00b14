"""When a quotation is a gold sentence, and when a text holds an answer: string rules, no model."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher

LIKE = 0.8  # token F1 from which two sentences count as one
_LEAST_WORDS = 5  # a shorter quotation is not taken for the gold sentence it is part of
IN_ORDER = 0.9  # share of a gold text's words that a quotation has in order, other words between them
_LONG_RUN = 12  # words that two texts do not share by chance
_WORD = re.compile(r"\w+")
_ARTICLES = frozenset("a an the".split())


def tokens(text: str) -> list[str]:
    """Words and numbers in lower case and compatibility form, punctuation left out.

    >>> tokens("The “ﬁrst” U.S. deal: $14.3bn")
    ['the', 'first', 'u', 's', 'deal', '14', '3bn']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def same_sentence(quote: str, gold: str) -> bool:
    """Does the quotation hold the gold text, lie within it (five words or more), or have a token F1 of 0.8 with it?

    >>> same_sentence("He said it was closed , in 1903 .", "It was closed, in 1903."), same_sentence("It was.", "It.")
    (True, True)
    """
    given, wanted = tokens(quote), tokens(gold)
    if not given or not wanted:
        return False
    if _within(wanted, given) or (len(given) >= _LEAST_WORDS and _within(given, wanted)):
        return True
    return token_f1(given, wanted) >= LIKE


def holds_in_order(quote: str, gold: str) -> bool:
    """Does the quotation have nine tenths of the gold text's words (five or more) in order, others between them?

    So a row of a table that is quoted as "column: value" is the row as it stands in the file.

    >>> holds_in_order("name: Kit Kat; chocolate: 1; fruity: 0; win: 76.7", "Kit Kat,1,0,76.7")
    True
    """
    given, wanted = tokens(quote), tokens(gold)
    if len(wanted) < _LEAST_WORDS:
        return False
    blocks = SequenceMatcher(None, given, wanted, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= IN_ORDER * len(wanted)


def holds_most(passage: str, gold: str) -> bool:
    """Does the passage hold a run of half of the gold text's words, or of twelve? For chunks, which may cut it.

    >>> holds_most("So. He came to the small", "He came to the small town."), holds_most("He came", "He left it.")
    (True, False)
    """
    given, wanted = tokens(passage), tokens(gold)
    run = SequenceMatcher(None, given, wanted, autojunk=False).find_longest_match().size
    return bool(wanted) and run >= min(len(wanted) / 2, _LONG_RUN)


def holds_answer(text: str, answers: Iterable[str]) -> bool:
    """Is one of the answers in the text, word for word but for case, punctuation and a leading article?

    >>> holds_answer("It was built in 1856 .", ["the 1856"]), holds_answer("in 18567", ["1856"])
    (True, False)
    """
    given = tokens(text)
    return any(wanted and _within(wanted, given) for wanted in map(_bare, answers))


def token_f1(given: list[str], wanted: list[str]) -> float:
    """Harmonic mean of the shares of words in common (Rajpurkar et al. 2016, SQuAD).

    >>> token_f1(["a", "b"], ["b", "c"])
    0.5
    """
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted)) if common else 0.0


def _bare(answer: str) -> list[str]:
    words = tokens(answer)
    return words[1:] if len(words) > 1 and words[0] in _ARTICLES else words


def _within(inner: list[str], outer: list[str]) -> bool:
    return f" {' '.join(inner)} " in f" {' '.join(outer)} "
