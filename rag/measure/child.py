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

import psutil

from rag.errors import RagError

_MEMORY_EVERY = 0.005  # seconds: reading it costs microseconds
_CHILDREN_EVERY = 0.2  # seconds: finding them costs a look at every process of the system
_ROOT = Path(__file__).resolve().parent.parent.parent


class Child:
    """``python -m MODULE ...`` with this copy of the program; the clock starts with it, ``close`` ends it."""

    def __init__(self, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
        self._what = " ".join([module, *arguments[:1]])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # close() does
        self.peak_bytes = 0  # the most that it and its own children held together, of a look every few milliseconds
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
            message = self._errors.read().decode("utf-8", "replace").strip().splitlines() or ["nothing"]
            raise RagError(f"`python -m {self._what}` ended with {self._process.returncode} and said: {message[-1]}")

    def events(self) -> Iterator[tuple[float, Any]]:
        """Lines that are JSON."""
        return ((at, json.loads(line)) for at, line in self.lines())

    def seconds(self) -> float:
        """Since its start."""
        return time.perf_counter() - self._started

    def close(self) -> None:
        """End the process, whatever it is doing."""
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
        family: list[psutil.Process] = []
        look_again = 0.0
        while self._process.poll() is None:
            if time.perf_counter() >= look_again:
                family = _family(self._process.pid)
                look_again = time.perf_counter() + _CHILDREN_EVERY
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident, family)))
            time.sleep(_MEMORY_EVERY)


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


def _family(process: int) -> list[psutil.Process]:
    """The process and its descendants; [] once it has ended."""
    try:
        parent = psutil.Process(process)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    """Bytes of memory it holds; 0 once it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
