"""Prints the weights of rag/retrieve/tuning.py anew, from development halves of evaluation sets.

    python -m benchmarks.calibrate SETS [--limit 450] [--pairs 190] [--folders DIR ...]

SETS holds clapnq, squad2, qed, verify_wice and verify_scifact; each DIR holds sets whose documents are files
(``documents/`` beside ``questions.jsonl``), which count together as one set. Signals of a question take the
cross-encoder a third of a second, a pair of claim and passage takes the language model some, so they are kept in
--work, and an interrupted run of the same program goes on. The language model's share needs the language model: it is
fitted to the scores it gives while questions are answered, and not here.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from rag import opening
from rag.config import settings
from rag.ground.checks import check
from rag.ground.verify import signals as signals_of_support
from rag.index.sources import sources_digest
from rag.measure.answers_cache import index_of_documents, index_of_files
from rag.measure.datasets import read_set
from rag.measure.evaluate import Run, judge_pairs, sample
from rag.measure.gold import holds_in_order, same_sentence
from rag.measure.metrics import auroc
from rag.models.protocols import Embedder
from rag.retrieve.candidates import candidates
from rag.retrieve.question import analyse
from rag.retrieve.relevance import signals
from rag.retrieve.search import retrieve
from rag.retrieve.tuning import TUNING

SETS = {"clapnq": 1.5, "squad2": 1.0, "qed": 0.3}  # how much a question of each counts for TUNING.answerable
FOLDERS = 2.0  # how much one over a folder of files counts
PAIRS = ("verify_wice", "verify_scifact")
RIDGE = 3.0
FOLDS = 5

Floats = npt.NDArray[np.float64]


def fit(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weights and intercept, of shape (signals + 1,), of a ridge logistic regression by Newton's method."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.c_[(x - mean) / scale, np.ones(len(x))]
    ridge = np.diag([RIDGE] * x.shape[1] + [0.0])
    beta = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ beta))
        gradient = z.T @ (weights * (y - p)) - ridge @ beta
        step = np.linalg.solve((z * (weights * p * (1 - p))[:, None]).T @ z + ridge, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    raw = beta[:-1] / scale
    return np.append(raw, beta[-1] - raw @ mean)


def cross_validated(x: Floats, y: Floats, weights: Floats, group: npt.NDArray[np.int64]) -> Floats:
    """Log-odds of each row by weights fitted without its group's fold."""
    out = np.zeros(len(y))
    for fold in range(FOLDS):
        held = group % FOLDS == fold
        beta = fit(x[~held], y[~held], weights[~held])
        out[held] = x[held] @ beta[:-1] + beta[-1]
    return out


def collect(folder: Path, limit: int, work: Path, embedder: Embedder) -> list[dict[str, object]]:
    """A row a question: its signals, those of its sentences, and which sentences are gold."""
    chosen = settings()
    reranker = opening.open_ranking(chosen)
    data = read_set(folder, documents=chosen.seeds)
    made_by = sources_digest("rag.index.build", "rag.retrieve.relevance", "rag.models.embed", "rag.models.rerank")
    kept = work / f"{folder.parent.name}-{folder.name}-{made_by}.jsonl"
    rows = [json.loads(line) for line in kept.read_text("utf-8").splitlines()] if kept.is_file() else []
    done = {row["id"] for row in rows}
    place = work / folder.parent.name / folder.name
    if data.folder is not None:
        index = index_of_files(data.folder, place, embedder, progress=lambda what, done, total: None)
    else:
        index = index_of_documents(data.documents, place, embedder, progress=lambda what, done, total: None)
    for question in sample(data.questions, limit, 0):
        if question.id in done:
            continue
        vector = embedder.embed_query(question.text)
        hits = retrieve(question.text, vector, index, k=chosen.passages, documents=question.given_docs)
        if not (ranked := candidates(analyse(question.text), vector, hits, index)):
            continue
        found = signals(analyse(question.text), ranked, reranker)
        row = {
            "id": question.id,
            "answerable": question.kind != "unanswerable",
            "question": dict(found.question),
            "sentences": [
                {**of, "gold": any(
                    c.hit.chunk.document_id == g.document_id
                    and (same_sentence(c.quote, g.text) or (g.of_file and holds_in_order(c.quote, g.text)))
                    for g in question.evidence
                )}
                for c, of in found.sentences
            ],
        }  # fmt: skip
        rows.append(row)
        with kept.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        print(f"\r{folder.name}: {len(rows)}", end="", flush=True)
    print()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("--limit", type=int, default=450, help="questions a set")
    parser.add_argument("--work", type=Path, default=user_cache_path("quoted-rag") / "calibrate")
    parser.add_argument(
        "--pairs", type=int, default=0, help="pairs a set for TUNING.support, read by the language model"
    )
    parser.add_argument("--folders", type=Path, nargs="*", default=[], metavar="DIR", help="sets over folders of files")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    embedder = opening.open_embedding(replace(settings(), threads=0))
    rows = {
        group.name: [
            row
            for folder in sorted(group.iterdir())
            if (folder / "questions.jsonl").is_file()
            for row in collect(folder, given.limit, given.work, embedder)
        ]
        for group in given.folders
    }
    rows |= {name: collect(given.sets / name, given.limit, given.work, embedder) for name in SETS}
    report("TUNING.answerable", TUNING.answerable.of, rows, of_sentences=False)
    report("TUNING.sentence", TUNING.sentence.of, rows, of_sentences=True)
    if given.pairs:
        report_support(given.sets, given.pairs, given.work, embedder)


