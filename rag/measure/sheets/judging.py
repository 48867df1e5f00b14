"""Whole answers -> a sheet for a person to judge, and judged sheets -> figures and how far two readers agree.

A row is an answer with what the set says is right. A reader says whether its first sentence answers and whether the
whole is right, counts the sentences that help and those that their passages support, and says whether refusing and
the sign of a disagreement are right. What does not arise is "n/a" from the start, and an answer that should not have
been refused is "no" from the start. Nothing in the sheet tells which program gave the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypedDict

from rag.errors import DataSetError
from rag.measure import metrics
from rag.measure.datasets import Question
from rag.measure.metrics import Measure
from rag.measure.report import MeasureData, measure_data, measure_line
from rag.measure.scoring import AnswerData
from rag.measure.sheets import read_table, save_table
from rag.measure.sheets.audit import quotations
from rag.output.render import printable

NOT_ASKED = "n/a"
YES_NO = ("yes", "no")
GRADES = ("yes", "partly", "no")
_WORDS = {"first_sentence": GRADES, "whole": GRADES, "refusal_right": YES_NO, "flag_right": YES_NO}
_COUNTS = ("relevant", "supported")
JUDGED = ("first_sentence", "whole", "relevant", "supported", "refusal_right", "flag_right")
_NAMED = 10  # rows named of those that are not filled in


@dataclass(frozen=True, slots=True)
class Row:
    """One answer. The last seven cells are the person's."""

    id: str
    set: str
    history: str
    question: str
    kind: str
    gold: str
    answer: str  # its sentences, numbered, and the sides of a disagreement; or why it was refused, with the nearest
    quotations: str
    refused: str  # yes or no
    disagreement: str
    sentences: str  # how many
    first_sentence: str = ""  # does it answer? yes, partly, no
    whole: str = ""  # is all of it right and complete? yes, partly, no
    relevant: str = ""  # how many sentences help to answer
    supported: str = ""  # how many sentences their passages say
    refusal_right: str = ""  # was it right to refuse, or to answer? yes, no
    flag_right: str = ""  # is it right that a disagreement is shown, or not? yes, no
    note: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


def row(name: str, question: Question, answer: AnswerData) -> Row:
    """The row of an answer (from ``Answer.to_dict``) to a question of the set ``name``."""
    refused = answer["refused"]
    citations = {c["marker"]: c for holder in (*answer["sentences"], *answer["sides"]) for c in holder["citations"]}
    blank = Row(
        question.id,
        name,
        " / ".join(printable(f"{q} – {a}") for q, a in question.history),
        printable(question.text),
        question.kind,
        printable(question.gold) or "; ".join(map(printable, question.answers)),
        printable(f"Refused: {answer['reason']}") if refused else _said(answer),
        quotations([citations[marker] for marker in sorted(citations)]),
        _yes(refused),
        _yes(answer["disagreement"]),
        "0" if refused else str(len(answer["sentences"])),
    )
    wrongly = refused and question.kind != "unanswerable"
    cells = {column: "" if column in asked(blank) else NOT_ASKED for column in JUDGED}
    if wrongly:
        cells |= {"first_sentence": "no", "whole": "no"}
    return Row(**{**asdict(blank), **cells})


def asked(row: Row) -> tuple[str, ...]:
    """The cells that a person has to fill in."""
    answered, unanswerable = row.refused == "no", row.kind == "unanswerable"
    return (
        *(("first_sentence", "whole") if answered and not unanswerable else ()),
        *(_COUNTS if answered else ()),
        *(("refusal_right",) if unanswerable or not answered else ()),
        *(("flag_right",) if row.kind == "conflict" or row.disagreement == "yes" else ()),
    )


def _said(answer: AnswerData) -> str:
    sentences = [f"({n}) {printable(sentence['text'])}" for n, sentence in enumerate(answer["sentences"], 1)]
    return " ".join([*sentences, *(f"Side: {printable(side['claim'])}" for side in answer["sides"])])


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


# --- the sheet -----------------------------------------------------------------------------------


def save_sheet(rows: Sequence[Row], path: Path) -> None:
    """Write the sheet. Raises DataSetError where the file is there already."""
    save_table(path, COLUMNS, (asdict(row).values() for row in rows))


