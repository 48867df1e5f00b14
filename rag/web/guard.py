"""What is let in: the paths, hosts, origins and sizes the chat needs; everything else is refused.

Gradio serves far more than one page needs (a proxy, uploads, files of this machine, an API) and
accepts any Host. A page of another site must not be able to reach any of it, nor this chat, through
the person's browser.
"""

from __future__ import annotations

import asyncio
import binascii
import re
import secrets
from base64 import b64decode
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.load import MAX_BYTES
from rag.web.policy import STRICT_POLICY, page_policy
from rag.web.sessions import COOKIE, is_name, new_name

MAX_BODY_BYTES = 256 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

_NAME = r"[A-Za-z0-9_.@-]+"
_GET = re.compile(
    rf"/|/(?:assets|static)/(?:{_NAME}/)*{_NAME}|/style/{_NAME}|/doc/.+|/theme\.css|/config|/manifest\.json"
    rf"|/favicon\.ico|/documents\.json|/export/[A-Za-z0-9_-]+\.(?:md|json)"
    rf"|/gradio_api/(?:theme\.css|info|startup-events|queue/data|heartbeat/[A-Za-z0-9]+)"
)
_POST = re.compile(r"/gradio_api/(?:queue/join|cancel|reset)|/documents/(?:add|remove|sync)")
_API_GET = re.compile(r"/api/documents")
_API_POST = re.compile(r"/api/(?:ask|search)")
_UPLOAD = "/documents/add"
_WRONG_PASSWORD_SECONDS = 0.5
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

    def __init__(self, app: ASGIApp, *, auth: str = "", api: bool = False) -> None:
        """``auth``: the USER:PASSWORD every request must carry, "" for none; ``api``: programs may ask, too."""
        self.app = app
        self.auth = auth
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a WebSocket: not accepting it refuses it
        if self.auth and not _carries(scope, self.auth):
            await asyncio.sleep(_WRONG_PASSWORD_SECONDS)  # guessing takes time
            challenge = {"WWW-Authenticate": 'Basic realm="documents", charset="UTF-8"'}
            answer = PlainTextResponse("User and password are needed.\n", 401, challenge)
            await answer(scope, receive, _secured(send, STRICT_POLICY))
            return
        refusal = refused(scope, any_host=bool(self.auth), api=self.api)
        if refusal is not None:
            status, why = refusal
            await PlainTextResponse(why + "\n", status)(scope, receive, _secured(send, STRICT_POLICY))
        elif scope["path"] == "/":
            await self._page(scope, receive, send)
        else:
            await self.app(scope, _limited(receive, _body_limit(scope["path"])), _secured(send, STRICT_POLICY))

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
                if not _has_session(scope):
                    cookie = f"{COOKIE}={new_name()}; Path=/; HttpOnly; SameSite=Strict"
                    MutableHeaders(scope=start).append("Set-Cookie", cookie)
                secured = _secured(send, page_policy(bytes(body)))
                await secured(start)
                await secured({"type": "http.response.body", "body": bytes(body)})

        await self.app({**scope, "headers": headers}, receive, hold)


def refused(scope: Scope, *, any_host: bool = False, api: bool = False) -> tuple[int, str] | None:
    """Status and reason where a request is not one of the chat's own; None where it is.

    ``any_host``: the server is reached by names it cannot know; whoever asks has been recognised.
    """
    headers = Headers(scope=scope)
    method, path = scope["method"], scope["path"]
    host = headers.get("host", "")
    if not (host if any_host else _own_host(host, scope.get("server"))):
        return 403, "This address is not served under that name."
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return 403, "Requests from other sites are refused."
    if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and path != "/":
        return 403, "Requests from other sites are refused."
    if method in ("GET", "HEAD"):
        allowed = (_GET.fullmatch(path) and not _climbs(path)) or (api and _API_GET.fullmatch(path))
    elif api and method == "POST" and _API_POST.fullmatch(path):
        allowed = headers.get("content-type", "").partition(";")[0].strip() == "application/json"  # no form can
    else:
        allowed = method == "POST" and _POST.fullmatch(path) and origin is not None
    if not allowed:
        return 403, "There is nothing here."
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > _body_limit(path):
        return 413, "The request is too large."
    return None


def _body_limit(path: str) -> int:
    return MAX_BYTES if path == _UPLOAD else MAX_BODY_BYTES


def _carries(scope: Scope, auth: str) -> bool:
    scheme, _, encoded = Headers(scope=scope).get("authorization", "").partition(" ")
    try:
        credentials = b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(credentials, auth.encode())


def _has_session(scope: Scope) -> bool:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return False
    return COOKIE in cookies and is_name(cookies[COOKIE].value)


def _own_host(host: str, server: tuple[str, int | None] | None) -> bool:
    port = server[1] if server else None
    return any(host == f"{name}:{port}" or (host == name and port == 80) for name in LOOPBACK)


def _climbs(path: str) -> bool:
    # A document's id is looked up among ids, never on disk, and may hold anything.
    return not path.startswith("/doc/") and any(part in (".", "..") for part in path.split("/"))


def _limited(receive: Receive, limit: int) -> Receive:
    """The request's body, ended as a disconnect where it grows past the limit (chunked: no length was given)."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return message if size <= limit else {"type": "http.disconnect"}

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
