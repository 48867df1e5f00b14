"""What the reader is tuned on: questions, each with the passages that it is read with and the units that answer.

    python benchmarks/reader/data.py FOLDERS QED SELQA OUT.jsonl [EXCLUDE ...]

``FOLDERS/NAME/`` holds ``documents/``, an index of them in ``index/`` and ``questions.jsonl`` (below). ``QED`` holds
nq-train-*-qed.jsonlines of google-research-datasets/QED at commit 71e19e0 (CC BY-SA 3.0), ``SELQA`` the two files
selqa-ass-dev.json and selqa-ass-test.json of emorynlp/selqa (Apache-2.0). ``EXCLUDE`` are folders with a corpus.jsonl
and questions.jsonl for evaluation: no article or question of theirs is taken.

A line of OUT.jsonl: {"q", "src", "passages": [{"text", "spans": [[start, end], ...], "labels": [1, 0, -1, ...], "near":
false}]}; a label of -1 is not trained on (a list whose item is gold), and a passage is near where a person would look
for the answer and not find it.

A question of a folder: {"q", "kind", "gold": [[document, start, end], ...], "near": [...]} with spans of the document's
text; a unit that is near looks like the answer and is none.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bm25s

from rag.config import Settings
from rag.index.snapshot import load_index
from rag.models.embed import open_embedder
from rag.models.protocols import Embedder
from rag.models.store import locate
from rag.retrieve.passages import passage_text
from rag.retrieve.question import analyse
from rag.retrieve.search import query_vector, retrieve
from rag.types import Chunk, Unit

PASSAGES = 6  # a question of a folder
GOLD_PASSAGES = 3  # at most
NEAR_PASSAGES = 2  # at most
_WORD = re.compile(r"\w+")

Group = dict[str, Any]
Place = tuple[str, int, int]


def folder_groups(folder: Path, embedder: Embedder) -> Iterator[Group]:
    """The passages with a gold unit, those with one near it, and the best of the others that a search finds."""
    index = load_index(folder / "index")
    for line in (folder / "questions.jsonl").read_text("utf-8").splitlines():
        question = json.loads(line)
        gold = {(d, s, e) for d, s, e in question.get("gold", ())}
        near = {(d, s, e) for d, s, e in question.get("near", ())}
        asked = analyse(question["q"], ())
        hits = retrieve(asked.text, query_vector(asked, embedder), index, k=24)
        found = [hit.chunk for hit in hits]
        answering = [c for c in index.chunks if any(label(c, u, gold) == 1 for u in c.sentences)]
        answering.sort(key=lambda c: found.index(c) if c in found else len(found))
        beside = [c for c in index.chunks if c not in answering and any(label(c, u, near) == 1 for u in c.sentences)]
        others = [c for c in found if c not in answering and c not in beside]
        chosen = answering[:GOLD_PASSAGES] + beside[:NEAR_PASSAGES]
        chosen += others[: PASSAGES - len(chosen)]
        passages = [{**_passage(c, gold), "near": c in beside} for c in chosen]
        yield {"q": question["q"], "src": folder.name, "passages": passages}


def label(chunk: Chunk, unit: Unit, gold: Iterable[Place]) -> int:
    """1 for a gold unit, -1 for one that overlaps one, else 0."""
    places = [(s, e) for d, s, e in gold if d == chunk.document_id]
    if (unit.start, unit.end) in places:
        return 1
    return -1 if any(s < unit.end and unit.start < e for s, e in places) else 0


def _passage(chunk: Chunk, gold: Iterable[Place]) -> dict[str, Any]:
    read = passage_text(chunk)
    labels = [label(chunk, unit, gold) for unit in chunk.sentences]
    return {"text": read.text, "spans": [[s.start, s.end] for s in read.spans], "labels": labels}


def public_groups(qed: Path, selqa: Path, exclude: Sequence[Path], draw: random.Random) -> list[Group]:
    """A paragraph with its sentences, and for every second question one of another article with most of its words."""
    titles, questions = _of_evaluation(exclude)
    raw = [r for r in (*_qed(qed), *_selqa(selqa)) if _norm(r[1]) not in titles and _norm(r[0]) not in questions]
    texts = [_joined(title, [s for s, _ in sentences])[0] for _, title, sentences, _ in raw]
    near = bm25s.BM25()
    near.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    asked = bm25s.tokenize([r[0] for r in raw], show_progress=False)
    ranks, _ = near.retrieve(asked, k=8, show_progress=False)
    groups = []
    for (question, title, sentences, source), rows in zip(raw, ranks, strict=True):
        passages = [_public_passage(title, sentences)]
        others = [raw[row] for row in rows if _norm(raw[row][1]) != _norm(title)]
        if others and draw.random() < 0.5:
            other = draw.choice(others)
            passages.append(_public_passage(other[1], [(text, 0) for text, _ in other[2]]))
        groups.append({"q": question, "src": source, "passages": passages})
    return groups


Raw = tuple[str, str, list[tuple[str, int]], str]  # question, title, sentences with their labels, source


def _qed(folder: Path) -> Iterator[Raw]:
    for path in sorted(folder.glob("nq-train-0*-qed.jsonlines")):
        for line in path.read_text("utf-8").splitlines():
            item = json.loads(line)
            if item["answer_type"] != "single_sentence" or not item["answer_spans"]:
                continue
            text = item["paragraph_text"]
            starts = sorted({0, *item["sentence_starts"]})
            answer = item["answer_spans"][0][0]
            sentences = [
                (_spaced(text[start:end]), int(start <= answer < end))
                for start, end in zip(starts, [*starts[1:], len(text)], strict=True)
            ]
            yield item["question_text"], item["title_text"], sentences, "qed"


def _selqa(folder: Path) -> Iterator[Raw]:
    for name in ("selqa-ass-dev.json", "selqa-ass-test.json"):
        for item in json.loads((folder / name).read_text("utf-8")):
            gold = set(item["answers"])
            if not gold:
                continue
            sentences = [(text, int(n in gold)) for n, text in enumerate(item["candidates"])]
            first = min(gold)
            yield item["question"], item["article"], sentences[max(0, first - 4) : first + 6], "selqa"


def _of_evaluation(folders: Sequence[Path]) -> tuple[set[str], set[str]]:
    titles, questions = set(), set()
    for folder in folders:
        for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines():
            titles.add(_norm(json.loads(line).get("title", "")))
        for line in (folder / "questions.jsonl").read_text("utf-8").splitlines():
            questions.add(_norm(json.loads(line)["question"]))
    return titles, questions


def _public_passage(title: str, sentences: Sequence[tuple[str, int]]) -> dict[str, Any]:
    text, spans = _joined(title, [s for s, _ in sentences])
    return {"text": text, "spans": spans, "labels": [y for _, y in sentences]}


def _joined(title: str, sentences: Iterable[str]) -> tuple[str, list[list[int]]]:
    text, spans = f"{title}. ", []
    for sentence in sentences:
        spans.append([len(text), len(text) + len(sentence)])
        text += sentence + " "
    return text.rstrip(), spans


def _spaced(text: str) -> str:
    """Text of QED without the blanks that its tokenizer put before punctuation."""
    text = re.sub(r" (?=[.,;:?!)%]|'s\b|''|n't\b)", "", text.replace("`` ", '"').replace(" ''", '"'))
    return re.sub(r"(?<=[($]) ", "", text).strip()


def _norm(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def main() -> None:
    folders, qed, selqa, out, *exclude = map(Path, sys.argv[1:])
    settings = Settings()
    embedder = open_embedder(locate(settings.embedder, settings.models), name=settings.embedder)
    groups = public_groups(qed, selqa, exclude, random.Random(0))
    for folder in sorted(path.parent for path in folders.glob("*/questions.jsonl")):
        groups += folder_groups(folder, embedder)
    out.write_text("".join(json.dumps(group) + "\n" for group in groups), "utf-8")
    for source in dict.fromkeys(g["src"] for g in groups):
        own = [g for g in groups if g["src"] == source]
        passages = [p for g in own for p in g["passages"]]
        answered = sum(1 in p["labels"] for p in passages)
        print(f"{source}: {len(own)} questions, {len(passages)} passages, {answered} of them with a gold unit")


if __name__ == "__main__":
    main()
