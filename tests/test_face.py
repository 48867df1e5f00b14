"""The library as its users meet it: what ``import rag`` offers, and an assistant made of parts of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rag
from rag import load
from rag.errors import ConfigError, ModelMissing
from tests.fakes import BagOfWordsEmbedder, OverlapReranker, OverlapVerifier, ScriptedGenerator

KIWI = "The Kiwi model will have a closed license, Orchard Labs said on Monday."
QUESTION = "Which license will the Kiwi model have?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "kiwi.txt").write_text(KIWI, "utf-8")
    return tmp_path


class Closing(ScriptedGenerator):
    closed = False

    def close(self) -> None:
        self.closed = True


def opened(folder: Path, generator: ScriptedGenerator) -> rag.Assistant:
    return rag.open(
        folder / "documents",
        index=folder / "index",
        caution="eager",
        embedder=BagOfWordsEmbedder(),
        reranker=OverlapReranker(),
        generator=generator,
        verifier=OverlapVerifier(),
    )


def test_the_surface_is_what_it_says_and_no_more() -> None:
    assert set(rag.__all__) == {"Answer", "Assistant", "Citation", "RagError", "__version__", "open"}
    for name in rag.__all__:
        assert getattr(rag, name) is not None
    assert set(rag.__all__) <= set(dir(rag))
    with pytest.raises(AttributeError, match="opne"):
        rag.opne  # noqa: B018


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, rag; print(sorted({'numpy', 'torch', 'faiss', 'onnxruntime', 'rag.types'} & set(sys.modules)))"
    root = Path(rag.__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_a_folder_is_opened_asked_and_printed(folder: Path) -> None:
    model = Closing("The Kiwi model will have a closed license [1].")
    with opened(folder, model) as assistant:
        answer = assistant.ask(QUESTION)
    assert not answer.refused
    assert answer.citations[0].quote == KIWI
    assert str(answer).splitlines()[0] == answer.answer == "The Kiwi model will have a closed license. [1]"
    assert f"[1] “{KIWI}”" in str(answer)
    assert json.loads(json.dumps(answer.to_dict()))["sentences"][0]["citations"][0] == {
        "document_id": "kiwi.txt", "title": "kiwi", "date": None, "start": 0, "end": len(KIWI), "quote": KIWI,
        "context": "", "marker": 1,
    }  # fmt: skip
    assert not model.closed, "whoever opened a part closes it"


def test_a_refusal_prints_its_reason_and_what_came_nearest(folder: Path) -> None:
    with opened(folder, ScriptedGenerator()) as assistant:
        answer = assistant.ask("Who leads Guava Industries?")
    assert answer.refused
    assert answer.reason in str(answer)
    assert answer.citations == ()


def test_a_loader_of_ones_own_reads_another_kind_of_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.load._LOADERS", dict(load._LOADERS))
    monkeypatch.setattr("rag.load.LOADERS", load._LOADERS)
    monkeypatch.setattr("rag.load._own", set())
    (folder / "documents" / "plum.fruit").write_bytes(b"MULP eht|The Plum model has an open license, the makers say.")
    (folder / "documents" / "broken.fruit").write_bytes(b"no bar")
    with rag.open(
        folder / "documents",
        index=folder / "index",
        embedder=BagOfWordsEmbedder(),
        reranker=OverlapReranker(),
        generator=ScriptedGenerator(),
        loaders={".fruit": lambda data: data.decode().split("|")[1]},
    ) as assistant:
        found = assistant.search("Which license has the Plum model?")
        assert found.evidence[0].document_id == "plum.fruit"
        assert "broken.fruit" not in assistant.index.documents
        assert "list index out of range" in assistant.index.files["broken.fruit"]["error"]


@pytest.mark.parametrize("suffix", ["fruit", "", ".", " .fruit"])
def test_what_is_no_suffix_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        load.register(suffix, bytes.decode)


def test_nothing_is_fetched_unless_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.models.store.fetch", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(ModelMissing, match="models fetch"):
        rag.open(folder / "documents", index=folder / "index", models_dir=folder / "none")


def test_a_misspelt_setting_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="pasages"):
        rag.open(folder / "documents", index=folder / "index", pasages=3)
