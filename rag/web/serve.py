"""The application on one port of this machine."""

from __future__ import annotations

import errno
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from rag.errors import ConfigError

HOSTS = ("127.0.0.1", "localhost", "::1")


def open_port(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that a browser may be opened before the server runs; port 0: any free one.

    Raises ConfigError for a host other machines could reach, and for a port that is taken.
    """
    if host not in HOSTS:
        raise ConfigError(
            f"host = {host!r} is refused: the chat has no log-in, and other machines could reach it there. "
            f"Possible are {', '.join(HOSTS)}.",
            fix="python ui.py --host 127.0.0.1",
        )
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        taken = "in use by another program" if error.errno == errno.EADDRINUSE else "not open to this user"
        raise ConfigError(f"Port {port} is {taken}.", fix=f"python ui.py --port {_another(port)}") from error
    listener.listen(128)
    return listener


def _another(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 7861


def address(listener: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listener.getsockname()[:2]
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
