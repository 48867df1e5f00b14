"""Evaluation sets -> a report: ask every question of the product as it stands and score what comes back."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from rag.assistant import PREVIEWED, Assistant
from rag.config import Settings
from rag.errors import CorpusError, RagError
from rag.ground.judge import LanguageModelJudge
from rag.ground.opposite import opposite
from rag.ground.verify import Judged
from rag.index.snapshot import Index
from rag.index.sources import sources_digest
from rag.measure.answers_cache import ANSWER, JUDGEMENT, ResultLog, index_of_documents, index_of_files, key_of
from rag.measure.datasets import DataSet, Pair, Question, find_sets, read_set
from rag.measure.machine import machine, versions
from rag.measure.report import EvaluationReport, SetReport, measure_data
from rag.measure.scoring import (
    AnswerData,
    Measures,
    Outcome,
    Quoted,
    answer_measures,
    evidence_measures,
    invalid,
    outcome_from,
    pair_measures,
    ranking_measures,
    risk_coverage,
)
from rag.measure.verdict import judged_by, right, unbuilt, verdicts
from rag.models.protocols import Embedder, Generator, Reranker
from rag.retrieve.question import analyse
from rag.retrieve.search import query_vector, retrieve
from rag.types import Finished, Progress, Reading, Retrieved, Vectors

_DEPTH = 100  # chunks taken for a ranking of documents
_NO_PART_IN_ANSWERS = {"seeds", "index", "models_dir", "model_source", "threads", "host", "port"}
"""Settings that say where and how fast, not what; every other one, a new one too, makes answers count anew."""
_REPORTED = ("passages", "evidence_sentences", "evidence_tokens", "answer_tokens", "caution", "threads")

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
    heard: Callable[[str, Question, AnswerData], None] = lambda name, question, answer: None
    """Gets every answer as data, with the name of its set and its question."""
    answered: ResultLog[Outcome] | None = None  # what earlier runs answered; ``evaluate`` opens it, once for all sets


def evaluate(
    folders: Sequence[Path], run: Run, *, done: Callable[[EvaluationReport], None] | None = None
) -> EvaluationReport:
    """The report of all sets, ready for JSON; ``done`` gets it after every set.

    A set that cannot be read or asked, or a folder that holds none, is reported with its error, and the others
    still run.
    """
    report: EvaluationReport = {
        "sets": [],
        "models": {
            "embedder": run.embedder.name,
            "reranker": run.reranker.name,
            "generator": run.settings.generator if run.answers else "",
        },
        "settings": {
            **{name: getattr(run.settings, name) for name in _REPORTED},
            "answers": run.answers,
            "limit": run.limit,
            "seed": run.seed,
        },
        "versions": {**versions(), "program": sources_digest(*ANSWER)},
        "machine": machine(),
    }
    log = ResultLog(run.work / "answers.jsonl", read=outcome_from, write=asdict, fresh=run.fresh)
    with _model(run) as open_model:
        for one in _evaluate_all(folders, replace(run, open_model=open_model, answered=log if run.answers else None)):
            report["sets"].append(one)
            if (shares := right(report["sets"])) is not None:
                report["right"] = shares
            if done is not None:
                done(report)
    return report


def _evaluate_all(folders: Sequence[Path], run: Run) -> Iterator[SetReport]:
    for folder in folders:
        try:
            paths = find_sets(folder)
        except RagError as error:
            yield _not_evaluated(folder.name, str(error))
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


def _evaluate_set(path: Path, run: Run) -> SetReport:
    started = time.monotonic()
    name = path.resolve().name
    try:
        data = read_set(path, documents=run.settings.seeds)
        scored = _score_set(name, data, run)
    except CorpusError as error:
        return _not_built(data, error, run)
    except RagError as error:
        return _not_evaluated(name, str(error))
    except Exception as error:  # a fault of ours: shown whole, but the other sets still run
        traceback.print_exc()
        return _not_evaluated(name, f"{type(error).__name__}: {error}")
    scored["problems"] = [p.removeprefix(f"{path.parent}/") for p in scored["problems"]]  # a report may be published
    scored["seconds"] = round(time.monotonic() - started, 1)
    return scored


def _not_evaluated(name: str, why: str) -> SetReport:
    return {"name": name, "n": 0, "metrics": {}, "error": why}


def _not_built(data: DataSet, error: CorpusError, run: Run) -> SetReport:
    """Of a folder that holds nothing to index, each of its questions is judged as not answered."""
    report = _not_evaluated(data.name, str(error))
    if data.own_files and run.answers:
        asked = {q.id for q in sample(data.questions, run.limit, run.seed)}
        report |= {"own_files": True, "judged_by": judged_by(data, answers=True)}
        report["verdicts"] = unbuilt(data, asked, f"{type(error).__name__}: {error.message}")
    return report


def _score_set(name: str, data: DataSet, run: Run) -> SetReport:
    queries = {q: data.queries[q] for q in sample(sorted(data.qrels), run.limit, run.seed)}
    questions = sample(data.questions, run.limit, run.seed)
    pairs = sample(data.pairs, run.limit, run.seed)
    scored: SetReport = {
        "name": name,
        "n": len(queries) + len(questions) + len(pairs),
        "metrics": {},
        "failed": {},
        "problems": list(data.problems),
    }
    measures: Measures = {}
    if queries or questions:
        index = _open_index(data, run)
        if queries:
            scored["queries"] = len(queries)
            measures |= ranking_measures(data, _rank_all(data.name, queries, index, run), seed=run.seed)
        if questions:
            scored["questions"] = len(questions)
            measures |= _score_questions(data, questions, index, run, scored)
    if pairs:
        scored["pairs"] = len(pairs)
        judged, failed = judge_pairs(data.name, pairs, run) if run.answers else ({}, {})
        scored["failed"] |= failed
        measures |= pair_measures(pairs, judged, seed=run.seed)
    scored["metrics"] = {name: measure_data(measure) for name, measure in measures.items()}
    return scored


def _score_questions(
    data: DataSet, questions: Sequence[Question], index: Index, run: Run, scored: SetReport
) -> Measures:
    """Asks them; what else there is to tell than measures is added to ``scored``."""
    if data.folder is not None:
        absent = {e.document_id for q in data.questions for e in q.evidence} - set(index.documents)
        scored["problems"] += [
            f"evidence names {name!r}, which is not in {data.folder.name}/" for name in sorted(absent)
        ]
    outcomes, failed = _ask_all(data, questions, index, run)
    scored["failed"] |= failed
    scored["own_files"], scored["judged_by"] = data.own_files, judged_by(data, answers=run.answers)
    scored["verdicts"] = verdicts(data, outcomes, failed, answers=run.answers, shown=PREVIEWED)
    asked = [(q, outcomes[q.id]) for q in questions if q.id in outcomes]
    for question, outcome in asked:
        if outcome.answer is not None:
            run.heard(data.name, question, outcome.answer)
    measures = evidence_measures(asked, shown=PREVIEWED, seed=run.seed)
    if run.answers:
        texts = {name: document.text for name, document in index.documents.items()}
        measures |= answer_measures(asked, texts, seed=run.seed)
        scored["risk_coverage"] = [[round(c, 4), round(r, 4)] for c, r in risk_coverage(asked)]
        scored["invalid"] = {q.id: why for q, o in asked if (why := invalid(o, texts))}
    return measures


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
    """The set's documents indexed as the product does it; what was indexed before is opened."""

    def progress(stage: str, done: int, total: int) -> None:
        run.progress(f"{data.name}: {stage}", done, total)

    key = data.corpus_sha256 or key_of(str(data.folder and data.folder.resolve()))
    suffix = "" if data.questions else "-chunks"
    folder = run.work / "indexes" / f"{key[:16]}-{run.embedder.fingerprint[:8]}{suffix}"
    if data.folder is not None:
        return index_of_files(data.folder, folder, run.embedder, progress=progress)
    sentences = bool(data.questions)
    return index_of_documents(data.documents, folder, run.embedder, progress=progress, sentences=sentences)


