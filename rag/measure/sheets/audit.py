"""Answer sentences -> a sheet for a person to judge, and the judged sheet -> the shares a person found right."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import zip_longest
from pathlib import Path

from rag.measure.metrics import Measure, share
from rag.measure.scoring import AnswerData, CitationData
from rag.measure.sheets import read_table, save_table
from rag.output.render import printable
from rag.text.words import WORD, plain

DRAFTED, QUOTED = "drafted", "quoted"
WORDS = ("yes", "partly", "no")
_JUDGED = {"supported": "fully supported", "answers_question": "answers the question"}
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence that was shown as (part of) an answer. The last three cells are the person's."""

    id: str  # of the question, "#" and the sentence's number in its answer
    set: str
    question: str
    sentence: str
    kind: str  # DRAFTED, or QUOTED: the words of its quotation and no others
    quotations: str
    document: str
    supported: str = ""  # by the quotations alone: one of WORDS, "" where not judged
    answers_question: str = ""
    note: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


def rows(name: str, question: str, answer: AnswerData) -> list[Row]:
    """The sentences of ``answer`` (from ``Answer.to_dict``) to the question with the id ``question``."""
    return [
        Row(
            f"{question}#{number}",
            name,
            printable(answer["question"]),
            printable(sentence["text"]),
            QUOTED if any(_same_words(sentence["text"], c["quote"]) for c in sentence["citations"]) else DRAFTED,
            quotations(sentence["citations"]),
            "; ".join(dict.fromkeys(f"{printable(c['title'])} ({c['document_id']})" for c in sentence["citations"])),
        )
        for number, sentence in enumerate(answer["sentences"], 1)
    ]


def quotations(citations: Sequence[CitationData]) -> str:
    """Citations as a person reads them in a cell."""
    return " ".join(f"[{c['marker']}] “{printable(c['quote'])}”" for c in citations)


def _same_words(sentence: str, quote: str) -> bool:
    return WORD.findall(plain(sentence)) == WORD.findall(plain(quote))


def even_sample(shown: Iterable[Row], n: int, *, seed: int) -> list[Row]:
    """At most ``n`` rows, as many of each set as it has to give; a larger sample begins with the smaller one.

    >>> of = lambda name, count: [Row(str(i), name, "", "", DRAFTED, "", "") for i in range(count)]
    >>> sorted(r.set for r in even_sample([*of("a", 9), *of("b", 1), *of("c", 9)], 5, seed=0))
    ['a', 'a', 'b', 'c', 'c']
    """
    by_set: dict[str, list[Row]] = {}
    for row in shown:
        by_set.setdefault(row.set, []).append(row)
    for name, own in by_set.items():
        random.Random(f"{seed} {name}").shuffle(own)
    turns = zip_longest(*(by_set[name] for name in sorted(by_set)))
    return [row for turn in turns for row in turn if row is not None][:n]


# --- the sheet -----------------------------------------------------------------------------------


def save_sheet(chosen: Sequence[Row], path: Path) -> None:
    """Write the sheet. Raises DataSetError where the file is there already."""
    save_table(path, COLUMNS, (asdict(row).values() for row in chosen))


def read_sheet(path: Path) -> list[Row]:
    """The rows of a sheet that came back. Raises DataSetError as ``read_table`` does."""
    allowed = {"kind": (DRAFTED, QUOTED), **dict.fromkeys(_JUDGED, ("", *WORDS))}
    return [Row(**line) for line in read_table(path, COLUMNS, allowed, optional=("note",))]


# --- what the person judged ----------------------------------------------------------------------


def judged(sheet: Sequence[Row]) -> dict[str, dict[str, Measure]]:
    """{"supported": {"all", "drafted", "quoted"}, "answers_question": …}: shares of "yes" with Wilson's interval.

    A cell that is empty is not counted; "partly" is no yes. A group without a judged cell is left out.
    """
    groups = {"all": (DRAFTED, QUOTED), DRAFTED: (DRAFTED,), QUOTED: (QUOTED,)}
    shares = {
        column: {
            group: share([getattr(r, column) == "yes" for r in sheet if r.kind in kinds and getattr(r, column)])
            for group, kinds in groups.items()
        }
        for column in _JUDGED
    }
    return {column: {g: m for g, m in of.items() if m is not None} for column, of in shares.items()}


def unfilled(sheet: Sequence[Row]) -> list[str]:
    """Set and id of the rows with a judgement missing."""
    return [f"{row.set} {row.id}" for row in sheet if not all(getattr(row, column) for column in _JUDGED)]


def judgement_table(sheet: Sequence[Row]) -> str:
    """Share, 95 % interval and n of each judgement, then what is not judged."""
    lines = [f"{'':34} {'share':>7}  {'95 % interval':>15} {'n':>5}"]
    for column, of in judged(sheet).items():
        for group, m in of.items():
            name = _JUDGED[column] if group == "all" else f"  {group}"
            lines.append(f"{name:34} {m.value:7.3f}  {f'{m.low:.3f} – {m.high:.3f}':>15} {m.n:5}")
    if missing := unfilled(sheet):
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        names = f"{', '.join(missing[:_NAMED])}{more}"
        lines.append(f"not judged, or only in part: {len(missing)} of {len(sheet)}: {names}")
    return "\n".join(lines)
