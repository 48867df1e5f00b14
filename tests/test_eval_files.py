"""Evaluation of folders of files: their layout, the verdict by strings, and what the command line makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag import cli, opening
from rag.errors import DataSetError
from rag.measure.datasets import Question, find_sets, read_set
from rag.measure.evaluate import evaluate
from rag.measure.gold import holds_in_order
from rag.measure.report import evaluation_table
from rag.measure.verdict import MOST, string_fault
from tests.fakes import BagOfWordsEmbedder, OverlapReranker, ScriptedGenerator
from tests.test_datasets import lines
from tests.test_evaluate import FOXES, TEXTS, no_model, run, value

FOX: dict[str, Any] = {
    "id": "fox#1",
    "question": "What are foxes of the forest?",
    "kind": "answerable",
    "type": "fact",
    "answers": ["red animals"],
    "evidence": [{"doc_id": "fox.txt", "text": "Foxes are red animals of the forest."}],
}
OWL: dict[str, Any] = {"id": "owl#1", "question": "where do owls nest", "kind": "unanswerable", "answers": []}


def case(folder: Path, *questions: dict[str, Any], **texts: str) -> Path:
    """A folder of files with its questions."""
    (folder / "documents").mkdir(parents=True)
    for name, text in (texts or TEXTS).items():
        (folder / "documents" / f"{name}.txt").write_text(text, "utf-8")
    lines(folder / "questions.jsonl", *questions)
    return folder


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    case(tmp_path / "cases" / "foxes", FOX, {**FOX, "id": "fox#2", "answers": ["blue"], "type": "yesno"})
    case(tmp_path / "cases" / "owls", OWL, cat=TEXTS["cat"])
    return tmp_path / "cases"


# --- a folder of folders -------------------------------------------------------------------------


def test_each_case_is_asked_of_its_own_files_and_all_are_summed_up(cases: Path, tmp_path: Path) -> None:
    report = evaluate([cases], run(tmp_path, FOXES, FOXES))
    assert [(one["name"], one["n"], one["judged_by"]) for one in report["sets"]] == [
        ("foxes", 2, "strings"),
        ("owls", 1, "strings"),
    ]
    verdicts = report["sets"][0]["verdicts"]
    assert list(verdicts) == ["fox#1", "fox#2"]  # in the order of the file
    assert (verdicts["fox#1"]["right"], verdicts["fox#1"]["wrong"]) == (True, "")
    assert verdicts["fox#2"]["wrong"] == "lacks ['blue']: Foxes are red animals of the forest. [1]"
    assert verdicts["fox#2"]["question"] == FOX["question"]
    shares = report["right"]
    assert (shares["all"]["value"], shares["all"]["n"]) == (0.6667, 3)
    assert (shares["all"]["low"], shares["all"]["high"]) == (pytest.approx(0.2077), pytest.approx(0.9385))
    assert {name: m["value"] for name, m in shares["by_kind"].items()} == {"answerable": 0.5, "unanswerable": 1}
    assert {name: m["value"] for name, m in shares["by_type"].items()} == {"fact": 1, "yesno": 0}
    assert {name: m["n"] for name, m in shares["by_set"].items()} == {"foxes": 2, "owls": 1}
    json.dumps(report)


def test_the_table_names_what_is_wrong_and_why(cases: Path, tmp_path: Path) -> None:
    table = evaluation_table(evaluate([cases], run(tmp_path, FOXES, FOXES)))
    assert "2 of 3 right (0.67), judged by strings" in table
    assert "  WRONG fox#2: What are foxes of the forest?\n        lacks ['blue']" in table
    assert "validity" not in table  # of several folders the metrics are in the JSON
    assert "validity" in evaluation_table(evaluate([cases / "foxes"], run(tmp_path, FOXES, FOXES)))


def test_without_answers_the_gold_sentence_has_to_be_shown(cases: Path, tmp_path: Path) -> None:
    lost = {**FOX, "id": "fox#3", "evidence": [{"doc_id": "fox.txt", "text": "Foxes live in no city at all."}]}
    lines(cases / "foxes" / "questions.jsonl", FOX, lost)
    report = evaluate([cases], run(tmp_path, open_model=no_model, answers=False))
    assert report["right"]["judged_by"] == "evidence"
    assert report["right"]["all"]["n"] == 2  # the unanswerable question has no gold sentence
    assert report["sets"][0]["verdicts"]["fox#3"]["wrong"] == "no gold sentence among the 8 shown"
    assert "1 of 2 gold sentence shown (0.50)" in evaluation_table(report)


def test_a_row_of_a_table_is_the_row_of_the_file(tmp_path: Path) -> None:
    """Which the loader gives as "column: value"."""
    folder = case(tmp_path / "sweets", {"question": "How often does Twix win?", "evidence": [
        {"doc_id": "sweets.csv", "text": "Twix,1,0,1,81.64"}
    ]})  # fmt: skip
    (folder / "documents" / "sweets.csv").write_text("name,chocolate,fruity,bar,win\nTwix,1,0,1,81.64\n", "utf-8")
    report = evaluate([folder], run(tmp_path, answers=False))
    assert value(report, "evidence_hit@8") == 1
    assert not holds_in_order("name: Rolo; chocolate: 1; fruity: 0; bar: 1; win: 65.7", "Twix,1,0,1,81.64")
    assert not holds_in_order("all of the words in it", "of it")  # too few to tell


def test_a_follow_up_is_asked_after_its_history(tmp_path: Path) -> None:
    follow = {**FOX, "question": "What are they?", "history": [["Where do foxes of the forest hunt?", "At night."]]}
    folder = case(tmp_path / "later", follow)
    model = ScriptedGenerator("")
    evaluate([folder], run(tmp_path, open_model=lambda: model))
    assert any("Earlier question: Where do foxes of the forest hunt?" in prompt.user for prompt in model.prompts)
    lines(folder / "questions.jsonl", {**follow, "history": [["Do dogs bark?", "Yes."]]})
    report = evaluate([folder], run(tmp_path, open_model=no_model))
    assert "no language model" in report["sets"][0]["error"]  # after another history it is another question


def test_a_folder_without_questions_or_files_is_named_and_the_others_run(cases: Path, tmp_path: Path) -> None:
    (cases / "mute" / "documents").mkdir(parents=True)
    (cases / "notes").mkdir()
    case(cases / "void", FOX, OWL)
    for file in (cases / "void" / "documents").iterdir():
        file.unlink()
    assert [path.name for path in find_sets(cases)] == ["foxes", "mute", "owls", "void"]
    report = evaluate([cases], run(tmp_path, FOXES, FOXES))
    by_name = {one["name"]: one for one in report["sets"]}
    assert "mute asks nothing: queries.jsonl, questions.jsonl" in by_name["mute"]["error"]
    assert "holds no document" in by_name["void"]["error"]
    verdicts = by_name["void"]["verdicts"]  # a folder that cannot be built answers nothing
    assert verdicts["fox#1"]["wrong"].startswith("CorpusError: The folder")
    assert verdicts["owl#1"]["right"]
    assert report["right"]["all"]["n"] == 5
    assert "void: not evaluated" in evaluation_table(report)


def test_a_question_that_fails_is_wrong(cases: Path, tmp_path: Path) -> None:
    lines(cases / "foxes" / "questions.jsonl", {**FOX, "question": "x " * 5000})
    report = evaluate([cases / "foxes"], run(tmp_path, FOXES))
    assert report["sets"][0]["verdicts"]["fox#1"]["wrong"].startswith("QuestionError")


def test_where_no_string_is_named_a_gold_sentence_has_to_be_cited(cases: Path, tmp_path: Path) -> None:
    other = [{"doc_id": "dog.txt", "text": "Dogs bark at the postman every morning."}]
    lines(
        cases / "foxes" / "questions.jsonl",
        {**FOX, "answers": []},
        {**FOX, "id": "x", "answers": [], "evidence": other},
    )
    verdicts = evaluate([cases / "foxes"], run(tmp_path, FOXES, FOXES))["sets"][0]["verdicts"]
    assert (verdicts["fox#1"]["wrong"], verdicts["x"]["wrong"]) == ("", "no gold sentence or answer")


def test_an_interrupted_run_over_cases_goes_on_with_the_next(cases: Path, tmp_path: Path) -> None:
    evaluate([cases / "foxes"], run(tmp_path, FOXES, FOXES))
    again = evaluate([cases], run(tmp_path, open_model=no_model))
    assert "error" not in again["sets"][0]
    assert "no language model" in again["sets"][1]["error"]


def test_the_words_of_a_public_set_stay_out_of_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "public"
    lines(folder / "corpus.jsonl", *({"_id": f"{i}.txt", "title": i, "text": t} for i, t in TEXTS.items()))
    lines(folder / "questions.jsonl", FOX, OWL)
    report = evaluate([folder], run(tmp_path, FOXES))
    one = report["sets"][0]
    assert one["judged_by"] == "gold"
    assert one["verdicts"]["fox#1"] == {"kind": "answerable", "type": "fact", "right": True, "wrong": ""}
    assert one["verdicts"]["owl#1"]["right"]
    assert "right" not in report


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"must": ["one"]}, "'must' has to be a list of lists of texts"),
        ({"must": [[]]}, "'must' has to be a list of lists of texts"),
        ({"history": [["only a question"]]}, r"'history' has to be a list of \[question, answer\]"),
        ({"history": "before"}, "'history' has to be a list of lists"),
        ({"type": ["x"]}, "'type' has to be a text"),
    ],
)
def test_a_field_of_the_wrong_shape_is_named_with_its_line(tmp_path: Path, fields: dict[str, Any], why: str) -> None:
    folder = case(tmp_path / "set", FOX, {**OWL, **fields})
    with pytest.raises(DataSetError, match=f"questions.jsonl:2: {why}"):
        read_set(folder)


# --- the verdict by worked examples --------------------------------------------------------------


def answer(*sentences: str, sides: tuple[str, ...] = (), refused: bool = False, document: str = "a/prices.md") -> Any:
    """Each sentence and each side cites itself."""

    def citing(text: str) -> dict[str, Any]:
        return {"text": text, "claim": text, "citations": [{"document_id": document, "quote": text, "marker": 1}]}

    return {
        "answer": " ".join(sentences),
        "refused": refused,
        "reason": "Nothing answers this." if refused else "",
        "disagreement": bool(sides),
        "sentences": [citing(text) for text in sentences],
        "sides": [citing(text) for text in sides],
    }


PRICE = Question("p", "?", "answerable", answers=("240 EUR", "weekend"), doc="prices.md")
SIDES = Question("s", "?", "conflict", answers=("240", "275"))
MUST = Question("m", "?", "answerable", answers=("Yes",), must=(("since v1.58", "since 1.58"), ("sync",)))


@pytest.mark.parametrize(
    ("question", "given", "why"),
    [
        (PRICE, answer("The Weekend costs 240\u00a0EUR."), ""),
        (PRICE, answer("The weekend costs 275 EUR."), "lacks ['240 EUR']: The weekend"),
        (PRICE, answer(refused=True), "refused: Nothing answers this."),
        (PRICE, answer("The weekend costs 240 EUR.", document="b/other.md"), "does not cite prices.md"),
        (PRICE, answer("The weekend costs 240 EUR.", sides=("240", "275")), "a disagreement is shown: 240; 275"),
        (PRICE, answer("The weekend costs 240 EUR.", *["So."] * (MOST - 1)), ""),
        (PRICE, answer("The weekend costs 240 EUR.", *["So."] * MOST), f"{MOST + 1} sentences"),
        (Question("n", "?", "unanswerable"), answer(refused=True), ""),
        (Question("n", "?", "unanswerable"), answer("It is so."), "answered: It is so."),
        (SIDES, answer("It costs 240.", sides=("It costs 240.", "It costs 275.")), ""),
        (SIDES, answer("It costs 240."), "no disagreement is shown: It costs 240."),
        (SIDES, answer("240.", sides=("It costs 240.", "It costs 300.")), "a side is missing: It costs 240."),
        (SIDES, answer("240.", sides=("It costs 240 or 275.", "Nothing.")), "the sides are not apart"),
        (MUST, answer("It can sync since 1.58."), ""),
        (MUST, answer("It can “sync”, since (v1.58)."), ""),  # by its words: marks may stand between them
        (MUST, answer("It can sync since 1.60."), "lacks ['since v1.58 or since 1.58']"),
        (MUST, answer("It can sync since 1.58.", *["So."] * MOST), ""),
    ],
)
def test_when_an_answer_is_right_by_its_strings(question: Question, given: Any, why: str) -> None:
    found = string_fault(question, given)
    assert found.startswith(why)
    assert bool(found) == bool(why)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line with small models and no language model that could be opened."""
    monkeypatch.setenv("RAG_CAUTION", "eager")
    monkeypatch.setattr(opening, "fetch_models", lambda settings, *names, progress=None: None)
    monkeypatch.setattr(opening, "open_embedding", lambda settings: BagOfWordsEmbedder())
    monkeypatch.setattr(opening, "open_ranking", lambda settings: OverlapReranker())
    monkeypatch.setattr(opening, "open_model", lambda settings: no_model())


