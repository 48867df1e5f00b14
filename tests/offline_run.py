"""Everything a person does, inside a network namespace that holds nothing but loopback; prints what was attempted.

Run by test_offline.py as ``unshare --net python -m tests.offline_run``; with ``--real`` the default models answer.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
import struct
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", NO_PROXY="*")

from rag.assistant import Assistant
from rag.config import Settings
from rag.doctor import no_network
from rag.index.build import build
from rag.index.snapshot import load_index
from rag.opening import open_assistant
from rag.web.app import create_app
from rag.web.serve import Server, address, open_port
from tests.fakes import BagOfWordsEmbedder, OverlapReranker, OverlapVerifier, ScriptedGenerator

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = [
    *"--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --no-first-run".split(),
    # The browser asks its maker for updates whatever page is open; that is not the page's doing. All else counts.
    "--host-resolver-rules=MAP *.googleapis.com ~NOTFOUND,MAP *.google.com ~NOTFOUND",
]
TEA = "Tea and water\n\nTea is a drink made of leaves and water. People drink it every day."
QUESTION = "Which drink is made of leaves and water?"
REAL_QUESTION = "What license does Gemma 4 use?"


def raise_loopback() -> None:
    """What ``ip link set lo up`` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sH14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


def without_route() -> int:
    """How often the kernel refused IPv4 traffic of this namespace for want of a route, whoever sent it."""
    names, values = (
        line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines() if line.startswith("Ip:")
    )
    return int(values[names.index("OutNoRoutes")])


def refused_by_the_kernel() -> bool:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=5)  # TEST-NET-1
    except OSError as error:
        return error.errno == errno.ENETUNREACH
    return False


def small_assistant(folder: Path) -> Assistant:
    (folder / "papers").mkdir()
    (folder / "papers" / "tea.txt").write_text(TEA, "utf-8")
    settings = Settings(seeds=folder / "papers", index=folder / "index")
    embedder = BagOfWordsEmbedder()
    build(settings.seeds, settings.index, embedder)
    reply = "Tea is a drink made of leaves and water [1]."
    index = load_index(settings.index)
    return Assistant(
        settings,
        index,
        embedder,
        OverlapReranker(),
        lambda: ScriptedGenerator(reply, reply),
        verifier=OverlapVerifier(),
    )


def real_assistant(folder: Path) -> Assistant:
    shutil.copytree(ROOT / "seeds", folder / "papers")
    return open_assistant(Settings(seeds=folder / "papers", index=folder / "index"), fetch=False)


@contextmanager
def serving(assistant: Assistant) -> Iterator[str]:
    listener = open_port("127.0.0.1", 0)
    server = Server(create_app(assistant, api=True))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(10)


def in_the_browser(url: str, question: str, folder: Path) -> tuple[str, list[str]]:
    """Ask, open the quote, save, add a document; the marked quote, and every request the browser made."""
    from playwright.sync_api import expect, sync_playwright

    long = 300_000  # milliseconds: the real model on a busy machine
    requests: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context()
        context.on("request", lambda r: requests.append(r.url))
        page = context.new_page()
        page.goto(url, timeout=long)
        page.locator("#question textarea").wait_for(timeout=long)
        page.locator("#question textarea").fill(question)
        page.locator("#question textarea").press("Enter")
        page.locator("#evidence blockquote").first.wait_for(timeout=long)
        page.locator("#chat .chip").first.wait_for(timeout=long)
        expect(page.locator("#stop")).to_be_hidden(timeout=long)
        with context.expect_page() as opened:
            page.locator("#chat .chip").first.click()
        mark = opened.value.locator("mark#hit")
        mark.wait_for(timeout=long)
        marked = mark.inner_text()
        with page.expect_download(timeout=long) as download:
            page.get_by_role("link", name="JSON").click()
        assert json.loads(Path(download.value.path()).read_text("utf-8"))["exchanges"]
        (folder / "jam.txt").write_text("Jam is made of fruit and sugar.")
        page.get_by_role("tab", name="Documents").click()
        page.locator("#documents tbody tr").first.wait_for(timeout=long)
        page.locator("#add-files").set_input_files(folder / "jam.txt")
        expect(page.locator("#documents [role=status]")).to_contain_text("The new index is live", timeout=long)
        browser.close()
    return marked, requests


def main(real: bool) -> None:
    raise_loopback()
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "this network is not empty"
    before = without_route()
    assert refused_by_the_kernel()
    assert without_route() == before + 1, "the kernel counts what it refuses"
    marked, requests, url = "", [], ""
    with tempfile.TemporaryDirectory() as name, no_network() as attempted:
        folder = Path(name)
        question = REAL_QUESTION if real else QUESTION
        with closing(real_assistant(folder) if real else small_assistant(folder)) as assistant:
            assistant.load_generator()
            with serving(assistant) as url:
                if CHROMIUM:
                    marked, requests = in_the_browser(url, question, folder)
                body = json.dumps({"question": question}).encode()
                headers = {"Content-Type": "application/json"}
                ask = urllib.request.Request(f"{url}api/ask", body, headers)
                answer = json.loads(urllib.request.urlopen(ask).read().splitlines()[-1])
    report = {
        "attempted": attempted,
        "refused_by_the_kernel": without_route() - before - 1,
        "requests": len(requests),
        "foreign_requests": [r for r in requests if not r.startswith((url, "blob:", "data:"))],
        "marked": marked,
        "quoted": [c["quote"] for s in answer["sentences"] for c in s["citations"]],
        "browser": bool(CHROMIUM),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main("--real" in sys.argv)
