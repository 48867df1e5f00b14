from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from rag.errors import RagError
from rag.index import generations
from rag.index.build import build
from rag.index.snapshot import load_index
from rag.index.watch import watch
from rag.types import BuildReport
from tests.fakes import BagOfWordsEmbedder

FOX = "About foxes\n\nFoxes are red animals. They live in the woods near here.\n"


class Watched:
    """A folder that is being watched, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.seeds, self.index = folder / "seeds", folder / "index"
        self.seeds.mkdir()
        (self.seeds / "fox.txt").write_text(FOX, "utf-8")
        build(self.seeds, self.index, BagOfWordsEmbedder())
        self.outcomes: list[BuildReport | RagError] = []
        self.stop = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        embedder = BagOfWordsEmbedder()
        for outcome in watch(self.seeds, self.index, embedder, stop=self.stop, every_seconds=0.05):
            self.outcomes.append(outcome)

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.outcomes) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def close(self) -> None:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.close()


def test_changes_are_taken_in_as_they_come(watched: Watched) -> None:
    (watched.seeds / "owl.txt").write_text("About owls\n\nOwls hunt at night in silence.\n", "utf-8")
    watched.wait_for(1)
    assert list(load_index(watched.index).documents) == ["fox.txt", "owl.txt"]
    (watched.seeds / "fox.txt").unlink()
    watched.wait_for(2)
    assert list(load_index(watched.index).documents) == ["owl.txt"]
    assert all(isinstance(outcome, BuildReport) for outcome in watched.outcomes)


def test_nothing_is_done_while_nothing_changes(watched: Watched) -> None:
    time.sleep(0.5)
    (watched.seeds / "picture.png").write_bytes(b"no document")
    time.sleep(0.5)
    assert watched.outcomes == []
    assert load_index(watched.index).generation == "gen-000001"


def test_a_problem_is_told_once_and_the_watch_goes_on(watched: Watched) -> None:
    (watched.seeds / "fox.txt").unlink()
    watched.wait_for(1)
    time.sleep(0.5)
    [problem] = watched.outcomes
    assert isinstance(problem, RagError)
    assert "no document" in str(problem)
    (watched.seeds / "owl.txt").write_text("About owls\n\nOwls hunt at night in silence.\n", "utf-8")
    watched.wait_for(2)
    assert list(load_index(watched.index).documents) == ["owl.txt"]


def test_another_writer_is_waited_for(watched: Watched) -> None:
    with generations.writing(watched.index):
        (watched.seeds / "owl.txt").write_text("About owls\n\nOwls hunt at night in silence.\n", "utf-8")
        time.sleep(0.5)
        assert watched.outcomes == []
    watched.wait_for(1)
    assert "owl.txt" in load_index(watched.index).documents
