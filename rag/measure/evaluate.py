"""Evaluation sets -> a report: ask every question of the product as it stands and score what comes back.

Work that took long is kept below one folder: an index a corpus, and a line for every answer and every judged pair.
An interrupted evaluation goes on there; a line counts only for the same question, settings, models and program.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rag.assistant import PREVIEWED, Assistant
from rag.config import Settings
from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, RagError
from rag.ground.judge import LanguageModelJudge
from rag.ground.opposite import opposite
from rag.ground.verify import Judged
from rag.index.build import build, index_documents
from rag.index.snapshot import Index, load_index
from rag.measure.datasets import DataSet, Pair, Question, find_sets, read_set
from rag.measure.machine import machine, sources_digest, versions
from rag.measure.scoring import (
    Measures,
    Outcome,
    Quoted,
    answer_measures,
    evidence_measures,
    invalid,
    pair_measures,
    ranking_measures,
    risk_coverage,
)
from rag.models.protocols import Embedder, Generator, Reranker
from rag.retrieve.search import retrieve
from rag.types import Finished, Reading, Retrieved

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many are done, and how many there are."""

_DEPTH = 100  # chunks taken for a ranking of documents
_ANSWERS_DEPEND_ON = (
    "passages", "evidence_sentences", "evidence_tokens", "answer_tokens", "caution", "embedder", "reranker",
    "generator",
)  # fmt: skip
_CHUNKS_DEPEND_ON = ("text", "load", "index/chunk.py")
_NO_PART_IN_ANSWERS = (
    "web", "measure", "cli.py", "mcp.py", "doctor.py", "__main__.py", "output/export.py", "index/watch.py",
    "models/download.py", "models/catalogue.py",
)  # fmt: skip

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Run:
    """How sets are evaluated."""

    settings: Settings  # ``seeds``: the documents of a set that brings none
    embedder: Embedder
    reranker: Reranker
    open_model: Callable[[], Generator]  # called at most once, and only for ``answers``
    work: Path
    answers: bool = True  # False: what is found is scored, no language model runs
    limit: int | None = None  # questions, queries and pairs of a set
    seed: int = 0
    fresh: bool = False  # answer again what an earlier run answered
    progress: Progress = lambda what, done, total: None
    heard: Callable[[str, str, Mapping[str, Any]], None] = lambda name, question, answer: None
    """Gets every answer as data, with the names of its set and its question."""


def evaluate(folders: Sequence[Path], run: Run, *, done: Callable[[dict[str, Any]], None] | None = None) -> Any:
    """The report of all sets, ready for JSON; ``done`` gets it after every set.

    A set that cannot be read or asked, or a folder that holds none, is reported with its error, and the others
    still run.
    """
    names = ("passages", "evidence_sentences", "evidence_tokens", "answer_tokens", "caution", "threads")
    report: dict[str, Any] = {
        "sets": [],
        "models": {
            "embedder": run.embedder.name,
            "reranker": run.reranker.name,
            "generator": run.settings.generator if run.answers else "",
        },
        "settings": {
            **{name: getattr(run.settings, name) for name in names},
            "answers": run.answers,
            "limit": run.limit,
            "seed": run.seed,
        },
        "versions": {**versions(), "program": _program()},
        "machine": machine(),
    }
    with _model(run) as open_model:
        for found in _evaluate_all(folders, replace(run, open_model=open_model)):
            report["sets"].append(found)
            if done is not None:
                done(report)
    return report


def _evaluate_all(folders: Sequence[Path], run: Run) -> Iterator[dict[str, Any]]:
    for folder in folders:
        try:
            paths = find_sets(folder)
        except RagError as error:
            yield {"name": folder.name, "n": 0, "metrics": {}, "error": str(error)}
            continue
        for path in paths:
            yield _evaluate_set(path, run)


@contextmanager
def _model(run: Run) -> Iterator[Callable[[], Generator]]:
    """Opens the language model when it is first needed, and closes it at the end."""
    opened: list[Generator] = []

    def open_once() -> Generator:
        if not opened:
            opened.append(run.open_model())
        return opened[0]

    try:
        yield open_once
    finally:
        for model in opened:
            model.close()


def _evaluate_set(path: Path, run: Run) -> dict[str, Any]:
    started = time.monotonic()
    found: dict[str, Any] = {"name": path.resolve().name}
    try:
        found |= _score_set(read_set(path, documents=run.settings.seeds), run)
        found["problems"] = [p.removeprefix(f"{path.parent}/") for p in found["problems"]]  # a report may be published
    except RagError as error:
        return {**found, "n": 0, "metrics": {}, "error": str(error)}
    except Exception as error:  # a fault of ours: shown whole, but the other sets still run
        traceback.print_exc()
        return {**found, "n": 0, "metrics": {}, "error": f"{type(error).__name__}: {error}"}
    return {**found, "seconds": round(time.monotonic() - started, 1)}


