"""A process of the program that is watched from outside: when it says what, and how much memory it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import RagError

_EVERY_SECONDS = 0.02
_ROOT = Path(__file__).resolve().parent.parent.parent


class Child:
    """``python -m MODULE ...`` with this copy of the program; the clock starts with it, ``close`` ends it."""

    def __init__(self, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
        self._what = " ".join([module, *arguments[:1]])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # close() does
        self.peak_bytes = 0  # of it and its own children together; stays 0 where the system does not tell (not Linux)
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **environment, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def lines(self) -> Iterator[tuple[float, bytes]]:
        """What it prints, each line with the seconds since the start; then waits. Raises RagError where it failed.

        A refusal (exit status 3) is no failure.
        """
        assert self._process.stdout
        for line in self._process.stdout:
            yield self.seconds(), line
        if self._process.wait() not in (0, 3):
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "replace").strip().splitlines() or ["nothing"]
            raise RagError(f"`python -m {self._what}` ended with {self._process.returncode} and said: {said[-1]}")

    def events(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Lines that are JSON."""
        return ((at, json.loads(line)) for at, line in self.lines())

    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def close(self) -> None:
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._watcher.join()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _watch(self) -> None:
        while self._process.poll() is None:
            together = sum(map(_resident, _tree(self._process.pid)))
            self.peak_bytes = max(self.peak_bytes, _peak_of(self._process.pid), together)
            time.sleep(_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Ran:
    """A process from its start to its end."""

    seconds: float
    processor_seconds: float  # of all its threads; 0 where the system does not tell (Windows)
    peak_bytes: int


def run(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """Runs it to its end; no other child may end meanwhile. Raises RagError where it failed."""
    before = os.times()
    with Child(module, arguments, environment) as child:
        for _ in child.lines():
            pass
        seconds = child.seconds()
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Ran(seconds, used, child.peak_bytes)


def _tree(process: int) -> Iterator[int]:
    """The process and its descendants."""
    yield process
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in tasks.read_text("ascii").split():
                yield from _tree(int(child))


def _peak_of(process: int) -> int:
    """The most a process held so far: exact, as the system kept it."""
    with suppress(OSError, IndexError, ValueError):
        return 1024 * int(Path(f"/proc/{process}/status").read_text("ascii", "replace").split("VmHWM:")[1].split()[0])
    return 0


def _resident(process: int) -> int:
    with suppress(OSError, IndexError, ValueError, AttributeError):
        return int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
