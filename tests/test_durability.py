"""The index outlives its writer: killed, out of space or shut out at every step, the old or the new one answers."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexMissing, IndexStoreError
from rag.index.arrays import ArrayWriter, RecordWriter
from rag.index.build import build
from rag.index.changes import needs_build
from rag.index.manifest import SCHEMA
from rag.index.snapshot import load_index
from tests.fakes import BagOfWordsEmbedder

if "forkserver" not in multiprocessing.get_all_start_methods():
    pytest.skip("the writer is a forked process", allow_module_level=True)
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["rag.index.build", "tests.fakes", "tests.test_durability"])

CORPORA = {
    "old": {"fox.txt": "Foxes are red animals. They live in the woods.", "cat.txt": "Cats sleep all day long here."},
    "new": {"fox.txt": "Foxes are grey animals now. They moved to town.", "owl.txt": "Owls hunt at night in silence."},
}
DONE, REFUSED, BROKEN = 0, 3, 9
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def corpus(folder: Path, name: str) -> Path:
    seeds = folder / name
    seeds.mkdir(exist_ok=True)
    for file, text in CORPORA[name].items():
        if not (seeds / file).exists():
            (seeds / file).write_text(f"About it\n\n{text}\n", "utf-8")
    return seeds


def answers(index: Path) -> Any:
    loaded = load_index(index)
    vector = BagOfWordsEmbedder().embed_query("grey foxes in the woods at night")
    found = loaded.dense(vector, 5), loaded.lexical("grey foxes in the woods at night", 5)
    sentences = [loaded.sentence_vectors(row).tolist() for row in range(len(loaded.chunks))]
    return dict(loaded.documents), tuple(loaded.chunks), found, sentences, loaded.files


class Steps:
    """Counts what a process does to the files below a folder, and acts before the one that it is told."""

    def __init__(self, folder: Path, at: int, act: str) -> None:
        self.folder, self.at, self.act, self.count = str(folder), at, act, 0

    def start(self) -> None:
        sys.addaudithook(self._audit)
        for owner, name in ((os, "fsync"), (ArrayWriter, "append"), (RecordWriter, "append")):
            setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, function: Any) -> Any:
        def counted(*args: Any) -> Any:
            self._step()
            return function(*args)

        return counted

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        touches = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "sqlite3.connect")
        touches |= event == "open" and isinstance(args[2], int) and bool(args[2] & WRITING)
        if touches and any(str(arg).startswith(self.folder) for arg in args if isinstance(arg, str | Path)):
            self._step()

    def _step(self) -> None:
        self.count += 1
        if self.count == self.at + 1:
            if self.act == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.act != "count":
                raise OSError(getattr(errno, self.act), os.strerror(getattr(errno, self.act)))


def _build(seeds: Path, index: Path, at: int, act: str, tell: Connection) -> None:
    status, said = BROKEN, ""
    try:
        steps = Steps(index, at, act)
        steps.start()
        build(seeds, index, BagOfWordsEmbedder())
        status, said = DONE, str(steps.count)
    except IndexStoreError as error:
        status, said = REFUSED, str(error)
    except BaseException:
        said = traceback.format_exc()
    finally:
        tell.send(said)
        os._exit(status)


def run(seeds: Path, index: Path, *, at: int = -1, act: str = "count") -> tuple[int, str]:
    """Build in a process of its own: its exit status, negative where it was killed, and what it said.

    It is forked from a server that has a single thread, which the process of the tests has not.
    """
    listen, tell = SERVER.Pipe(duplex=False)
    child = SERVER.Process(target=_build, args=(seeds, index, at, act, tell))
    child.start()
    tell.close()
    try:
        said = listen.recv()
    except EOFError:  # killed
        said = ""
    child.join()
    assert child.exitcode is not None
    return child.exitcode, said


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each corpus answers, from an index made in one go."""
    folder = tmp_path_factory.mktemp("states")
    found = {}
    for name in CORPORA:
        build(corpus(folder, name), folder / f"index-{name}", BagOfWordsEmbedder())
        found[name] = answers(folder / f"index-{name}")
    return found


def same(a: Any, b: Any) -> bool:
    """But for the times of files, which two folders do not share."""
    without = [{n: {**e, "mtime_ns": 0} for n, e in files.items()} for *_, files in (a, b)]
    return bool(a[:-1] == b[:-1] and without[0] == without[1])


def test_killed_at_any_step_the_old_or_the_new_index_answers(tmp_path: Path, states: dict[str, Any]) -> None:
    """Every second step of a build from old to new, and the others on the way back: over a hundred kills."""
    index = tmp_path / "index"
    build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
    outcomes = {"old": 0, "new": 0}
    kills = 0
    before, after = "old", "new"
    step = 0
    finished = 0
    while finished < 2:  # a whole round in each direction
        status, said = run(corpus(tmp_path, after), index, at=step, act="kill")
        assert status in (DONE, -signal.SIGKILL), said
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # whole, too: no falling back
            seen = answers(index)
        assert same(seen, states[before]) or same(seen, states[after]), f"step {step}"
        if status == DONE:
            assert same(seen, states[after])
            finished, step = finished + 1, 1
            before, after = after, before
            continue
        kills += 1
        step += 2
        outcomes["new" if same(seen, states[after]) else "old"] += 1
        if same(seen, states[after]):
            build(corpus(tmp_path, before), index, BagOfWordsEmbedder())
    assert kills >= 100
    assert outcomes["old"] > 50
    assert outcomes["new"] >= 1  # after the pointer moved
    assert not list(index.glob(".new-*"))


