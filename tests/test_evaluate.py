"""Evaluation end to end over small sets with small models, and its scoring by worked examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import cli
from rag.config import Settings
from rag.errors import RagError
from rag.ground.verify import Judged
from rag.index import sources
from rag.measure.datasets import GoldSentence, GoldSide, Pair, Question
from rag.measure.evaluate import Run, evaluate
from rag.measure.report import evaluation_table, save_report
from rag.measure.scoring import Outcome, Quoted, answer_measures, evidence_measures, invalid, is_wrong, pair_measures
from tests.fakes import BagOfWordsEmbedder, OverlapReranker, ScriptedGenerator
from tests.test_datasets import lines

TEXTS = {
    "fox": "Foxes are red animals of the forest. They hunt small mice at night.",
    "cat": "Cats sleep most of the long day. Nobody knows why cats purr at night.",
    "dog": "Dogs bark at the postman every morning. The postman is used to it by now.",
}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "fox",
        "question": "What are foxes of the forest?",
        "kind": "answerable",
        "answers": ["red animals"],
        "evidence": [{"doc_id": "fox", "text": "Foxes are red animals of the forest."}],
    },
    {"id": "owl", "question": "where do owls nest", "kind": "unanswerable"},
]
FOXES = "Foxes are red animals of the forest [1]."


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "sets" / "animals"
    lines(folder / "corpus.jsonl", *({"_id": i, "title": i.title(), "text": t} for i, t in TEXTS.items()))
    lines(folder / "questions.jsonl", *QUESTIONS)
    return tmp_path / "sets"


def run(tmp_path: Path, *replies: str, scores: Sequence[Sequence[float]] = (), **changes: Any) -> Run:
    model = ScriptedGenerator(*replies, scores=scores)
    settings = Settings(seeds=tmp_path / "nowhere", generator="scripted", caution="eager")
    return replace(Run(settings, BagOfWordsEmbedder(), OverlapReranker(), lambda: model, tmp_path / "work"), **changes)


def no_model() -> ScriptedGenerator:
    raise RagError("no language model was to be opened")


def value(report: Any, metric: str, n: int = 0) -> float:
    return float(report["sets"][n]["metrics"][metric]["value"])


def test_answers_are_scored(sets: Path, tmp_path: Path) -> None:
    report = evaluate([sets], run(tmp_path, FOXES))
    (one,) = report["sets"]
    assert (one["name"], one["n"], one["failed"], one["problems"]) == ("animals", 2, {}, [])
    for metric in ("validity", "gold_cited", "evidence_recall", "answer_in_citation", "balanced_accuracy", "recall@5"):
        assert value(report, metric) == 1, metric
    assert value(report, "wrong_answer_rate") == value(report, "wrong_document_citations") == 0
    assert "ndcg@10" not in one["metrics"]  # there are no qrels
    assert "disagreement_f1" not in one["metrics"]
    assert one["metrics"]["validity"].keys() == {"value", "n", "low", "high"}
    assert one["metrics"]["time_to_answer_ms"]["n"] == 2
    json.dumps(report)


def test_an_answer_to_what_cannot_be_answered_is_wrong(sets: Path, tmp_path: Path) -> None:
    lines(sets / "animals" / "questions.jsonl", {**QUESTIONS[0], "kind": "unanswerable", "evidence": [], "answers": []})
    report = evaluate([sets], run(tmp_path, FOXES))
    assert (value(report, "unanswerable_refused"), value(report, "wrong_answer_rate")) == (0, 1)


def test_without_answers_no_model_is_opened(sets: Path, tmp_path: Path) -> None:
    report = evaluate([sets], run(tmp_path, open_model=no_model, answers=False))
    assert value(report, "evidence_hit@8") == 1
    assert "validity" not in report["sets"][0]["metrics"]
    assert report["models"]["generator"] == ""


def test_queries_are_ranked_without_embedding_sentences(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    lines(folder / "corpus.jsonl", *({"_id": i, "title": "", "text": t} for i, t in TEXTS.items()))
    lines(folder / "queries.jsonl", {"_id": "q", "text": "red foxes"}, {"_id": "unjudged", "text": "cats"})
    lines(folder / "qrels" / "test.tsv", "q\tfox\t2", "q\tcat\t0")
    embedder = BagOfWordsEmbedder()
    report = evaluate([folder], run(tmp_path, open_model=no_model, embedder=embedder))
    assert (value(report, "ndcg@10"), report["sets"][0]["n"]) == (1, 1)
    assert len(embedder.embedded) == len(TEXTS)


def test_only_given_documents_are_used(sets: Path, tmp_path: Path) -> None:
    given = [{**QUESTIONS[0], "id": d, "given_docs": [d]} for d in ("fox", "dog")]
    lines(sets / "animals" / "questions.jsonl", *given)
    report = evaluate([sets], run(tmp_path, answers=False))
    assert value(report, "recall@5") == 0.5
    assert value(report, "evidence_hit@8") == 0.5


def test_a_folder_of_files_and_ones_own_questions(tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / "mine" / "documents").mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / "documents" / f"{name}.txt").write_text(text, "utf-8")
    gold = [{"doc_id": "fox.txt", "text": "Foxes are red animals"}, {"doc_id": "gone.txt", "text": "Gone."}]
    lines(tmp_path / "mine" / "questions.jsonl", {"question": "What are foxes of the forest?", "evidence": gold})
    report = evaluate([tmp_path / "mine"], run(tmp_path, FOXES))
    assert value(report, "gold_cited") == 1
    assert report["sets"][0]["problems"] == ["evidence names 'gone.txt', which is not in documents/"]


def test_a_broken_set_is_named_and_the_others_run(sets: Path, tmp_path: Path) -> None:
    lines(sets / "broken" / "corpus.jsonl", {"_id": "a", "title": "", "text": "Some text is here."})
    lines(sets / "broken" / "questions.jsonl", '{"question"')
    lines(sets / "mute" / "corpus.jsonl", {"_id": "a", "title": "", "text": "##"})
    lines(sets / "mute" / "questions.jsonl", {"question": "What?"})
    report = evaluate([sets], run(tmp_path, answers=False))
    errors = {s["name"]: s.get("error", "") for s in report["sets"]}
    assert errors["animals"] == ""
    assert "questions.jsonl:1: not JSON" in errors["broken"]
    assert "No document has a sentence" in errors["mute"]
    assert "broken: not evaluated" in evaluation_table(report)


def test_a_missing_language_model_costs_only_the_sets_that_need_it(sets: Path, tmp_path: Path) -> None:
    lines(sets / "z" / "corpus.jsonl", {"_id": "a", "title": "", "text": "Some text is here."})
    lines(sets / "z" / "queries.jsonl", {"_id": "q", "text": "some text"})
    lines(sets / "z" / "qrels" / "test.tsv", "q\ta\t1")
    report = evaluate([sets], run(tmp_path, open_model=no_model))
    assert "no language model" in report["sets"][0]["error"]
    assert value(report, "ndcg@10", 1) == 1


def test_a_question_that_fails_is_named_and_the_others_are_asked(sets: Path, tmp_path: Path) -> None:
    lines(sets / "animals" / "questions.jsonl", {"id": "long", "question": "x " * 5000}, *QUESTIONS)
    report = evaluate([sets], run(tmp_path, FOXES))
    assert list(report["sets"][0]["failed"]) == ["long"]
    assert report["sets"][0]["metrics"]["balanced_accuracy"]["n"] == 2
    assert "failed: long: QuestionError" in evaluation_table(report)


def test_a_fault_of_the_program_costs_one_set(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("a fault")

    lines(sets / "b" / "pairs.jsonl", {"id": "1", "claim": "c", "passage": "c", "label": "supported"})
    monkeypatch.setattr("rag.measure.answers_cache.index_documents", faulty)
    report = evaluate([sets], run(tmp_path, answers=False))
    assert [s.get("error", "") for s in report["sets"]] == ["ZeroDivisionError: a fault", ""]
    assert "in faulty" in capsys.readouterr().err


class Interrupting(ScriptedGenerator):
    """Ctrl-C while the second question is answered."""

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        if len(self.prompts) == 2:  # each question is read, then answered
            raise KeyboardInterrupt
        return super().stream(*args, **kwargs)


def test_an_interrupted_run_goes_on_where_it_stopped(sets: Path, tmp_path: Path) -> None:
    lines(sets / "animals" / "questions.jsonl", QUESTIONS[0], {**QUESTIONS[0], "id": "again"})
    stopped = run(tmp_path)
    model = Interrupting(FOXES)
    with pytest.raises(KeyboardInterrupt):
        evaluate([sets], replace(stopped, open_model=lambda: model))
    with (tmp_path / "work" / "answers.jsonl").open("a") as log:
        log.write('{"key": "cut o')
    second = ScriptedGenerator(FOXES)
    embedder = BagOfWordsEmbedder()
    report = evaluate([sets], replace(stopped, open_model=lambda: second, embedder=embedder))
    assert len(second.prompts) == 2
    assert embedder.embedded == []  # the index is opened, not made again
    assert report["sets"][0]["metrics"]["gold_cited"] == {"value": 1, "n": 2, "low": pytest.approx(0.3424), "high": 1}


def test_a_finished_run_is_read_back_unless_something_changed(sets: Path, tmp_path: Path) -> None:
    first = run(tmp_path, FOXES)
    before = evaluate([sets], first)
    again = evaluate([sets], replace(first, open_model=no_model))
    assert again["sets"][0]["metrics"] == before["sets"][0]["metrics"]
    for changed in (replace(first, fresh=True), replace(first, settings=replace(first.settings, evidence_tokens=99))):
        report = evaluate([sets], replace(changed, open_model=no_model))
        assert "no language model" in report["sets"][0]["error"]


@pytest.mark.parametrize(
    ("changed", "indexes", "answers"),
    [
        ("web/chat.py", 1, False),
        ("measure/scoring.py", 1, False),
        ("ground/verify.py", 1, True),
        ("index/writer.py", 2, True),
        ("text/wiki.py", 2, True),
    ],
)
def test_what_a_change_of_the_program_can_change_is_done_again(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, indexes: int, answers: bool
) -> None:
    """Of a corpus and of a folder of files."""
    (sets / "mine" / "documents").mkdir(parents=True)
    (sets / "mine" / "documents" / "fox.txt").write_text(TEXTS["fox"], "utf-8")
    lines(sets / "mine" / "questions.jsonl", QUESTIONS[0])

    def generations() -> list[int]:
        folders = (tmp_path / "work" / "indexes").iterdir()
        return [max(int(path.name[4:]) for path in folder.glob("gen-*")) for folder in folders]

    evaluate([sets], run(tmp_path, FOXES, FOXES))
    assert generations() == [1, 1]
    running = sources.running
    monkeypatch.setattr(sources, "running", lambda files: "0" * 16 if changed in files else running(files))
    report = evaluate([sets], run(tmp_path, open_model=no_model))
    assert [("error" in one) for one in report["sets"]] == [answers, answers]  # only to answer is the model opened
    assert generations() == [indexes, indexes]
    evaluate([sets], run(tmp_path, open_model=no_model))
    assert generations() == [indexes, indexes]


def test_a_setting_counts_unless_it_only_says_where_or_how_fast(sets: Path, tmp_path: Path) -> None:
    first = run(tmp_path, FOXES)
    evaluate([sets], first)
    for change, again in (({"threads": 2, "port": 1}, False), ({"passages": 7}, True), ({"embedder": "other"}, True)):
        settings = replace(first.settings, **change)
        report = evaluate([sets], replace(first, settings=settings, open_model=no_model))
        assert ("error" in report["sets"][0]) == again, change


def test_an_answer_in_an_older_shape_is_asked_again(sets: Path, tmp_path: Path) -> None:
    evaluate([sets], run(tmp_path, FOXES))
    log = tmp_path / "work" / "answers.jsonl"
    shorter = [json.loads(line) for line in log.read_text("ascii").splitlines()]
    for line in shorter:
        del line["result"]["evidence"]
    lines(log, *shorter)
    report = evaluate([sets], run(tmp_path, open_model=no_model))
    assert "no language model" in report["sets"][0]["error"]


def test_a_sample_is_fixed_by_its_seed_and_grows(sets: Path, tmp_path: Path) -> None:
    many = [{**QUESTIONS[0], "id": str(n), "question": f"What are foxes number {n}?"} for n in range(20)]
    lines(sets / "animals" / "questions.jsonl", *many)
    asked: dict[tuple[int, int], set[str]] = {}
    for limit, seed in ((3, 0), (6, 0), (6, 1)):
        work = tmp_path / f"{limit}-{seed}"
        report = evaluate([sets], run(tmp_path, work=work, limit=limit, seed=seed))
        assert report["sets"][0]["n"] == limit
        asked[limit, seed] = {json.loads(x)["id"] for x in (work / "answers.jsonl").read_text().splitlines()}
    assert asked[3, 0] < asked[6, 0] != asked[6, 1]


def test_the_verifier_is_scored_on_pairs(tmp_path: Path) -> None:
    pairs = [
        {"id": "1", "claim": "Foxes are red.", "passage": "Foxes are red animals.", "label": "supported"},
        {
            "id": "2",
            "claim": "Foxes hunt mice.",
            "passage": "Mice are hunted by many, foxes too.",
            "label": "supported",
        },
        {"id": "3", "claim": "Foxes are blue.", "passage": "Cats sleep all day.", "label": "not_supported"},
        {"id": "4", "claim": "There are 9 foxes.", "passage": "There are 3 foxes.", "label": "contradicted"},
    ]
    lines(tmp_path / "pairs" / "pairs.jsonl", *pairs)
    without = evaluate([tmp_path / "pairs"], run(tmp_path, answers=False, open_model=no_model))
    assert set(without["sets"][0]["metrics"]) == {"auroc_coverage"}
    yes, no = (-0.1, -3.0), (-3.0, -0.1)
    order = {p["id"]: scores for p, scores in zip(pairs, ((yes, no), (yes,), (no, no), (yes, no)), strict=True)}
    asked = run(tmp_path)
    from rag.measure.evaluate import sample

    # asked about each claim, then about its opposite, which "Foxes hunt mice." has none of
    model = ScriptedGenerator(scores=[scores for p in sample(pairs, None, 0) for scores in order[p["id"]]])
    report = evaluate([tmp_path / "pairs"], replace(asked, open_model=lambda: model))
    assert value(report, "auroc") == 1  # the 9 for 3 is caught before the judge's word counts
    assert value(report, "auroc_judge") == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert value(report, "verifier_precision") == value(report, "verifier_recall") == 1
    evaluate([tmp_path / "pairs"], replace(asked, open_model=no_model))  # judged before


def test_the_report_names_what_it_was_made_with_and_is_written_whole(sets: Path, tmp_path: Path) -> None:
    out = tmp_path / "reports" / "one.json"
    gone = {**QUESTIONS[0], "evidence": [{"doc_id": "gone", "text": "Gone."}]}
    lines(sets / "animals" / "questions.jsonl", gone, QUESTIONS[1])
    report = evaluate([sets], run(tmp_path, answers=False, limit=1), done=lambda r: save_report(r, out))
    assert json.loads(out.read_text("utf-8")) == report
    assert report.keys() == {"sets", "models", "settings", "versions", "machine"}
    assert report["settings"]["limit"] == 1
    assert report["versions"]["numpy"]
    assert len(report["versions"]["program"]) == 16
    assert report["sets"][0]["problems"][0].startswith("animals/questions.jsonl:1: evidence names document 'gone'")
    assert str(tmp_path) not in out.read_text("utf-8")
    assert [p.name for p in out.parent.iterdir()] == ["one.json"]
    with pytest.raises(RagError, match="cannot be written"):
        save_report(report, tmp_path)


def test_the_table_gives_every_figure_with_its_interval_and_n(sets: Path, tmp_path: Path) -> None:
    shown = evaluation_table(evaluate([sets], run(tmp_path, FOXES)))
    (line,) = (x for x in shown.splitlines() if x.split()[0:1] == ["balanced_accuracy"])
    assert line.split() == ["balanced_accuracy", "1.000", "1.000", "–", "1.000", "2"]


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["eval", "x", "--limit", "0"])
    assert "0 is not positive" in capsys.readouterr().err


def test_a_folder_without_a_set_costs_the_others_nothing(sets: Path, tmp_path: Path) -> None:
    report = evaluate([tmp_path / "nowhere", sets], run(tmp_path, answers=False))
    assert "nowhere does not exist" in report["sets"][0]["error"]
    assert value(report, "evidence_hit@8", 1) == 1


# --- scoring by worked examples ------------------------------------------------------------------

TEXT = {"a": "One two three four five. Six seven eight nine ten.", "b": "Other words stand here now."}
FIRST, SECOND = Quoted("a", 0, 24, TEXT["a"][:24]), Quoted("a", 25, 50, TEXT["a"][25:50])
OTHER = Quoted("b", 0, 27, TEXT["b"])
WHOLE = (Quoted("a", 0, 50, TEXT["a"]), OTHER)


def outcome(*cited: Quoted, said: str = "", sides: Sequence[Quoted] = (), **changes: Any) -> Outcome:
    def citation(q: Quoted) -> dict[str, Any]:
        return {"document_id": q.document_id, "start": q.start, "end": q.end, "quote": q.quote}

    answer = {
        "refused": not cited,
        "disagreement": bool(sides),
        "sentences": [{"text": said or q.quote, "citations": [citation(q)]} for q in cited],
        "sides": [{"citations": [citation(q)]} for q in sides],
        "timings_ms": {"total": 10.0},
    }
    return replace(Outcome(("a", "b"), WHOLE, (), 1.0, 5.0, answer=answer), **changes)


def gold(*quoted: Quoted) -> tuple[GoldSentence, ...]:
    return tuple(GoldSentence(q.document_id, q.quote) for q in quoted)


ANSWERABLE = Question("q", "?", "answerable", ("two three",), evidence=gold(FIRST, SECOND))


def test_evidence_precision_and_recall() -> None:
    asked = [(ANSWERABLE, outcome(FIRST, OTHER)), (ANSWERABLE, outcome())]  # the second one is a refusal
    found = answer_measures(asked, TEXT, seed=0)
    assert (found["evidence_precision"].value, found["evidence_precision"].n) == (0.5, 2)
    assert (found["evidence_recall"].value, found["evidence_recall"].n) == (0.25, 4)
    assert (found["gold_cited"].value, found["gold_cited_given_answered"].value) == (0.5, 1)
    assert found["wrong_document_citations"].value == 0.5
    assert (found["answer_in_citation"].value, found["answer_in_citation"].n) == (1, 1)
    assert (found["answerable_answered"].value, found["validity"].n) == (0.5, 1)
    assert "balanced_accuracy" not in found  # no unanswerable was asked


@pytest.mark.parametrize(
    ("cited", "why"),
    [
        (FIRST, ""),
        (replace(FIRST, start=1), "not the text of a"),
        (replace(FIRST, document_id="zz"), "not the text of zz"),
        (Quoted("a", 3, 3, ""), "not the text of a"),
    ],
)
def test_what_breaks_the_promise_is_told(cited: Quoted, why: str) -> None:
    assert invalid(outcome(cited), TEXT).startswith(why)
    assert bool(invalid(outcome(FIRST, sides=[cited]), TEXT)) == bool(why)


def test_a_citation_that_was_not_retrieved_or_is_not_there_breaks_it_too() -> None:
    assert invalid(outcome(FIRST, passages=(OTHER,)), TEXT).startswith("not retrieved: a")
    bare = outcome(FIRST)
    assert bare.answer is not None
    bare.answer["sentences"][0]["citations"].clear()
    assert invalid(bare, TEXT).startswith("no citation")


def test_when_an_answer_is_wrong() -> None:
    assert not is_wrong(ANSWERABLE, outcome(FIRST))
    assert not is_wrong(ANSWERABLE, outcome())  # a refusal is not a wrong answer
    assert is_wrong(ANSWERABLE, outcome(OTHER))
    assert not is_wrong(ANSWERABLE, outcome(OTHER, said="It is two, three."))
    assert is_wrong(Question("q", "?", "unanswerable"), outcome(FIRST))


def conflict(kind: str = "conflict") -> Question:
    sides = (GoldSide("x", gold(FIRST)), GoldSide("y", gold(OTHER)))
    return Question("q", "?", kind, evidence=gold(FIRST, OTHER), sides=sides)


def test_disagreement_and_its_sides() -> None:
    asked = [
        (conflict(), outcome(FIRST, sides=[OTHER])),
        (conflict(), outcome(FIRST)),
        (conflict(), outcome(FIRST, passages=(WHOLE[0],))),
        (conflict("agree"), outcome(FIRST, sides=[FIRST])),
        (conflict("agree"), outcome(FIRST)),
    ]
    found = answer_measures(asked, TEXT, seed=0)
    assert found["disagreement_f1"].value == pytest.approx(2 * 1 / (2 + 3))
    assert (found["false_alarms"].value, found["false_alarms"].n) == (0.5, 2)
    assert (found["both_sides_stated"].value, found["both_sides_stated"].n) == (pytest.approx(1 / 3), 3)
    assert found["both_sides_stated_given_retrieved"].value == 0.5


def test_both_sides_are_found_where_a_document_of_each_is_among_ten() -> None:
    far = tuple(f"d{n}" for n in range(9))
    asked = [(conflict(), outcome(ranking=("a", *far, "b"))), (conflict(), outcome(ranking=("b", *far[:8], "a")))]
    found = evidence_measures(asked, shown=8, seed=0)
    assert (found["both_sides@10"].value, found["both_sides@10"].n) == (0.5, 2)
    assert found["recall@5"].value == 0.5
    assert found["evidence_hit@8"].value == 0


def test_exact_match_wants_every_right_answer_and_no_wrong_one() -> None:
    question = Question("q", "?", "multiple", ("1856", "1900"), wrong_answers=("1950",))
    asked = [(question, outcome(FIRST, said=said)) for said in ("1856 or 1900.", "1856.", "1856, 1900 or 1950.")]
    found = answer_measures(asked, TEXT, seed=0)
    assert (found["exact_match"].value, found["exact_match"].n) == (pytest.approx(1 / 3), 3)


def test_a_pair_whose_opposite_the_judge_affirms_counts_for_less() -> None:
    pairs = [
        Pair("1", "The mild drug eases chronic pain.", "The mild drug eases pain for a time.", "supported"),
        Pair("2", "The mild drug raises chronic pain.", "The mild drug lowers pain for a time.", "contradicted"),
    ]
    judged = {"1": Judged(0.8, 0.2), "2": Judged(0.8, 0.9)}
    found = pair_measures(pairs, judged, seed=0)
    assert (found["auroc_judge"].value, found["auroc_support"].value) == (0.5, 1.0)


def test_pairs_that_were_not_judged_are_left_out_of_the_judges_figures() -> None:
    pairs = [Pair("1", "Foxes are red", "Foxes are red", "supported"), Pair("2", "Cats purr", "Dogs", "contradicted")]
    found = pair_measures(pairs, {"1": Judged(0.9)}, seed=0)
    assert set(found) == {"auroc_coverage", "verifier_precision", "verifier_recall"}
