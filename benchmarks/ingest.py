"""How quickly a folder becomes an index, and stays one: documents a second, time by stage, memory, and syncing.

    python -m benchmarks.ingest benchmarks/ingest.json [--sizes 10000,100000] [--work DIR]

The folders are made up: small text files of a title, a date and two paragraphs, whose words follow Zipf's law; every
fiftieth is a copy of the one before. Vectors come from a table (no model), so that what is measured is the rest; the
real embedder runs on a folder of its own (20 files) and on the file that is changed. Above 10,000 files the texts are
shorter and neither parsed nor chunked by the product (a file's text is its document, its lines are its sentences):
those steps see one document at a time, and the row is there for the memory that grows with their number.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale import Peak
from rag.config import settings
from rag.index import build as building
from rag.index import embedding_cache as cache
from rag.index import generations, lexical, writer
from rag.index.build import build
from rag.index.changes import needs_build, stale
from rag.index.snapshot import load_index
from rag.index.sources import sources_digest
from rag.measure.machine import machine, versions
from rag.models.protocols import Embedder
from rag.opening import open_embedding
from rag.types import BuildReport, Chunk, Document, Span, Vectors

REAL_FILES = 20
_TABLE = np.random.default_rng(0).standard_normal((4096, 384), np.float32)
_TABLE /= np.linalg.norm(_TABLE, axis=1, keepdims=True)


class Table:
    """Vectors from a table; from ``real`` where one is given."""

    name = fingerprint = "table"
    dimension = 384

    def __init__(self, real: Embedder | None = None) -> None:
        self.real = real

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.real is not None:
            return self.real.embed_documents(texts)
        return _TABLE[[zlib.crc32(text.encode()) % len(_TABLE) for text in texts]]

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])[0]


def make(folder: Path, count: int) -> int:
    """Write ``count`` files, a hundred a folder; their bytes are returned."""
    random = np.random.default_rng(6)
    parts = np.array([a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "an", "er")])
    words = sorted({"".join(row) for row in parts[random.integers(len(parts), size=(60_000, 3))].tolist()})
    share = 1 / np.arange(1, len(words) + 1)
    ends = np.cumsum(share / share.sum())
    text, total, sentences = "", 0, 6 if count <= 10_000 else 2
    for n in range(count):
        if n % 50 != 49:
            drawn = [words[i] for i in np.searchsorted(ends, random.random(6 + 14 * sentences))]
            lines = [" ".join(drawn[i : i + 14]).capitalize() + "." for i in range(6, len(drawn), 14)]
            title = " ".join(drawn[:6]).title()
            text = f"{title}\n\nApril {1 + n % 28}, 2026\n\n{' '.join(lines[::2])}\n\n{' '.join(lines[1::2])}\n"
        path = folder / f"{n // 100:05d}" / f"report-{n:07d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        total += len(text)
    return total


class Stages:
    """Processor seconds of this process inside some functions, callees that are stages themselves taken off.

    Files are parsed in processes of their own, which are not counted.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]

    def watch(self, name: str, owner: Any, function: str) -> None:
        original = getattr(owner, function)

        @functools.wraps(original)
        def timed(*args: Any, **rest: Any) -> Any:
            started = time.process_time()
            self._inner.append(0.0)
            try:
                return original(*args, **rest)
            finally:
                took = time.process_time() - started
                self.seconds[name] = self.seconds.get(name, 0.0) + took - self._inner.pop()
                self._inner[-1] += took

        setattr(owner, function, timed)


def measured(work: Callable[[], BuildReport], megabytes: float) -> dict[str, Any]:
    stages, began, started = Stages(), time.process_time(), time.perf_counter()
    watched = {
        "find files": (building, "walk"),
        "chunk": (building, "chunk_document"),
        "signature for duplicates": (writer, "signature"),
        "words for BM25": (lexical.LexicalWriter, "add"),
        "write records": (writer.IndexWriter, "add"),
        "copy what is unchanged": (writer.IndexWriter, "keep"),
        "embed": (Table, "embed_documents"),
        "cache of embeddings": (cache, "_lookup"),
        "cache of embeddings and vectors to disk": (writer.IndexWriter, "embed"),
        "invert words": (lexical.LexicalWriter, "close"),
        "compare duplicates": (writer, "near_duplicates"),
        "hash and publish": (generations, "publish"),
    }
    originals = {name: getattr(*where) for name, where in watched.items()}
    for name, (owner, function) in watched.items():
        stages.watch(name, owner, function)
    report = work()
    for name, (owner, function) in watched.items():
        setattr(owner, function, originals[name])
    processor, clock = time.process_time() - began, time.perf_counter() - started
    shares = {name: round(s / processor, 3) for name, s in sorted(stages.seconds.items(), key=lambda i: -i[1])}
    return {
        "seconds": round(clock, 2),
        "processor_seconds": round(processor, 2),
        "documents_a_processor_second": round(report.documents / processor, 1),
        "sentences_a_processor_second": round(report.sentences / processor, 1),
        "mb_a_processor_second": round(megabytes / processor, 2),
        "share_of_processor_time": {**shares, "the rest": round(1 - sum(shares.values()), 3)},
        "documents": report.documents,
        "chunks": report.chunks,
        "sentences": report.sentences,
        "duplicates": len(report.duplicates),
        "mb": round(megabytes, 1),
        "statuses": {s: report.count(s) for s in ("indexed", "unchanged", "renamed", "removed", "failed")},
    }


