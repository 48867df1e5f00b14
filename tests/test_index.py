from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import IndexDamaged, IndexLocked, IndexMismatch, IndexMissing, IndexStoreError
from rag.index import generations
from rag.index.arrays import ArrayWriter
from rag.index.snapshot import Index, load_index
from rag.index.writer import write_index
from rag.types import Chunk, Document, Part, Unit
from tests.fakes import BagOfWordsEmbedder

EMBEDDER = BagOfWordsEmbedder()
MANIFEST = {
    "embedder": {"name": EMBEDDER.name, "fingerprint": EMBEDDER.fingerprint, "dimension": EMBEDDER.dimension},
    "chunker": {},
    "documents": {},
}
TEXTS = {
    "a.txt": "Foxes are red. Dogs are brown and loud.",
    "sub/b.txt": "Cats sleep all day. Nobody knows why cats purr.",
    "odd \\udcff\n.txt": "Emoji 🦊 and é stay where they are. So does this one.",
}


def document_of(name: str, text: str) -> tuple[Document, list[Chunk]]:
    """One chunk a sentence pair, as a chunker would cut it."""
    cut = text.index(". ") + 1
    units = (Unit(0, cut), Unit(cut + 1, len(text)))
    part = Part(0, len(text), "Title", date="2026-04-07")
    document = Document(name, text, "Title", hashlib.sha256(text.encode()).hexdigest(), parts=(part,))
    return document, [Chunk(name, 0, len(text), text, "Title", "Heading", "2026-04-07", units)]


def write(folder: Path, texts: dict[str, str]) -> str:
    documents = [document_of(n, t) for n, t in sorted(texts.items())]
    with generations.writing(folder):
        return write_index(folder, documents, EMBEDDER.embed_documents, MANIFEST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "index", TEXTS)
    return tmp_path / "index"


def answers(index: Index, question: str = "why do cats purr") -> Any:
    vector = EMBEDDER.embed_query(question)
    return index.dense(vector, 3), index.lexical(question, 3), [c.text for c in index.chunks]


def files_of(folder: Path) -> list[Path]:
    """Every file that an answer can depend on."""
    inside = sorted(p for p in folder.rglob("*") if p.is_file() and p.parent != folder)
    return [*(p for p in inside if p.stat().st_size), folder / "CURRENT"]


def test_what_is_written_is_read_back(folder: Path) -> None:
    index = load_index(folder, fingerprint=EMBEDDER.fingerprint)
    expected = [document_of(n, t) for n, t in sorted(TEXTS.items())]
    assert dict(index.documents) == {document.id: document for document, _ in expected}
    assert list(index.documents) == sorted(TEXTS)
    assert list(index.chunks) == [c for _, chunks in expected for c in chunks]
    assert index.chunks[-1] == expected[-1][1][-1]
    assert index.chunks[1:] == tuple(index.chunks)[1:]
    assert index.generation == "gen-000001"
    assert index.warning == ""
    assert index.manifest["counts"] == {"documents": 3, "chunks": 3, "sentences": 6}
    for row, (document, [chunk]) in enumerate(expected):
        assert index.document_id(row) == document.id
        np.testing.assert_array_equal(index.vectors(row, row + 1), EMBEDDER.embed_documents([chunk.search_text]))
        quotes = EMBEDDER.embed_documents([document.text[s.start : s.end] for s in chunk.sentences])
        np.testing.assert_array_equal(index.sentence_vectors(row), quotes.astype(np.float16).astype(np.float32))
    assert index.sentence_vectors(0).dtype == np.float32


def test_what_is_not_there_is_not_found(folder: Path) -> None:
    index = load_index(folder)
    assert 7 not in index.documents
    for name in ("", "a", "a.txt\0", "zebra.txt"):
        assert name not in index.documents
        assert index.documents.get(name) is None
    for row in (3, -4):
        with pytest.raises(IndexError):
            index.chunks[row]


def test_documents_come_in_order(tmp_path: Path) -> None:
    documents = [document_of(n, TEXTS["a.txt"]) for n in ("b.txt", "a.txt")]
    with generations.writing(tmp_path), pytest.raises(ValueError, match="in order"):
        write_index(tmp_path, documents, EMBEDDER.embed_documents, MANIFEST)


