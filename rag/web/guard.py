"""What is let in: the paths, hosts, origins and sizes the chat needs; everything else is refused.

Gradio serves far more than one page needs (a proxy, uploads, files of this machine, an API) and
accepts any Host. A page of another site must not be able to reach any of it, nor this chat, through
the person's browser.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.web.policy import STRICT_POLICY, page_policy

MAX_BODY_BYTES = 256 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

_NAME = r"[A-Za-z0-9_.@-]+"
_GET = re.compile(
    rf"/|/(?:assets|static)/(?:{_NAME}/)*{_NAME}|/style/{_NAME}|/doc/.+|/theme\.css|/config|/manifest\.json"
    rf"|/favicon\.ico|/gradio_api/(?:theme\.css|info|startup-events|queue/data|heartbeat/[A-Za-z0-9]+)"
)
_POST = re.compile(r"/gradio_api/(?:queue/join|cancel|reset)")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """ASGI middleware around the whole application; it refuses before any route is looked up."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a WebSocket: not accepting it refuses it
        refusal = refused(scope)
        if refusal is not None:
            status, why = refusal
            await PlainTextResponse(why + "\n", status)(scope, receive, _secured(send, STRICT_POLICY))
        elif scope["path"] == "/":
            await self._page(scope, receive, send)
        else:
            await self.app(scope, _limited(receive), _secured(send, STRICT_POLICY))

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The chat page, held until it is complete: its policy names the scripts in it."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message = {}
        body = bytearray()

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                secured = _secured(send, page_policy(bytes(body)))
                await secured(start)
                await secured({"type": "http.response.body", "body": bytes(body)})

        await self.app({**scope, "headers": headers}, receive, hold)


def refused(scope: Scope) -> tuple[int, str] | None:
    """Status and reason where a request is not one of the chat's own; None where it is."""
    headers = Headers(scope=scope)
    method, path = scope["method"], scope["path"]
    host = headers.get("host", "")
    if not _own_host(host, scope.get("server")):
        return 403, "This address is not served under that name."
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return 403, "Requests from other sites are refused."
    if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and path != "/":
        return 403, "Requests from other sites are refused."
    if method in ("GET", "HEAD"):
        allowed = _GET.fullmatch(path) and not _climbs(path)
    else:
        allowed = method == "POST" and _POST.fullmatch(path) and origin is not None
    if not allowed:
        return 403, "There is nothing here."
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return 413, "The request is too large."
    return None


def _own_host(host: str, server: tuple[str, int | None] | None) -> bool:
    port = server[1] if server else None
    return any(host == f"{name}:{port}" or (host == name and port == 80) for name in LOOPBACK)


def _climbs(path: str) -> bool:
    # A document's id is looked up among ids, never on disk, and may hold anything.
    return not path.startswith("/doc/") and any(part in (".", "..") for part in path.split("/"))


def _limited(receive: Receive) -> Receive:
    """The request's body, ended as a disconnect where it grows past the limit (chunked: no length was given)."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= MAX_BODY_BYTES else {"type": "http.disconnect"}

    return limited


def _secured(send: Send, policy: str) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers[name] = value
            headers["Content-Security-Policy"] = policy
            for name in ("access-control-allow-origin", "access-control-allow-credentials"):
                if name in headers:
                    del headers[name]
        await send(message)

    return secured
