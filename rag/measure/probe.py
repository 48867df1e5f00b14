"""A process that does one thing of the product and prints what happens, for ``rag bench``: a line of JSON an event.

    python -m rag.measure.probe build              an index made anew
    python -m rag.measure.probe ask FILE           start, then the questions of a JSON list, with the language model
    python -m rag.measure.probe search FILE        the same without it

Settings come from the RAG_ variables. Whoever reads the lines has the clock that began with the process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Literal, Required, TypedDict

from rag import opening
from rag.assistant import Assistant
from rag.config import Settings, settings
from rag.errors import RagError
from rag.index.snapshot import load_index
from rag.models.protocols import Generator, Piece, Prompt
from rag.types import Drafting, Finished, Retrieved


class Step(TypedDict):
    """Of a build, while it runs."""

    event: Literal["step"]
    stage: str
    done: int
    total: int


class Built(TypedDict):
    event: Literal["built"]
    files: int
    bytes: int
    documents: int
    chunks: int
    sentences: int
    seconds: float


class Mark(TypedDict):
    """ "evidence" once the first question has its evidence, "model" once the language model can write, "ready" once it
    has read what every prompt begins with."""

    event: Literal["evidence", "model", "ready"]


class Counts(TypedDict, total=False):
    """What the language model did."""

    prompt_tokens: int
    output_tokens: int
    read_tokens: int
    read_seconds: float
    written_tokens: int
    write_seconds: float


class QuestionRow(Counts, total=False):
    """What one question took; only its evidence where no language model runs."""

    question: Required[str]
    refused: bool
    evidence_ms: float
    first_token_ms: float
    verified_ms: float


class Asked(TypedDict):
    event: Literal["question"]
    row: QuestionRow


Line = Step | Built | Mark | Asked


class Watched:
    """A language model that counts and times what it reads and writes."""

    def __init__(self, model: Generator) -> None:
        self._model = model
        self.name = model.name
        self.begin()

    def begin(self) -> None:
        """Count from 0 again."""
        self.counts: Counts = {
            "prompt_tokens": 0,
            "output_tokens": 0,
            "read_tokens": 0,
            "read_seconds": 0.0,
            "written_tokens": 0,
            "write_seconds": 0.0,
        }

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
    """What was built, once it is; the steps on the way are printed."""

    def step(stage: str, done: int, total: int) -> None:
        write({"event": "step", "stage": stage, "done": done, "total": total})

    report = opening.sync(chosen, opening.open_embedding(chosen), progress=step)
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
    """The marks of a start, then every question, the first one again."""
    models: list[Watched] = []

    def open_model() -> Generator:
        models.append(Watched(opening.open_model(chosen)))
        write({"event": "model"})
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
            yield {"event": "question", "row": answered(opened, models[0], question)}
    finally:
        opened.close()


def answered(opened: Assistant, model: Watched, question: str) -> QuestionRow:
    """What one question took, in milliseconds, tokens and tokens' seconds."""
    model.begin()
    started = time.perf_counter()
    row: QuestionRow = {"question": question, "refused": True}
    for step in opened.steps(question):
        elapsed = (time.perf_counter() - started) * 1000
        if isinstance(step, Retrieved):
            row.setdefault("evidence_ms", elapsed)
        elif isinstance(step, Drafting):
            row.setdefault("first_token_ms", elapsed)
        elif isinstance(step, Finished):
            row["verified_ms"] = elapsed
            row["refused"] = step.answer.refused
    return {**row, **model.counts}


def searching(chosen: Settings, questions: Sequence[str]) -> Iterator[Line]:
    """As ``asking``, but only evidence."""
    opened = _opened(chosen, lambda: opening.open_model(chosen))
    opened.search(questions[0])
    yield {"event": "evidence"}
    for question in questions:
        started = time.perf_counter()
        opened.search(question)
        elapsed = (time.perf_counter() - started) * 1000
        yield {"event": "question", "row": {"question": question, "evidence_ms": elapsed}}


def _opened(chosen: Settings, open_model: Callable[[], Generator]) -> Assistant:
    """Over the index as it stands, whatever it was made of."""
    embedder = opening.open_embedding(chosen)
    index = load_index(chosen.index, fingerprint=embedder.fingerprint)
    return Assistant(chosen, index, embedder, opening.open_ranking(chosen), open_model)


def write(line: Line) -> None:
    """Print an event."""
    print(json.dumps(line), flush=True)


def run(do: str, chosen: Settings, questions: Sequence[str]) -> Iterator[Line]:
    """The events of "build", "ask" or "search". Raises RagError for another word."""
    if do == "build":
        return building(chosen)
    if do == "ask":
        return asking(chosen, questions)
    if do == "search":
        return searching(chosen, questions)
    raise RagError(f"There is nothing called {do!r} to measure: build, ask or search.")


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 1 with the reason on standard error."""
    try:
        if len(arguments) != (1 if arguments[:1] == ["build"] else 2):
            raise RagError("Usage: python -m rag.measure.probe build | ask FILE | search FILE")
        questions = json.loads(Path(arguments[1]).read_text("utf-8")) if len(arguments) > 1 else []
        for line in run(arguments[0], settings(), questions):
            write(line)
    except RagError as error:
        print(f"rag: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