def _rank(question: str, vector: Vectors, index: Index, documents: frozenset[str] | None = None) -> tuple[str, ...]:
    """Documents in order of their best chunk; ``vector`` is what is searched for, of shape (dimension,)."""
    hits = retrieve(question, vector, index, k=_DEPTH, max_per_document=_DEPTH, documents=documents)
    return tuple(dict.fromkeys(h.chunk.document_id for h in hits))


def _rank_all(name: str, queries: Mapping[str, str], index: Index, run: Run) -> dict[str, tuple[str, ...]]:
    rankings = {}
    for n, (query, text) in enumerate(queries.items()):
        run.progress(f"{name}: searching", n, len(queries))
        rankings[query] = _rank(text, run.embedder.embed_query(text), index)
    run.progress(f"{name}: searching", len(queries), len(queries))
    return rankings


# --- asking --------------------------------------------------------------------------------------


def _ask_all(
    data: DataSet, questions: Sequence[Question], index: Index, run: Run
) -> tuple[dict[str, Outcome], dict[str, str]]:
    """Outcomes by question, and why for each that failed."""
    outcomes: dict[str, Outcome] = {}
    failed: dict[str, str] = {}
    keys = _answer_keys(questions, index, run)
    log = run.answered
    if log is not None:
        earlier = {name: log.get(key) for name, key in keys.items()}
        outcomes = {name: outcome for name, outcome in earlier.items() if outcome is not None}
    settings = run.settings if data.folder is None else replace(run.settings, seeds=data.folder)
    assistant = Assistant(settings, index, run.embedder, run.reranker, run.open_model)
    if run.answers and len(outcomes) < len(questions):
        run.open_model()  # before the clock of the first question runs, and so that a missing one stops the set
        assistant.load_generator().join()
    progress = partial(run.progress, f"{data.name}: {'asking' if run.answers else 'searching'}")
    for question in questions:
        if question.id in outcomes:
            continue
        progress(len(outcomes), len(questions))
        try:
            outcomes[question.id] = outcome = _ask(assistant, question, index, run)
        except Exception as error:  # one question, whatever is wrong with it, must not cost the others
            failed[question.id] = f"{type(error).__name__}: {error}"
            continue
        if log is not None:
            log.add(keys[question.id], outcome, set_name=data.name, item=question.id)
    progress(len(questions), len(questions))
    return outcomes, failed


