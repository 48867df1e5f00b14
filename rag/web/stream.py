"""The steps of one question, run in a worker thread and handed to the event loop as they come.

A step may take seconds of native code that nothing interrupts. The loop therefore never waits for
one: it looks every twentieth of a second, so stopping and closing the tab take effect at once, and
the worker learns of it from the abort event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Event, Thread

from rag.types import Step

LOOK_SECONDS = 0.05
BEAT_SECONDS = 0.2


async def in_batches(steps: Callable[[Event], Iterator[Step]]) -> AsyncGenerator[list[Step], None]:
    """Lists of new steps, soon after they come; an empty one every ``BEAT_SECONDS`` where there are none.

    Whatever ``steps`` raises is raised here, after the steps before it. The abort event it is given
    is set when this iterator ends or is closed, however that happens.
    """
    abort = Event()
    inbox: SimpleQueue[Step | BaseException | None] = SimpleQueue()
    Thread(target=_work, args=(steps, abort, inbox), name="answer", daemon=True).start()
    try:
        waited = 0.0
        while True:
            batch, end = _drain(inbox)
            if batch or waited >= BEAT_SECONDS:
                waited = 0.0
                yield batch
            if isinstance(end, BaseException):
                raise end
            if end is _END:
                return
            await asyncio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
    finally:
        abort.set()


_END = object()


def _work(
    steps: Callable[[Event], Iterator[Step]], abort: Event, inbox: SimpleQueue[Step | BaseException | None]
) -> None:
    try:
        for step in steps(abort):
            inbox.put(step)
            if abort.is_set():
                break
    except BaseException as error:
        inbox.put(error)
    else:
        inbox.put(None)


def _drain(inbox: SimpleQueue[Step | BaseException | None]) -> tuple[list[Step], object]:
    batch: list[Step] = []
    try:
        while True:
            item = inbox.get_nowait()
            if item is None:
                return batch, _END
            if isinstance(item, BaseException):
                return batch, item
            batch.append(item)
    except Empty:
        return batch, None
