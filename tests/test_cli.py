"""The command line's own work: flags, exit statuses, messages. No model runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.cli import FAILED, main
from rag.errors import CorpusError
from rag.index.build import build
from tests.fakes import BagOfWordsEmbedder

ROOT = Path(__file__).resolve().parent.parent


def rag(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rag", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=120,
    )


def test_help_is_quick() -> None:
    started = time.perf_counter()
    done = rag("--help")
    assert done.returncode == 0
    for command in ("build", "ask", "search", "models", "doctor"):
        assert command in done.stdout
    assert time.perf_counter() - started < 3  # a fraction of a second where nothing else runs


def test_an_unknown_setting_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rag.toml").write_text("pasages = 3\n")
    assert main(["models", "--config", str(tmp_path / "rag.toml")]) == FAILED
    assert "'pasages'" in capsys.readouterr().err


def test_a_value_out_of_bounds_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "-k", "0", "a question"]) == FAILED
    assert "evidence_sentences = 0" in capsys.readouterr().err


@pytest.mark.parametrize("question", ["", "?!", "x" * 100_000])
def test_a_question_that_cannot_be_asked_costs_nothing(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", question]) == FAILED
    error = capsys.readouterr().err
    assert "question" in error
    assert len(error) < 1000


def test_a_missing_model_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    done = rag("search", "a question", RAG_MODELS_DIR=str(tmp_path))
    assert done.returncode == FAILED
    assert "python -m rag models fetch" in done.stderr
    assert "Traceback" not in done.stderr


def test_models_are_listed_without_any(tmp_path: Path) -> None:
    done = rag("models", RAG_MODELS_DIR=str(tmp_path))
    assert done.returncode == 0
    assert "qwen2.5-coder-1.5b-instruct" in done.stdout
    assert "missing" in done.stdout


def test_the_golden_questions_quote_the_seeds_exactly() -> None:
    for line in (ROOT / "tests" / "golden" / "questions.jsonl").read_text("utf-8").splitlines():
        question = json.loads(line)
        evidence = [*question.get("evidence", []), *(e for s in question.get("sides", []) for e in s["evidence"])]
        for item in evidence:
            assert item["text"] in (ROOT / "seeds" / item["doc_id"]).read_text("utf-8"), question["id"]


def test_a_build_names_every_file_that_is_not_as_it_was_and_watches_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    seeds.mkdir()
    text = "About owls\n\nOwls hunt at night in silence. Nobody hears them come near.\n"
    for name in ("copy.txt", "owl.txt"):
        (seeds / name).write_text(text, "utf-8")
    (seeds / "broken.txt").write_bytes(b"\x00\x01\xff" * 50)
    monkeypatch.setattr("rag.models.store.fetch", lambda *_, **__: tmp_path)
    monkeypatch.setattr("rag.opening.open_embedding", lambda _: BagOfWordsEmbedder())

    def changes(*_: object, **__: object) -> Iterator[object]:
        yield CorpusError("The folder is gone.", fix="bring it back")
        (seeds / "owl.txt").rename(seeds / "night.txt")
        yield build(seeds, index, BagOfWordsEmbedder())

    monkeypatch.setattr("rag.index.watch.watch", changes)
    assert main(["build", "--watch", "--seeds", str(seeds), "--index", str(index)]) == FAILED  # one file is broken
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].startswith("failed    broken.txt  (")
    assert lines[1:3] == ["indexed   copy.txt", "indexed   owl.txt"]
    assert lines[3] == "duplicate owl.txt  (nearly the text of copy.txt: not a source of its own)"
    assert "renamed   night.txt  (was owl.txt)" in lines
    assert "The folder is gone." in printed.err
