"""What the program costs on this machine, over the user's own documents: size, start, building, answering, memory.

Everything is measured in processes of its own, started as a user starts them, so that no figure holds what another one
left behind. Files of models and packages are in the system's cache after the first, uncounted run of each kind: a
first start after a reboot takes longer by as much as the disk needs.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NotRequired, TypedDict

from platformdirs import user_cache_path

from rag import opening
from rag.config import Settings
from rag.errors import DataSetError, ModelMissing
from rag.index.snapshot import load_index
from rag.index.sources import sources_digest
from rag.measure.answers_cache import index_of_documents, key_of
from rag.measure.child import Child, run
from rag.measure.datasets import read_set
from rag.measure.evaluate import sample
from rag.measure.limits import Work, measure_machine, work_of
from rag.measure.machine import MachineData, installed, machine, versions
from rag.measure.metrics import Measure, quantile, ratio
from rag.measure.probe import Built, Line, QuestionRow
from rag.models import store as models
from rag.models.llm.threads import physical_cores
from rag.retrieve.examples import example_questions
from rag.types import Progress

STARTS = 7  # of processes that take a second
OPENINGS = 3  # of those that open the language model
_EXAMPLES = 12  # questions, where none are given
_SAMPLED = 200  # questions of evaluation sets, where no number is given
_SEED = 0
_LARGEST = 5


class Figure(TypedDict):
    """One line of the report. ``low`` and ``high``: the 95 % interval over the n, bootstrapped."""

    name: str
    value: float
    unit: str
    n: int
    low: float
    high: float


class BenchReport(TypedDict):
    command: NotRequired[str]
    figures: list[Figure]
    questions: list[QuestionRow]
    largest_packages_mb: dict[str, float]
    index: dict[str, int]  # how many documents and chunks
    sets: list[str]
    settings: dict[str, str | int]
    threads: int
    load_average: float | None  # None: the system does not tell
    machine: MachineData
    versions: dict[str, str]
    sources: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    questions: tuple[str, ...] = ()  # (): those the chat proposes
    sets: tuple[Path, ...] = ()  # evaluation sets, asked instead of the user's documents
    limit: int | None = None  # of the questions
    answers: bool = True  # False: no language model runs
    starts: int = STARTS
    openings: int = OPENINGS


def bench(settings: Settings, plan: Plan, *, progress: Progress | None = None) -> BenchReport:
    """The report, ready for JSON. Brings the index in step first. Raises RagError where a part cannot be measured."""
    tell = progress or (lambda stage, done, total: None)
    embedder = opening.open_embedding(settings)
    if plan.sets:
        settings, questions = _sets(settings, plan, tell)
    else:
        opening.sync(settings, embedder, progress=progress)
        index = load_index(settings.index, fingerprint=embedder.fingerprint)
        questions = list(plan.questions) or example_questions(index.documents.values(), limit=_EXAMPLES)
        questions = questions[: plan.limit]
    if not questions:
        raise DataSetError("There is no question to ask.", fix="rag bench --questions FILE, one question a line")
    index = load_index(settings.index, fingerprint=embedder.fingerprint)
    size = {"documents": len(index.documents), "chunks": len(index.chunks)}
    del embedder, index
    packages = installed()
    figures = _size(settings, plan, packages)
    if not plan.sets:  # the command would bring their index in step with the user's folder
        figures += _starts(settings, plan, questions[0], tell)
        figures += _build(settings, tell)
    asked, rows = _session(settings, plan, questions, tell)
    figures += asked
    if plan.answers:
        figures += _limits(settings, rows, tell)
    return {
        "figures": figures,
        "questions": rows,
        "largest_packages_mb": _largest(packages),
        "index": size,
        "sets": [folder.name for folder in plan.sets],
        "settings": _reported(settings),
        "threads": settings.threads or physical_cores(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "machine": machine(),
        "versions": versions(),
        "sources": sources_digest(),
    }


def bench_table(report: BenchReport) -> str:
    """For a terminal: a line a figure."""
    lines = [f"{'':48} {'value':>10} {'':10} {'95 % interval':>19} {'n':>6}"]
    for f in report["figures"]:
        interval = f"{_number(f['low'])} – {_number(f['high'])}" if f["low"] < f["high"] else ""
        lines.append(f"{f['name']:48} {_number(f['value']):>10} {f['unit']:10} {interval:>19} {f['n']:>6}")
    here = report["machine"]
    lines.append(f"{here['processor']}, {here['cores']} cores, {report['threads']} threads; {report['index']}")
    return "\n".join(lines)


def _number(value: float) -> str:
    """
    >>> _number(0.1234), _number(12.34), _number(1234.5)
    ('0.123', '12.3', '1,234')
    """
    return f"{value:.3f}" if abs(value) < 2 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


# --- what is asked ---------------------------------------------------------------------------------


def read_questions(path: Path) -> list[str]:
    """One a line, as it is or as the "question" of a JSON object; blank lines are passed over. Raises DataSetError."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
        return [str(json.loads(line)["question"]) if line.startswith("{") else line for line in lines]
    except (OSError, ValueError, KeyError) as error:
        raise DataSetError(f"The questions {path} cannot be read: {error}.", fix="change --questions") from error


