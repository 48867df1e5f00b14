"""The chat for programs: three paths over HTTP, off unless asked for (``rag ui --api``).

GET  /api/documents                       {"generation", "documents": [...]}
POST /api/search  {"question"}            what ``rag search --json`` prints
POST /api/ask     {"question", "history"} a line of JSON an event: retrieved, reading, drafting, checked, and at last
                                          answer (what ``rag ask --json`` prints) or error

``history`` is optional: the earlier [question, answer] pairs a follow-up question may refer to. Questions
of programs and of people take turns with the language model. Hanging up ends the work.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from rag.errors import RagError
from rag.types import Checked, Drafting, Finished, Reading, Retrieved, Sentence, Step
from rag.web.escape import without_paths
from rag.web.library import Library
from rag.web.stream import in_batches

if TYPE_CHECKING:
    from rag.assistant import Assistant

MOST_AT_ONCE = 8
UNEXPECTED = "Something went wrong while answering; the terminal shows what."


class Question(BaseModel):
    """The body of a question; other keys are refused."""

    model_config = {"extra": "forbid"}
    question: str
    history: Annotated[list[tuple[str, str]], Field(max_length=50)] = []


def add_api(app: FastAPI, assistant: Assistant, library: Library) -> None:
    waiting = 0  # questions that are being answered, or wait for their turn

    @app.get("/api/documents")
    def documents() -> Response:
        listing = library.describe()
        return JSONResponse({"generation": listing["generation"], "documents": listing["documents"]})

    @app.post("/api/search")
    def search(body: Question) -> Response:
        try:
            retrieved = assistant.search(body.question, history=body.history)
        except RagError as error:
            return JSONResponse({"error": without_paths(str(error))}, 400)
        return JSONResponse(retrieved.to_dict())

    @app.post("/api/ask")
    async def ask(body: Question) -> Response:
        if waiting >= MOST_AT_ONCE:
            return JSONResponse({"error": f"{waiting} questions are waiting already."}, 503, {"Retry-After": "10"})
        return StreamingResponse(events(body), media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})

    async def events(body: Question) -> AsyncIterator[str]:
        nonlocal waiting
        waiting += 1
        steps = in_batches(lambda abort: assistant.steps(body.question, history=body.history, abort=abort))
        try:
            async for batch in steps:
                for step in batch:
                    yield json.dumps(event(step)) + "\n"
        except RagError as error:
            yield json.dumps({"event": "error", "error": without_paths(str(error))}) + "\n"
        except Exception:
            traceback.print_exc(file=sys.stderr)
            yield json.dumps({"event": "error", "error": UNEXPECTED}) + "\n"
        finally:
            waiting -= 1
            await steps.aclose()  # if the program has hung up, this ends the work at once


def event(step: Step) -> Mapping[str, object]:
    """One step as data, ready for JSON."""
    match step:
        case Retrieved():
            return {"event": "retrieved", **step.to_dict()}
        case Reading(done, total):
            return {"event": "reading", "done": done, "total": total}
        case Drafting(text):
            return {"event": "drafting", "text": text}
        case Checked(result):
            return {"event": "checked", "kept": isinstance(result, Sentence), **asdict(result)}
        case Finished(answer):
            return {"event": "answer", **answer.to_dict()}
    raise TypeError(f"not a step: {step!r}")
