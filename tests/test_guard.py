"""The guard around the chat, and the port it listens on."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from rag.errors import ConfigError
from rag.web.app import create_app
from rag.web.guard import MAX_BODY_BYTES
from rag.web.policy import page_policy
from rag.web.serve import address, open_port
from tests.web_fakes import FakeAssistant, document

OWN = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def app():
    return create_app(FakeAssistant.of(document("mango.txt", "Mango makes pictures.")))


def call(app, method: str, path: str, *, headers: dict[str, str] | None = None, content=None) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=OWN) as client:
            return await client.request(method, path, headers=headers, content=content)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/", "/style/page.js", "/style/document.css", "/theme.css", "/doc/mango.txt?s=0&e=5"])
def test_the_chat_is_let_in_with_every_header(app, path):
    response = call(app, "GET", path)
    assert response.status_code == 200
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.split("style-src")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1:1/",
        "/gradio_api/file=/etc/hostname",
        "/gradio_api/file/etc/hostname",
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/gradio_api/upload_progress",
        "/gradio_api/openapi.json",
        "/gradio_api/runs",
        "/gradio_api/call/x/y",
        "/gradio_api/deep_link",
        "/gradio_api/token",
        "/monitoring",
        "/monitoring/summary",
        "/static/../routes.py",
        "/static/%2e%2e/routes.py",
        "/assets/..%2f..%2froutes.py",
        "/svelte/x",
        "/docs",
        "/openapi.json",
        "/login",
        "/pwa_icon",
        "//evil.example/",
    ],
)
def test_paths_the_chat_does_not_need_are_refused(app, path):
    assert call(app, "GET", OWN + path).status_code == 403


@pytest.mark.parametrize("path", ["upload", "run/begin", "api/begin", "call/begin", "stream/x", "vibe-edit", "reset/x"])
def test_calls_the_chat_does_not_make_are_refused(app, path):
    assert call(app, "POST", f"/gradio_api/{path}", headers={"origin": OWN}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1:7861", "127.0.0.1", "localhost.evil.example:7860", ""]
)
def test_a_foreign_host_is_refused(app, host):
    assert call(app, "GET", "/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860"])
def test_own_names_are_let_in(app, host):
    assert call(app, "GET", "/doc/mango.txt", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:7861", "https://127.0.0.1:7860"]
)
def test_only_the_page_itself_may_post(app, origin):
    headers = {} if origin is None else {"origin": origin}
    assert call(app, "POST", "/gradio_api/queue/join", headers=headers, content=b"{}").status_code == 403
    own = call(app, "POST", "/gradio_api/queue/join", headers={"origin": OWN}, content=b"{}")
    assert own.status_code == 422, "let in, and found to be no event"


def test_other_sites_may_not_read(app):
    assert call(app, "GET", "/config", headers={"origin": "http://localhost:3000"}).status_code == 403
    assert call(app, "GET", "/doc/mango.txt", headers={"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(app, method):
    assert call(app, method, "/gradio_api/cancel", headers={"origin": OWN}).status_code == 403


def test_a_large_body_is_refused_with_and_without_a_length(app):
    large = b"x" * (MAX_BODY_BYTES + 1)
    answer = call(app, "POST", "/gradio_api/cancel", headers={"origin": OWN}, content=large)
    assert answer.status_code == 413

    async def chunks():
        for _ in range(10):
            yield b"x" * (MAX_BODY_BYTES // 4)

    answer = call(app, "POST", "/gradio_api/cancel", headers={"origin": OWN}, content=chunks())
    assert answer.status_code >= 400


def test_a_document_that_is_not_there_is_a_404_that_names_no_path(app):
    response = call(app, "GET", "/doc/..%2f..%2fetc%2fpasswd")
    assert response.status_code == 404
    assert "passwd" not in response.text


def test_the_policy_names_the_scripts_of_its_own_page():
    one, two = page_policy(b"<script>1</script>"), page_policy(b"<script>2</script>")
    assert one.count("sha256-") == 1
    assert one != two


# --- the port -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", ""])
def test_a_host_others_could_reach_is_refused(host):
    with pytest.raises(ConfigError, match="refused"):
        open_port(host, 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_with_a_log_in_others_may_reach_it(host):
    try:
        listener = open_port(host, 0, auth="ann:long-enough")
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        assert address(listener).startswith(("http://127.0.0.1:", "http://[::1]:"))


def test_a_host_is_never_looked_up_by_name():
    with pytest.raises(ConfigError, match="refused"):
        open_port("example.org", 0, auth="ann:long-enough")
    with pytest.raises(ConfigError, match=r"no address 192\.0\.2\.1"):
        open_port("192.0.2.1", 0, auth="ann:long-enough")


@pytest.mark.parametrize("auth", ["ann", "ann:", ":password", "ann:short", ":"])
def test_a_log_in_needs_a_user_and_a_long_password(auth):
    with pytest.raises(ConfigError, match="USER:PASSWORD"):
        open_port("127.0.0.1", 0, auth=auth)


def test_a_taken_port_is_named_with_another():
    with open_port("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address(first) == f"http://127.0.0.1:{port}/"
        with pytest.raises(ConfigError, match=rf"Port {port} is in use") as caught:
            open_port("127.0.0.1", port)
        assert caught.value.fix.startswith("python -m rag ui --port ")
