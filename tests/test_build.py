from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import opening
from rag.config import settings
from rag.errors import CorpusError, IndexMismatch, LoadError
from rag.index import build as building
from rag.index import changes
from rag.index.build import build, index_documents
from rag.index.changes import needs_build, stale
from rag.index.manifest import SCHEMA
from rag.index.snapshot import Index, load_index
from rag.load import sandbox
from rag.output.render import report_text
from rag.types import BuildReport, Chunk, Document, Vectors
from tests.fakes import BagOfWordsEmbedder, OverlapReranker

TEXTS = {
    "fox.txt": "About foxes\n\nFoxes are red animals. They live in the woods near here.\n",
    "cat.txt": "About cats\n\nCats sleep most of the day. Nobody knows why cats purr at night.\n",
    "sub/dog.md": "# About dogs\n\nDogs bark at the postman. The postman is used to it by now.\n",
}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for name, text in TEXTS.items():
        path = tmp_path / "seeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "seeds"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def statuses(report: BuildReport) -> dict[str, str]:
    return {f.path: f.status for f in report.files}


def rows_of(index: Index, document_id: str) -> tuple[list[Chunk], Vectors, Vectors]:
    """A document's chunks, their vectors, and those of their sentences."""
    rows = [row for row, chunk in enumerate(index.chunks) if chunk.document_id == document_id]
    sentences = np.concatenate([index.sentence_vectors(row) for row in rows])
    return [index.chunks[row] for row in rows], index.vectors(rows[0], rows[-1] + 1), sentences


def snapshot(folder: Path) -> dict[str, bytes]:
    live = [p for p in folder.rglob("*") if p.is_file() and "cache" not in p.parts and not p.name.startswith(".")]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in live}


def test_a_first_build_indexes_every_document(seeds: Path, index: Path) -> None:
    report = build(seeds, index, BagOfWordsEmbedder())
    assert statuses(report) == dict.fromkeys(TEXTS, "indexed")
    assert (report.documents, report.chunks, report.sentences) == (3, 3, 9)
    loaded = load_index(index)
    assert list(loaded.documents) == sorted(TEXTS)
    assert loaded.files["fox.txt"]["sha256"] == loaded.documents["fox.txt"].sha256
    for chunk in loaded.chunks:
        document = loaded.documents[chunk.document_id]
        assert document.text[chunk.start : chunk.end] == chunk.text


def test_another_way_to_read_or_cut_documents_has_them_read_again(
    seeds: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    assert "text/wiki.py" in load_index(index).manifest["chunker"]["sources"]
    for module in (building, changes):
        monkeypatch.setattr(module, "running", lambda files: "the digest after an upgrade")
    assert needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    embedder = BagOfWordsEmbedder()
    report = build(seeds, index, embedder)
    assert set(statuses(report).values()) == {"indexed"}
    assert embedder.embedded == []  # no text is embedded twice
    assert not needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)