def read_sheet(path: Path) -> list[Row]:
    """The rows of a sheet that came back. Raises DataSetError, also for a count that cannot be."""
    words = {name: ("", NOT_ASKED, *own) for name, own in _WORDS.items()}
    words |= {"refused": YES_NO, "disagreement": YES_NO}
    rows = [Row(**line) for line in read_table(path, COLUMNS, words, optional=("note",))]
    wrong = [
        f"{path}: {row.set} {row.id}: {name} is {count!r}, not a number from 0 to {row.sentences}"
        for row in rows
        for name in _COUNTS
        if (count := getattr(row, name)) not in ("", NOT_ASKED) and not _possible(count, row.sentences)
    ]
    if wrong:
        raise DataSetError("\n".join(wrong), fix="write how many sentences of the answer there are of that kind")
    return rows


def _possible(count: str, most: str) -> bool:
    return count.isascii() and count.isdigit() and most.isdigit() and int(count) <= int(most)


# --- what was judged -----------------------------------------------------------------------------


def judged(rows: Sequence[Row]) -> dict[str, Measure]:
    """Figures with intervals, of the cells that are filled in; one that nobody judged is left out.

    The first sentence and the whole count over all questions that have an answer, refused ones too. Sentences count
    over those of all answers, resampled by answer.
    """
    found: dict[str, Measure | None] = {}
    for name in ("first_sentence", "whole"):
        words = _filled(rows, name)
        found[name] = metrics.share([word == "yes" for word in words])
        found[f"{name}_or_partly"] = metrics.share([word != "no" for word in words])
    for name in _COUNTS:
        counted = [row for row in rows if getattr(row, name) not in ("", NOT_ASKED)]
        found[name] = metrics.ratio([(int(getattr(row, name)), int(row.sentences)) for row in counted], seed=0)
    for name in ("refusal_right", "flag_right"):
        found[name] = metrics.share([word == "yes" for word in _filled(rows, name)])
    return {name: measure for name, measure in found.items() if measure is not None}


def _filled(rows: Sequence[Row], name: str) -> list[str]:
    return [word for row in rows if (word := getattr(row, name)) not in ("", NOT_ASKED)]


def unfilled(rows: Sequence[Row]) -> list[str]:
    """Set and id of the rows with a judgement missing."""
    return [f"{row.set} {row.id}" for row in rows if not all(getattr(row, name) for name in asked(row))]


class AgreementData(TypedDict):
    """Of one column: how often two readers wrote the same, and kappa, where there is one."""

    same: MeasureData
    kappa: MeasureData | None


def agreement(first: Sequence[Row], second: Sequence[Row]) -> dict[str, AgreementData]:
    """By column, over what both readers judged of the same answers.

    Raises DataSetError where the sheets have no answer in common.
    """
    others = {_answer_of(row): row for row in second}
    pairs = [(row, others[_answer_of(row)]) for row in first if _answer_of(row) in others]
    if not pairs:
        raise DataSetError("The two sheets have no answer in common.", fix="judge copies of one sheet")
    found: dict[str, AgreementData] = {}
    for name in JUDGED:
        both = [(getattr(a, name), getattr(b, name)) for a, b in pairs if name in asked(a)]
        both = [words for words in both if all(word not in ("", NOT_ASKED) for word in words)]
        if (same := metrics.share([a == b for a, b in both])) is not None:
            beyond = metrics.kappa(both, seed=0)
            found[name] = {"same": measure_data(same), "kappa": measure_data(beyond) if beyond else None}
    return found


def _answer_of(row: Row) -> tuple[str, str, str]:
    return row.set, row.id, row.answer


def judgement_table(rows: Sequence[Row]) -> str:
    """Each figure with its 95 % interval and n, then what is not judged."""
    lines = [f"{len(rows)} answers", *(measure_line(name, measure_data(m)) for name, m in judged(rows).items())]
    if missing := unfilled(rows):
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        lines.append(f"not judged, or only in part: {len(missing)}: {', '.join(missing[:_NAMED])}{more}")
    return "\n".join(lines)


def agreement_table(agreed: Mapping[str, AgreementData]) -> str:
    """How often two readers wrote the same, and how far beyond chance."""
    lines = ["Both readers wrote the same; kappa: beyond chance (1 always, 0 as by chance)"]
    for name, of in agreed.items():
        lines.append(measure_line(name, of["same"]))
        if of["kappa"] is not None:
            lines.append(measure_line("  kappa", of["kappa"]))
    return "\n".join(lines)
