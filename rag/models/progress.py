"""How far a long step has come, as a bar for a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Never

from rag.types import Progress

if TYPE_CHECKING:
    from tqdm import tqdm


@contextmanager
def tqdm_progress() -> Iterator[Progress]:
    """A progress callback that draws bars on stderr while the block lasts, a bar a stage."""
    from tqdm import tqdm

    bars: dict[str, tqdm[Never]] = {}  # the one of the stage that is going on, by its name
    pace = 0.2 if sys.stderr.isatty() else 15.0  # seconds; a log wants few lines

    def report(what: str, done: int, total: int) -> None:
        if what not in bars:
            for bar in bars.values():
                bar.close()
            bars.clear()
            bars[what] = tqdm(
                desc=what, total=total, initial=done, unit="", unit_scale=True, mininterval=pace, file=sys.stderr
            )
        bars[what].update(done - bars[what].n)

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()
