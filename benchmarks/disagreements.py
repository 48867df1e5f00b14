"""Prints the weights of ``TUNING.disagreement``, fitted to pairs of sources that answer a question differently.

    python -m benchmarks.disagreements FOLDER... [--work DIR]

Each FOLDER is one of ``benchmarks/disagreements/``, or a folder like them. What the language model says of single
sentences takes it some two seconds a question and is kept in --work; an interrupted run goes on. Each folder's pairs
are also told by weights that were fitted to the others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

import rag
from benchmarks.calibrate import fit
from rag.assistant import Assistant
from rag.ground.short_answers import ShortAnswer, short_answers
from rag.ground.sides.answers import same_answer, signals
from rag.ground.sides.common import of_one_text
from rag.index.sources import sources_digest
from rag.measure.gold import holds_in_order, same_sentence
from rag.measure.metrics import auroc
from rag.models.protocols import Generator
from rag.retrieve.choose import choose
from rag.retrieve.question import analyse
from rag.retrieve.relevance import judge_relevance
from rag.retrieve.tuning import TUNING
from rag.types import Passage

FOLDERS = Path(__file__).with_suffix("")

Row = dict[str, Any]


def sides_of(question: Row, passage: Passage) -> set[int]:
    """The sides of the question that a passage is gold for."""
    gold = [
        n
        for n, e in enumerate(question["evidence"])
        if e["doc_id"] == passage.document_id
        and (
            same_sentence(passage.quote, e["text"])
            or holds_in_order(passage.quote, e["text"])
            or holds_in_order(e["text"], passage.quote)
        )
    ]
    return {n for n, side in enumerate(question.get("sides", [])) if set(side) & set(gold)}


def answers_to(text: str, assistant: Assistant, generator: Generator) -> list[ShortAnswer]:
    """What the likeliest sentences of several sources answer."""
    asked = analyse(text)
    _, ranked = assistant._retrieve(asked, assistant.index, None)
    if not ranked:
        return []
    relevance = judge_relevance(asked, ranked, assistant._reranker)
    choice = choose(asked, ranked, relevance, most_shown=16, token_budget=220, count_tokens=len)
    return short_answers(generator, asked, choice.rivals)


def rows_of(folder: Path, question: Row, answers: list[ShortAnswer]) -> list[Row]:
    """A row for each pair of the first answer and one that differs: its signals, and whether they are two sides."""
    stems = analyse(question["question"]).stems
    first, others = answers[0], answers[1:]
    rows = []
    for other in others:
        if of_one_text(first.evidence, other.evidence) or same_answer(first.text, other.text, stems):
            continue
        one, two = sides_of(question, first.evidence), sides_of(question, other.evidence)
        disagree = bool(one) and bool(two) and not one & two
        rows.append(
            {"folder": folder.name, "id": question["id"], "disagree": disagree, "of": signals(first, other)}
        )  # fmt: skip
    return rows


def collect(folder: Path, work: Path) -> list[Row]:
    """A row for each question of the folder: its kind and its pairs."""
    made_by = sources_digest("rag.retrieve.choose", "rag.ground.short_answers", "rag.ground.sides.answers")
    kept = work / f"{folder.name}-{made_by}.jsonl"
    done = [json.loads(line) for line in kept.read_text("utf-8").splitlines()] if kept.is_file() else []
    questions = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    if len(done) == len(questions):
        return done
    work.mkdir(parents=True, exist_ok=True)
    with rag.open(folder / "documents", index=work / folder.name) as assistant, kept.open("a", encoding="utf-8") as out:
        assistant.load_generator().join()
        generator = assistant._model.model
        if generator is None:
            raise SystemExit(assistant.problem)
        for question in questions[len(done) :]:
            answers = answers_to(question["question"], assistant, generator)
            pairs = rows_of(folder, question, answers) if answers else []
            done.append({"id": question["id"], "kind": question["kind"], "pairs": pairs})
            out.write(json.dumps(done[-1]) + "\n")
            out.flush()
            print(f"\r{folder.name}: {len(done)} of {len(questions)}", end="", flush=True)
    print()
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", help="a name of benchmarks/disagreements, or a path")
    parser.add_argument("--work", type=Path, default=user_cache_path("quoted-rag") / "disagreements")
    flags = parser.parse_args()
    asked = [
        row
        for name in flags.folders
        for row in collect(FOLDERS / name if (FOLDERS / name).is_dir() else Path(name), flags.work)
    ]
    pairs = [pair for row in asked for pair in row["pairs"]]
    names = list(TUNING.disagreement.of)
    x = np.array([[pair["of"][name] for name in names] for pair in pairs])
    y = np.array([float(pair["disagree"]) for pair in pairs])
    folders = np.array([pair["folder"] for pair in pairs])
    held_out = np.zeros(len(y))
    for folder in dict.fromkeys(folders):
        mine = folders == folder
        if not mine.all():
            weights = fit(x[~mine], y[~mine], np.ones(int((~mine).sum())))
            held_out[mine] = x[mine] @ weights[:-1] + weights[-1]
    weights = fit(x, y, np.ones(len(y)))
    print(f"{len(pairs)} pairs, {int(y.sum())} of them disagree; {len(asked)} questions")
    print({name: round(float(w), 3) for name, w in zip(names, weights, strict=False)}, round(float(weights[-1]), 2))
    if measure := auroc(held_out.tolist(), (y > 0).tolist(), seed=0):
        print(f"AUROC, each folder by the others: {measure.value}, {measure.low} to {measure.high}")
    now = np.array([TUNING.disagreement.log_odds(pair["of"]) for pair in pairs])
    conflicts = sum(row["kind"] == "conflict" for row in asked)
    for name, log_odds in (("by the others' weights", held_out), ("by the program's", now)):
        for least in (-1.0, -0.5, TUNING.disagree, 0.5):
            flagged = {p["id"]: False for p, odds in zip(pairs, log_odds, strict=True) if odds >= least}
            for p, odds in zip(pairs, log_odds, strict=True):
                if odds >= least and p["disagree"]:
                    flagged[p["id"]] = True
            print(f"{name}, from {least} on: {len(flagged)} flags, {sum(flagged.values())} right of {conflicts}")


if __name__ == "__main__":
    main()
