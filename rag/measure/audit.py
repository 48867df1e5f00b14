"""Answer sentences -> a sheet for a person to judge, and the judged sheet -> the shares a person found right."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from io import StringIO
from itertools import zip_longest
from pathlib import Path

from rag.errors import DataSetError
from rag.load.csv import delimiter_of
from rag.measure.metrics import Measure, share
from rag.measure.scoring import AnswerData
from rag.output.render import printable
from rag.text.words import WORD, plain

DRAFTED, QUOTED = "drafted", "quoted"
WORDS = ("yes", "partly", "no")
_JUDGED = {"supported": "fully supported", "answers_question": "answers the question"}
_FORMULA = tuple("=+-@＝＋－＠")  # a spreadsheet would compute what begins with one of these
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
            " ".join(f"[{c['marker']}] “{printable(c['quote'])}”" for c in sentence["citations"]),
            "; ".join(dict.fromkeys(f"{printable(c['title'])} ({c['document_id']})" for c in sentence["citations"])),
        )
        for number, sentence in enumerate(answer["sentences"], 1)
    ]


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
    """Write the sheet: CSV with a byte order mark, so that a spreadsheet reads it as UTF-8.

    Raises DataSetError where the file is there already: it may hold somebody's judgements.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            writer.writerows([_inert(cell) for cell in asdict(row).values()] for row in chosen)
    except OSError as error:
        raise DataSetError(
            f"The sheet {path} cannot be written: {error.strerror}.", fix="change --audit-out"
        ) from error


def _inert(cell: str) -> str:
    """
    >>> _inert("=1+1"), _inert("one")
    ("'=1+1", 'one')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def read_sheet(path: Path) -> list[Row]:
    """The rows of a sheet as a spreadsheet saved it: separated by commas, semicolons or tabs, in any order of columns.

    Raises DataSetError that names every line with a word that is none of ``WORDS``.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise DataSetError(f"The sheet {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataSetError(f"The sheet {path} is not UTF-8.", fix="save it as “CSV UTF-8”") from error
    delimiter = delimiter_of(text.partition("\n")[0])  # of the header alone: the other lines hold free text
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if missing := [name for name in COLUMNS[:-1] if name not in (reader.fieldnames or ())]:
        raise DataSetError(f"{path}:1: the sheet has no column {', '.join(missing)}.")
    sheet: list[Row] = []
    wrong: list[str] = []
    try:
        for cells in reader:
            row = {name: (cells.get(name) or "").strip() for name in COLUMNS}
            if not any(row.values()):
                continue  # a spreadsheet may leave empty lines at the end
            row |= {name: row[name].lower() for name in ("kind", *_JUDGED)}
            allowed = {"kind": (DRAFTED, QUOTED), **dict.fromkeys(_JUDGED, ("", *WORDS))}
            wrong += [
                f"{path}:{reader.line_num}: {name} is {row[name]!r}, not {', '.join(filter(None, words))}"
                for name, words in allowed.items()
                if row[name] not in words
            ]
            sheet.append(Row(**row))
    except csv.Error as error:
        raise DataSetError(f"{path}:{reader.line_num}: not a line of a sheet: {error}.") from error
    if wrong:
        raise DataSetError("\n".join(wrong), fix="write one of these words, or leave the cell empty")
    if not sheet:
        raise DataSetError(f"The sheet {path} has no sentences.")
    return sheet


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
