"""Loading within limits: every file is parsed in a process that may run out of memory or time, crash or hang.

The process is this module run as a program. It reads one request a line and writes one answer a line, JSON in
ASCII; it lives on from file to file, and is replaced when it had to be stopped or has grown.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rag.errors import LoadError
from rag.load import document_id, is_own, load
from rag.types import Document, Part

MAX_SECONDS = 60.0  # wall time for one file
MAX_MEMORY = 2**30  # bytes of one worker's own memory, where the system can limit it (Linux)
WORKERS = 2
_AHEAD = 8  # documents that wait to be taken
_GROWN = 400 * 2**20  # bytes: a worker that holds more after a file is not used again
_GRACE_SECONDS = 5.0
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""numpy's libraries take memory for every core when they are imported, whether or not anything is computed."""
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from rag.load.sandbox import serve; serve(float(sys.argv[2]), int(sys.argv[3]))"
)


def load_limited(path: Path, root: Path) -> Document:
    """One file as a Document; raises LoadError with the reason, whatever the file does to its reader."""
    ((_, outcome),) = load_all([path], root)
    if isinstance(outcome, LoadError):
        raise outcome
    return outcome


def load_all(
    paths: Iterable[Path],
    root: Path,
    *,
    workers: int = WORKERS,
    max_seconds: float = MAX_SECONDS,
    max_memory: int = MAX_MEMORY,
) -> Generator[tuple[Path, Document | LoadError]]:
    """Each path, in order, with its Document or why there is none; up to ``workers`` files are parsed meanwhile.

    The processes end with the iterator: when it is exhausted, closed or interrupted.
    """
    free: SimpleQueue[_Worker] = SimpleQueue()
    crew = [_Worker(max_seconds, max_memory) for _ in range(workers)]
    for worker in crew:
        free.put(worker)

    def one(path: Path) -> Document | LoadError:
        if is_own(path):
            return _here(path, root)
        worker = free.get()
        try:
            return worker.load(path, root)
        except LoadError as error:
            return error
        finally:
            free.put(worker)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="load")
    waiting: deque[tuple[Path, Future[Document | LoadError]]] = deque()
    try:
        for path in paths:
            waiting.append((path, pool.submit(one, path)))
            if len(waiting) >= _AHEAD:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    finally:
        for worker in crew:
            worker.close()
        pool.shutdown(cancel_futures=True)


def _here(path: Path, root: Path) -> Document | LoadError:
    """By a loader of the user's, which only this process has."""
    try:
        return load(path, root=root)
    except LoadError as error:
        return error


class _Worker:
    """One process at a time, started when there is something to do."""

    def __init__(self, max_seconds: float, max_memory: int) -> None:
        self._seconds = max_seconds
        self._memory = max_memory
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def load(self, path: Path, root: Path) -> Document:
        process = self._running()
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        alarm = threading.Timer(self._seconds, stop)
        alarm.daemon = True
        alarm.start()
        try:
            answer = _ask(process, {"path": os.fspath(path.absolute()), "root": os.fspath(root.absolute())})
        finally:
            alarm.cancel()
        if answer is None:
            process.kill()
            status = process.wait()
            self._end()
            raise LoadError(f"{document_id(path, root=root)}: {self._why(status, late.is_set())}")
        if answer["last"]:
            self._end()
        if "error" in answer:
            raise LoadError(answer["error"])
        return _document(answer["document"])

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise LoadError("Loading was stopped.")
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _START, _home(), str(self._seconds), str(self._memory)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=os.environ | _ONE_THREAD,
                    start_new_session=True,  # Ctrl-C is for the one who reads our answers
                )
            return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()

    def _why(self, status: int, late: bool) -> str:
        if late or status == -getattr(signal, "SIGALRM", 0):
            return f"Reading it took longer than {self._seconds:g} seconds and was stopped."
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"Its reader crashed ({how}); the file is broken or made to do harm, or needs more memory than allowed."


def _home() -> str:
    return str(Path(__file__).resolve().parent.parent.parent)


def _ask(process: subprocess.Popen[bytes], request: dict[str, str]) -> dict[str, Any] | None:
    """The worker's answer; None where it ended before it gave one."""
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None
    except (OSError, ValueError):
        return None


def _document(value: dict[str, Any]) -> Document:
    parts = tuple(Part(**part) for part in value["parts"])
    return Document(**{**value, "parts": parts, "pages": tuple(value["pages"])})


# --- inside the process --------------------------------------------------------------------------


def serve(max_seconds: float, max_memory: int) -> None:
    """Answer requests from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not answer for us
    _memory()  # imports what it needs while memory is not yet limited
    _limit(max_memory)
    for line in sys.stdin.buffer:
        _set_alarm(max_seconds + _GRACE_SECONDS)  # should nobody be left to stop us
        answers.write(json.dumps(_answer(json.loads(line), max_memory)).encode("ascii") + b"\n")
        answers.flush()
        _set_alarm(0)


def _answer(request: dict[str, str], max_memory: int) -> dict[str, Any]:
    path, root = Path(request["path"]), Path(request["root"])
    try:
        return {"document": asdict(load(path, root=root)), "last": _memory() > _GROWN}
    except LoadError as error:
        return {"error": str(error), "last": _memory() > _GROWN}
    except MemoryError:
        pass
    name = document_id(path, root=root)
    return {"error": f"{name}: Reading it needs more than {max_memory // 2**20:,} MB of memory.", "last": True}


def _limit(max_memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        # Private writable memory, not address space: libraries reserve far more of that than they use.
        resource.setrlimit(resource.RLIMIT_DATA, (max_memory, max_memory))


def _memory() -> int:
    """Bytes of memory that this process holds."""
    import psutil  # here, since only the readers need it

    return int(psutil.Process().memory_info().rss)


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
