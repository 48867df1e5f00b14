"""What a person thought of an answer: a line of JSON a judgement, in a file on this machine that is never sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from rag.types import Answer

FILE = "feedback.jsonl"
_lock = Lock()


def record(folder: Path, answer: Answer, rating: str, *, generation: str) -> None:
    """Append a judgement to ``folder``; of several on one answer the last line counts."""
    value = {name: part for name, part in answer.to_dict().items() if name not in ("hits", "by_source")}
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rating": rating, "index": generation, **value}
    with _lock, (folder / FILE).open("a", encoding="ascii") as out:
        out.write(json.dumps(line) + "\n")
