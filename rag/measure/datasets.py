"""A folder in the layout of evaluation sets -> a DataSet; what is wrong in it is named with file and line.

corpus.jsonl     {"_id", "title", "text"}
queries.jsonl    {"_id", "text"}            qrels/test.tsv or qrels.tsv   query, document, grade (BEIR's layout)
questions.jsonl  {"question", "id"?, "kind"?, "answers"?, "wrong_answers"?, "evidence"? [{"doc_id", "text"}],
                  "sides"? [{"answer", "evidence"}], "given_docs"? [id], "history"? [[question, answer]],
                  "type"?, "gold"?, "doc"?, "must"? [[string]]}
pairs.jsonl      {"id", "claim", "passage", "label"}

A set without corpus.jsonl asks its questions of a folder of files: ``documents/`` in it, or the one that is given.
What is asked of its own ``documents/`` is also judged by strings: ``rag.measure.verdict``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import DataSetError
from rag.files import sha256
from rag.load.canonical import canonical
from rag.types import Document

KINDS = ("answerable", "unanswerable", "agree", "conflict", "multiple", "plain")
LABELS = ("supported", "not_supported", "contradicted")
DOCUMENTS = "documents"
FILES = ("queries.jsonl", "questions.jsonl", "pairs.jsonl")


@dataclass(frozen=True, slots=True)
class GoldSentence:
    document_id: str
    text: str
    of_file: bool = False  # of a file, whose text a loader gives with other marks, a row as "column: value"


@dataclass(frozen=True, slots=True)
class GoldSide:
    answer: str
    evidence: tuple[GoldSentence, ...]


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    kind: str
    answers: tuple[str, ...] = ()
    wrong_answers: tuple[str, ...] | None = None  # None: the set names none for any question
    evidence: tuple[GoldSentence, ...] = ()  # those of the sides included
    sides: tuple[GoldSide, ...] = ()
    given_docs: frozenset[str] | None = None  # None: every document may be used
    history: tuple[tuple[str, str], ...] = ()  # (question, answer), oldest first
    type: str = ""  # any word, such as "list" or "howto": figures are given for each
    gold: str = ""  # the right answer in short, for a person who judges
    doc: str = ""  # the name of a file that has to be cited
    must: tuple[tuple[str, ...], ...] = ()  # of each group one string has to be in the answer or in what it cites


@dataclass(frozen=True, slots=True)
class Pair:
    id: str
    claim: str
    passage: str
    label: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """One set. Where ``folder`` is given the documents are its files, else they are ``documents``."""

    name: str
    documents: tuple[Document, ...]
    folder: Path | None
    own_files: bool  # ``folder`` is the set's own documents/
    corpus_sha256: str  # of corpus.jsonl; "" where there is none
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]  # query -> document -> grade
    questions: tuple[Question, ...]
    pairs: tuple[Pair, ...]
    problems: tuple[str, ...]  # what was left out, with file and line


@dataclass(frozen=True, slots=True)
class _Line:
    path: Path
    number: int
    value: dict[str, Any]

    def error(self, what: str) -> DataSetError:
        return _wrong(self.path, self.number, what)

    def text(self, key: str, default: str | None = None) -> str:
        """A string, or a number written as one."""
        value = self.value.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise self.error(f"{key!r} has to be a text, got {json.dumps(value)[:60]}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.value.get(key) or []
        if not _are_texts(value):
            raise self.error(f"{key!r} has to be a list of texts, got {json.dumps(value)[:60]}")
        return tuple(value)

    def groups(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Lists of texts, none of them empty."""
        value = self.value.get(key) or []
        if not isinstance(value, list) or not all(_are_texts(x) and x for x in value):
            raise self.error(f"{key!r} has to be a list of lists of texts, got {json.dumps(value)[:60]}")
        return tuple(tuple(x) for x in value)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        groups = self.groups(key)
        if any(len(group) != 2 for group in groups):
            raise self.error(f"{key!r} has to be a list of [question, answer], got {json.dumps(groups)[:60]}")
        return tuple((first, second) for first, second in groups)

    def records(self, key: str) -> list[dict[str, Any]]:
        value = self.value.get(key) or []
        if not isinstance(value, list) or not all(isinstance(x, dict) for x in value):
            raise self.error(f"{key!r} has to be a list of objects, got {json.dumps(value)[:60]}")
        return value


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) for x in value)