def _answer_keys(questions: Sequence[Question], index: Index, run: Run) -> dict[str, str]:
    """Keys of the answers in the log, by question."""
    settings = {
        f.name: str(getattr(run.settings, f.name)) for f in fields(Settings) if f.name not in _NO_PART_IN_ANSWERS
    }
    documents = sorted((d.id, d.sha256) for d in index.documents.values())
    made_with = key_of(settings, run.embedder.fingerprint, sources_digest(*ANSWER), documents)
    return {
        q.id: key_of(made_with, q.id, q.text, sorted(q.given_docs or ()), *([q.history] if q.history else ()))
        for q in questions
    }


def _ask(assistant: Assistant, question: Question, index: Index, run: Run) -> Outcome:
    started = time.perf_counter()
    retrieved: Retrieved | None = None
    evidence_ms = 0.0
    answer: AnswerData | None = None
    prompt_tokens = 0
    if run.answers:
        for step in assistant.steps(question.text, history=question.history, documents=question.given_docs):
            if isinstance(step, Retrieved) and retrieved is None:
                retrieved, evidence_ms = step, (time.perf_counter() - started) * 1000
            elif isinstance(step, Reading):
                prompt_tokens = max(prompt_tokens, step.prompt_total)
            elif isinstance(step, Finished):
                answer = cast(AnswerData, step.answer.to_dict())
    else:
        retrieved = assistant.search(question.text, history=question.history, documents=question.given_docs)
        evidence_ms = (time.perf_counter() - started) * 1000
    assert retrieved is not None  # the first of the steps
    vector = query_vector(analyse(question.text, question.history), run.embedder)
    return Outcome(
        ranking=_rank(retrieved.question, vector, index, question.given_docs),
        passages=tuple(Quoted(h.chunk.document_id, h.chunk.start, h.chunk.end, h.chunk.text) for h in retrieved.hits),
        evidence=tuple(Quoted(e.document_id, e.start, e.end, e.quote) for e in retrieved.evidence),
        best_score=max((e.score for e in retrieved.evidence), default=0.0),
        evidence_ms=evidence_ms,
        prompt_tokens=prompt_tokens,
        answer=answer,
    )


def judge_pairs(name: str, pairs: Sequence[Pair], run: Run) -> tuple[dict[str, Judged], dict[str, str]]:
    """The judge's probabilities by pair, and why for each that failed."""
    made_with = f"{run.settings.generator} {sources_digest(*JUDGEMENT)}"
    log = ResultLog(run.work / "judged.jsonl", read=float, write=float, fresh=run.fresh)
    judged: dict[str, Judged] = {}
    failed: dict[str, str] = {}

    def judge(pair: Pair, claim: str) -> float:
        key = key_of(made_with, claim, pair.passage)
        support = log.get(key)
        if support is None:
            support = LanguageModelJudge(run.open_model()).support(claim, [pair.passage])[0]
            log.add(key, support, set_name=name, item=pair.id)
        return support

    for pair in pairs:
        run.progress(f"{name}: judging", len(judged), len(pairs))
        try:
            turned = opposite(pair.claim)
            judged[pair.id] = Judged(judge(pair, pair.claim), judge(pair, turned) if turned else 0.0)
        except Exception as error:  # such as a passage that is longer than the model's context
            failed[pair.id] = f"{type(error).__name__}: {error}"
    run.progress(f"{name}: judging", len(pairs), len(pairs))
    return judged, failed
