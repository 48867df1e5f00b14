"""The audit: a sheet goes out, comes back as a spreadsheet saves it, and is counted."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import cli
from rag.errors import DataSetError
from rag.measure.evaluate import evaluate
from rag.measure.metrics import wilson
from rag.measure.sheets.audit import (
    COLUMNS,
    DRAFTED,
    QUOTED,
    Row,
    even_sample,
    judged,
    judgement_table,
    read_sheet,
    rows,
    save_sheet,
    unfilled,
)
from tests.test_datasets import lines
from tests.test_evaluate import FOXES, QUESTIONS, TEXTS, run

ANSWER: dict[str, Any] = {
    "question": "Which license?",
    "sentences": [
        {
            "text": "It will be closed.",
            "citations": [
                {"marker": 2, "document_id": "a.txt", "title": "Kiwi", "quote": "Kiwi is closed,\nsaid Orchard."},
                {"marker": 3, "document_id": "a.txt", "title": "Kiwi", "quote": "It stays so."},
            ],
        },
        {
            "text": "Plum is open.",
            "citations": [{"marker": 1, "document_id": "b.txt", "title": "Plum", "quote": "Plum is\nopen [4]."}],
        },
        {
            "text": "Plum is open.",
            "citations": [{"marker": 1, "document_id": "b.txt", "title": "Plum", "quote": "Plum is open"}],
        },
    ],
}


def row(set: str = "s", kind: str = DRAFTED, supported: str = "", answers: str = "", id: str = "q#1") -> Row:
    return Row(id, set, "Why?", "So.", kind, "[1] “So.”", "T (t.txt)", supported, answers)


def test_a_sentence_becomes_a_row_with_all_its_quotations() -> None:
    first, second, third = rows("seeds", "license", ANSWER)
    assert (first.id, first.set, first.question, first.kind) == ("license#1", "seeds", "Which license?", DRAFTED)
    assert first.quotations == "[2] “Kiwi is closed, said Orchard.” [3] “It stays so.”"
    assert first.document == "Kiwi (a.txt)"
    assert (second.kind, third.kind) == (QUOTED, QUOTED)
    assert (first.supported, first.answers_question, first.note) == ("", "", "")


def test_the_sample_is_even_fixed_by_its_seed_and_grows() -> None:
    found = [row(name, id=str(n)) for name, count in (("a", 50), ("b", 3), ("c", 50)) for n in range(count)]
    chosen = even_sample(found, 23, seed=1)
    assert Counter(r.set for r in chosen) == {"a": 10, "b": 3, "c": 10}
    assert chosen == even_sample(found, 23, seed=1)
    assert chosen[:9] == even_sample(found, 9, seed=1)
    assert chosen != even_sample(found, 23, seed=2)
    assert len(even_sample(found, 999, seed=1)) == len(found)


def test_the_sheet_opens_in_a_spreadsheet_and_comes_back(tmp_path: Path) -> None:
    found = [replace(row(), sentence="=HYPERLINK(1)", note="@x", question="Größe, “wie viel”?"), row(id="-1")]
    save_sheet(found, tmp_path / "new" / "audit.csv")
    data = (tmp_path / "new" / "audit.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode())
    cells = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    assert not any(cell.startswith(tuple("=+-@")) for line in cells for cell in line)
    back = read_sheet(tmp_path / "new" / "audit.csv")
    assert (back[0].sentence, back[0].question, back[1].id) == ("'=HYPERLINK(1)", "Größe, “wie viel”?", "'-1")


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL), min_size=1, max_size=4))
def test_whatever_a_document_holds_no_cell_is_a_formula(
    tmp_path_factory: pytest.TempPathFactory, cells: Sequence[tuple[str, str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("sheet") / "audit.csv"
    save_sheet([Row("q#1", "s", a, b, QUOTED, c, d) for a, b, c, d in cells], path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        back = list(csv.reader(stream))[1:]
    assert not any(cell.startswith(tuple("=+-@")) for line in back for cell in line)
    for (a, b, c, d), line in zip(cells, back, strict=True):
        assert [cell.removeprefix("'") for cell in (line[2], line[3], line[5], line[6])] == [
            x.removeprefix("'") for x in (a, b, c, d)
        ]
    assert len(read_sheet(path)) == len(cells)


def test_a_sheet_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "audit.csv").write_text("judged for hours")
    with pytest.raises(DataSetError, match="cannot be written"):
        save_sheet([row()], tmp_path / "audit.csv")
    assert cli.main(["eval", "x", "--audit", "5", "--audit-out", str(tmp_path / "audit.csv")]) == cli.FAILED
    assert (tmp_path / "audit.csv").read_text() == "judged for hours"


def write(path: Path, *cells: Sequence[str], separator: str = ",", header: Sequence[str] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=separator).writerows([header, *cells])
    return path


def cells(supported: str, answers: str, *, kind: str = "drafted", id: str = "q#1", note: str = "") -> list[str]:
    return [id, "s", "Why?", "So.", kind, "“So.”", "T", supported, answers, note]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_it_is_read_as_any_spreadsheet_saves_it(tmp_path: Path, separator: str) -> None:
    path = write(tmp_path / "a.csv", cells(" Yes", "NO", note="two\nlines"), [""] * 10, separator=separator)
    (one,) = read_sheet(path)
    assert (one.supported, one.answers_question, one.note) == ("yes", "no", "two\nlines")


def test_unknown_words_are_named_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", cells("yes", "maybe"), cells("yes", "no"), cells("y", "", kind="copied"))
    with pytest.raises(DataSetError) as caught:
        read_sheet(path)
    message = str(caught.value)
    assert "a.csv:2: answers_question is 'maybe', not yes, partly, no" in message
    assert "a.csv:4: supported is 'y'" in message
    assert "a.csv:4: kind is 'copied', not drafted, quoted" in message
    assert "a.csv:3" not in message


def test_what_is_no_sheet_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("Größe".encode("latin-1"))
    broken = write(tmp_path / "broken.csv", cells("yes", "yes"))
    broken.write_text(broken.read_text() + 'q#2,"open', "utf-8")
    for path, why in (
        (tmp_path / "gone.csv", "cannot be read"),
        (tmp_path / "latin.csv", "not UTF-8"),
        (write(tmp_path / "columns.csv", header=["id", "sentence"]), "no column set, question, kind"),
        (write(tmp_path / "empty.csv"), "has no sentences"),
        (broken, r"broken.csv:\d: not a line of a sheet"),
    ):
        with pytest.raises(DataSetError, match=why):
            read_sheet(path)


def test_shares_have_n_and_wilsons_interval_split_by_kind() -> None:
    found = [
        *[row(supported="yes", answers="yes", kind=QUOTED)] * 8,
        *[row(supported="yes", answers="partly")] * 3,
        row(supported="partly", answers="no"),
        row(supported="no"),
        row(id="q#9"),
    ]
    measures = judged(found)
    supported, answers = measures["supported"], measures["answers_question"]
    assert (supported["all"].value, supported["all"].n) == (11 / 13, 13)
    assert (supported["all"].low, supported["all"].high) == wilson(11, 13)
    assert (supported["drafted"].value, supported["drafted"].n) == (3 / 5, 5)
    assert (supported["quoted"].value, supported["quoted"].n) == (1, 8)
    assert (answers["all"].value, answers["all"].n) == (8 / 12, 12)
    assert (answers["drafted"].value, answers["drafted"].n) == (0, 4)
    assert unfilled(found) == ["s q#1", "s q#9"]
    text = judgement_table(found)
    assert "not judged, or only in part: 2 of 14: s q#1, s q#9" in text
    assert "fully supported" in text
    assert "0.846" in text


def test_nothing_judged_is_no_share() -> None:
    assert judged([row()]) == {"supported": {}, "answers_question": {}}


def test_an_evaluation_is_audited_also_from_answers_it_had_before(tmp_path: Path) -> None:
    folder = tmp_path / "sets" / "animals"
    lines(folder / "corpus.jsonl", *({"_id": i, "title": i.title(), "text": t} for i, t in TEXTS.items()))
    lines(folder / "questions.jsonl", *QUESTIONS)
    heard: list[list[Row]] = []
    for replies in ([FOXES], []):
        said: list[Row] = []
        evaluate(
            [tmp_path / "sets"],
            run(
                tmp_path,
                *replies,
                heard=lambda name, question, answer, said=said: said.extend(rows(name, question.id, answer)),
            ),
        )
        heard.append(said)
    assert heard[0] == heard[1]
    assert {(r.set, r.id) for r in heard[0]} >= {("animals", "fox#1")}
    save_sheet(even_sample(heard[0], 1, seed=0), tmp_path / "audit.csv")
    assert unfilled(read_sheet(tmp_path / "audit.csv"))


def test_the_command_line_prints_what_was_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.csv", cells("yes", "partly"), cells("no", "yes", id="q#2"))
    assert cli.main(["eval", "--judged", str(path)]) == cli.ANSWERED
    assert "fully supported" in capsys.readouterr().out
    assert cli.main(["eval", "--judged", str(path), "--json"]) == cli.ANSWERED
    report = json.loads(capsys.readouterr().out)
    assert report["supported"]["all"]["value"] == 0.5
    assert report["rows"] == 2


@pytest.mark.parametrize("flags", [[], ["x", "--audit", "3", "--no-answers"]])
def test_flags_that_make_no_sense_are_errors(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["eval", *flags]) == cli.FAILED
    assert "fix:" in capsys.readouterr().err