@pytest.mark.usefixtures("fake_models")
def test_no_model_answers_by_quotations_and_reports_compare(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, work = tmp_path / "before.json", ["--work", str(tmp_path / "work")]
    command = ["eval", str(cases), "--no-model", *work]
    assert cli.main([*command, "--out", str(out)]) == cli.ANSWERED
    assert "2 of 3 right" in capsys.readouterr().out
    assert json.loads(out.read_text("utf-8"))["models"]["generator"] == "none"

    lines(cases / "foxes" / "questions.jsonl", {**FOX, "answers": ["green"]}, {**FOX, "id": "fox#2"})
    new = tmp_path / "now.json"
    assert cli.main([*command, "--out", str(new), "--against", str(out)]) == cli.ANSWERED
    shown = capsys.readouterr().out
    assert "against before.json: 2 of 3 right now, 2 before" in shown
    assert "both 1, only now 1, only before 1, neither 0; McNemar exact p = 1.000" in shown
    assert json.loads(new.read_text("utf-8"))["against"]["only_now"] == 1
    assert cli.main(["eval", str(new), "--against", str(out), "--json"]) == cli.ANSWERED
    compared = json.loads(capsys.readouterr().out)
    assert [(c["id"], c["right_now"]) for c in compared["changed"]] == [("fox#1", False), ("fox#2", True)]
    assert compared["changed"][0]["wrong"].startswith("lacks ['green']")


@pytest.mark.usefixtures("fake_models")
def test_every_answer_goes_into_the_sheet(cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.csv"
    command = ["eval", str(cases), "--no-model", "--work", str(tmp_path / "work"), "--sheet", str(sheet)]
    assert cli.main(command) == cli.ANSWERED
    assert "3 answers to judge" in capsys.readouterr().err
    assert cli.main(["eval", "--judged", str(sheet), str(sheet)]) == cli.ANSWERED
    assert "not judged, or only in part: 3" in capsys.readouterr().out
    assert cli.main(command) == cli.FAILED  # it may hold judgements
    assert "change --sheet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["x", "--sheet", "s.csv", "--no-answers"], "no answers for --sheet"),
        (["x", "--no-model", "--no-answers"], "name one of them"),
        (["x", "--against", "nowhere.json"], "cannot be read"),
        ([__file__], "is a file, not a folder"),
        (["--judged", "a", "b", "c"], "Two sheets can be compared"),
        (["--judged", "nowhere.csv"], "cannot be read"),
    ],
)
def test_what_the_command_cannot_do_is_said_before_anything_runs(
    flags: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["eval", *flags]) == cli.FAILED
    assert why in capsys.readouterr().err
