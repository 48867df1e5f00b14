"""The chat in the browser: ``python ui.py`` syncs the index with the folder, then opens the page."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

# Read by the libraries when they are imported: nothing leaves this machine.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    TRANSFORMERS_OFFLINE="1",
    DO_NOT_TRACK="1",
)

from rag.config import Settings, settings
from rag.errors import RagError


@dataclass(frozen=True, slots=True)
class Serving:
    """How the page is served; none of it changes an answer."""

    browser: bool
    api: bool
    auth: str


def parse(arguments: list[str] | None = None) -> tuple[Settings, Serving]:
    """The settings, and how the page is served."""
    parser = argparse.ArgumentParser("python ui.py", description=__doc__.replace("``", ""))
    parser.add_argument("--seeds", type=Path, help="folder of documents")
    parser.add_argument("--index", type=Path, help="folder of the index")
    parser.add_argument("--generator", help="language model: a catalogue name, a .gguf file or a transformers folder")
    parser.add_argument("--embedder", help="embedding model: a catalogue name or a sentence-transformers folder")
    parser.add_argument("--models-dir", type=Path, help="folder of the model files")
    parser.add_argument("--threads", type=int, help="processor threads; 0: one a core")
    parser.add_argument("--host", help="127.0.0.1, localhost or ::1; another only with --auth")
    parser.add_argument("--port", type=int, help="0: any free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    parser.add_argument("--api", action="store_true", help="serve /api/ to programs, too")
    parser.add_argument(
        "--auth",
        metavar="USER:PASSWORD",
        default=os.environ.get("RAG_AUTH", ""),
        help="ask for them on every request; RAG_AUTH is kept out of the list of processes",
    )
    flags = vars(parser.parse_args(arguments))
    serving = Serving(not flags.pop("no_browser"), flags.pop("api"), flags.pop("auth"))
    return settings(flags), serving


def run(arguments: list[str] | None = None) -> None:
    chosen, serving = parse(arguments)
    from rag.web.serve import Server, address, open_port

    listener = open_port(
        chosen.host, chosen.port, auth=serving.auth
    )  # first: a taken port should not cost a minute of loading
    from rag.models.store import tqdm_progress
    from rag.opening import open_assistant

    with tqdm_progress() as progress:
        assistant = open_assistant(chosen, progress=progress)
    from rag.web.app import create_app

    with closing(assistant):
        server = Server(create_app(assistant, auth=serving.auth, api=serving.api))
        print(f"The chat is at {address(listener)}  (Ctrl-C ends it)", flush=True)
        if serving.browser:
            webbrowser.open(address(listener))
        server.run(sockets=[listener])


def main(arguments: list[str] | None = None) -> int:
    try:
        run(arguments)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
