"""rag beside LlamaIndex's CitationQueryEngine and txtai's RAG pipeline: one machine, model file, corpus and question.

    python -m benchmarks.peers.run SETS/clapnq --limit 10 --golden 6 --out benchmarks/peers.json

The systems take turns question by question, each first as often as the others. The peers run in an environment of
their own in --work, which is made from requirements.txt when it is not there. An interrupted run goes on where it
stopped; a question that a peer fails is recorded and the run goes on. README.md beside this file says what each was
given.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import selectors
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from benchmarks.peers.score import paired_ratio, peer_answer, system_measures
from benchmarks.peers.serve import CONTEXT_TOKENS, PEERS, Used
from benchmarks.peers.table import table
from rag import opening
from rag.assistant import Assistant
from rag.config import Settings, settings
from rag.errors import RagError
from rag.index.build import build, index_documents
from rag.index.snapshot import Index, load_index
from rag.index.sources import sources_digest
from rag.measure.datasets import DataSet, Question, read_set
from rag.measure.evaluate import sample
from rag.measure.machine import machine, versions
from rag.models import store as models
from rag.models.llm.llama import LlamaGenerator
from rag.models.llm.threads import physical_cores
from rag.models.protocols import Embedder
from rag.models.store import tqdm_progress
from rag.types import Finished

HERE = Path(__file__).resolve().parent
SYSTEMS = ("rag", *PEERS)
_BEGINNING = 160  # characters of a long text that the report shows
WARM_UP = "In one word, what are the documents about?"  # asked once of each, uncounted


class PeerFailed(Exception):
    """A peer gave an error, no answer in time, or ended."""


@dataclass(frozen=True)
class Place:
    """Where a run keeps things and what it runs with."""

    work: Path
    embedder: Path  # the peers'
    url: str
    threads: int
    patience: float  # seconds for one answer of a peer


# --- the three systems ---------------------------------------------------------------------------


class Peer:
    """A peer's process over one corpus; started when first asked, and again after it has failed."""

    def __init__(self, name: str, corpus: Path, place: Place) -> None:
        self._name, self._corpus, self._place = name, corpus, place
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: str) -> dict[str, Any]:
        """The reply of the worker with ``used``, its tokens. Raises PeerFailed."""
        if self._process is None:
            self._start()
        self._used()
        found = self._exchange(question, self._place.patience)
        if "error" in found:
            raise PeerFailed(found["error"])
        used = self._used()
        used["processor_seconds"] = round(used["processor_seconds"] + found.pop("processor_seconds"), 4)
        return {**found, "used": used}

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        place = self._place
        script = HERE / f"with_{self._name}.py"
        offline = {
            "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "NO_PROXY": "127.0.0.1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": str(place.threads),
        }  # fmt: skip
        self._process = subprocess.Popen(
            [str(_python(place.work)), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(place.work / f"{self._name}.log").open("ab"),
            env={**os.environ, **offline},
        )
        key = _digest(script.read_text("utf-8"), (HERE / "requirements.txt").read_text("utf-8"), str(place.embedder))
        config = {
            "documents": str(self._corpus),
            "index": str(self._corpus.with_name(f"{self._name}-{key}")),
            "embedder": str(place.embedder),
            "url": place.url,
            "context_tokens": CONTEXT_TOKENS,
        }
        print(f"{self._name}: indexing, then a first question", flush=True)
        self._exchange(config, 4 * 3600.0)  # it embeds the corpus
        self._exchange(WARM_UP, place.patience)

    def _exchange(self, value: Any, patience: float) -> dict[str, Any]:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(value).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            self.close()
            raise PeerFailed(f"its process ended: {error}") from error
        with selectors.DefaultSelector() as ready:  # a reply is one line, written at once
            ready.register(self._process.stdout, selectors.EVENT_READ)
            came = ready.select(patience)
        line = self._process.stdout.readline() if came else b""
        if not line:
            self.close()
            raise PeerFailed("its process ended" if came else f"no answer within {patience:.0f} s")
        return dict(json.loads(line))

    def _used(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self._place.url}/{self._name}/used", timeout=60) as reply:
            return dict(json.load(reply))


class Ours:
    """rag as `rag eval` asks it, with the tokens of its requests counted where they reach the engine."""

    def __init__(self, chosen: Settings, index: Index, embedder: Embedder) -> None:
        self._used = Used()
        ranking = opening.open_ranking(chosen)
        self._assistant = Assistant(chosen, index, embedder, ranking, lambda: self._open(chosen))
        self._assistant.load_generator().join()
        self.ask(WARM_UP)

    def _open(self, chosen: Settings) -> LlamaGenerator:
        """On the prebuilt engine also where a compiled one is installed, for it is what the peers get."""
        path = models.locate(chosen.generator, chosen.models)
        model = LlamaGenerator(path, name=chosen.generator, threads=chosen.threads)
        model._engine.complete = self._used.counted(model._engine.complete)  # type: ignore[method-assign]
        return model

    def ask(self, question: str) -> dict[str, Any]:
        self._used.take()
        answers = [step.answer for step in self._assistant.steps(question) if isinstance(step, Finished)]
        kept = ("answer", "refused", "reason", "disagreement", "sentences", "sides", "removed", "timings_ms")
        found = answers[-1].to_dict()
        return {"answer": {name: found[name] for name in kept}, "used": self._used.take()}

    def close(self) -> None:
        self._assistant.close()


# --- a set ---------------------------------------------------------------------------------------


def run_set(data: DataSet, questions: list[Question], chosen: Settings, place: Place, seed: int, log: Log) -> Any:
    """Asks what the log lacks, then scores."""
    embedder = opening.open_embedding(chosen)
    index = _open_index(data, place.work, embedder)
    texts = {name: document.text for name, document in index.documents.items()}
    corpus = _write_corpus(data, index, place.work)
    handed = {d["id"]: d["text"] for d in map(json.loads, corpus.read_text("ascii").splitlines())}
    made_with = _digest(
        sources_digest(), *(p.read_text("utf-8") for p in [*sorted(HERE.glob("with_*.py")), HERE / "worker.py"]),
        (HERE / "requirements.txt").read_text("utf-8"), chosen.generator, chosen.embedder, place.embedder.name,
        str(place.threads), corpus.parent.name,
    )  # fmt: skip
    keys = {(q.id, s): _digest(made_with, q.id, q.text, s) for q in questions for s in SYSTEMS}
    if any(key not in log.rows for key in keys.values()):
        with ExitStack() as stack:
            systems: dict[str, Any] = {"rag": Ours(chosen, index, embedder)}
            systems |= {name: Peer(name, corpus, place) for name in PEERS}
            for system in systems.values():
                stack.callback(system.close)
            for number, question in enumerate(questions):
                first = number % len(SYSTEMS)
                for name in SYSTEMS[first:] + SYSTEMS[:first]:
                    if keys[question.id, name] not in log.rows:
                        row = _row(systems[name], question)
                        log.add(keys[question.id, name], row)
                        _show(data.name, number, len(questions), name, row)
    rows = {q.id: {s: _scored(log.rows[keys[q.id, s]], handed) for s in SYSTEMS} for q in questions}
    return _report(data.name, questions, rows, {"rag": texts, **dict.fromkeys(PEERS, handed)}, seed)


def _row(system: Any, question: Question) -> dict[str, Any]:
    try:
        return dict(system.ask(question.text))
    except Exception as error:  # one question, whatever is wrong with it, must not cost the others
        return {"error": f"{type(error).__name__}: {error}"}


def _scored(row: Mapping[str, Any], handed: Mapping[str, str]) -> dict[str, Any]:
    """A row with its answer in rag's shape; the log keeps what the peer said, so that a new rule asks nothing anew."""
    return {**row, "answer": peer_answer(row, handed)} if "sources" in row else dict(row)


def _report(
    name: str, questions: list[Question], rows: dict[str, dict[str, Any]], texts: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    whole = [q for q in questions if not any("error" in row for row in rows[q.id].values())]

    def seconds(question: Question, system: str) -> float:
        return float(rows[question.id][system]["answer"]["timings_ms"]["total"]) / 1000

    def processor_seconds(question: Question, system: str) -> float:
        return float(rows[question.id][system]["used"]["processor_seconds"])

    def both_answered(question: Question, peer: str) -> bool:
        return not any(rows[question.id][s]["answer"]["refused"] for s in ("rag", peer))

    return {
        "name": name,
        "n": len(whole),
        "kinds": {k: sum(q.kind == k for q in whole) for k in sorted({q.kind for q in whole})},
        "systems": {s: system_measures([(q, rows[q.id][s]) for q in whole], texts[s], seed=seed) for s in SYSTEMS},
        "over_ours": {
            peer: {
                cost.__name__: {
                    "all": paired_ratio([(cost(q, peer), cost(q, "rag")) for q in whole], seed=seed),
                    "both_answered": paired_ratio(
                        [(cost(q, peer), cost(q, "rag")) for q in whole if both_answered(q, peer)], seed=seed
                    ),
                }
                for cost in (seconds, processor_seconds)
            }
            for peer in PEERS
        },
        "failed": {q.id: {s: row["error"] for s, row in rows[q.id].items() if "error" in row}
                   for q in questions if q not in whole},
        "questions": [
            {"id": q.id, "question": q.text, "kind": q.kind, "answers": _shown(q.answers),
             "gold": _shown([{"document_id": e.document_id, "text": e.text} for e in q.evidence]), **_shown(rows[q.id])}
            for q in questions
        ],
    }  # fmt: skip


def _shown(value: Any) -> Any:
    """As the report has it: what was said is whole; of a document's text the beginning, for a set is not ours."""
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    shown = {key: _shown(item) for key, item in value.items()}
    for key in ("quote", "text") if "document_id" in value else ():
        if len(text := value.get(key, "")) > _BEGINNING:
            shown |= {key: f"{text[:_BEGINNING]}…", "words": len(text.split())}
    return shown


def _show(set_name: str, number: int, of: int, name: str, row: Mapping[str, Any]) -> None:
    if "error" in row:
        print(f"{set_name} {number + 1}/{of} {name}: {row['error']}", flush=True)
        return
    said = row["answer"] if isinstance(row["answer"], str) else row["answer"]["answer"]
    print(f"{set_name} {number + 1}/{of} {name} {row['used']} {said[:100]!r}", flush=True)


def _open_index(data: DataSet, work: Path, embedder: Embedder) -> Index:
    key = _digest(sources_digest(), data.corpus_sha256, str(data.folder and data.folder.resolve()))
    folder = work / f"rag-{data.name}-{key}"
    with tqdm_progress() as progress:
        if data.folder is not None:
            build(data.folder, folder, embedder, progress=progress)
            return load_index(folder, fingerprint=embedder.fingerprint)
        try:
            return load_index(folder, fingerprint=embedder.fingerprint)
        except RagError:
            index_documents(data.documents, folder, embedder, progress=progress)
    return load_index(folder, fingerprint=embedder.fingerprint)


def _write_corpus(data: DataSet, index: Index, work: Path) -> Path:
    """The documents as the peers get them: the text that rag indexed, under its title where the set has titles."""
    lines = []
    for name, document in sorted(index.documents.items()):
        titled = data.folder is None and document.title != name
        text = f"{document.title}\n{document.text}" if titled else document.text
        lines.append(json.dumps({"id": name, "text": text}) + "\n")
    whole = "".join(lines)
    path = work / f"corpus-{data.name}-{_digest(whole)}" / "documents.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(whole, "ascii")
    return path


class Log:
    """A line a row, written when it is known; failures are tried again by the next run."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path = path
        self.rows: dict[str, dict[str, Any]] = {}
        if fresh:
            path.unlink(missing_ok=True)
        for line in path.read_text("ascii").splitlines() if path.is_file() else ():
            try:
                key, row = json.loads(line)
            except ValueError:
                continue  # cut off by an interruption
            if "error" not in row:
                self.rows[key] = row

    def add(self, key: str, row: dict[str, Any]) -> None:
        self.rows[key] = row
        with self._path.open("a", encoding="ascii") as stream:
            stream.write(json.dumps([key, row]) + "\n")


# --- the peers' environment and their model ------------------------------------------------------


def _python(work: Path) -> Path:
    return work / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _install(work: Path) -> None:
    """The peers' environment, anew where requirements.txt has changed. The only step that uses the network."""
    wanted = (HERE / "requirements.txt").read_text("utf-8")
    done = work / "venv" / "installed.txt"
    if done.is_file() and done.read_text("utf-8") == wanted:
        return
    print("installing the peers", flush=True)
    venv.create(work / "venv", with_pip=True, clear=True, symlinks=os.name != "nt")
    pip = [str(_python(work)), "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")]
    subprocess.run(pip, check=True)
    done.write_text(wanted, "utf-8")


@contextmanager
def _serving(model: Path, threads: int) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.peers.serve", str(model), "--threads", str(threads)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parent.parent, text=True
    ) as server:
        assert server.stdout
        try:
            if not (url := server.stdout.readline().strip()):
                raise RuntimeError(f"{' '.join(command)} ended with {server.wait()}")
            yield url
        finally:
            server.kill()


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", type=Path, nargs="*", metavar="SET", help="folders that rag eval reads")
    parser.add_argument("--limit", type=int, help="questions of each set (default: all)")
    parser.add_argument("--golden", type=int, help="golden questions over seeds/ (default: all; 0: none)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedder", default="all-MiniLM-L6-v2", help="the peers' (a sentence-transformers folder)")
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds for one answer of a peer")
    parser.add_argument("--work", type=Path, default=user_cache_path("quoted-rag") / "peers")
    parser.add_argument("--fresh", action="store_true", help="ask again what an earlier run asked")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    chosen = settings()
    chosen = replace(chosen, threads=chosen.threads or physical_cores())
    given.work.mkdir(parents=True, exist_ok=True)
    _install(given.work)
    log = Log(given.work / "rows.jsonl", fresh=given.fresh)
    golden = [(HERE.parent.parent / "tests" / "golden", given.golden)] if given.golden != 0 else []
    model = models.locate(chosen.generator, chosen.models)
    report: dict[str, Any] = {"sets": []}
    with _serving(model, chosen.threads) as url:
        embedder = models.locate(given.embedder, chosen.models)
        place = Place(given.work, embedder, url, chosen.threads, given.patience)
        for path, limit in [*golden, *((path, given.limit) for path in given.sets)]:
            data = read_set(path, documents=chosen.seeds)
            questions = sample([q for q in data.questions if q.given_docs is None], limit, given.seed)
            report["sets"].append(run_set(data, questions, chosen, place, given.seed, log))
            if given.out:
                given.out.write_text(json.dumps(report | _circumstances(given, chosen), indent=1) + "\n", "utf-8")
    for found in report["sets"]:
        print("\n".join([*table(found), ""]))


def _circumstances(given: argparse.Namespace, chosen: Settings) -> dict[str, Any]:
    pinned = [line for line in (HERE / "requirements.txt").read_text("utf-8").splitlines() if "==" in line]
    return {
        "models": {"generator": chosen.generator, "rag_embedder": chosen.embedder, "peers_embedder": given.embedder},
        "settings": {"limit": given.limit, "golden": given.golden, "seed": given.seed, "threads": chosen.threads},
        "peers": [p for p in pinned if p.startswith(("llama-index", "txtai", "litellm"))],
        "versions": {**versions(), "program": sources_digest()},
        "machine": {**machine(), "cores_used": len(os.sched_getaffinity(0))},
    }


if __name__ == "__main__":
    main()