def _sets(settings: Settings, plan: Plan, tell: Progress) -> tuple[Settings, list[str]]:
    """All documents of the sets in one index, kept in the user's cache, and a sample of their questions."""
    sets = [read_set(folder, documents=settings.seeds) for folder in plan.sets]
    documents = [replace(d, id=f"{one.name}/{d.id}") for one in sets for d in one.documents]
    key = key_of([(d.id, d.sha256, len(d.text)) for d in documents])
    index = user_cache_path("quoted-rag") / "bench" / key[:16]
    index_of_documents(documents, index, opening.open_embedding(settings), progress=tell)
    limit = plan.limit or (None if plan.answers else _SAMPLED)
    asked = list(plan.questions) or sample([q.text for one in sets for q in one.questions], limit, _SEED)
    return replace(settings, index=index), asked


# --- the stages ------------------------------------------------------------------------------------


def _size(settings: Settings, plan: Plan, packages: Mapping[str, int]) -> list[Figure]:
    names = settings.model_names if plan.answers else (settings.embedder, settings.reranker)
    paths = [models.locate(name, settings.models) for name in names]
    sizes = [sum(f.stat().st_size for f in ([p] if p.is_file() else p.rglob("*")) if f.is_file()) for p in paths]
    figures = [_one("models", sum(sizes) / 1e6, "MB", len(sizes))]
    if packages:
        figures.insert(0, _one("packages installed", sum(packages.values()) / 1e6, "MB", len(packages)))
    return figures


def _largest(packages: Mapping[str, int]) -> dict[str, float]:
    """Megabytes of the largest packages."""
    largest = sorted(packages.items(), key=lambda item: -item[1])[:_LARGEST]
    return {name: round(size / 1e6, 1) for name, size in largest}


def _starts(settings: Settings, plan: Plan, question: str, tell: Progress) -> list[Figure]:
    commands = [("rag --help", ["--help"], plan.starts), ("rag search", ["search", question], plan.starts)]
    if plan.answers:
        commands.append(("rag ask", ["ask", question], plan.openings))
    figures = []
    for name, arguments, count in commands:
        ran = []
        for n in range(-1, count):  # the first brings the files into the system's cache
            tell(name, n + 1, count + 1)
            ran.append(run("rag", arguments, _environment(settings)))
        tell(name, count + 1, count + 1)
        cold = f"{name}, from a cold process"
        figures.append(_median(cold, [r.seconds for r in ran[1:]], "s"))
        if any(r.processor_seconds for r in ran):
            figures.append(_median(f"{name}, processor time", [r.processor_seconds for r in ran[1:]], "s"))
        if peak := max(r.peak_bytes for r in ran):
            figures.append(_one(f"{name}, peak memory", peak / 1e6, "MB", count + 1))
    return figures


def _build(settings: Settings, tell: Progress) -> list[Figure]:
    """A whole index in an empty folder: nothing is cached. Loading the embedder is not counted, its work is."""
    with tempfile.TemporaryDirectory(prefix="rag-bench-") as folder:
        chosen = replace(settings, index=Path(folder) / "index")
        built: Built | None = None
        with Child("rag.measure.probe", ["build"], _environment(chosen)) as child:
            for _, line in _lines(child):
                if line["event"] == "step":
                    tell(f"build: {line['stage']}", line["done"], line["total"])
                elif line["event"] == "built":
                    built = line
        peak = child.peak_bytes
    assert built is not None  # a process that ends without it has failed, which raises
    seconds = built["seconds"]
    figures = [
        _one("build", seconds, "s", built["files"]),
        _one("build, files", built["files"] / seconds, "a second", built["files"]),
        _one("build, sentences", built["sentences"] / seconds, "a second", built["sentences"]),
        _one("build, text and markup", built["bytes"] / 1e6 / seconds, "MB/s", built["files"]),
    ]
    return [*figures, _one("build, peak memory", peak / 1e6, "MB", 1)] if peak else figures


def _session(
    settings: Settings, plan: Plan, questions: Sequence[str], tell: Progress
) -> tuple[list[Figure], list[QuestionRow]]:
    """Cold starts to where questions can be asked; the last one goes on and asks them all."""
    do, last_mark = ("ask", "ready") if plan.answers else ("search", "evidence")
    marks: dict[str, list[float]] = {"evidence": [], "model": [], "ready": []}
    rows: list[QuestionRow] = []
    peak = 0
    with tempfile.TemporaryDirectory(prefix="rag-bench-") as folder:
        file = Path(folder) / "questions.json"
        file.write_text(json.dumps(questions), "utf-8")
        for n in range(plan.openings):
            with Child("rag.measure.probe", [do, str(file)], _environment(settings)) as child:
                for at, line in _lines(child):
                    if line["event"] == "question":
                        rows.append(line["row"])
                        tell("asking", len(rows), len(questions))
                    elif line["event"] in marks:
                        marks[line["event"]].append(at)
                        tell("starting", n, plan.openings)
                        if line["event"] == last_mark and n < plan.openings - 1:
                            break  # only the last one asks
            peak = max(peak, child.peak_bytes)
    names = {
        "evidence": "cold start to first evidence",
        "model": "cold start to language model open",
        "ready": "cold start to language model ready",
    }
    figures = [_median(names[mark], at, "s") for mark, at in marks.items() if at]
    figures += _answering(rows)
    if peak:
        figures.append(_one("start and questions, peak memory", peak / 1e6, "MB", len(rows)))
    return figures, rows