def _score_set(data: DataSet, run: Run) -> dict[str, Any]:
    queries = {q: data.queries[q] for q in sample(sorted(data.qrels), run.limit, run.seed)}
    questions = sample(data.questions, run.limit, run.seed)
    pairs = sample(data.pairs, run.limit, run.seed)
    measures: Measures = {}
    extra: dict[str, Any] = {}
    failed: dict[str, str] = {}
    problems = list(data.problems)
    if queries or questions:
        index = _open_index(data, run)
        if queries:
            measures |= ranking_measures(data, _rank_all(data.name, queries, index, run), seed=run.seed)
        if questions:
            if data.folder is not None:
                absent = {e.document_id for q in data.questions for e in q.evidence} - set(index.documents)
                problems += [f"evidence names {name!r}, which is not in {data.folder.name}/" for name in sorted(absent)]
            outcomes, failed = _ask_all(data, questions, index, run)
            asked = [(q, outcomes[q.id]) for q in questions if q.id in outcomes]
            texts = {name: document.text for name, document in index.documents.items()}
            for question, outcome in asked:
                if outcome.answer is not None:
                    run.heard(data.name, question.id, outcome.answer)
            measures |= evidence_measures(asked, shown=PREVIEWED, seed=run.seed)
            if run.answers:
                measures |= answer_measures(asked, texts, seed=run.seed)
                extra["risk_coverage"] = [[round(c, 4), round(r, 4)] for c, r in risk_coverage(asked)]
                extra["invalid"] = {q.id: why for q, o in asked if (why := invalid(o, texts))}
    if pairs:
        judged, unjudged = judge_pairs(data.name, pairs, run) if run.answers else ({}, {})
        failed |= unjudged
        measures |= pair_measures(pairs, judged, seed=run.seed)
    sizes = {"queries": len(queries), "questions": len(questions), "pairs": len(pairs)}
    return {
        "n": sum(sizes.values()),
        **{name: n for name, n in sizes.items() if n},
        "metrics": {name: {k: _rounded(v) for k, v in asdict(m).items()} for name, m in measures.items()},
        **extra,
        "failed": failed,
        "problems": problems,
    }