def test_dense_order_equals_numpy_brute_force(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    vectors = random.normal(size=(200, EMBEDDER.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[50:60] = vectors[10:20]  # ties
    document, [chunk] = document_of("a.txt", TEXTS["a.txt"])
    many = [replace(chunk, sentences=()) for _ in range(200)]
    with generations.writing(tmp_path):
        write_index(tmp_path, [(document, many)], lambda texts: vectors[: len(texts)], MANIFEST)
    index = load_index(tmp_path)
    for query in random.normal(size=(20, EMBEDDER.dimension)).astype(np.float32):
        query /= np.linalg.norm(query)
        found = index.dense(query, 200)
        brute = vectors @ query
        assert [row for row, _ in found] == [row for row, _ in sorted(found, key=lambda hit: (-hit[1], hit[0]))]
        np.testing.assert_allclose([score for _, score in found], np.sort(brute)[::-1], atol=1e-5)
        np.testing.assert_allclose([brute[row] for row, _ in found], [score for _, score in found], atol=1e-5)
    assert len(index.dense(vectors[0], 5)) == 5
    assert len(index.dense(vectors[0], 999)) == 200


def test_a_search_among_some_documents_finds_theirs_only(folder: Path) -> None:
    index = load_index(folder)
    vector, words = EMBEDDER.embed_query("why do cats purr at foxes"), "why do cats purr at foxes"
    for some in ([], ["a.txt"], ["sub/b.txt", "a.txt"], list(TEXTS), ["unknown.txt"]):
        for limited, everything in (
            (index.dense(vector, 9, documents=some), index.dense(vector, 9)),
            (index.lexical(words, 9, documents=some), index.lexical(words, 9)),
        ):
            expected = [(row, score) for row, score in everything if index.document_id(row) in some]
            assert [row for row, _ in limited] == [row for row, _ in expected]
            np.testing.assert_allclose([s for _, s in limited], [s for _, s in expected], atol=1e-6)
    assert index.lexical(words, 1, documents=["a.txt"])[0][0] == 0


def test_mentions_needs_every_word_somewhere(folder: Path) -> None:
    index = load_index(folder)
    assert index.mentions("Foxes")
    assert index.mentions("heading")
    assert not index.mentions("zebra")
    assert not index.mentions("fox zebra")


def test_no_index(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="rag build"):
        load_index(tmp_path / "nothing")


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [_flip, _truncate, _empty, _delete])
def test_damage_to_any_file_is_an_error_never_an_answer(folder: Path, damage: Callable[[Path], None]) -> None:
    names = [p.relative_to(folder) for p in files_of(folder)]
    assert len(names) > 8
    for name in names:
        hurt = folder.parent / "hurt"
        shutil.copytree(folder, hurt)
        damage(hurt / name)
        with pytest.raises((IndexDamaged, IndexMissing), match="rag build"):
            load_index(hurt)
        shutil.rmtree(hurt)


def test_a_large_index_is_hashed_again_only_where_a_file_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    original = generations.sha256
    monkeypatch.setattr(generations, "sha256", lambda path: hashed.append(path.name) or original(path))
    load_index(folder)
    load_index(folder)
    assert hashed.count("vectors") == 2
    monkeypatch.setattr(generations, "VERDICTS_FROM", 0)
    load_index(folder)
    hashed.clear()
    load_index(folder)
    assert hashed == []
    path = folder / "gen-000001" / "vectors"
    before = path.stat()
    _flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(IndexDamaged):
        load_index(folder)
    _flip(path)
    load_index(folder)
    assert hashed == ["vectors", "vectors"]
    (folder / ".checked").write_bytes(b"\xff{")
    load_index(folder)
    assert len(hashed) > 10
    monkeypatch.setattr(generations, "VERDICTS_FROM", 0)
    write(folder, TEXTS)
    hashed.clear()
    assert load_index(folder).generation == "gen-000002"
    assert hashed == []


def test_every_byte_of_current_counts(folder: Path) -> None:
    content = (folder / "CURRENT").read_bytes()
    for position in range(len(content)):
        for bit in (1, 32):
            hurt = bytearray(content)
            hurt[position] ^= bit
            (folder / "CURRENT").write_bytes(hurt)
            with pytest.raises(IndexDamaged):
                load_index(folder)


def test_a_damaged_newest_generation_falls_back_loudly(folder: Path) -> None:
    write(folder, {"a.txt": "Only foxes are left. They are red."})
    for path in [p for p in files_of(folder) if "gen-000002" in p.parts]:
        good = path.read_bytes()
        _flip(path)
        with pytest.warns(RuntimeWarning, match="gen-000001"):
            index = load_index(folder)
        assert index.generation == "gen-000001"
        assert "damaged" in index.warning
        assert len(index.chunks) == 3
        path.write_bytes(good)
    assert load_index(folder).generation == "gen-000002"


def test_both_generations_damaged_is_an_error(folder: Path) -> None:
    write(folder, TEXTS)
    for generation in ("gen-000001", "gen-000002"):
        _flip(folder / generation / "vectors")
    with pytest.raises(IndexDamaged, match="gen-000002"):
        load_index(folder)


@pytest.mark.parametrize("listed", [True, False])
def test_a_missing_file_is_an_error_that_names_the_command(
    folder: Path, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not listed:  # by the manifest: another revision of the program wrote it
        monkeypatch.setattr("rag.index.generations.check_files", lambda *_: None)
    (generation,) = folder.glob("gen-*")
    for path in [p for p in generation.rglob("*") if p.is_file() and p.name != "manifest.json"]:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(IndexDamaged) as raised:
            load_index(folder)
        assert path.name in str(raised.value)
        assert raised.value.fix == "python -m rag build"
        path.write_bytes(content)


def test_another_embedder_is_named_on_both_sides(folder: Path) -> None:
    with pytest.raises(IndexMismatch, match=r"bag-of-words-256[\s\S]*other-embedder[\s\S]*rag build"):
        load_index(folder, fingerprint="other-embedder")


def test_another_schema_is_named_on_both_sides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.snapshot.SCHEMA", 99)
    with pytest.raises(IndexMismatch, match=r"schema 7; .*schema 99"):
        load_index(folder)


def test_two_generations_are_kept(folder: Path) -> None:
    for _ in range(3):
        write(folder, TEXTS)
    assert sorted(p.name for p in folder.glob("gen-*")) == ["gen-000003", "gen-000004"]
    assert load_index(folder).generation == "gen-000004"


def test_a_snapshot_outlives_its_generation(folder: Path) -> None:
    index = load_index(folder)
    expected = answers(index)
    for _ in range(3):
        write(folder, {"a.txt": "Something else. Altogether different."})
    assert answers(index) == expected


@pytest.mark.parametrize("step", ["Path.rename", "Path.replace", "os.fsync", "sha256", "json.dumps"])
@pytest.mark.parametrize("call", [1, 2, 3, 8])
def test_a_crash_at_any_step_leaves_the_old_index(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, call: int
) -> None:
    expected = answers(load_index(folder))
    owner: Any = {"Path": Path, "json": json, "os": os}.get(step.split(".")[0], generations)
    name = step.split(".")[-1]
    original = getattr(owner, name)
    calls = 0

    def crash(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, crash)
        crashed = False
        try:
            write(folder, {"a.txt": "New text. All of it."})
        except KeyboardInterrupt:
            crashed = True
    index = load_index(folder)
    assert index.generation == "gen-000002" if not crashed else answers(index) == expected
    assert not list(folder.glob(".new-*"))
    write(folder, {"a.txt": "New text. All of it."})
    assert [c.text for c in load_index(folder).chunks] == ["New text. All of it."]


def test_crash_steps_do_crash(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would pass if nothing it patches were called."""
    for owner, name in ((Path, "rename"), (Path, "replace"), (os, "fsync"), (generations, "sha256")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                write(folder, TEXTS)


def test_a_full_disk_is_an_error_a_person_understands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = answers(load_index(folder))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ArrayWriter, "append", full)
        with pytest.raises(IndexStoreError, match="No space left on device"):
            write(folder, TEXTS)
    assert answers(load_index(folder)) == expected
    assert not list(folder.glob(".new-*"))


def _hold(folder: Path, held: Any, let_go: Any) -> None:
    with generations.writing(folder):
        held.set()
        let_go.wait(30)


def test_a_second_writer_is_told_who_holds_the_index(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held, let_go = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_hold, args=(folder, held, let_go))
    process.start()
    try:
        assert held.wait(30)
        with pytest.raises(IndexLocked, match=f"pid {process.pid}"):
            write(folder, TEXTS)
        assert load_index(folder).generation == "gen-000001"
    finally:
        let_go.set()
        process.join(30)
    assert write(folder, TEXTS) == "gen-000002"


def test_a_killed_writer_leaves_no_lock(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held, let_go = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_hold, args=(folder, held, let_go))
    process.start()
    assert held.wait(30)
    process.kill()
    process.join(30)
    (folder / ".new-leftover").mkdir()
    assert write(folder, TEXTS) == "gen-000002"
    assert not (folder / ".new-leftover").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom rights bind")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(IndexStoreError, match="Permission denied"):
        write(tmp_path / "index", TEXTS)
