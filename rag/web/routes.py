"""What the server answers besides Gradio's page: documents, their list, changes of the folder, exports, styles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from rag.output import export
from rag.web.document import find_page
from rag.web.folder import Refused
from rag.web.library import Library
from rag.web.sessions import COOKIE, Place, Sessions

_STYLES = {"document.css": "text/css", "page.js": "text/javascript", "documents.js": "text/javascript"}
_NOT_KEPT = {"Cache-Control": "no-store"}


def read_style(name: str) -> str:
    return files("rag.web").joinpath("static", name).read_text("utf-8")


def add_routes(app: FastAPI, library: Library, sessions: Sessions) -> None:
    @app.get("/doc/{document_id:path}")
    def show_document(document_id: str, s: str | None = None, e: str | None = None, v: str | None = None) -> Response:
        status, page = find_page(library.generations(), document_id, s, e, v)
        return HTMLResponse(page, status, _NOT_KEPT)

    @app.get("/style/{name}")
    def show_style(name: str) -> Response:
        if name not in _STYLES:
            return Response(status_code=404)
        return Response(read_style(name), media_type=_STYLES[name], headers={"Cache-Control": "no-cache"})

    @app.get("/documents.json")
    def list_documents() -> Response:
        return JSONResponse(library.describe(), headers=_NOT_KEPT)

    @app.post("/documents/add")
    async def add_document(request: Request, name: str) -> Response:
        try:
            data = await request.body()
        except ClientDisconnect:  # the guard ends a body that grows past the limit in this way
            return JSONResponse({"problem": "The file is too large."}, 413)
        return await run_in_threadpool(_changed, lambda: library.add(name, data))

    @app.post("/documents/remove")
    def remove_document(id: str) -> Response:
        return _changed(lambda: library.remove(id))

    @app.post("/documents/sync")
    def sync_documents() -> Response:
        return JSONResponse({"started": library.sync()}, 202)

    @app.get("/export/{name}")
    def export_conversation(request: Request, name: str) -> Response:
        conversation, _, suffix = name.partition(".")
        turns = sessions.get(Place(request.cookies.get(COOKIE, ""), conversation))
        exchanges = [(t.answer, t.documents) for t in turns if t.answer is not None]
        if not exchanges or suffix not in ("md", "json"):
            return HTMLResponse("There is no answer to save.\n", 404)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        text = export.to_json(exchanges, at=at) if suffix == "json" else export.to_markdown(exchanges, at=at)
        kind = "application/json" if suffix == "json" else "text/markdown; charset=utf-8"
        disposition = f'attachment; filename="conversation-{at[:10]}.{suffix}"'
        return Response(text, media_type=kind, headers={**_NOT_KEPT, "Content-Disposition": disposition})


def _changed(change: Callable[[], object]) -> Response:
    try:
        change()
    except Refused as refused:
        return JSONResponse({"problem": str(refused)}, refused.status)
    return JSONResponse({})
