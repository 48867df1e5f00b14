"""The application on one port of this machine."""

from __future__ import annotations

import errno
import ipaddress
import socket
import webbrowser
from contextlib import closing
from types import FrameType

import uvicorn
from fastapi import FastAPI

from rag.config import Settings
from rag.errors import ConfigError

HOSTS = ("127.0.0.1", "localhost", "::1")


def open_page(settings: Settings, *, browser: bool, api: bool, auth: str) -> None:
    """Bring the index in step with the documents, then serve the chat until Ctrl-C.

    ``browser``: open it there; ``api``: serve ``/api/`` to programs, too; ``auth``: the USER:PASSWORD every request
    must carry, or "". Raises RagError, ConfigError for a port or host before anything is loaded.
    """
    listener = open_port(settings.host, settings.port, auth=auth)  # first: a taken port should not cost a minute
    from rag.models.store import tqdm_progress
    from rag.opening import open_assistant

    with tqdm_progress() as progress:
        assistant = open_assistant(settings, progress=progress)
    from rag.web.app import create_app

    with closing(assistant):
        server = Server(create_app(assistant, auth=auth, api=api))
        print(f"The chat is at {address(listener)}  (Ctrl-C ends it)", flush=True)
        if browser:
            webbrowser.open(address(listener))
        server.run(sockets=[listener])


def open_port(host: str, port: int, *, auth: str = "") -> socket.socket:
    """A socket that listens already, so that a browser may be opened before the server runs; port 0: any free one.

    Raises ConfigError for a host other machines could reach where no ``auth`` (USER:PASSWORD) guards it, and for a
    port that is taken.
    """
    if auth:
        check_auth(auth)
    if host not in HOSTS and not (auth and _is_address(host)):
        raise ConfigError(
            f"host = {host!r} is refused: other machines could reach the chat there. Possible are {', '.join(HOSTS)}, "
            "or the address of a network card together with --auth.",
            fix="python -m rag ui --host 127.0.0.1, or python -m rag ui --host 0.0.0.0 --auth USER:PASSWORD",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(
                f"This machine has no address {host}.", fix="python -m rag ui --host 127.0.0.1"
            ) from error
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        reason = "in use by another program" if error.errno == errno.EADDRINUSE else "not open to this user"
        raise ConfigError(f"Port {port} is {reason}.", fix=f"python -m rag ui --port {_another(port)}") from error
    listener.listen(128)
    return listener


SHORTEST_PASSWORD = 8


def check_auth(auth: str) -> None:
    """Raises ConfigError for what is not USER:PASSWORD with a password that takes long to guess."""
    user, colon, password = auth.partition(":")
    if not user or not colon or len(password) < SHORTEST_PASSWORD:
        raise ConfigError(
            f"--auth needs USER:PASSWORD, the password at least {SHORTEST_PASSWORD} characters long.",
            fix="python -m rag ui --auth ann:a-long-password",
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _another(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 7861


def address(listener: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if listener.family == socket.AF_INET6 else f"http://{host}:{port}/"


class Server(uvicorn.Server):
    """Ends at once: an open page holds an event stream, which uvicorn would wait for and then report as a failure."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=3,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:  # a second Ctrl-C would only cut the few seconds short, with a traceback
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        await super().shutdown(sockets)
