"""Reading evaluation sets: what is wrong is named with file and line, what can be used is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.errors import DataSetError
from rag.measure.datasets import GoldSentence, find_sets, read_set

CORPUS = [{"_id": "a", "title": "A", "text": "Foxes are red."}, {"_id": "b", "title": "", "text": "Cats sleep."}]
QUESTION = {"id": "1", "question": "What are foxes?", "kind": "answerable", "answers": ["red"],
            "evidence": [{"doc_id": "a", "text": "Foxes are red."}]}  # fmt: skip


def lines(path: Path, *records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines(tmp_path / "corpus.jsonl", *CORPUS)
    return tmp_path


def test_questions_with_everything_that_may_be_in_them(folder: Path) -> None:
    sides = [{"answer": "red", "evidence": [{"doc_id": "a", "text": "Foxes are red."}]},
             {"answer": "asleep", "evidence": [{"doc_id": "b", "text": "Cats sleep."}]}]  # fmt: skip
    lines(
        folder / "questions.jsonl",
        QUESTION,
        {"id": "2", "question": "And?", "kind": "conflict", "sides": sides, "given_docs": ["a"], "wrong_answers": []},
    )
    data = read_set(folder)
    assert [d.id for d in data.documents] == ["a", "b"]
    assert (data.documents[0].title, data.documents[1].title) == ("A", "b")
    first, second = data.questions
    assert first.evidence == (GoldSentence("a", "Foxes are red."),)
    assert (first.given_docs, first.wrong_answers) == (None, None)
    assert {e.document_id for e in second.evidence} == {"a", "b"}
    assert (second.given_docs, second.wrong_answers) == (frozenset("a"), ())
    assert data.problems == ()


def test_the_least_a_person_may_write(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "questions.jsonl").write_text(
        '\ufeff{"question": "What?"}\r\n\r\n{"question": "Who?", "id": 7}', "utf-8"
    )
    data = read_set(tmp_path)
    assert [(q.id, q.kind) for q in data.questions] == [("line-1", "plain"), ("7", "plain")]
    assert data.folder == tmp_path / "documents"


def test_text_of_the_corpus_becomes_canonical(tmp_path: Path) -> None:
    lines(tmp_path / "corpus.jsonl", {"_id": "a", "title": "A", "text": "cafe\u0301\u00a0au\r\nlait\u2028noir"})
    lines(tmp_path / "questions.jsonl", QUESTION)
    assert read_set(tmp_path).documents[0].text == "café au\nlait\nnoir"


def test_qrels_and_queries(folder: Path) -> None:
    lines(folder / "queries.jsonl", {"_id": "q", "text": "foxes"}, {"_id": "r", "text": "cats"})
    lines(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore", "q\ta\t2", "q\tb\t0")
    data = read_set(folder)
    assert data.qrels == {"q": {"a": 2, "b": 0}}
    assert data.queries["r"] == "cats"


def test_what_names_an_absent_document_is_told_and_the_rest_is_used(folder: Path) -> None:
    lines(folder / "queries.jsonl", {"_id": "q", "text": "foxes"})
    lines(folder / "qrels" / "test.tsv", "q\tzz\t1", "nobody\ta\t1")
    lines(
        folder / "questions.jsonl",
        {**QUESTION, "given_docs": ["a", "yy"]},
        {"question": "?!", "evidence": [{"doc_id": "xx", "text": "Gone."}, {"doc_id": None, "text": "Whose?"}]},
    )
    data = read_set(folder)
    told = "\n".join(data.problems)
    assert "test.tsv:1: document 'zz'" in told
    assert "test.tsv:2: query 'nobody'" in told
    assert "questions.jsonl:1: given document 'yy'" in told
    assert "questions.jsonl:2: evidence names document 'xx'" in told
    assert "questions.jsonl:2: evidence names no document: 'Whose?'" in told
    assert data.qrels == {"q": {"zz": 1}}  # it counts as not found
    assert data.questions[1].evidence == ()


def test_a_document_without_text_is_told(tmp_path: Path) -> None:
    lines(tmp_path / "corpus.jsonl", *CORPUS, {"_id": "c", "title": "C", "text": " "})
    lines(tmp_path / "questions.jsonl", QUESTION)
    assert "corpus.jsonl:3" in read_set(tmp_path).problems[0]


@pytest.mark.parametrize(
    ("name", "records", "where"),
    [
        ("questions.jsonl", [QUESTION, '{"id": "2", '], "questions.jsonl:2: not JSON"),
        ("questions.jsonl", [QUESTION, "[" * 100_000], "questions.jsonl:2: not JSON"),
        ("questions.jsonl", [QUESTION, "3"], "questions.jsonl:2: expected an object"),
        ("questions.jsonl", [QUESTION, "", QUESTION], "questions.jsonl:3: id '1' was used on line 1"),
        ("questions.jsonl", [{**QUESTION, "kind": "odd"}], "questions.jsonl:1: unknown kind 'odd'"),
        ("questions.jsonl", [{"id": "1"}], "questions.jsonl:1: 'question' has to be a text"),
        ("questions.jsonl", [{**QUESTION, "question": " "}], "questions.jsonl:1: the question is empty"),
        ("questions.jsonl", [{**QUESTION, "answers": "red"}], "questions.jsonl:1: 'answers' has to be a list"),
        ("questions.jsonl", [{**QUESTION, "evidence": ["red"]}], "questions.jsonl:1: 'evidence' has to be a list"),
        ("questions.jsonl", [{**QUESTION, "evidence": [{"doc_id": 1.5}]}], "questions.jsonl:1: 'doc_id' has to be"),
        ("corpus.jsonl", [*CORPUS, CORPUS[0]], "corpus.jsonl:3: _id 'a' was used on line 1"),
        ("corpus.jsonl", [{"_id": "a", "text": None}], "corpus.jsonl:1: 'text' has to be a text, got null"),
        ("corpus.jsonl", [], "corpus.jsonl:1: the corpus is empty"),
        ("pairs.jsonl", [{"id": "p", "claim": "c", "passage": "p", "label": "yes"}], "pairs.jsonl:1: unknown label"),
        ("qrels/test.tsv", ["q a 1"], "test.tsv:1: expected query, document and grade between tabs"),
        ("qrels/test.tsv", ["q\ta\t1", "q\ta\t0"], "test.tsv:2: query 'q' and document 'a' were judged above"),
    ],
)
def test_what_is_malformed_is_named_with_file_and_line(folder: Path, name: str, records: list[Any], where: str) -> None:
    lines(folder / "questions.jsonl", QUESTION)
    lines(folder / "queries.jsonl", {"_id": "q", "text": "foxes"})
    lines(folder / "qrels" / "test.tsv", "q\ta\t1")
    lines(folder / name, *records)
    with pytest.raises(DataSetError) as caught:
        read_set(folder)
    assert where in str(caught.value)
    assert len(str(caught.value)) < 500


def test_bytes_that_are_no_utf8(folder: Path) -> None:
    (folder / "questions.jsonl").write_bytes(json.dumps(QUESTION).encode() + b"\n\xff\xfe\n")
    with pytest.raises(DataSetError, match=r"questions\.jsonl:2: not UTF-8"):
        read_set(folder)


def test_missing_files_are_named(tmp_path: Path) -> None:
    lines(tmp_path / "questions.jsonl", QUESTION)
    with pytest.raises(DataSetError, match=r"corpus\.jsonl is missing.*\n.*--seeds DIR"):
        read_set(tmp_path)
    lines(tmp_path / "corpus.jsonl", *CORPUS)
    lines(tmp_path / "queries.jsonl", {"_id": "q", "text": "foxes"})
    with pytest.raises(DataSetError, match=r"test\.tsv is missing"):
        read_set(tmp_path)
    (tmp_path / "corpus.jsonl").unlink()
    with pytest.raises(DataSetError, match=r"corpus\.jsonl is missing"):
        read_set(tmp_path)


def test_a_set_that_asks_nothing(folder: Path) -> None:
    with pytest.raises(DataSetError, match="asks nothing"):
        read_set(folder)


def test_a_folder_of_sets_is_its_sets(tmp_path: Path) -> None:
    for name in ("b", "a"):
        lines(tmp_path / name / "pairs.jsonl", {"id": "p", "claim": "c", "passage": "p", "label": "supported"})
    (tmp_path / "notes").mkdir()
    assert [p.name for p in find_sets(tmp_path)] == ["a", "b"]
    assert find_sets(tmp_path / "a") == [tmp_path / "a"]
    with pytest.raises(DataSetError, match="holds no evaluation set"):
        find_sets(tmp_path / "notes")
    with pytest.raises(DataSetError, match="does not exist"):
        find_sets(tmp_path / "nowhere")