def report_support(sets: Path, limit: int, work: Path, embedder: Embedder) -> None:
    """TUNING.support of both sets together, a pair of either counting so that the sets count alike."""
    chosen = settings()
    run = Run(chosen, embedder, opening.open_ranking(chosen), lambda: opening.open_model(chosen), work)
    x, y, where, claims = [], [], [], []
    for name in PAIRS:
        pairs = sample(read_set(sets / name, documents=chosen.seeds).pairs, limit, 0)
        judged, _ = judge_pairs(name, pairs, run)
        for pair in pairs:
            if pair.id in judged:
                found = signals_of_support(check(pair.claim, pair.passage).coverage, judged[pair.id])
                x.append([found[key] for key in TUNING.support.of])
                y.append(float(pair.label == "supported"))
                where.append(name)
                claims.append(pair.claim)
    features, labels, names = np.array(x), np.array(y), np.array(where)
    weights = np.array([len(y) / len(PAIRS) / (names == name).sum() for name in names])
    beta = fit(features, labels, weights)
    print(
        f"support: intercept {beta[-1]:.3f}",
        {k: round(float(b), 3) for k, b in zip(TUNING.support.of, beta, strict=False)},
    )
    out = cross_validated(features, labels, weights, np.unique(claims, return_inverse=True)[1])
    for name in PAIRS:
        here = names == name
        measure = auroc(list(out[here]), list(labels[here] > 0), seed=0)
        print(
            f"  {name}: cross-validated AUROC {measure.value:.3f} (n {measure.n})" if measure else f"  {name}: one kind"
        )


def report(title: str, names: object, rows: dict[str, list[dict[str, object]]], *, of_sentences: bool) -> None:
    keys = list(names)  # type: ignore[call-overload]
    x, y, weights, group, where = [], [], [], [], []
    number = 0
    for name in rows:
        weight = SETS.get(name, FOLDERS)
        for row in rows[name]:
            number += 1
            items = row["sentences"] if of_sentences else [{**row["question"], "gold": row["answerable"]}]  # type: ignore[dict-item]
            if of_sentences and not any(item["gold"] for item in items):  # type: ignore[union-attr]
                continue
            for item in items:  # type: ignore[union-attr]
                x.append([float(item[k]) for k in keys])
                y.append(float(item["gold"]))
                weights.append((1.5 if name == "clapnq" else 1.0) if of_sentences else weight)
                group.append(number)
                where.append(name)
    arrays = np.array(x), np.array(y), np.array(weights)
    groups, sets = np.array(group), np.array(where)
    beta = fit(*arrays)
    print(f"{title}: intercept {beta[-1]:.4f}", {k: round(float(b), 4) for k, b in zip(keys, beta, strict=False)})
    out = cross_validated(*arrays, groups)
    for name in rows:
        here = sets == name
        measure = auroc(list(out[here]), list(arrays[1][here] > 0), seed=0)
        print(
            f"  {name}: cross-validated AUROC {measure.value:.3f} (n {measure.n})" if measure else f"  {name}: one kind"
        )
        if of_sentences:
            best = [arrays[1][groups == g][out[groups == g].argmax()] for g in np.unique(groups[here])]
            print(f"  {name}: the best sentence is gold for {np.mean(best):.3f} (n {len(best)})")


if __name__ == "__main__":
    main()