def test_killed_while_there_is_no_index_yet(tmp_path: Path, states: dict[str, Any]) -> None:
    seeds = corpus(tmp_path, "new")
    total = int(run(seeds, tmp_path / "whole")[1])
    for step in range(0, total, 4):
        index = tmp_path / f"index-{step}"
        status, said = run(seeds, index, at=step, act="kill")
        assert status == -signal.SIGKILL, said
        if (index / "CURRENT").exists():
            assert same(answers(index), states["new"])
        else:
            with pytest.raises(IndexMissing, match="rag build"):
                load_index(index)
        assert run(seeds, index)[0] == DONE
        assert same(answers(index), states["new"])


@pytest.mark.parametrize(("first", "problem"), [(0, "ENOSPC"), (3, "EACCES"), (6, "EROFS"), (9, "EIO")])
def test_a_write_that_fails_at_any_step_leaves_the_index(
    first: int, problem: str, tmp_path: Path, states: dict[str, Any]
) -> None:
    """Every third step of a build, with one of the four errors each."""
    index = tmp_path / "index"
    build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
    refused = 0
    for step in range(first, 400, 12):
        status, said = run(corpus(tmp_path, "new"), index, at=step, act=problem)
        assert status in (DONE, REFUSED), said
        seen = answers(index)
        if status == REFUSED:
            refused += 1
            assert os.strerror(getattr(errno, problem)) in said or "embedding cache" in said
            assert "rag build" in said or "delete" in said
        assert same(seen, states["new"]) if status == DONE else same(seen, states["old"]), f"step {step}: {said}"
        if status == DONE:
            if said and int(said) <= step:  # it never came that far
                break
            build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
    assert refused > 4
    assert run(corpus(tmp_path, "new"), index)[0] == DONE
    assert same(answers(index), states["new"])


def test_a_write_that_fails_when_the_index_is_published_is_no_failure(tmp_path: Path, states: dict[str, Any]) -> None:
    """Every one of the last steps: what is reported is what the index then answers."""
    index = tmp_path / "index"
    build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
    total = int(run(corpus(tmp_path, "new"), index)[1])
    outcomes = set()
    for step in range(total - 12, total):
        build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
        status, said = run(corpus(tmp_path, "new"), index, at=step, act="EIO")
        assert status in (DONE, REFUSED), said
        assert same(answers(index), states["new" if status == DONE else "old"]), f"step {step}: {said}"
        outcomes.add(status)
    assert outcomes == {DONE, REFUSED}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path, tmp_path: Path, states: dict[str, Any]) -> None:
    index = small_disk / "index"
    build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
    seeds = corpus(tmp_path, "new")
    for n in range(300):
        (seeds / f"more-{n}.txt").write_text(f"Report {n}\n\nSomething about number {n} and nothing else.\n", "utf-8")
    status, said = run(seeds, index)
    assert (status, "No space left" in said or "full" in said) == (REFUSED, True), said
    assert same(answers(index), states["old"])
    for n in range(300):
        (seeds / f"more-{n}.txt").unlink()
    for path in (index / "cache").iterdir():
        path.unlink()
    assert run(seeds, index)[0] == DONE
    assert same(answers(index), states["new"])


def test_a_reader_during_rebuilds_sees_one_or_the_other(tmp_path: Path, states: dict[str, Any]) -> None:
    index = tmp_path / "index"
    build(corpus(tmp_path, "old"), index, BagOfWordsEmbedder())
    corpus(tmp_path, "new")
    stop, wrong, seen = threading.Event(), [], {"old": 0, "new": 0}

    def read() -> None:
        while not stop.is_set():
            try:
                found = answers(index)
                seen[next(name for name, state in states.items() if same(found, state))] += 1
            except BaseException as error:
                wrong.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(24):
        build(corpus(tmp_path, ("new", "old")[n % 2]), index, BagOfWordsEmbedder())
    stop.set()
    reader.join(60)
    assert not wrong
    assert min(seen.values()) > 0


def test_an_index_of_another_schema_is_made_anew(tmp_path: Path, states: dict[str, Any], monkeypatch: Any) -> None:
    index, seeds = tmp_path / "index", corpus(tmp_path, "new")
    with monkeypatch.context() as patch:
        patch.setattr("rag.index.writer.SCHEMA", 1)
        build(seeds, index, BagOfWordsEmbedder())
    with pytest.raises(IndexStoreError, match=rf"schema 1; this program uses schema {SCHEMA}[\s\S]*rag build"):
        load_index(index)
    assert needs_build(seeds, index, BagOfWordsEmbedder.fingerprint)
    embedder = BagOfWordsEmbedder()
    build(seeds, index, embedder)
    assert embedder.embedded == []  # the cache knows every text
    assert same(answers(index), states["new"])