def test_an_index_that_does_not_say_how_it_was_cut_is_built_again(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    folder = index / "gen-000001"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["chunker"] = {"version": 3, "max_chars": 900, "overlap": 0}  # as earlier programs wrote it
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    (index / "CURRENT").write_text(f"gen-000001 {digest}\n", "ascii")
    assert needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    assert set(statuses(build(seeds, index, BagOfWordsEmbedder())).values()) == {"indexed"}


def test_nothing_changed_writes_nothing(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    before = snapshot(index)
    embedder = BagOfWordsEmbedder()
    report = build(seeds, index, embedder)
    assert set(statuses(report).values()) == {"unchanged"}
    assert (report.generation, report.documents, report.sentences) == ("gen-000001", 3, 9)
    assert snapshot(index) == before
    assert embedder.embedded == []


def test_only_the_difference_is_parsed_and_embedded(seeds: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    unchanged = rows_of(load_index(index), "sub/dog.md")
    (seeds / "fox.txt").write_text("About foxes\n\nFoxes are grey animals now.\n", "utf-8")
    (seeds / "cat.txt").unlink()
    (seeds / "owl.txt").write_text("About owls\n\nOwls hunt at night in silence.\n", "utf-8")
    parsed: list[str] = []
    load_all = building.load_all

    def watched(paths: Iterable[Path], root: Path) -> Generator[tuple[Path, Document | LoadError]]:
        for path, found in load_all(paths, root):
            parsed.append(path.name)
            yield path, found

    monkeypatch.setattr(building, "load_all", watched)
    embedder = BagOfWordsEmbedder()
    report = build(seeds, index, embedder)
    assert statuses(report) == {
        "fox.txt": "indexed",
        "cat.txt": "removed",
        "owl.txt": "indexed",
        "sub/dog.md": "unchanged",
    }
    assert sorted(parsed) == ["fox.txt", "owl.txt"]
    assert not [text for text in embedder.embedded if "postman" in text or "purr" in text]
    loaded = load_index(index)
    assert sorted(loaded.documents) == ["fox.txt", "owl.txt", "sub/dog.md"]
    assert "red" not in " ".join(c.text for c in loaded.chunks)
    kept = rows_of(loaded, "sub/dog.md")
    assert kept[0] == unchanged[0]
    np.testing.assert_array_equal(kept[1], unchanged[1])
    np.testing.assert_array_equal(kept[2], unchanged[2])


def test_an_updated_index_equals_one_made_anew(seeds: Path, index: Path, tmp_path: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    (seeds / "fox.txt").write_text("About foxes\n\nFoxes are grey animals now.\n", "utf-8")
    (seeds / "cat.txt").rename(seeds / "zcat.txt")
    build(seeds, index, BagOfWordsEmbedder())
    build(seeds, tmp_path / "fresh", BagOfWordsEmbedder())
    old, new = load_index(index), load_index(tmp_path / "fresh")
    assert old.files == new.files
    assert list(old.chunks) == list(new.chunks)
    vector = BagOfWordsEmbedder().embed_query("grey foxes")
    assert old.dense(vector, 5) == new.dense(vector, 5)
    assert old.lexical("grey foxes", 5) == new.lexical("grey foxes", 5)


def test_a_touched_file_is_not_a_changed_one(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    os.utime(seeds / "fox.txt", (1, 1))
    assert not needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    assert build(seeds, index, BagOfWordsEmbedder()).generation == "gen-000001"


def test_same_size_and_new_bytes_is_a_changed_file(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    path = seeds / "fox.txt"
    path.write_text(path.read_text("utf-8").replace("red", "RED"), "utf-8")
    os.utime(path, (1, 1))
    assert needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    assert statuses(build(seeds, index, BagOfWordsEmbedder()))["fox.txt"] == "indexed"


def test_one_broken_file_is_reported_and_the_rest_goes_on(seeds: Path, index: Path) -> None:
    (seeds / "broken.txt").write_bytes(b"\x00\x01\x02\xff\xfe\x00" * 100)
    report = build(seeds, index, BagOfWordsEmbedder())
    assert statuses(report) == {**dict.fromkeys(TEXTS, "indexed"), "broken.txt": "failed"}
    assert next(f.why for f in report.files if f.path == "broken.txt")
    assert "broken.txt" not in load_index(index).documents
    assert not needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    assert build(seeds, index, BagOfWordsEmbedder()).generation == report.generation


@pytest.mark.parametrize("error", [LoadError("cannot be cut"), RecursionError(), MemoryError(), ValueError("odd")])
def test_whatever_a_document_does_to_the_chunker_costs_one_file(
    seeds: Path, index: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    cut = building.chunk_document

    def broken(document: Document, **settings: int) -> Any:
        if document.id == "cat.txt":
            raise error
        return cut(document, **settings)

    monkeypatch.setattr(building, "chunk_document", broken)
    (seeds / "cat.txt").write_text("changed and now broken", "utf-8")
    report = build(seeds, index, BagOfWordsEmbedder())
    assert statuses(report)["cat.txt"] == "failed"
    assert next(f.why for f in report.files if f.path == "cat.txt")
    assert sorted(load_index(index).documents) == ["fox.txt", "sub/dog.md"]


def test_what_is_passed_over_is_named(seeds: Path, index: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("Outside the folder. Not to be read.", "utf-8")
    (seeds / "link.txt").symlink_to(tmp_path / "secret.txt")
    (seeds / "linked").symlink_to(tmp_path, target_is_directory=True)
    (seeds / ".git").mkdir()
    (seeds / ".git" / "config.txt").write_text("Hidden text. More of it.", "utf-8")
    (seeds / ".hidden.txt").write_text("Hidden text. More of it.", "utf-8")
    (seeds / "program.exe").write_bytes(b"MZ")
    (seeds / "noise").write_bytes(b"x")
    if hasattr(os, "mkfifo"):
        os.mkfifo(seeds / "pipe.txt")
    report = build(seeds, index, BagOfWordsEmbedder())
    skipped = {f.path: f.why for f in report.files if f.status == "skipped"}
    assert skipped["link.txt"] == skipped["linked"] == "a symbolic link"
    assert skipped[".git/"] == skipped[".hidden.txt"] == "hidden"
    assert skipped["program.exe"] == "no reader for .exe"
    assert skipped["noise"] == "no reader for a file without suffix"
    assert skipped.get("pipe.txt", "not a regular file") == "not a regular file"
    assert report.count("indexed") == 3
    assert sorted(load_index(index).documents) == sorted(TEXTS)


@pytest.mark.parametrize("name", ["new\nline.txt", "bidi\u202etxt.txt", "é.txt", "x" * 200 + ".txt", "sp ace.txt"])
def test_odd_names(seeds: Path, index: Path, name: str) -> None:
    (seeds / name).write_text("Odd names are fine here. So they are.", "utf-8")
    assert statuses(build(seeds, index, BagOfWordsEmbedder()))[name] == "indexed"
    assert name in load_index(index).documents
    assert not needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_utf8(seeds: Path, index: Path) -> None:
    path = os.path.join(os.fsencode(seeds), b"raw\xff.txt")  # noqa: PTH118
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"Bytes are names too. So they are.")
    report = build(seeds, index, BagOfWordsEmbedder())
    assert report.count("indexed") == 4
    assert load_index(index).chunks[[c.document_id[:3] for c in load_index(index).chunks].index("raw")].text
    assert build(seeds, index, BagOfWordsEmbedder()).count("unchanged") == 4


def test_missing_and_empty_folders_leave_the_index_alone(seeds: Path, index: Path, tmp_path: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    before = snapshot(index)
    with pytest.raises(CorpusError, match="does not exist"):
        build(tmp_path / "nowhere", index, BagOfWordsEmbedder())
    with pytest.raises(CorpusError, match="does not exist"):
        needs_build(tmp_path / "nowhere", index, "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="no document"):
        build(tmp_path / "empty", index, BagOfWordsEmbedder())
    (tmp_path / "empty" / "nothing.txt").write_text("\n", "utf-8")
    with pytest.raises(CorpusError, match=r"nothing\.txt"):
        build(tmp_path / "empty", index, BagOfWordsEmbedder())
    assert snapshot(index) == before


def test_other_settings_rebuild_without_embedding_known_texts(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    embedder = BagOfWordsEmbedder()
    report = build(seeds, index, embedder, max_chars=500)
    assert report.generation == "gen-000002"
    assert report.count("indexed") == 3
    assert embedder.embedded == []


def test_another_embedder_rebuilds(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    other = BagOfWordsEmbedder()
    other.fingerprint = "another"
    assert needs_build(seeds, index, "another")
    assert build(seeds, index, other).count("indexed") == 3
    assert len(other.embedded) == 12
    assert not needs_build(seeds, index, "another")
    assert load_index(index, fingerprint="another").generation == "gen-000002"


def test_a_damaged_index_is_made_anew(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    path = index / "gen-000001" / "vectors"
    path.write_bytes(path.read_bytes()[:-9])
    embedder = BagOfWordsEmbedder()
    assert build(seeds, index, embedder).generation == "gen-000002"
    assert embedder.embedded == []
    assert len(load_index(index).chunks) == 3


# As written by earlier versions of the program, and as a later one might.
SCHEMA_1 = {
    "schema": 1,
    "embedder": {"name": "bag-of-words", "fingerprint": BagOfWordsEmbedder.fingerprint, "dimension": 256},
    "chunker": {"version": 2, "max_chars": 900, "overlap": 0},
    "documents": {"fox.txt": {"path": "fox.txt", "size": 70, "mtime_ns": 1, "sha256": "0" * 64, "status": "indexed"}},
    "lexical": {"method": "lucene", "k1": 0.9, "b": 0.4},
    "files": {"chunks.jsonl": {"size": 9, "sha256": "0" * 64}},
}
OTHER_VERSIONS = {
    "schema 1": SCHEMA_1,
    "schema 99": {"schema": 99, "made_by": "a later version"},
    "schema None": {"version": "0"},
}


@pytest.fixture(params=OTHER_VERSIONS)
def other_version(request: pytest.FixtureRequest, index: Path) -> str:
    """An index that another version of the program made; what it was made with is returned."""
    content = json.dumps(OTHER_VERSIONS[request.param]).encode()
    (index / "gen-000001").mkdir(parents=True)
    (index / "gen-000001" / "manifest.json").write_bytes(content)
    (index / "CURRENT").write_text(f"gen-000001 {hashlib.sha256(content).hexdigest()}\n", "ascii")
    return request.param


def test_an_index_of_another_version_is_made_anew_and_says_so(seeds: Path, index: Path, other_version: str) -> None:
    expected = f"{other_version}; this program uses schema {SCHEMA}"
    with pytest.raises(IndexMismatch, match=f"{expected}[\\s\\S]*rag build"):
        load_index(index)
    assert needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    seen: list[str] = []
    report = build(seeds, index, BagOfWordsEmbedder(), progress=lambda stage, done, total: seen.append(stage))
    assert statuses(report) == dict.fromkeys(TEXTS, "indexed")
    for text in (report.anew, seen[0], report_text(report)):
        assert expected in text
    assert sorted(load_index(index).documents) == sorted(TEXTS)
    again = build(seeds, index, BagOfWordsEmbedder())
    assert (again.generation, again.anew) == (report.generation, "")
    assert "anew" not in report_text(again)


def test_asking_over_an_index_of_another_version_makes_it_anew(
    seeds: Path, index: Path, other_version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_embedding", lambda _: BagOfWordsEmbedder())
    monkeypatch.setattr(opening, "open_ranking", lambda _: OverlapReranker())
    seen: list[str] = []
    assistant = opening.open_assistant(
        settings({"seeds": seeds, "index": index}),
        fetch=False,
        progress=lambda stage, done, total: seen.append(stage),
    )
    assert assistant.search("Why do cats purr?").evidence
    assert other_version in seen[0]
    assistant.close()


@pytest.mark.parametrize(
    ("settings", "why"), [({"max_chars": 500}, "'max_chars': 900"), ({"overlap": 1}, "'overlap': 0"), ({}, "")]
)
def test_an_index_of_other_chunks_is_made_anew_and_says_so(
    seeds: Path, index: Path, settings: dict[str, int], why: str
) -> None:
    assert build(seeds, index, BagOfWordsEmbedder()).anew == ""
    report = build(seeds, index, BagOfWordsEmbedder(), **settings)
    assert why in report.anew
    assert bool(report.anew) == bool(settings)


@pytest.mark.parametrize("change", ["add", "remove", "edit"])
def test_needs_build(seeds: Path, index: Path, change: str) -> None:
    fingerprint = BagOfWordsEmbedder.fingerprint
    assert needs_build(seeds, index, fingerprint)
    build(seeds, index, BagOfWordsEmbedder())
    assert not needs_build(seeds, index, fingerprint)
    if change == "add":
        (seeds / "new.txt").write_text("Something new. It is here.", "utf-8")
    elif change == "remove":
        (seeds / "fox.txt").unlink()
    else:
        (seeds / "fox.txt").write_text("Something new. It is here.", "utf-8")
    assert needs_build(seeds, index, fingerprint)


class Interrupted(BagOfWordsEmbedder):
    """Gives up after some batches, as Ctrl-C would."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches -= 1
        return super().embed_documents(texts)


def test_an_interrupted_build_goes_on_where_it_stopped(
    seeds: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.embedding_cache._BATCH", 2)
    reference = BagOfWordsEmbedder()
    build(seeds, tmp_path / "reference", reference)
    stopped = Interrupted(2)
    with pytest.raises(KeyboardInterrupt):
        build(seeds, index, stopped)
    assert not (index / "CURRENT").exists()
    assert not list(index.glob(".new-*"))
    resumed = BagOfWordsEmbedder()
    build(seeds, index, resumed)
    assert len(stopped.embedded) == 4
    assert sorted(stopped.embedded + resumed.embedded) == sorted(reference.embedded)
    vector = BagOfWordsEmbedder().embed_query("why do cats purr")
    assert load_index(index).dense(vector, 5) == load_index(tmp_path / "reference").dense(vector, 5)


def test_an_interrupted_update_leaves_the_index_answering(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    before = snapshot(index)
    (seeds / "owl.txt").write_text("About owls\n\nOwls hunt at night in silence.\n", "utf-8")
    with pytest.raises(KeyboardInterrupt):
        build(seeds, index, Interrupted(0))
    assert snapshot(index) == before
    assert build(seeds, index, BagOfWordsEmbedder()).count("indexed") == 1


def test_a_damaged_cache_is_begun_anew(seeds: Path, index: Path) -> None:
    path = index / "cache" / "embeddings.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    path.with_name("embeddings.sqlite-wal").write_bytes(b"left behind" * 1000)
    build(seeds, index, BagOfWordsEmbedder())
    assert len(load_index(index).chunks) == 3


def test_a_flipped_bit_in_a_cached_vector_is_noticed(seeds: Path, index: Path) -> None:
    first = BagOfWordsEmbedder()
    build(seeds, index, first)
    path = index / "cache" / "embeddings.sqlite"
    vector = first.embed_documents(["Foxes are red animals."])[0].tobytes()
    with closing(sqlite3.connect(path)) as cache, cache:
        [(key, blob)] = [row for row in cache.execute("SELECT * FROM vectors") if vector in row[1]]
        cache.execute("UPDATE vectors SET vector = ? WHERE key = ?", (blob[:-1] + bytes([blob[-1] ^ 1]), key))
    again = BagOfWordsEmbedder()
    build(seeds, index, again, max_chars=500)
    assert again.embedded == ["Foxes are red animals."]


def test_progress_counts_up_to_all(seeds: Path, index: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    build(seeds, index, BagOfWordsEmbedder(), progress=lambda *step: seen.append(step))
    assert [s for s in seen if s[0] == "reading"] == [("reading", n, 3) for n in range(4)]
    assert seen[-1] == ("embedding", 12, 12)


# --- the same bytes under another name -----------------------------------------------------------


def reports(report: BuildReport) -> dict[str, tuple[str, str]]:
    return {f.path: (f.status, f.why) for f in report.files if f.status != "unchanged"}


def test_a_rename_costs_no_parse_and_no_embedding(seeds: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    expected = rows_of(load_index(index), "sub/dog.md")
    (seeds / "sub" / "dog.md").rename(seeds / "hound.md")
    monkeypatch.setattr(sandbox._Worker, "load", lambda *_: pytest.fail("parsed"))
    (index / "cache" / "embeddings.sqlite").unlink()
    embedder = BagOfWordsEmbedder()
    assert reports(build(seeds, index, embedder)) == {"hound.md": ("renamed", "was sub/dog.md")}
    assert embedder.embedded == []
    loaded = load_index(index)
    assert list(loaded.documents) == ["cat.txt", "fox.txt", "hound.md"]
    assert loaded.documents["hound.md"].id == "hound.md"
    chunks, vectors, sentences = rows_of(loaded, "hound.md")
    assert [replace(c, document_id="sub/dog.md") for c in chunks] == expected[0]
    np.testing.assert_array_equal(vectors, expected[1])
    np.testing.assert_array_equal(sentences, expected[2])
    assert not needs_build(seeds, index, embedder.fingerprint)


def test_two_files_that_change_places(seeds: Path, index: Path, tmp_path: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    fox, cat = seeds / "fox.txt", seeds / "cat.txt"
    texts = fox.read_bytes(), cat.read_bytes()
    fox.write_bytes(texts[1])
    cat.write_bytes(texts[0])
    embedder = BagOfWordsEmbedder()
    build(seeds, index, embedder)
    assert embedder.embedded == []
    build(seeds, tmp_path / "fresh", embedder)
    old, new = load_index(index), load_index(tmp_path / "fresh")
    assert dict(old.documents) == dict(new.documents)
    assert list(old.chunks) == list(new.chunks)
    assert old.files == new.files


def test_a_title_that_was_the_name_follows_the_name(seeds: Path, index: Path, tmp_path: Path) -> None:
    (seeds / "first draft.txt").write_text("It says something here. It says more of it there.\n", "utf-8")
    build(seeds, index, BagOfWordsEmbedder())
    (seeds / "first draft.txt").rename(seeds / "final word.txt")
    build(seeds, index, BagOfWordsEmbedder())
    assert load_index(index).documents["final word.txt"].title == "final word"


def test_copies_are_named_and_one_of_them_is_the_source(seeds: Path, index: Path) -> None:
    text = (seeds / "fox.txt").read_text("utf-8")
    (seeds / "zfox.txt").write_text(text, "utf-8")
    (seeds / "sub" / "fox.md").write_text(text.replace("\n\n", "\n\n\n"), "utf-8")
    report = build(seeds, index, BagOfWordsEmbedder())
    assert report.duplicates == {"sub/fox.md": "fox.txt", "zfox.txt": "fox.txt"}
    loaded = load_index(index)
    assert dict(loaded.duplicate_of) == report.duplicates
    assert len(loaded.documents) == 5
    (seeds / "fox.txt").unlink()
    report = build(seeds, index, BagOfWordsEmbedder())
    assert report.duplicates == load_index(index).duplicate_of == {"zfox.txt": "sub/fox.md"}


# --- at answer time ------------------------------------------------------------------------------


def test_stale_names_what_changed_since(seeds: Path, index: Path) -> None:
    (seeds / "odd\n\u202e.txt").write_text("Odd names are fine here. So they are.", "utf-8")
    build(seeds, index, BagOfWordsEmbedder())
    loaded = load_index(index)
    assert stale(loaded, seeds) == frozenset()
    (seeds / "cat.txt").write_text("Another text altogether. It is here.", "utf-8")
    (seeds / "sub" / "dog.md").unlink()
    (seeds / "new.txt").write_text("Not indexed yet. It will be.", "utf-8")
    assert stale(loaded, seeds) == {"cat.txt", "sub/dog.md"}
    assert stale(loaded, seeds, ["fox.txt", "cat.txt", "new.txt"]) == {"cat.txt"}
    build(seeds, index, BagOfWordsEmbedder())
    assert stale(load_index(index), seeds) == frozenset()
    assert stale(loaded, seeds) == {"cat.txt", "sub/dog.md"}  # it is asked of the index that answered


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_utf8_is_not_stale_for_that(seeds: Path, index: Path) -> None:
    path = os.path.join(os.fsencode(seeds), b"raw\xff.txt")  # noqa: PTH118
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"Bytes are names too. So they are.")
    build(seeds, index, BagOfWordsEmbedder())
    assert stale(load_index(index), seeds) == frozenset()
    os.unlink(path)  # noqa: PTH108
    assert len(stale(load_index(index), seeds)) == 1


def test_a_file_whose_time_alone_changed_is_as_it_was(seeds: Path, index: Path) -> None:
    build(seeds, index, BagOfWordsEmbedder())
    info = (seeds / "cat.txt").stat()
    os.utime(seeds / "cat.txt", ns=(info.st_atime_ns, info.st_mtime_ns + 10**9))
    assert stale(load_index(index), seeds) == frozenset()
    text = (seeds / "cat.txt").read_bytes()
    (seeds / "cat.txt").write_bytes(bytes(reversed(text)))
    assert stale(load_index(index), seeds) == {"cat.txt"}


def test_documents_that_are_no_files_are_never_stale(tmp_path: Path, index: Path) -> None:
    document = Document("a", "It says something here. It says more there.", "A", "0" * 64)
    index_documents([document], index, BagOfWordsEmbedder())
    assert stale(load_index(index), tmp_path) == frozenset()


def test_a_large_index_keeps_its_cells_when_a_file_changes(
    seeds: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.dense.APPROXIMATE_FROM", 20)
    monkeypatch.setattr("rag.index.dense._SAMPLE", 10)
    for n in range(40):
        (seeds / f"report-{n:02}.txt").write_text(
            f"Report {n}\n\nNumber {n} is about topic{n % 7} and word{n} only. It has word{n * n} in it.\n", "utf-8"
        )
    build(seeds, index, BagOfWordsEmbedder())
    assert load_index(index).manifest["dense"]["trained_on"] == 43
    (seeds / "report-05.txt").write_text("Report 5\n\nA volcano erupted on the island at noon.\n", "utf-8")
    (seeds / "report-09.txt").unlink()
    build(seeds, index, BagOfWordsEmbedder())
    loaded = load_index(index)
    assert loaded.manifest["dense"]["trained_on"] == 43
    assert loaded.manifest["dense"]["type"].startswith("IVF13,")
    for row, chunk in enumerate(loaded.chunks):
        assert loaded.dense(BagOfWordsEmbedder().embed_query(chunk.search_text), 1)[0][0] == row
    assert (
        "volcano"
        in loaded.chunks[
            loaded.dense(BagOfWordsEmbedder().embed_query("a volcano erupted on the island"), 1)[0][0]
        ].text
    )
