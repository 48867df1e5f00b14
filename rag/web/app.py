"""The web application: guard, document view and chat page on one server."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import gradio as gr
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from rag.web.document import find_page
from rag.web.guard import Guard
from rag.web.page import build_page

if TYPE_CHECKING:
    from rag.assistant import Assistant

_STYLES = {"document.css": "text/css", "page.js": "text/javascript"}
_HEAD = '<script src="/style/page.js" defer></script>'
_SYSTEM_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]


def _read(name: str) -> str:
    return files("rag.web").joinpath(name).read_text("utf-8")


def create_app(assistant: Assistant) -> FastAPI:
    """The application around one assistant, ready for uvicorn; also what tests mount with a fake."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/doc/{document_id:path}")
    def show_document(document_id: str, s: str | None = None, e: str | None = None) -> Response:
        status, page = find_page(assistant.index.documents, document_id, s, e)
        return HTMLResponse(page, status, {"Cache-Control": "no-store"})

    @app.get("/style/{name}")
    def show_style(name: str) -> Response:
        if name not in _STYLES:
            return Response(status_code=404)
        return Response(_read(name), media_type=_STYLES[name], headers={"Cache-Control": "no-cache"})

    gr.mount_gradio_app(
        app,
        build_page(assistant),
        path="/",
        server_name="127.0.0.1",
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=gr.themes.Base(font=_SYSTEM_FONTS, font_mono=["ui-monospace", "monospace"]),
        css=_read("style.css"),
        head=_HEAD,
    )
    app.add_middleware(Guard)
    return app
