"""One blocking call at a time in a thread, its events handed over as an iterator that can be left at any moment.

An engine notices only between two steps that nobody listens any more. The one who asked need not wait
for that: the iterator ends at once, and the next call waits until the engine is free.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from rag.errors import GenerationError

T = TypeVar("T")
Emit = Callable[[T], bool]
"""Hands one event over; True: nobody listens any more, return as soon as you can."""

POLL_SECONDS = 0.03  # how late an abort may be noticed


class Worker(Generic[T]):
    """Runs calls one after another, each in a thread of its own."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._closed = False

    def run(self, work: Callable[[Emit[T]], None], abort: threading.Event | None = None) -> Iterator[T]:
        """The events ``work`` emits, until it returns, ``abort`` is set or the iterator is closed.

        An exception of ``work`` is raised here. Raises GenerationError once the worker is closed.
        """
        while not self._busy.acquire(timeout=POLL_SECONDS):
            if abort is not None and abort.is_set():
                return
        events: SimpleQueue[T | BaseException | None] = SimpleQueue()
        left = threading.Event()

        def emit(event: T) -> bool:
            events.put(event)
            # When the program ends the iterator may never be closed, but the main thread is over.
            return left.is_set() or self._closed or not threading.main_thread().is_alive()

        def call() -> None:
            end: BaseException | None = None
            try:
                work(emit)
            except BaseException as error:
                end = error
            finally:
                self._busy.release()
                events.put(end)

        try:
            if self._closed:
                raise GenerationError("The language model has been closed.")
            threading.Thread(target=call, name="generate").start()
        except BaseException:
            self._busy.release()
            raise
        try:
            while abort is None or not abort.is_set():
                try:
                    event = events.get(timeout=POLL_SECONDS)
                except Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            left.set()

    def close(self) -> None:
        """Ends the call under way, waits for that, and refuses all later ones."""
        self._closed = True
        with self._busy:
            pass
