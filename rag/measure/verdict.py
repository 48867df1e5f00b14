"""Is an answer right? A verdict a question, with the reason where it is wrong, and the shares that come of them.

Three ways to judge, by what a set has and what was asked of the program:

strings   a folder of files: of every group of ``must`` (else: every string of ``answers``) one has to be
          in the answer or in what it cites
gold      a corpus, or a question that names no string: a gold sentence is cited, or an answer is said or cited
evidence  no answers were asked for: a gold sentence is among those shown
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from rag.measure import metrics
from rag.measure.datasets import DataSet, Question
from rag.measure.gold import holds_answer
from rag.measure.report import MeasureData, RightData, SetReport, VerdictData, measure_data
from rag.measure.scoring import AnswerData, Outcome, can_be_judged, count_gold, is_wrong

STRINGS, GOLD, EVIDENCE = "strings", "gold", "evidence"
MOST = 4  # sentences of a right answer: one that is padded with the rest of the file is none
_SHOWN = 160  # characters of what was said instead
_SPACE = re.compile(r"\s+")
_ALIKE = str.maketrans({"’": "'", "\u00a0": " ", "\u202f": " "})


def judged_by(data: DataSet, *, answers: bool) -> str:
    """Which of the three ways a set is judged in."""
    if not answers:
        return EVIDENCE
    return STRINGS if data.own_files else GOLD


def verdicts(
    data: DataSet, outcomes: Mapping[str, Outcome], failed: Mapping[str, str], *, answers: bool, shown: int
) -> dict[str, VerdictData]:
    """By question, of those that were asked and can be judged; one that failed is wrong, with its error.

    ``shown``: how many sentences are shown before any model has read them.
    """
    way = judged_by(data, answers=answers)
    judged: dict[str, VerdictData] = {}
    for question in data.questions:
        if not (question.evidence if way == EVIDENCE else can_be_judged(question) or question.must):
            continue
        if question.id in outcomes:
            outcome = outcomes[question.id]
            judged[question.id] = _row(data, question, outcome, fault(question, outcome, way, shown=shown))
        elif question.id in failed:
            judged[question.id] = _row(data, question, None, failed[question.id])
    return judged


def unbuilt(data: DataSet, asked: Container[str], why: str) -> dict[str, VerdictData]:
    """Of a folder that could not be built: nothing is answered, which is right only of what has no answer."""
    return {
        q.id: _row(data, q, None, "" if q.kind == "unanswerable" else why)
        for q in data.questions
        if q.id in asked and (can_be_judged(q) or q.must)
    }


def _row(data: DataSet, question: Question, outcome: Outcome | None, wrong: str) -> VerdictData:
    row: VerdictData = {"kind": question.kind, "type": question.type, "right": not wrong, "wrong": wrong}
    if data.own_files:  # the words of a public set stay out of a report, which may be published
        row["question"] = question.text
        if outcome and outcome.answer:
            row["answer"] = outcome.answer["answer"]
            row["seconds"] = round(outcome.answer["timings_ms"].get("total", 0.0) / 1000, 1)
    return row


# --- one question --------------------------------------------------------------------------------


def fault(question: Question, outcome: Outcome, way: str, *, shown: int) -> str:
    """What is wrong with what the program did; "" where it is right."""
    if way == EVIDENCE:
        return "" if count_gold(question, outcome.evidence) else f"no gold sentence among the {shown} shown"
    if outcome.answer is None:
        return "not answered"
    if way == STRINGS and (_groups(question) or question.kind == "unanswerable"):
        return string_fault(question, outcome.answer)
    if question.kind == "unanswerable":
        return "" if not outcome.answered else "answered"
    if not outcome.answered:
        return "refused"
    return "no gold sentence or answer" if is_wrong(question, outcome) else ""


def string_fault(question: Question, answer: AnswerData) -> str:
    """What is wrong with an answer, judged by the strings that the question names; "" where it is right.

    unanswerable  refused
    conflict      a disagreement is shown, each string in a quotation of a side, on different sides
    any other     answered, every string in the answer or its quotations, ``doc`` cited, no disagreement shown, and,
                  where there is no ``must``, at most ``MOST`` sentences or as many as there are strings
    """
    if question.kind == "unanswerable":
        return "" if answer["refused"] else f"answered: {_short(answer['answer'])}"
    if answer["refused"]:
        return f"refused: {_short(answer['reason'])}"
    if question.kind == "conflict":
        return _side_fault(question, answer)
    citations = [c for sentence in answer["sentences"] for c in sentence["citations"]]
    everything = " ".join([answer["answer"], *(c["quote"] for c in citations)])
    if missing := [" or ".join(group) for group in _groups(question) if not _holds(question, everything, group)]:
        return f"lacks {missing}: {_short(answer['answer'])}"
    if question.doc and all(PurePosixPath(c["document_id"]).name != question.doc for c in citations):
        return f"does not cite {question.doc}"
    if answer["disagreement"]:
        return f"a disagreement is shown: {_claims(answer)}"
    number = len(answer["sentences"])
    if not question.must and number > max(MOST, len(question.answers)):
        return f"{number} sentences"
    return ""


def _side_fault(question: Question, answer: AnswerData) -> str:
    """What is wrong with an answer to a question on which the documents disagree."""
    if not answer["disagreement"]:
        return f"no disagreement is shown: {_short(answer['answer'])}"
    groups = _groups(question)
    quotes = [[c["quote"] for c in side["citations"]] for side in answer["sides"]]
    holding = [
        {n for n, own in enumerate(quotes) if any(_holds(question, quote, group) for quote in own)} for group in groups
    ]
    if not all(holding):
        return f"a side is missing: {_claims(answer)}"
    return "" if len(set().union(*holding)) >= len(groups) else "the sides are not apart"


def _groups(question: Question) -> Sequence[Sequence[str]]:
    return question.must or [(answer,) for answer in question.answers]


def _holds(question: Question, text: str, group: Iterable[str]) -> bool:
    """Is one of the strings in the text? For ``must`` its words are enough, whatever marks stand between them."""
    if any(_plain(string) in _plain(text) for string in group):
        return True
    return bool(question.must) and holds_answer(text, group)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text.translate(_ALIKE)).strip().casefold()


def _short(text: str) -> str:
    return text[:_SHOWN]


def _claims(answer: AnswerData) -> str:
    return _short("; ".join(side["claim"] for side in answer["sides"]))


# --- all of them ---------------------------------------------------------------------------------


def right(sets: Iterable[SetReport]) -> RightData | None:
    """Shares of right verdicts over the folders of files among the sets: in all, by kind, by type and by set.

    None where no such set was judged.
    """
    rows = [
        (one["name"], verdict) for one in sets if one.get("own_files") for verdict in one.get("verdicts", {}).values()
    ]
    if not rows:
        return None
    everything = _share(verdict["right"] for _, verdict in rows)
    return {
        "judged_by": next(one["judged_by"] for one in sets if one.get("own_files")),
        "all": everything,
        "by_kind": _by(rows, lambda name, verdict: verdict["kind"]),
        "by_type": _by(rows, lambda name, verdict: verdict["type"]),
        "by_set": _by(rows, lambda name, verdict: name),
    }


def _by(rows: Sequence[tuple[str, VerdictData]], label: Callable[[str, VerdictData], str]) -> dict[str, MeasureData]:
    labels = sorted({label(*row) for row in rows} - {""})
    return {one: _share(verdict["right"] for name, verdict in rows if label(name, verdict) == one) for one in labels}


def _share(flags: Iterable[bool]) -> MeasureData:
    measure = metrics.share(list(flags))
    assert measure is not None  # of at least one row
    return measure_data(measure)