def find_sets(folder: Path) -> list[Path]:
    """The folder itself where it is a set, else the sets directly below it. Raises DataSetError where none is.

    A folder with ``documents/`` counts as one, so that questions which are missing are told of.
    """
    if not folder.is_dir():
        raise DataSetError(f"The folder {folder} does not exist.", fix="python -m rag eval FOLDER")
    for folders in ([folder], sorted(p for p in folder.iterdir() if p.is_dir())):
        if sets := [p for p in folders if _is_set(p)]:
            return sets
    raise DataSetError(f"{folder} holds no evaluation set: none of {', '.join(FILES)} is there.")


def _is_set(folder: Path) -> bool:
    return (folder / DOCUMENTS).is_dir() or any((folder / name).is_file() for name in (*FILES, "corpus.jsonl"))


def read_set(folder: Path, *, documents: Path | None = None) -> DataSet:
    """Read every file of a set; ``documents`` is the folder of files to ask where the set brings none.

    What names a document that is not there is left out of the gold and listed in ``problems``; a relevant document
    of a query counts as not found. Raises DataSetError, with file and line, for anything else that is wrong.
    """
    problems: list[str] = []
    corpus_path = folder / "corpus.jsonl"
    corpus: tuple[Document, ...] = ()
    beside: Path | None = None
    has_questions = (folder / "questions.jsonl").is_file()
    has_queries = (folder / "queries.jsonl").is_file()
    if corpus_path.is_file():
        corpus = tuple(_corpus(corpus_path, problems))
        if not corpus:
            raise DataSetError(f"{corpus_path}:1: the corpus is empty.")
    elif has_queries:
        raise DataSetError(f"{corpus_path} is missing: {folder / 'queries.jsonl'} has nothing to search in.")
    elif has_questions:
        beside = folder / DOCUMENTS if (folder / DOCUMENTS).is_dir() else documents
        if beside is None or not beside.is_dir():
            raise DataSetError(
                f"{corpus_path} is missing, and there is no folder of documents for {folder / 'questions.jsonl'}.",
                fix=f"put files into {folder / DOCUMENTS}, or name their folder: --seeds DIR",
            )
    corpus_ids = {d.id for d in corpus} if corpus else None
    queries = {i: line.text("text") for i, line in _unique(folder / "queries.jsonl", "_id")} if has_queries else {}
    qrels = _qrels(folder, queries, corpus_ids, problems) if has_queries else {}
    questions = tuple(_questions(folder / "questions.jsonl", corpus_ids, problems)) if has_questions else ()
    pairs = tuple(_pairs(folder / "pairs.jsonl")) if (folder / "pairs.jsonl").is_file() else ()
    if not (queries or questions or pairs):
        raise DataSetError(f"{folder} asks nothing: {', '.join(FILES)} are missing or empty.")
    digest = sha256(corpus_path) if corpus else ""
    name = folder.resolve().name
    own_files = beside == folder / DOCUMENTS
    return DataSet(name, corpus, beside, own_files, digest, queries, qrels, questions, pairs, tuple(problems))


def _corpus(path: Path, problems: list[str]) -> Iterator[Document]:
    for name, line in _unique(path, "_id"):
        raw, title = line.text("text"), canonical(line.text("title", "")).strip()
        text = canonical(raw).strip("\n")
        if not text.strip():
            problems.append(f"{path}:{line.number}: document {name!r} has no text; it cannot be found.")
        yield Document(name, text, title or name, hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest())


