"""Sheets of whole answers that readers fill in, and two reports compared."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import cli
from rag.errors import DataSetError
from rag.measure.against import compare, read_report
from rag.measure.datasets import Question
from rag.measure.metrics import kappa, mcnemar, wilson
from rag.measure.sheets import judging
from rag.measure.sheets.judging import COLUMNS, NOT_ASKED, Row, agreement, judged, read_sheet, save_sheet, unfilled
from tests.test_eval_files import answer

HISTORY = (("Who wrote it?", "Ida did."),)
ANSWERABLE = Question("q", "When?", "answerable", ("1901",), gold="In 1901.", history=HISTORY)
UNANSWERABLE = Question("u", "Where?", "unanswerable")
CONFLICT = Question("c", "How much?", "conflict", ("240", "275"))


def filled(row: Row, **cells: str) -> Row:
    return replace(row, **cells)


def test_a_row_asks_for_what_arises_and_no_more() -> None:
    good = judging.row("s", ANSWERABLE, answer("It was in 1901.", "So."))
    assert (good.history, good.gold, good.sentences) == ("Who wrote it? – Ida did.", "In 1901.", "2")
    assert good.answer == "(1) It was in 1901. (2) So."
    assert judging.asked(good) == ("first_sentence", "whole", "relevant", "supported")
    assert (good.refusal_right, good.flag_right, good.whole) == (NOT_ASKED, NOT_ASKED, "")

    timid = judging.row("s", ANSWERABLE, answer(refused=True))
    assert timid.answer == "Refused: Nothing answers this."
    assert (timid.first_sentence, timid.whole, timid.relevant, timid.refusal_right) == ("no", "no", NOT_ASKED, "")

    careful = judging.row("s", UNANSWERABLE, answer(refused=True))
    assert (careful.first_sentence, careful.whole, judging.asked(careful)) == (NOT_ASKED, NOT_ASKED, ("refusal_right",))
    bold = judging.row("s", UNANSWERABLE, answer("Here."))
    assert judging.asked(bold) == ("relevant", "supported", "refusal_right")

    sides = judging.row("s", CONFLICT, answer("240.", sides=("240.", "275.")))
    assert (sides.gold, sides.disagreement) == ("240; 275", "yes")
    assert sides.answer == "(1) 240. Side: 240. Side: 275."
    assert "flag_right" in judging.asked(sides)
    assert "flag_right" in judging.asked(judging.row("s", CONFLICT, answer("240.")))


def sheet() -> list[Row]:
    """Two answers, one refused that should not have been, one refused rightly, and one with a flag."""
    rows = [
        judging.row("s", replace(ANSWERABLE, id="a"), answer("One.", "Two.")),
        judging.row("s", replace(ANSWERABLE, id="b"), answer("One.", "Two.")),
        judging.row("s", replace(ANSWERABLE, id="c"), answer(refused=True)),
        judging.row("s", UNANSWERABLE, answer(refused=True)),
        judging.row("s", CONFLICT, answer("240.", sides=("240.", "275."))),
    ]
    cells: list[dict[str, str]] = [
        {"first_sentence": "yes", "whole": "yes", "relevant": "2", "supported": "2"},
        {"first_sentence": "partly", "whole": "no", "relevant": "1", "supported": "2"},
        {"refusal_right": "no"},
        {"refusal_right": "yes"},
        {"first_sentence": "yes", "whole": "partly", "relevant": "1", "supported": "0", "flag_right": "yes"},
    ]
    return [filled(row, **own) for row, own in zip(rows, cells, strict=True)]


def test_the_figures_of_a_judged_sheet() -> None:
    figures = judged(sheet())
    values = {name: (round(m.value, 3), m.n) for name, m in figures.items()}
    assert values == {
        "first_sentence": (0.5, 4),  # the refused one counts as no
        "first_sentence_or_partly": (0.75, 4),
        "whole": (0.25, 4),
        "whole_or_partly": (0.5, 4),
        "relevant": (0.8, 5),
        "supported": (0.8, 5),
        "refusal_right": (0.5, 2),
        "flag_right": (1.0, 1),
    }
    assert (figures["first_sentence"].low, figures["first_sentence"].high) == wilson(2, 4)
    assert figures["relevant"].low < 0.8 < figures["relevant"].high
    assert unfilled(sheet()) == []
    assert unfilled([filled(sheet()[0], whole="")]) == ["s a"]


def test_it_comes_back_as_a_spreadsheet_saves_it(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    save_sheet(sheet(), path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        cells = list(csv.reader(stream))
    cells[1][COLUMNS.index("whole")] = " YES "
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([*cells, [""] * len(COLUMNS)])
    assert read_sheet(path) == sheet()
    with pytest.raises(DataSetError, match="cannot be written"):
        save_sheet(sheet(), path)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"whole": "maybe"}, "2: whole is 'maybe', not n/a, yes, partly, no"),
        ({"relevant": "3"}, "s a: relevant is '3', not a number from 0 to 2"),
        ({"supported": "two"}, "s a: supported is 'two'"),
        ({"refused": ""}, "refused is '', not yes, no"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, cells: dict[str, str], why: str) -> None:
    save_sheet([filled(sheet()[0], **cells)], tmp_path / "sheet.csv")
    with pytest.raises(DataSetError, match=why):
        read_sheet(tmp_path / "sheet.csv")


def test_two_readers_agree_as_far_as_both_judged_the_same_answers() -> None:
    other = [
        filled(sheet()[0], whole="partly"),
        sheet()[1],
        filled(sheet()[2], refusal_right="yes"),
        sheet()[3],
        filled(sheet()[4], relevant=""),
    ]
    agreed = agreement(sheet(), other)
    whole = agreed["whole"]
    assert (whole["same"]["value"], whole["same"]["n"]) == (0.6667, 3)  # what was "no" from the start is left out
    assert agreed["relevant"]["same"]["n"] == 2
    assert agreed["flag_right"]["kappa"] is None  # only one word was ever written
    assert agreed["refusal_right"]["kappa"] is not None
    with pytest.raises(DataSetError, match="no answer in common"):
        agreement(sheet(), [filled(row, answer="(1) Another.") for row in sheet()])


def test_kappa_and_mcnemar_are_those_of_the_books() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, by chance .5
    labels = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = kappa(labels, seed=0)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(0.4), 50)
    assert found.low < 0.4 < found.high
    assert kappa([("y", "y")], seed=0) is None
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 6) == pytest.approx(2 / 2**6)


def test_the_command_line_reads_two_sheets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    save_sheet(sheet(), first)
    save_sheet([filled(sheet()[0], whole="no"), *sheet()[1:]], second)
    assert cli.main(["eval", "--judged", str(first), str(second)]) == cli.ANSWERED
    shown = capsys.readouterr().out
    assert "first.csv: 5 answers" in shown
    assert "Both readers wrote the same" in shown
    assert cli.main(["eval", "--judged", str(first), str(second), "--json"]) == cli.ANSWERED
    data = json.loads(capsys.readouterr().out)
    assert data["sheets"][1]["figures"]["whole"]["value"] == 0
    assert data["agreement"]["whole"]["same"]["value"] == 0.6667


# --- two reports ---------------------------------------------------------------------------------


def report(way: str = "strings", name: str = "s", **right: bool) -> Any:
    rows = {i: {"kind": "answerable", "type": "", "right": ok, "wrong": "" if ok else "why"} for i, ok in right.items()}
    return {"sets": [{"name": name, "n": len(rows), "metrics": {}, "judged_by": way, "verdicts": rows}]}


def test_reports_are_compared_question_by_question() -> None:
    now = report(a=True, b=True, c=False, d=False, e=True, new=True)
    before = report(a=True, b=False, c=True, d=False, e=False)
    found = compare(now, before)
    assert [found[key] for key in ("n", "both", "only_now", "only_before", "neither", "alone")] == [5, 1, 2, 1, 1, 1]
    assert found["p"] == 1.0
    assert [(c["id"], c["right_now"], c["wrong"]) for c in found["changed"]] == [
        ("b", True, "why"),
        ("c", False, "why"),
        ("e", True, "why"),
    ]


def test_reports_that_cannot_be_compared_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="no question in common"):
        compare(report(a=True), report(name="t", a=True))
    with pytest.raises(DataSetError, match="s is judged by strings in one report and by evidence in the other"):
        compare(report(a=True), report(way="evidence", a=True))
    for content, why in (("{", "is no report"), ("[]", "is no report"), ('{"sets": []}', "has no verdicts")):
        (tmp_path / "r.json").write_text(content, "utf-8")
        with pytest.raises(DataSetError, match=why):
            read_report(tmp_path / "r.json")
