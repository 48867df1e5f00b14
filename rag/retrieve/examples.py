"""Example questions, made from the documents themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from rag.types import Document

# A capitalised run that does not open a sentence: a lower-case word or a comma stands before it.
_NAME = re.compile(r"(?<=[a-zà-ÿ,] )[A-ZÀ-Þ][\w’'-]*[^\W_](?: (?:of |the |de )?[A-ZÀ-Þ][\w’'-]*[^\W_]){0,3}")
_READ_CHARACTERS = 20_000  # of each document: names come early
_LONGEST = 40
_DATES = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
)


def frequent_names(documents: Iterable[Document], limit: int) -> list[str]:
    """The names most documents mention, none of them part of another; ties go to the longer, then the first."""
    mentions: Counter[str] = Counter()
    for document in documents:
        found = (
            m.group().removesuffix("’s").removesuffix("'s") for m in _NAME.finditer(document.text[:_READ_CHARACTERS])
        )
        mentions.update({n for n in found if 2 < len(n) <= _LONGEST and not _DATES.search(n)})
    chosen: list[str] = []
    for name, count in sorted(mentions.items(), key=lambda item: (-item[1], -len(item[0]), item[0])):
        if count < 2 or len(chosen) == limit:
            break
        if not any(set(name.split()) & set(other.split()) for other in chosen):
            chosen.append(name)
    return chosen


def example_questions(documents: Iterable[Document], *, limit: int = 4) -> list[str]:
    """Up to ``limit`` questions; about frequent names, or about titles where no name recurs."""
    corpus = list(documents)
    names = frequent_names(corpus, limit)
    if names:
        return [f"What do the sources say about {name}?" for name in names]
    titles = dict.fromkeys(d.title.strip() for d in corpus if d.title.strip())
    return [f"What does “{title[:80]}” say?" for title in list(titles)[:limit]]