def plain_load(path: Path, *, root: Path) -> Document:
    text = path.read_text("utf-8")
    name = path.relative_to(root).as_posix()
    return Document(name, text, text.split("\n", 1)[0], hashlib.sha256(text.encode()).hexdigest())


def plain_load_all(paths: Iterable[Path], root: Path) -> Iterator[tuple[Path, Document]]:
    for path in paths:
        yield path, plain_load(path, root=root)


def plain_chunks(document: Document, **_: Any) -> list[Chunk]:
    """One chunk of all lines below the title and the date."""
    lines = [m.span() for m in re.finditer(r"[^\n]+", document.text)]
    lines = lines[2:] or lines[1:]
    start, end = lines[0][0], lines[-1][1]
    spans = tuple(Span(*line) for line in lines)
    return [Chunk(document.id, start, end, document.text[start:end], document.title, "", None, spans)]


def one_size(count: int, folder: Path) -> dict[str, Any]:
    seeds, index = folder / "seeds", folder / "index"
    if count > 10_000:
        building.load_all, building.chunk_document = plain_load_all, plain_chunks
    megabytes = make(seeds, count) / 1e6
    peak, embedder = Peak(), Table()
    rows = {"files": count, "first_build": measured(lambda: build(seeds, index, embedder), megabytes)}
    rows["peak_memory_mb"] = round(peak.bytes / 1e6)
    print(json.dumps(rows), flush=True)
    rows["vectors_mb"] = round(sum(p.stat().st_size for p in index.glob("gen-*/vectors")) / 1e6, 1)
    rows["unchanged"] = measured(lambda: build(seeds, index, embedder), megabytes)
    rows["needs_build"] = _seconds(lambda: needs_build(seeds, index, embedder.fingerprint))
    rows["stale_of_all"] = _seconds(lambda: stale(load_index(index), seeds))
    embedder.real = open_embedding(settings())
    embedder.embed_documents(["The model is read before the clock starts."])
    changed = seeds / "00001" / "report-0000123.txt"
    changed.write_text("A Changed File\n\nThe reservoir was drained in March. Nobody had told the anglers.\n", "utf-8")

    def change_to_answer() -> BuildReport:
        report = build(seeds, index, embedder)
        (row, _), *_ = load_index(index).lexical("reservoir drained anglers", 1)
        assert load_index(index).document_id(row) == "00001/report-0000123.txt"
        return report

    rows["one_file_changed_until_found_real_embedder"] = measured(change_to_answer, megabytes)
    embedder.real = None
    (seeds / "00002" / "report-0000200.txt").rename(seeds / "renamed.txt")
    rows["one_file_renamed"] = measured(lambda: build(seeds, index, embedder), megabytes)
    return rows


def real_share(folder: Path) -> dict[str, Any]:
    megabytes = make(folder / "seeds", REAL_FILES) / 1e6
    real = open_embedding(settings())
    real.embed_documents(["warm"])
    return measured(lambda: build(folder / "seeds", folder / "index", Table(real)), megabytes)


def _seconds(work: Callable[[], object]) -> dict[str, float]:
    began, started = time.process_time(), time.perf_counter()
    work()
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "processor_seconds": round(time.process_time() - began, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--work", type=Path, help="where the folders are made (default: the temporary folder)")
    parser.add_argument("--only", nargs=2, metavar=("FILES", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        count, folder = int(arguments.only[0]), Path(arguments.only[1])
        row = one_size(count, folder) if count else real_share(folder)
        arguments.out.write_text(json.dumps(row), "utf-8")
        return
    rows = {}
    for count in [0, *map(int, arguments.sizes.split(","))]:
        folder = Path(tempfile.mkdtemp(prefix="ingest-", dir=arguments.work))
        step = [str(folder / "row.json"), "--only", str(count), str(folder)]
        try:
            subprocess.run([sys.executable, "-m", "benchmarks.ingest", *step], check=True)
            name = f"{count} files, vectors from a table" if count else f"{REAL_FILES} files, real embedder"
            rows[name] = json.loads((folder / "row.json").read_text("utf-8"))
            print(json.dumps({name: rows[name]}, indent=1), flush=True)
        finally:
            shutil.rmtree(folder)
        report = {
            "rows": rows,
            "cores_used": len(os.sched_getaffinity(0)),
            "load_average_at_end": os.getloadavg()[1],
            "machine": machine(),
            "versions": versions(),
            "sources": sources_digest(),
        }
        arguments.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
