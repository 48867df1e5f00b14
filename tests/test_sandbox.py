"""The processes that load: reused, replaced, stopped, and gone at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.load import load, sandbox
from rag.load.sandbox import load_all, load_limited
from rag.types import Document

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
# The worker's own start, but that reading slow.txt takes eight seconds on any machine.
START = (
    "import sys, time; sys.path.insert(0, sys.argv[1]); import rag.load.sandbox as w; load = w.load; "
    "w.load = lambda path, root: (time.sleep(8) if path.name == 'slow.txt' else None) or load(path, root=root); "
    "w.serve(float(sys.argv[2]), int(sys.argv[3]))"
)


@pytest.fixture(autouse=True)
def slow_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_START", START)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every worker process that is started, in order."""
    found: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def popen(*args: object, **kwargs: object) -> subprocess.Popen[bytes]:
        found.append(start(*args, **kwargs))  # type: ignore[call-overload]
        return found[-1]

    monkeypatch.setattr(sandbox.subprocess, "Popen", popen)
    return found


def texts(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{n}.txt" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_text(f"File {n} says that tea is good.")
    return paths


def slow(folder: Path) -> Path:
    path = folder / "slow.txt"
    path.write_text("Tea takes its time.")
    return path


def ended(processes: list[subprocess.Popen[bytes]]) -> bool:
    return all(p.poll() is not None for p in processes)


@pytest.mark.parametrize("name", ["harbour.pdf", "harbour.epub", "page.html", "notes.md"])
def test_a_worker_gives_what_loading_gives(name: str) -> None:
    assert load_limited(DATA / name, DATA) == load(DATA / name, root=DATA)


def test_order_is_kept_and_workers_are_reused(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    paths = texts(tmp_path, 30)
    paths.insert(3, tmp_path / "missing.txt")
    found = list(load_all(paths, tmp_path))
    assert [path for path, _ in found] == paths
    assert [type(d) for _, d in found] == [LoadError if p.name == "missing.txt" else Document for p in paths]
    assert 1 <= len(started) <= 2
    assert ended(started)


def test_reading_goes_no_further_ahead_than_needed(tmp_path: Path) -> None:
    asked: list[Path] = []

    def paths() -> Iterator[Path]:
        for path in texts(tmp_path, 50):
            asked.append(path)
            yield path

    documents = load_all(paths(), tmp_path)
    next(documents)
    assert len(asked) < 10
    documents.close()


def test_what_takes_too_long_is_stopped_and_the_rest_is_read(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    first, last = texts(tmp_path, 2)
    found = dict(load_all([first, slow(tmp_path), last], tmp_path, workers=1, max_seconds=4))
    assert isinstance(found[first], Document)
    assert str(found[tmp_path / "slow.txt"]) == ("slow.txt: Reading it took longer than 4 seconds and was stopped.")
    assert isinstance(found[last], Document)
    assert len(started) == 2


def test_a_worker_that_holds_much_memory_after_a_file_is_replaced(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for grown, processes in ((2**40, 1), (2**20, 3)):  # no worker holds a terabyte, every one a megabyte
        started.clear()
        monkeypatch.setattr(sandbox, "_START", START.replace("w.serve(", f"w._GROWN = {grown}; w.serve("))
        assert len(list(load_all(texts(tmp_path, 3), tmp_path, workers=1))) == 3
        assert len(started) == processes


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_what_needs_too_much_memory_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    first, last = texts(tmp_path, 2)
    (tmp_path / "big.txt").write_text("é" * 20_000_000)
    found = dict(load_all([first, tmp_path / "big.txt", last], tmp_path, workers=1, max_memory=120 * 2**20))
    assert isinstance(found[first], Document)
    assert "needs more than 120 MB of memory" in str(found[tmp_path / "big.txt"])
    assert isinstance(found[last], Document)


def test_a_crash_costs_one_file(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    paths = texts(tmp_path, 2)

    def crashing() -> Iterator[Path]:
        yield slow(tmp_path)
        deadline = time.monotonic() + 20
        while not started and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(1)
        os.kill(started[0].pid, signal.SIGSEGV)
        yield from paths

    found = dict(load_all(crashing(), tmp_path, workers=1))
    assert "crashed (SIGSEGV)" in str(found[tmp_path / "slow.txt"])
    assert all(isinstance(found[path], Document) for path in paths)


def test_leaving_early_ends_the_workers_at_once(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    documents = load_all([*texts(tmp_path, 1), slow(tmp_path), slow(tmp_path)], tmp_path)
    next(documents)
    before = time.monotonic()
    documents.close()
    assert time.monotonic() - before < 1
    assert started
    assert ended(started)


SCRIPT = """
import os, subprocess, sys
from pathlib import Path
from rag.load import sandbox
start = subprocess.Popen
def popen(*args, **kwargs):
    process = start(*args, **kwargs)
    os.write(1, f"{process.pid}\\n".encode())
    return process
sandbox.subprocess.Popen = popen
sandbox._START = sys.argv[2]
folder = Path(sys.argv[1])
for _ in sandbox.load_all([folder / "slow.txt", folder / "slow.txt"], folder):
    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_no_process_is_left_behind(tmp_path: Path, how: signal.Signals) -> None:
    slow(tmp_path)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), START]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout
    pids = [int(parent.stdout.readline()), int(parent.stdout.readline())]
    time.sleep(0.5)
    parent.send_signal(how)
    parent.wait(20)
    deadline = time.monotonic() + 40  # a killed program cannot stop them: they end with the file they read
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        if how == signal.SIGINT:
            break
        time.sleep(0.1)
    assert not left
    parent.stdout.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return sys.platform != "linux"


def test_a_library_that_prints_does_not_answer_for_the_worker(tmp_path: Path) -> None:
    (path,) = texts(tmp_path, 1)
    code = (
        "import os\nfrom rag.load import sandbox\nload = sandbox.load\n"
        "sandbox.load = lambda path, *, root: os.write(1, b'noise') and load(path, root=root)\n"
        "sandbox.serve(5.0, 2**30)"
    )
    request = json.dumps({"path": str(path), "root": str(tmp_path)}).encode() + b"\n"
    done = subprocess.run([sys.executable, "-c", code], input=request, cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout)["document"]["text"] == "File 0 says that tea is good."
    assert done.stderr == b"noise"
