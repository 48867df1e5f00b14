"""What an index of 1,000 to 1,000,000 chunks costs: to build, to keep, to open and to search.

    python benchmarks/scale.py benchmarks/scale.json [--sizes 1000,10000] [--work DIR]

Made-up data with the structure that matters: words follow Zipf's law, ten chunks of four sentences a document;
vectors lie in clusters of clusters around a space of 48 dimensions, as those of real passages do (on uniform noise no
approximate search works, nor need it). A question is the disturbed vector and six words of a chunk. No model runs.
Each size is built in one process and searched in another, whose files are first dropped from the system's cache.
Above 100,000 chunks the texts are those of the size before, copied as often as it takes, with vectors of their own:
words stay as frequent as they were, and stemming them again would show nothing new. The build time of such a row is
what copying, inverting the words, the approximate search and publishing cost; the copies are not reported as such.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from rag.index import dense, generations
from rag.index.arrays import ArrayWriter
from rag.index.manifest import Contents
from rag.index.snapshot import Index, load_index
from rag.index.sources import sources_digest
from rag.index.writer import IndexWriter, write_index
from rag.measure.machine import machine, versions
from rag.types import Chunk, Document, Span, Vectors

DIMENSION, INTRINSIC = 384, 48
VOCABULARY, WORDS_A_SENTENCE, SENTENCES, CHUNKS_A_DOCUMENT = 60_000, 30, 4, 10
SEARCHES = 200
REPEATED_ABOVE = 100_000
MANIFEST = {"embedder": {"name": "made up", "fingerprint": "made up", "dimension": DIMENSION}, "chunker": {}}


class Space:
    """Vectors in clusters (a subject) of clusters (a document) along few directions; sizes of subjects are uneven."""

    def __init__(self, chunks: int) -> None:
        random = np.random.default_rng(1)
        self._basis = np.linalg.qr(random.normal(size=(DIMENSION, INTRINSIC)))[0].T.astype(np.float32)
        self._subjects = random.normal(size=(max(10, chunks // 300), INTRINSIC)).astype(np.float32)

    def documents(self, random: np.random.Generator, count: int) -> Vectors:
        """``CHUNKS_A_DOCUMENT`` rows a document, unit length."""
        subject = (len(self._subjects) * random.random(count) ** 2).astype(int)
        centre = self._subjects[subject] + 0.5 * random.standard_normal((count, INTRINSIC), np.float32)
        rows = np.repeat(centre, CHUNKS_A_DOCUMENT, axis=0)
        rows += 0.5 * random.standard_normal(rows.shape, np.float32)
        return _unit(rows @ self._basis + 0.05 * random.standard_normal((len(rows), DIMENSION), np.float32))


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def vocabulary() -> list[str]:
    """Words of two to five syllables, the frequent ones short."""
    syllables = np.array([a + b for a in "bdfgklmnprstvz" for b in "aeiou"])
    random = np.random.default_rng(2)
    words: dict[str, None] = {}
    for length, count in ((2, 3000), (3, 30_000), (4, 90_000), (5, VOCABULARY)):
        drawn = syllables[random.integers(len(syllables), size=(count, length))]
        words |= dict.fromkeys("".join(row) + "x" for row in drawn.tolist())
    return list(words)[:VOCABULARY]


def documents(chunks: int) -> Iterator[tuple[Document, list[Chunk]]]:
    words = np.array(vocabulary(), object)
    random = np.random.default_rng(3)
    share = 1 / np.arange(1, VOCABULARY + 1) ** 1.07
    ends = np.cumsum(share / share.sum())
    for n in range(chunks // CHUNKS_A_DOCUMENT):
        drawn = words[np.searchsorted(ends, random.random((CHUNKS_A_DOCUMENT * SENTENCES, WORDS_A_SENTENCE)))]
        text, spans = "", []
        for sentence in (" ".join(row).capitalize() + "." for row in drawn):
            spans.append(Span(len(text), len(text) + len(sentence)))
            text += sentence + " "
        groups = [tuple(spans[i : i + SENTENCES]) for i in range(0, len(spans), SENTENCES)]
        name = f"document-{n:07d}.txt"
        cut = [Chunk(name, g[0].start, g[-1].end, text[g[0].start : g[-1].end], "", "", None, g) for g in groups]
        yield Document(name, text, "", "0" * 64), cut


class Peak:
    """The most memory that was the process's own: pages of mapped files are the system's to take back."""

    def __init__(self) -> None:
        self.bytes = 0
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            status = Path("/proc/self/status").read_text("ascii")
            self.bytes = max(self.bytes, 1024 * int(status.split("RssAnon:")[1].split()[0]))
            time.sleep(0.05)


def repeated(base: Index, folder: Path, chunks: int, embed: Callable[[Sequence[str]], Vectors]) -> Contents:
    """Write the texts of ``base`` again and again with new vectors."""
    writer = IndexWriter(folder, DIMENSION, base)
    for n in range(chunks // CHUNKS_A_DOCUMENT):
        writer.keep(base.documents.id(n % len(base.documents)), f"document-{n:07d}.txt")
    writer._duplicates = dict  # type: ignore[method-assign]
    with ArrayWriter(folder / "vectors", "<f4") as vectors:
        for _ in range(0, chunks, batch := 1000 * CHUNKS_A_DOCUMENT):
            vectors.append(embed([""] * batch))
    with ArrayWriter(folder / "sentences", "<f2") as sentences:
        for _ in range(chunks // len(base.chunks)):
            sentences.append(base.sentence_array)
    for file in (writer._records, writer._ids, writer._signatures):
        file.close()
    return writer.finish(MANIFEST)


def build(chunks: int, folder: Path, base: Path | None = None) -> dict[str, Any]:
    peak, space, random = Peak(), Space(chunks), np.random.default_rng(4)
    spent = {"embedder": 0.0, "texts": 0.0}

    def own_vectors(texts: Sequence[str]) -> Vectors:
        started = time.process_time()
        own = space.documents(random, len(texts) // CHUNKS_A_DOCUMENT)
        spent["embedder"] += time.process_time() - started
        return own

    def embed(texts: Sequence[str]) -> Vectors:
        own = own_vectors(texts[: len(texts) // (1 + SENTENCES)])
        return np.concatenate([own, np.repeat(own, SENTENCES, axis=0)])

    def made() -> Iterator[tuple[Document, list[Chunk]]]:
        source = documents(chunks)
        while True:
            started = time.process_time()
            item = next(source, None)
            spent["texts"] += time.process_time() - started
            if item is None:
                return
            yield item

    started, began = time.perf_counter(), time.process_time()
    with generations.writing(folder):
        if base is None:
            write_index(folder, made(), embed, MANIFEST)
        else:
            with generations.draft(folder) as draft:
                generations.publish(draft, repeated(load_index(base), draft, chunks, own_vectors))
    processor, seconds = time.process_time() - began, time.perf_counter() - started
    sizes: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            part = "words" if path.parent.name == "words" else path.name.split(".")[0]
            sizes[part] = sizes.get(part, 0) + path.stat().st_size
    return {
        "build_processor_seconds": round(processor - sum(spent.values()), 1),
        "of_which_making_up_data_was_taken_off": round(sum(spent.values()), 1),
        "build_wall_seconds_with_it": round(seconds, 1),
        "build_peak_memory_mb": round(peak.bytes / 1e6),
        "build_peak_memory_with_mapped_files_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "disk_mb": round(sum(sizes.values()) / 1e6, 1),
        "largest_files_mb": {k: round(v / 1e6, 1) for k, v in sorted(sizes.items(), key=lambda i: -i[1])[:5]},
        "dense_settings": load_index(folder).manifest["dense"],
    }


def search(chunks: int, folder: Path) -> dict[str, Any]:
    peak = Peak()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    index = load_index(folder)
    opened = time.perf_counter() - started
    random = np.random.default_rng(5)
    rows = random.integers(chunks, size=SEARCHES)
    disturbed = np.concatenate([index.vectors(int(r), int(r) + 1) for r in rows])
    queries = _unit(disturbed + 0.03 * random.standard_normal(disturbed.shape, np.float32))
    asked = [" ".join(random.choice(index.chunks[int(row)].text.split(), 6, replace=False)) for row in rows]
    started = time.perf_counter()
    _ = [index.chunks[row] for row, _ in [*index.dense(queries[0], 50), *index.lexical(asked[0], 50)]]
    first = time.perf_counter() - started
    exact, _ = dense._exact(np.ascontiguousarray(index.vectors(0, chunks)), queries, 10)
    found = [{row for row, _ in index.dense(query, 10)} for query in queries]
    times = {
        "dense": _timed(lambda n: index.dense(queries[n], 50), SEARCHES),
        "lexical": _timed(lambda n: index.lexical(asked[n], 50), SEARCHES),
        "dense_and_lexical": _timed(lambda n: (index.dense(queries[n], 50), index.lexical(asked[n], 50)), SEARCHES),
        "dense_exact": _timed(lambda n: dense._exact(index.vectors(0, chunks), queries[n : n + 1], 50), 20),
    }
    return {
        "open_seconds_files_not_in_memory": round(opened, 3),
        "open_seconds_again": round(_reopen(folder), 3),
        "first_search_ms": round(first * 1000, 1),
        **times,
        "recall@10": round(
            float(np.mean([len(a & set(b)) / 10 for a, b in zip(found, exact.tolist(), strict=True)])), 4
        ),
        "n_searches": SEARCHES,
        "search_peak_memory_mb": round(peak.bytes / 1e6),
    }


def _timed(work: Callable[[int], object], times: int) -> dict[str, float]:
    """Milliseconds by the clock and of the processor: the second does not grow while others use the machine."""
    clock, processor = [], []
    for n in range(times):
        began, started = time.process_time(), time.perf_counter()
        work(n)
        clock.append(1000 * (time.perf_counter() - started))
        processor.append(1000 * (time.process_time() - began))
    return {
        "p50_ms": round(statistics.median(clock), 2),
        "p95_ms": round(float(np.quantile(clock, 0.95)), 2),
        "processor_p50_ms": round(statistics.median(processor), 2),
        "processor_p95_ms": round(float(np.quantile(processor, 0.95)), 2),
    }


def _reopen(folder: Path) -> float:
    started = time.perf_counter()
    opened: Index = load_index(folder)
    assert len(opened.chunks)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--work", type=Path, help="where the indexes are made (default: the temporary folder)")
    parser.add_argument("--step", nargs=4, metavar=("STEP", "CHUNKS", "FOLDER", "BASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        step, chunks, folder, base = arguments.step
        made = build(int(chunks), Path(folder), Path(base) if base else None) if step == "build" else None
        arguments.out.write_text(json.dumps(made or search(int(chunks), Path(folder))), "utf-8")
        return
    work = Path(tempfile.mkdtemp(prefix="scale-", dir=arguments.work))
    try:
        measure(work, sorted(map(int, arguments.sizes.split(","))), arguments.out)
    finally:
        shutil.rmtree(work)


def measure(work: Path, sizes: Sequence[int], out: Path) -> None:
    rows: list[dict[str, Any]] = []
    for before, chunks in zip([0, *sizes], sizes, strict=False):
        row: dict[str, Any] = {"chunks": chunks}
        base = str(work / str(before)) if chunks > REPEATED_ABOVE and before else ""
        for step in ("build", "search"):
            command = [sys.executable, __file__, str(work / "row.json"), "--step", step, str(chunks)]
            subprocess.run([*command, str(work / str(chunks)), base], check=True)
            row |= json.loads((work / "row.json").read_text("utf-8"))
        print(json.dumps(row, indent=1), flush=True)
        rows.append(row)
        report = {
            "rows": rows,
            "exact_below_chunks": dense.APPROXIMATE_FROM,
            "cores_used": len(os.sched_getaffinity(0)),
            "load_average_at_end": os.getloadavg()[1],
            "machine": machine(),
            "versions": versions(),
            "sources": sources_digest(),
        }
        out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