def sample(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """``limit`` of the items in an order that the seed fixes; a larger sample begins with the smaller one.

    >>> sample("abcdef", 4, 1)[:2] == sample("abcdef", 2, 1)
    True
    """
    shuffled = list(items)
    random.Random(seed).shuffle(shuffled)
    return shuffled[:limit]


# --- the index -----------------------------------------------------------------------------------


def _open_index(data: DataSet, run: Run) -> Index:
    """The set's documents indexed as the product does it; what was indexed before is opened.

    Where nothing but a ranking of documents is scored, no sentence is embedded: that is most of the work.
    """

    def tell(stage: str, done: int, total: int) -> None:
        run.progress(f"{data.name}: {stage}", done, total)

    chunker = sources_digest(_CHUNKS_DEPEND_ON)
    fingerprint = run.embedder.fingerprint
    key = data.corpus_sha256 or hashlib.sha256(str(data.folder and data.folder.resolve()).encode()).hexdigest()
    folder = run.work / "indexes" / f"{key[:16]}-{fingerprint[:8]}{'' if data.questions else '-chunks'}"
    made_with = folder / "chunker"
    same = made_with.is_file() and made_with.read_text("ascii") == chunker
    if data.folder is not None:
        build(data.folder, folder, run.embedder, progress=tell)
    else:
        try:
            if same:
                return load_index(folder, fingerprint=fingerprint)
        except (IndexMissing, IndexDamaged, IndexMismatch):
            pass
        index_documents(data.documents, folder, run.embedder, progress=tell, sentences=bool(data.questions))
        made_with.write_text(chunker, "ascii")
    return load_index(folder, fingerprint=fingerprint)


def _rank(question: str, index: Index, run: Run, documents: frozenset[str] | None = None) -> tuple[str, ...]:
    """Documents in order of their best chunk."""
    vector = run.embedder.embed_query(question)
    hits = retrieve(question, vector, index, k=_DEPTH, max_per_document=_DEPTH, documents=documents)
    return tuple(dict.fromkeys(h.chunk.document_id for h in hits))


def _rank_all(name: str, queries: Mapping[str, str], index: Index, run: Run) -> dict[str, tuple[str, ...]]:
    found = {}
    for n, (query, text) in enumerate(queries.items()):
        run.progress(f"{name}: searching", n, len(queries))
        found[query] = _rank(text, index, run)
    run.progress(f"{name}: searching", len(queries), len(queries))
    return found


# --- asking --------------------------------------------------------------------------------------


def _ask_all(
    data: DataSet, questions: Sequence[Question], index: Index, run: Run
) -> tuple[dict[str, Outcome], dict[str, str]]:
    """Outcomes by question, and why for each that failed."""
    assistant = Assistant(run.settings, index, run.embedder, run.reranker, run.open_model)
    settings = [str(getattr(run.settings, name)) for name in _ANSWERS_DEPEND_ON]
    documents = sorted((d.id, d.sha256) for d in index.documents.values())
    made_with = _key(settings, run.embedder.fingerprint, _program(), documents)
    outcomes: dict[str, Outcome] = {}
    failed: dict[str, str] = {}
    log = _Log(run.work / "answers.jsonl", fresh=run.fresh) if run.answers else None
    keys = {q.id: _key(made_with, q.id, q.text, sorted(q.given_docs or ())) for q in questions}
    for question in questions:
        if log is not None and keys[question.id] in log.lines:
            outcomes[question.id] = _outcome(log.lines[keys[question.id]])
    if run.answers and len(outcomes) < len(questions):
        run.open_model()  # before the clock of the first question runs, and so that a missing one stops the set
        assistant.load_generator().join()
    for question in questions:
        if question.id in outcomes:
            continue
        run.progress(f"{data.name}: {'asking' if run.answers else 'searching'}", len(outcomes), len(questions))
        try:
            outcomes[question.id] = _ask(assistant, question, index, run)
        except Exception as error:  # one question, whatever is wrong with it, must not cost the others
            failed[question.id] = f"{type(error).__name__}: {error}"
            continue
        if log is not None:
            log.add(keys[question.id], data.name, question.id, asdict(outcomes[question.id]))
    run.progress(f"{data.name}: {'asking' if run.answers else 'searching'}", len(questions), len(questions))
    return outcomes, failed


def _ask(assistant: Assistant, question: Question, index: Index, run: Run) -> Outcome:
    started = time.perf_counter()
    found: Retrieved | None = None
    evidence_ms = 0.0
    answer = None
    prompt_tokens = 0
    if run.answers:
        for step in assistant.steps(question.text, documents=question.given_docs):
            if isinstance(step, Retrieved) and found is None:
                found, evidence_ms = step, (time.perf_counter() - started) * 1000
            elif isinstance(step, Reading):
                prompt_tokens = max(prompt_tokens, step.prompt_total)
            elif isinstance(step, Finished):
                answer = step.answer.to_dict()
    else:
        found = assistant.search(question.text, documents=question.given_docs)
        evidence_ms = (time.perf_counter() - started) * 1000
    assert found is not None  # the first of the steps
    return Outcome(
        ranking=_rank(question.text, index, run, question.given_docs),
        passages=tuple(Quoted(h.chunk.document_id, h.chunk.start, h.chunk.end, h.chunk.text) for h in found.hits),
        evidence=tuple(Quoted(e.document_id, e.start, e.end, e.quote) for e in found.evidence),
        best_score=max((e.score for e in found.evidence), default=0.0),
        evidence_ms=evidence_ms,
        prompt_tokens=prompt_tokens,
        answer=answer,
    )


def judge_pairs(name: str, pairs: Sequence[Pair], run: Run) -> tuple[dict[str, Judged], dict[str, str]]:
    """The judge's probabilities by pair, and why for each that failed."""
    model = f"{run.settings.generator} {sources_digest(('ground/judge.py', 'ground/prompt.py', 'models/llm'))}"
    log = _Log(run.work / "judged.jsonl", fresh=run.fresh)
    judged: dict[str, Judged] = {}
    failed: dict[str, str] = {}

    def judge(pair: Pair, claim: str) -> float:
        key = _key(model, claim, pair.passage)
        if key not in log.lines:
            log.add(key, name, pair.id, LanguageModelJudge(run.open_model()).support(claim, [pair.passage])[0])
        return float(log.lines[key])

    for pair in pairs:
        run.progress(f"{name}: judging", len(judged), len(pairs))
        try:
            turned = opposite(pair.claim)
            judged[pair.id] = Judged(judge(pair, pair.claim), judge(pair, turned) if turned else 0.0)
        except Exception as error:  # such as a passage that is longer than the model's context
            failed[pair.id] = f"{type(error).__name__}: {error}"
    run.progress(f"{name}: judging", len(pairs), len(pairs))
    return judged, failed


# --- what was done before ------------------------------------------------------------------------


class _Log:
    """A line for each result, added when it is known; the last one of a key counts."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path = path
        self.lines: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and not fresh:
            for line in path.read_bytes().split(b"\n"):
                try:
                    value = json.loads(line)
                    self.lines[value["key"]] = value["result"]
                except (ValueError, KeyError, TypeError):
                    continue  # the line that an interruption cut off

    def add(self, key: str, name: str, item: str, result: Any) -> None:
        self.lines[key] = result
        with self._path.open("a", encoding="ascii", newline="\n") as stream:
            stream.write(json.dumps({"key": key, "set": name, "id": item, "result": result}) + "\n")


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _outcome(value: Mapping[str, Any]) -> Outcome:
    quoted = {name: tuple(Quoted(**q) for q in value[name]) for name in ("passages", "evidence")}
    return Outcome(**{**value, **quoted, "ranking": tuple(value["ranking"])})


def _program() -> str:
    return sources_digest(without=_NO_PART_IN_ANSWERS)


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, 4)
