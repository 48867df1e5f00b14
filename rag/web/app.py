"""The web application: guard, document view, documents tab, chat page and, where asked for, the API on one server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from rag.web.api import add_api
from rag.web.chat import build_page
from rag.web.guard import Guard
from rag.web.library import Library
from rag.web.routes import add_routes, read_style
from rag.web.sessions import Sessions
from rag.web.toolkit import gr

if TYPE_CHECKING:
    from rag.assistant import Assistant

_HEAD = '<script src="/style/page.js" defer></script><script src="/style/documents.js" defer></script>'
_SYSTEM_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]


def create_app(assistant: Assistant, *, auth: str = "", api: bool = False) -> FastAPI:
    """The application around one assistant, ready for uvicorn; also what tests mount with a fake.

    ``auth``: the USER:PASSWORD every request must carry; ``api``: serve ``/api/`` to programs.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    library, sessions = Library(assistant, assistant.settings.seeds), Sessions()
    add_routes(app, library, sessions)
    if api:
        add_api(app, assistant, library)
    gr.mount_gradio_app(
        app,
        build_page(assistant, library, sessions),
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
        css=read_style("style.css"),
        head=_HEAD,
    )
    app.add_middleware(Guard, auth=auth, api=api)
    return app