def _questions(path: Path, corpus_ids: set[str] | None, problems: list[str]) -> Iterator[Question]:
    for name, line in _unique(path, "id", optional=True):
        kind = line.text("kind", "plain")
        if kind not in KINDS:
            raise line.error(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
        sides = []
        for side in line.records("sides"):
            inner = _Line(path, line.number, side)
            sides.append(GoldSide(inner.text("answer", ""), _gold(inner, corpus_ids, problems)))
        evidence = dict.fromkeys([*_gold(line, corpus_ids, problems), *(e for s in sides for e in s.evidence)])
        given = frozenset(line.texts("given_docs")) if "given_docs" in line.value else None
        for absent in sorted((given or frozenset()) - corpus_ids if corpus_ids is not None else ()):
            problems.append(f"{path}:{line.number}: given document {absent!r} is not in the corpus.")
        if not line.text("question").strip():
            raise line.error("the question is empty")
        yield Question(
            name,
            line.text("question"),
            kind,
            line.texts("answers"),
            line.texts("wrong_answers") if "wrong_answers" in line.value else None,
            tuple(evidence),
            tuple(sides),
            given,
            line.pairs("history"),
            line.text("type", ""),
            line.text("gold", ""),
            line.text("doc", ""),
            line.groups("must"),
        )


def _gold(line: _Line, corpus_ids: set[str] | None, problems: list[str]) -> tuple[GoldSentence, ...]:
    sentences = []
    for record in line.records("evidence"):
        item = _Line(line.path, line.number, record)
        problem = ""
        if record.get("doc_id") is None:
            problem = f"{line.path}:{line.number}: evidence names no document: {item.text('text')[:40]!r}"
        elif corpus_ids is not None and item.text("doc_id") not in corpus_ids:
            problem = f"{line.path}:{line.number}: evidence names document {item.text('doc_id')!r}, not in the corpus."
        else:
            sentences.append(GoldSentence(item.text("doc_id"), item.text("text"), of_file=corpus_ids is None))
        if problem and problem not in problems:
            problems.append(problem)
    return tuple(sentences)


def _pairs(path: Path) -> Iterator[Pair]:
    for name, line in _unique(path, "id", optional=True):
        label = line.text("label")
        if label not in LABELS:
            raise line.error(f"unknown label {label!r}; known: {', '.join(LABELS)}")
        yield Pair(name, line.text("claim"), line.text("passage"), label)


def _qrels(
    folder: Path, queries: Mapping[str, str], corpus_ids: set[str] | None, problems: list[str]
) -> dict[str, dict[str, int]]:
    path = next((p for p in (folder / "qrels" / "test.tsv", folder / "qrels.tsv") if p.is_file()), None)
    if path is None:
        raise DataSetError(f"{folder / 'qrels' / 'test.tsv'} is missing: nothing says what is relevant to a query.")
    grades: dict[str, dict[str, int]] = {}
    for number, text in _text_lines(path):
        fields = text.split("\t")
        if number == 1 and fields[-1].strip() == "score":
            continue
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise _wrong(path, number, f"expected query, document and grade between tabs, got {text[:60]!r}")
        query, document, grade = fields[0], fields[1], int(fields[2])
        if query not in queries:
            problems.append(f"{path}:{number}: query {query!r} is not in queries.jsonl.")
            continue
        if document in grades.setdefault(query, {}):
            raise _wrong(path, number, f"query {query!r} and document {document!r} were judged above")
        if corpus_ids is not None and document not in corpus_ids:
            problems.append(f"{path}:{number}: document {document!r} is not in the corpus; it counts as not found.")
        grades[query][document] = grade
    return grades


def _unique(path: Path, key: str, *, optional: bool = False) -> Iterator[tuple[str, _Line]]:
    """Lines with their ids; an ``optional`` one is made of the line's number."""
    seen: dict[str, int] = {}
    for number, text in _text_lines(path):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _wrong(path, number, f"not JSON: {error}") from error
        if not isinstance(value, dict):
            raise _wrong(path, number, f"expected an object, got {text[:60]!r}")
        line = _Line(path, number, value)
        name = line.text(key, f"line-{number}" if optional else None)
        if name in seen:
            raise line.error(f"{key} {name!r} was used on line {seen[name]}")
        seen[name] = number
        yield name, line


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank; only a line feed ends one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataSetError(f"{path} cannot be read: {error.strerror}.") from error
    for number, content in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = content.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise _wrong(path, number, f"not UTF-8: {error.reason} at byte {error.start}") from error
        if text.strip():
            yield number, text


def _wrong(path: Path, number: int, what: str) -> DataSetError:
    return DataSetError(f"{path}:{number}: {what}.")
