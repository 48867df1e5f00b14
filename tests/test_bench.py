"""What `rag bench` measures: each measuring instrument against something known, and the report as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import opening
from rag.cli import main
from rag.config import Settings
from rag.errors import DataSetError, RagError
from rag.index.build import build
from rag.index.snapshot import load_index
from rag.measure import bench, probe
from rag.measure.child import Child, Ran, run
from rag.measure.limits import Machine, measure_machine, read_tensors, work_of
from rag.measure.machine import installed
from rag.models.llm import open_generator
from rag.models.protocols import Generator, Prompt
from tests.fakes import BagOfWordsEmbedder, OverlapReranker, ScriptedGenerator
from tests.test_assistant import KIWI, PLUM, QUESTION
from tests.tiny_models import write_checkpoint, write_gguf

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = [QUESTION, "Where does the zebra Gonzo live?"]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    return write_gguf(folder / "tiny.gguf", write_checkpoint(folder / "checkpoint"))


@pytest.fixture
def corpus(tmp_path: Path) -> Settings:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "kiwi.txt").write_text(KIWI, "utf-8")
    (tmp_path / "seeds" / "plum.txt").write_text(PLUM, "utf-8")
    build(tmp_path / "seeds", tmp_path / "index", BagOfWordsEmbedder())
    return Settings(seeds=tmp_path / "seeds", index=tmp_path / "index", threads=1)


# --- instruments -----------------------------------------------------------------------------------


def test_the_bytes_of_a_token_are_those_that_the_file_says(gguf: Path) -> None:
    from gguf import GGUFReader

    theirs = {t.name: (int(t.n_elements), int(t.n_bytes)) for t in GGUFReader(gguf).tensors}
    assert {t.name: (t.weights, t.bytes) for t in read_tensors(gguf)} == theirs
    table = theirs.pop("token_embd.weight")
    output = theirs.pop("output.weight")
    work = work_of(gguf)
    assert table[1] > 0
    assert work.written_bytes == sum(size for _, size in theirs.values()) + output[1]
    assert work.read_operations == 2 * sum(weights for weights, _ in theirs.values())


def test_the_machine_is_measured_on_the_threads_that_are_asked_for() -> None:
    import torch

    before = torch.get_num_threads()
    best = measure_machine(1, read_bytes=2**22, side=128)
    assert torch.get_num_threads() == before
    assert best.threads == 1
    assert min(best.bytes_a_second, best.int8_operations_a_second, best.float32_operations_a_second) > 1e6


def test_what_is_installed_is_what_the_project_needs() -> None:
    found = installed()
    assert {"numpy", "torch", "onnxruntime"} <= set(found)
    assert not {"pytest", "quoted-rag", "pip"} & set(found)
    assert found["numpy"] > 10**6
    assert installed("no-such-project") == {}


def test_a_process_is_timed_and_its_memory_watched() -> None:
    took = run("rag", ["--help"], {})
    assert 0 < took.processor_seconds <= took.seconds + 1
    assert 5e6 < took.peak_bytes < 1e9


def test_the_memory_of_a_process_is_that_of_its_own_children_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = "import time; held = bytearray(b'x') * 10**8; time.sleep(1)"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {hold!r}], check=True)\n"
    (tmp_path / "parent_of_one.py").write_text(code, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert 1e8 < run("parent_of_one", [], {}).peak_bytes < 1e9


@pytest.mark.parametrize("arguments", [["serach", "questions.json"], ["ask"], ["build", "questions.json"], []])
def test_a_probe_that_is_told_something_else_says_what_there_is(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "questions.json").write_text("[]", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert probe.main(arguments) == 1
    assert "search" in capsys.readouterr().err


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RagError, match=r"No module named rag\.nothing"):
        run("rag.nothing", [], {})


def test_a_process_that_is_left_ends() -> None:
    with Child("http.server", ["0", "--bind", "127.0.0.1"], {}) as child:
        time.sleep(0.1)
    assert child._process.returncode is not None


def test_tokens_are_counted_and_timed(gguf: Path) -> None:
    model = probe.Watched(open_generator(gguf, name="tiny", threads=1))
    prompt = Prompt("Answer.", (), "The old bridge over the harbour was closed. " * 20)
    pieces = list(model.stream(prompt, max_tokens=8))
    assert model.counts["prompt_tokens"] == pieces[-1].prompt_total
    assert model.counts["output_tokens"] == 8
    assert 0 < model.counts["read_tokens"] <= pieces[-1].prompt_total
    assert model.counts["written_tokens"] == 7  # the first one ends the reading
    assert min(model.counts["read_seconds"], model.counts["write_seconds"]) > 0
    model.begin()
    assert not any(model.counts.values())
    model.close()


# --- the report ------------------------------------------------------------------------------------


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gguf: Path) -> None:
    """Small models, and children that are generators of this process: the figures are real, the processes are not."""

    def model(_: Settings) -> Generator:
        return ScriptedGenerator(*["The Kiwi model will have a closed license [1]."] * 9)

    class Here:
        peak_bytes = 123_000_000

        def __init__(self, _: str, arguments: list[str], environment: dict[str, str]) -> None:
            given = {name.removeprefix("RAG_").lower(): value for name, value in environment.items()}
            chosen = Settings(**{k: Path(v) for k, v in given.items() if k in ("seeds", "index")}, threads=1)
            self.do, self.chosen, self.file = arguments[0], chosen, arguments[-1]

        def events(self) -> Iterator[tuple[float, dict[str, Any]]]:
            questions = [] if self.do == "build" else json.loads(Path(self.file).read_text("utf-8"))
            return ((1.0, json.loads(json.dumps(line))) for line in probe.run(self.do, self.chosen, questions))

        def __enter__(self) -> Here:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(opening, "open_embedding", lambda _: BagOfWordsEmbedder())
    monkeypatch.setattr(opening, "open_ranking", lambda _: OverlapReranker())
    monkeypatch.setattr(opening, "open_model", model)
    monkeypatch.setattr("rag.models.store.locate", lambda name, _: gguf)
    monkeypatch.setattr("rag.models.store.fetch", lambda *_, **__: gguf)
    monkeypatch.setattr(bench, "Child", Here)
    monkeypatch.setattr(bench, "run", lambda *_: Ran(0.5, 0.4, 50_000_000))
    monkeypatch.setattr(bench, "measure_machine", lambda threads: Machine(1e9, 4e9, 2e9, threads, 7))


def test_the_report_has_every_figure_with_its_n(corpus: Settings, in_process: None) -> None:
    report = bench.bench(corpus, bench.Plan(questions=tuple(QUESTIONS), starts=3, openings=2))
    figures = {f["name"]: f for f in report["figures"]}
    assert figures["rag search, from a cold process"] | {"n": 3} == figures["rag search, from a cold process"]
    assert figures["rag ask, from a cold process"]["n"] == 2
    assert figures["cold start to first evidence"]["n"] == 2
    assert figures["build, sentences"]["n"] == load_index(corpus.index).manifest["counts"]["sentences"]
    assert figures["build, files"]["value"] == pytest.approx(2 / figures["build"]["value"])
    one, other = report["questions"]
    assert not one["refused"]
    assert other["refused"]  # no document mentions Gonzo
    assert 0 < one["evidence_ms"] < one["first_token_ms"] < one["verified_ms"]
    assert figures["question to verified answer, p50"]["value"] == one["verified_ms"]
    assert figures["question to refusal, p50"]["value"] == other["verified_ms"]
    assert figures["draft, p50"]["value"] == one["output_tokens"] > 3
    written = one["written_tokens"] / one["write_seconds"]
    assert figures["writing"]["value"] == pytest.approx(written)
    bound = figures["writing, upper bound"]["value"]
    assert bound == pytest.approx(1e9 / (1e6 * figures["read from memory for a token written"]["value"]))
    assert figures["writing, share of the bound"]["value"] == pytest.approx(written / bound)
    assert figures["start and questions, peak memory"]["value"] == 123
    assert report["machine"]["cores"] >= 1
    assert all(name in bench.bench_table(report) for name in figures)


def test_without_answers_no_language_model_is_opened(
    corpus: Settings, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_model", lambda _: pytest.fail("opened"))
    report = bench.bench(corpus, bench.Plan(answers=False, starts=1, openings=1, limit=1))
    names = {f["name"] for f in report["figures"]}
    assert {"question to evidence, p50", "question to evidence, p95"} <= names
    assert not any("rag ask" in name or "writing" in name for name in names)
    assert len(report["questions"]) == 1  # one that the chat proposes


def test_sets_are_asked_instead_of_the_documents(
    corpus: Settings, in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "user_cache_path", lambda _: tmp_path / "cache")
    folder = tmp_path / "fruit"
    folder.mkdir()
    document = {"_id": "kiwi", "title": "Kiwi", "text": KIWI}
    question = {"id": "q", "question": QUESTION, "kind": "answerable", "answers": ["closed"], "evidence": []}
    (folder / "corpus.jsonl").write_text(json.dumps(document) + "\n", "utf-8")
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n", "utf-8")
    report = bench.bench(corpus, bench.Plan(sets=(folder,), answers=False, openings=1))
    assert report["index"]["documents"] == 1
    assert [row["question"] for row in report["questions"]] == QUESTIONS[:1]
    assert not any(f["name"].startswith(("rag ", "build")) for f in report["figures"])


def test_the_command_prints_a_table_and_writes_one_file(
    corpus: Settings, in_process: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = tmp_path / "questions.txt"
    asked.write_text(f"{QUESTIONS[0]}\n\n" + json.dumps({"question": QUESTIONS[1]}) + "\n", "utf-8")
    folders = ["--seeds", str(corpus.seeds), "--index", str(corpus.index)]
    assert main(["bench", "--questions", str(asked), "--out", str(tmp_path / "bench.json"), *folders]) == 0
    report = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert [row["question"] for row in report["questions"]] == QUESTIONS
    assert report["command"] == "rag bench --questions questions.txt"
    assert str(tmp_path) not in json.dumps(report)
    assert "question to evidence, p95" in capsys.readouterr().out


def test_questions_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"missing\.txt"):
        bench.read_questions(tmp_path / "missing.txt")


@pytest.mark.model
def test_a_search_with_the_default_models_imports_nothing_heavy(real_settings: Settings) -> None:
    code = (
        "import sys, contextlib, io\nfrom rag.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): status = main(['search', 'Who leads Meta?'])\n"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'gradio', 'trafilatura', 'xllamacpp', 'sklearn'}\n"
        "print(status, sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "RAG_INDEX": str(real_settings.index)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.model
def test_processes_of_the_real_program_are_measured(real_settings: Settings) -> None:
    report = bench.bench(real_settings, bench.Plan(answers=False, starts=1, openings=1, limit=2))
    figures = {f["name"]: f["value"] for f in report["figures"]}
    assert 0 < figures["rag --help, from a cold process"] < figures["rag search, from a cold process"]
    assert figures["build, sentences"] > 1
    assert len(report["questions"]) == 2
    if sys.platform == "linux":
        assert figures["rag search, peak memory"] < 500  # torch alone would take more