def _answering(rows: Sequence[QuestionRow]) -> list[Figure]:
    """Times from a question on, and how long prompts and drafts are."""
    answered = [row for row in rows if not row.get("refused")]
    times = {
        "question to evidence": [row["evidence_ms"] for row in rows if "evidence_ms" in row],
        "question to first token": [row["first_token_ms"] for row in answered if "first_token_ms" in row],
        "question to verified answer": [row["verified_ms"] for row in answered if "verified_ms" in row],
        "question to refusal": [row["verified_ms"] for row in rows if row.get("refused") and "verified_ms" in row],
    }
    figures = [
        f for name, ms in times.items() for q in (0.5, 0.95) for f in _quantile(f"{name}, p{100 * q:.0f}", ms, q, "ms")
    ]
    prompts = [row["prompt_tokens"] for row in rows if row.get("prompt_tokens")]
    drafts = [row["output_tokens"] for row in rows if row.get("output_tokens")]
    return [
        *figures,
        *_quantile("prompt, p50", prompts, 0.5, "tokens"),
        *_quantile("draft, p50", drafts, 0.5, "tokens"),
    ]


def _lines(child: Child) -> Iterator[tuple[float, Line]]:
    """What a ``rag.measure.probe`` prints, each line with the seconds since its start."""
    return child.events()


def _limits(settings: Settings, rows: Sequence[QuestionRow], tell: Progress) -> list[Figure]:
    """Speeds of the language model beside what the machine could do (see ``rag.measure.limits``)."""
    tell("limits of the machine", 0, 1)
    best = measure_machine(settings.threads or physical_cores())
    tell("limits of the machine", 1, 1)
    n = best.rounds
    figures = [
        _one("memory bandwidth, best", best.bytes_a_second / 1e9, "GB/s", n),
        _one("int8 arithmetic, best", best.int8_operations_a_second / 1e9, "Gop/s", n),
        _one("float32 arithmetic, best", best.float32_operations_a_second / 1e9, "Gop/s", n),
    ]
    work = _work(settings)
    written = [(row["written_tokens"], row["write_seconds"]) for row in rows if row["write_seconds"]]
    read = [(row["read_tokens"], row["read_seconds"]) for row in rows if row["read_seconds"]]
    for what, parts, least in (
        ("writing", written, work and best.bytes_a_second / work.written_bytes),
        ("reading", read, work and best.int8_operations_a_second / work.read_operations),
    ):
        speed = ratio(parts, seed=_SEED)
        tokens = int(sum(count for count, _ in parts))
        if speed:
            figures.append(_figure(what, replace(speed, n=tokens), "tokens/s"))
        if least:
            figures.append(_one(f"{what}, upper bound", least, "tokens/s", n))
        if speed and least:
            figures.append(_one(f"{what}, share of the bound", speed.value / least, "", tokens))
    if work:
        figures.append(_one("read from memory for a token written", work.written_bytes / 1e6, "MB", 1))
        figures.append(_one("operations for a token read", work.read_operations / 1e9, "Gop", 1))
    return figures


def _work(settings: Settings) -> Work | None:
    """None where the model is no GGUF file, whose header tells."""
    try:
        path = models.locate(settings.generator, settings.models)
    except ModelMissing:
        return None
    return work_of(path) if path.suffix == ".gguf" else None


def _reported(settings: Settings) -> dict[str, str | int]:
    """Words and numbers; of a model's path only the name, since the rest is of this machine."""
    values = {f.name: getattr(settings, f.name) for f in fields(settings)}
    plain = {name: value for name, value in values.items() if isinstance(value, int | str)}
    return {name: Path(value).name if isinstance(value, str) else value for name, value in plain.items()}


def _environment(settings: Settings) -> dict[str, str]:
    """The settings for another process."""
    given = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return {f"RAG_{name.upper()}": str(value) for name, value in given.items() if value is not None}


# --- figures ---------------------------------------------------------------------------------------


def _one(name: str, value: float, unit: str, n: int) -> Figure:
    """A figure without an interval."""
    return Figure(name=name, value=value, unit=unit, n=n, low=value, high=value)


def _figure(name: str, measure: Measure, unit: str) -> Figure:
    return {**_one(name, measure.value, unit, measure.n), "low": measure.low, "high": measure.high}


def _quantile(name: str, values: Sequence[float], q: float, unit: str) -> list[Figure]:
    """[] where there is no value."""
    measure = quantile(values, q, seed=_SEED)
    return [_figure(name, measure, unit)] if measure else []


def _median(name: str, values: Sequence[float], unit: str) -> Figure:
    return _quantile(name, values, 0.5, unit)[0]
