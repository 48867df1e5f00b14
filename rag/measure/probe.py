"""A process that does one thing of the product and tells what happens, for ``rag bench``: a line of JSON an event.

    python -m rag.measure.probe build              an index made anew
    python -m rag.measure.probe ask FILE           start, then the questions of a JSON list, with the language model
    python -m rag.measure.probe search FILE        the same without it

Settings come from the RAG_ variables. Whoever reads the lines has the clock that began with the process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from rag import opening
from rag.assistant import Assistant
from rag.config import Settings, settings
from rag.errors import RagError
from rag.index.snapshot import load_index
from rag.models.protocols import Generator, Piece, Prompt
from rag.types import Drafting, Finished, Retrieved

Line = dict[str, Any]


class Watched:
    """A language model that counts and times what it reads and writes."""

    def __init__(self, model: Generator) -> None:
        self._model = model
        self.name = model.name
        self.counts: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        """Count from 0 again."""
        self.counts = dict.fromkeys(
            ("prompt_tokens", "output_tokens", "read_tokens", "read_seconds", "written_tokens", "write_seconds"), 0
        )

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        before: tuple[float, Piece] | None = None
        for piece in self._model.stream(prompt, max_tokens=max_tokens, stop=stop, abort=abort):
            now = time.perf_counter()
            if before is not None:
                self._count(piece, before[1], now - before[0])
            before = now, piece
            yield piece
        if before is not None:
            self.counts["prompt_tokens"] = max(self.counts["prompt_tokens"], before[1].prompt_total)
            self.counts["output_tokens"] += before[1].output_tokens

    def _count(self, piece: Piece, previous: Piece, seconds: float) -> None:
        """Only what lies between two pieces of a kind: the first token also ends the reading."""
        if not piece.output_tokens and piece.prompt_done > previous.prompt_done:
            self.counts["read_tokens"] += piece.prompt_done - previous.prompt_done
            self.counts["read_seconds"] += seconds
        elif previous.output_tokens:
            self.counts["written_tokens"] += piece.output_tokens - previous.output_tokens
            self.counts["write_seconds"] += seconds

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        return self._model.score(prompt, options, abort=abort)

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        self._model.warm(prompt, abort=abort)

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def close(self) -> None:
        self._model.close()


def building(chosen: Settings) -> Iterator[Line]:
    """What was built, once it is."""
    report = opening.sync(
        chosen,
        opening.open_embedding(chosen),
        progress=lambda stage, done, total: tell({"event": "step", "stage": stage, "done": done, "total": total}),
    )
    read = [f.path for f in report.files if f.status == "indexed"]
    names = {name: entry["name"] for name, entry in load_index(chosen.index).files.items()}
    yield {
        "event": "built",
        "files": len(read),
        "bytes": sum((chosen.seeds / names[path]).stat().st_size for path in read),
        "documents": report.documents,
        "chunks": report.chunks,
        "sentences": report.sentences,
        "seconds": report.seconds,
    }


def asking(chosen: Settings, questions: Sequence[str]) -> Iterator[Line]:
    """ "evidence" once the first question has its evidence, "model" once the language model can write, "ready" once it
    has read what every prompt begins with; then every question is asked, the first one again."""
    models: list[Watched] = []

    def open_model() -> Generator:
        models.append(Watched(opening.open_model(chosen)))
        tell({"event": "model"})
        return models[0]

    opened = _opened(chosen, open_model)
    opened.search(questions[0])
    yield {"event": "evidence"}
    opened.load_generator().join()
    if opened.problem:
        raise RagError(f"The language model does not open: {opened.problem}")
    yield {"event": "ready"}
    try:
        for question in questions:
            yield answered(opened, models[0], question)
    finally:
        opened.close()


def answered(opened: Assistant, model: Watched, question: str) -> Line:
    """What one question took, in milliseconds, tokens and tokens' seconds."""
    model.begin()
    started = time.perf_counter()
    first: dict[str, float] = {}
    refused = True
    for step in opened.steps(question):
        elapsed = (time.perf_counter() - started) * 1000
        if isinstance(step, Retrieved):
            first.setdefault("evidence_ms", elapsed)
        elif isinstance(step, Drafting):
            first.setdefault("first_token_ms", elapsed)
        elif isinstance(step, Finished):
            first["verified_ms"] = elapsed
            refused = step.answer.refused
    return {"event": "question", "question": question, "refused": refused, **first, **model.counts}


def searching(chosen: Settings, questions: Sequence[str]) -> Iterator[Line]:
    """As ``asking``, but only evidence."""
    opened = _opened(chosen, lambda: opening.open_model(chosen))
    opened.search(questions[0])
    yield {"event": "evidence"}
    for question in questions:
        started = time.perf_counter()
        opened.search(question)
        yield {"event": "question", "question": question, "evidence_ms": (time.perf_counter() - started) * 1000}


def _opened(chosen: Settings, open_model: Any) -> Assistant:
    """Over the index as it stands, whatever it was made of."""
    embedder = opening.open_embedding(chosen)
    index = load_index(chosen.index, fingerprint=embedder.fingerprint)
    return Assistant(chosen, index, embedder, opening.open_ranking(chosen), open_model)


def tell(line: Line) -> None:
    print(json.dumps(line), flush=True)


def main(arguments: Sequence[str]) -> int:
    chosen = settings()
    questions = json.loads(Path(arguments[1]).read_text("utf-8")) if len(arguments) > 1 else []
    do = {"build": lambda: building(chosen), "ask": lambda: asking(chosen, questions)}
    try:
        for line in do.get(arguments[0], lambda: searching(chosen, questions))():
            tell(line)
    except RagError as error:
        print(f"rag: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
