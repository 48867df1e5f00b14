"""The chat end to end in headless Chromium, on a fake assistant that waits for events, not for time."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from rag.types import Citation, Document, Side
from rag.web.serve import Server, address, open_port
from tests.web_fakes import PAYLOADS, FakeAssistant, document

pytestmark = pytest.mark.browser
playwright_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update "
    "--disable-sync --disable-dev-shm-usage"
).split()
SECONDS = 20_000  # playwright counts milliseconds

FILLER = "The weather was mild. " * 400
AVOCADO = document(
    "news/avocado launch.txt",
    f"{FILLER}\n\nAvocado will be released in spring 2026. {FILLER}",
    "Avocado comes in spring",
    outlet="The Paper",
    date="2026-04-07",
)
MANGO = document("mango.txt", "Mango makes pictures. Avocado may slip to autumn 2026.", "Mango, and a delay")
QUESTION = "When will Avocado be released?"
REPLY = "It will be released in spring 2026. [1] It is made of cheese. One source expects autumn 2026. [2]"


@dataclass
class Chat:
    """A page, the assistant behind it, and everything the browser asked for or complained about."""

    page: playwright_api.Page
    assistant: FakeAssistant
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, question: str) -> None:
        before = self.page.locator("#chat .user-row").count()
        box = self.page.locator("#question textarea")
        box.fill(question)
        box.press("Enter")
        rows = self.page.locator("#chat .user-row")
        try:
            playwright_api.expect(rows).to_have_count(before + 1, timeout=5000)
        except AssertionError:  # the page was still settling: the question stays in the box, as a person would see
            assert box.input_value() == question
            box.press("Enter")
            playwright_api.expect(rows).to_have_count(before + 1, timeout=SECONDS)

    def finish(self) -> None:
        playwright_api.expect(self.page.locator("#stop")).to_be_hidden(timeout=SECONDS)
        self.page.locator("#retry").wait_for(timeout=SECONDS)

    def text(self, where: str) -> str:
        return self.page.locator(where).inner_text()


@contextmanager
def serving(assistant: FakeAssistant) -> Iterator[str]:
    from rag.web.app import create_app

    listener = open_port("127.0.0.1", 0)
    server = Server(create_app(assistant))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright_api.Browser]:
    with playwright_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def chatting(browser, *documents: Document, width: int = 1280, **rest) -> Iterator[Chat]:
    assistant = FakeAssistant.of(*(documents or (AVOCADO, MANGO)), **rest)
    with serving(assistant) as url:
        context = browser.new_context(viewport={"width": width, "height": 800})
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        page = context.new_page()
        chat = Chat(page, assistant)
        context.on("request", lambda r: chat.requests.append(r.url))
        context.on("weberror", lambda e: chat.complaints.append(str(e.error)))
        page.on("console", lambda m: chat.complaints.append(m.text) if m.type == "error" else None)
        page.goto(url)
        page.locator("#question textarea").wait_for(timeout=SECONDS)
        yield chat
        context.close()
        for request in chat.requests:
            assert request.startswith((url, "data:", "blob:")), request
        assert chat.complaints == []


def test_a_question_by_keyboard_from_evidence_to_the_marked_quote(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        chat.assistant.generator.gate = gate = Event()
        chat.page.keyboard.type(QUESTION)  # the box has the focus
        chat.page.keyboard.press("Enter")
        quote = chat.page.locator("#evidence blockquote", has_text="spring 2026")
        quote.wait_for(timeout=SECONDS)
        assert "The Paper · 2026-04-07" in chat.text("#evidence")
        assert chat.page.locator(".chip").count() == 0, "no word of an answer before the model is let go"
        assert "Reading the passages" in chat.text("#chat")
        gate.set()
        chat.finish()
        said = chat.text("#chat .said")
        assert "It will be released in spring 2026." in said
        assert "cheese" not in said
        assert chat.page.locator("#chat .pending").count() == 0
        chat.page.get_by_text("Left out: not supported by a source").click()
        assert "It is made of cheese." in chat.text("#chat details[open]")
        chip = chat.page.locator(".chip").first
        assert "Avocado will be released in spring 2026." in (chip.get_attribute("title") or "")
        chip.focus()
        with chat.page.context.expect_page() as opened:
            chat.page.keyboard.press("Enter")
        view = opened.value
        mark = view.locator("mark#hit")
        mark.wait_for(timeout=SECONDS)
        assert mark.inner_text() == "Avocado will be released in spring 2026."
        playwright_api.expect(mark).to_be_in_viewport(timeout=SECONDS)
        assert view.evaluate("scrollY") > 300, "the passage stands far down the text"
        assert view.locator("h1").inner_text() == "Avocado comes in spring"
        assert QUESTION in chat.text("#chat"), "the conversation is still there"


def test_the_draft_is_shown_as_unchecked_while_it_is_written(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        words = iter([True] * 4)  # the first four words, and then it waits

        class Gate(Event):
            def wait(self, timeout=None):
                return next(words, False) or super().wait(timeout)

        chat.assistant.generator.gate = gate = Gate()
        chat.ask(QUESTION)
        pending = chat.page.locator("#chat .pending")
        pending.wait_for(timeout=SECONDS)
        playwright_api.expect(pending).to_contain_text("It will be released")
        playwright_api.expect(pending).to_contain_text("checking…")
        gate.set()
        chat.finish()


def test_stop_ends_it_within_a_second_and_the_next_question_works(browser):
    with chatting(browser, replies=[REPLY, REPLY]) as chat:
        chat.assistant.generator.gate = gate = Event()
        chat.ask(QUESTION)
        chat.page.locator("#evidence blockquote").first.wait_for(timeout=SECONDS)
        pressed = time.monotonic()
        chat.page.locator("#stop").click()
        assert chat.assistant.aborts[0].wait(10)
        assert time.monotonic() - pressed < 3, "a second, and some for a busy machine"
        chat.page.get_by_text("Stopped.").wait_for(timeout=SECONDS)
        gate.set()
        chat.ask("Is Mango delayed until autumn 2026?")
        chat.finish()
        assert chat.page.locator("#chat .chip").count() == 2
        assert [q for q, _ in chat.assistant.asked] == [QUESTION, "Is Mango delayed until autumn 2026?"]


def test_a_second_tab_waits_sees_its_place_and_may_leave_the_queue(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        chat.assistant.generator.gate = gate = Event()
        chat.ask(QUESTION)
        chat.page.locator("#evidence blockquote").first.wait_for(timeout=SECONDS)
        second = Chat(chat.page.context.new_page(), chat.assistant)
        second.page.goto(chat.page.url)
        second.page.locator("#question textarea").wait_for(timeout=SECONDS)
        second.ask("Is Mango delayed?")
        playwright_api.expect(second.page.locator("#status")).to_contain_text("queue: 1/1", timeout=SECONDS)
        second.page.locator("#stop").click()
        second.page.get_by_text("Stopped.").wait_for(timeout=SECONDS)
        gate.set()
        chat.finish()
        assert "spring 2026" in chat.text("#chat .said")
        assert [q for q, _ in chat.assistant.asked] == [QUESTION]


def test_a_closed_tab_ends_the_work(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        chat.assistant.generator.gate = Event()
        chat.ask(QUESTION)
        chat.page.locator("#evidence blockquote").first.wait_for(timeout=SECONDS)
        chat.page.close()
        assert chat.assistant.aborts[0].wait(10)


def test_a_refusal_is_plain(browser):
    with chatting(browser) as chat:
        chat.ask("What is the capital of France?")
        chat.finish()
        assert "The documents do not say." in chat.text("#chat")
        assert "Nothing in the documents is near this question." in chat.text("#evidence")
        assert chat.page.locator(".chip").count() == 0


def test_a_disagreement_is_shown_with_both_sides(browser):
    def cite(doc: Document, quote: str, marker: int) -> Citation:
        start = doc.text.index(quote)
        return Citation(marker, doc.id, doc.title, doc.date, start, start + len(quote), quote)

    sides = (
        Side("It comes in spring.", (AVOCADO.id,), (cite(AVOCADO, "spring 2026", 1),)),
        Side("It may slip to autumn.", (MANGO.id,), (cite(MANGO, "autumn 2026", 2),)),
    )
    with chatting(browser, replies=[REPLY], sides=sides) as chat:
        chat.ask(QUESTION)
        chat.finish()
        block = chat.text("#chat .sides")
        assert "Sources disagree" in block
        assert "Avocado comes in spring · The Paper · 2026-04-07" in block
        assert "Mango, and a delay · no date" in block


def test_follow_up_retry_copy_and_new_conversation(browser):
    with chatting(browser, replies=[REPLY] * 3) as chat:
        chat.ask(QUESTION)
        chat.finish()
        chat.page.locator("#copy").click()
        chat.page.get_by_text("Copied").wait_for(timeout=SECONDS)
        copied = chat.page.evaluate("navigator.clipboard.readText()")
        assert "It will be released in spring 2026. [1]" in copied
        assert "[1] “Avocado will be released in spring 2026.” — Avocado comes in spring, 2026-04-07" in copied
        chat.ask("And will Avocado slip to autumn?")
        chat.finish()
        assert chat.assistant.asked[1][1] == ((QUESTION, chat.assistant.asked[1][1][0][1]),)
        chat.page.locator("#retry").click()
        playwright_api.expect(chat.page.locator("#stop")).to_be_hidden(timeout=SECONDS)
        chat.finish()
        deadline = time.monotonic() + 20
        while len(chat.assistant.asked) < 3 and time.monotonic() < deadline:
            chat.page.wait_for_timeout(50)
        assert chat.assistant.asked[2] == chat.assistant.asked[1]
        chat.finish()
        assert chat.complaints == []
        chat.page.locator("#new").click()
        playwright_api.expect(chat.page.locator("#chat .user-row")).to_have_count(0, timeout=SECONDS)
        playwright_api.expect(chat.page.locator("#evidence blockquote")).to_have_count(0)
        chat.complaints.clear()  # leaving a page aborts what it was still waiting for


def test_errors_are_plain_words_without_a_path(browser, capsys):
    with chatting(browser) as chat:
        chat.ask("x" * 1001)
        chat.page.get_by_text("at most 1000 can be asked").wait_for(timeout=SECONDS)
        chat.assistant.failure = RuntimeError("/secret/path.py exploded")
        chat.ask(QUESTION)
        chat.page.get_by_text("Something went wrong while answering").wait_for(timeout=SECONDS)
        assert "secret" not in chat.page.content()
    assert "/secret/path.py exploded" in capsys.readouterr().err


def test_the_page_is_usable_while_the_model_loads(browser):
    with chatting(browser, replies=[REPLY], generator_state="loading") as chat:
        chat.assistant.generator.gate = gate = Event()
        assert "loading" in chat.text("#status")
        chat.ask(QUESTION)
        chat.page.locator("#evidence blockquote").first.wait_for(timeout=SECONDS)
        chat.page.get_by_text("The language model is still loading").wait_for(timeout=SECONDS)
        chat.assistant.generator_state = "ready"
        playwright_api.expect(chat.page.locator("#status")).to_contain_text("Ready.", timeout=SECONDS)
        gate.set()
        chat.finish()


def test_examples_come_from_the_documents_and_ask_when_clicked(browser):
    named = [document(f"{n}.txt", f"We met Ada Lovelace in {city}.", city) for n, city in enumerate(["Rome", "Turin"])]
    with chatting(browser, *named, replies=["She was in Rome. [1]"]) as chat:
        chat.page.get_by_role("button", name="What do the sources say about Ada Lovelace?").click()
        chat.finish()
        assert "She was in Rome." in chat.text("#chat .said")
        playwright_api.expect(chat.page.locator("#examples")).to_be_hidden()


def test_at_360_pixels_the_columns_stack_and_nothing_runs_off(browser):
    with chatting(browser, replies=[REPLY], width=360) as chat:
        chat.ask(QUESTION)
        chat.finish()
        above, below = chat.page.locator("#conversation").bounding_box(), chat.page.locator("#sources").bounding_box()
        assert above is not None
        assert below is not None
        assert below["y"] >= above["y"] + above["height"]
        assert chat.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_hostile_documents_titles_questions_and_drafts_stay_text(browser):
    corpus = [document(f"{n}{p}", f"{p} Avocado.", p, outlet=p) for n, p in enumerate(PAYLOADS)]
    with chatting(browser, *corpus, replies=[f"{p} is so. [1]" for p in PAYLOADS]) as chat:
        page = chat.page
        for payload in PAYLOADS:
            chat.ask(payload + " Avocado")
            chat.finish()
        for summary in page.locator("#chat summary").all():
            summary.click()
        assert page.evaluate("window.hacked") is None
        assert (
            page.evaluate(
                "document.querySelectorAll('#columns .md :is(img,iframe,style,script,object,math,table)').length"
            )
            == 0
        )
        foreign = page.evaluate(
            "[...document.querySelectorAll('#columns a')].filter(a => a.origin !== location.origin).length"
        )
        assert foreign == 0
        shown = " ".join(chat.text("#chat").split())
        for payload in PAYLOADS[:-1]:
            assert " ".join(payload.split()) in shown
        with page.context.expect_page() as opened:
            page.locator("#evidence blockquote a").first.click()
        view = opened.value
        view.locator("mark#hit").wait_for(timeout=SECONDS)
        assert view.evaluate("document.scripts.length") == 0


def test_a_page_of_another_site_cannot_use_the_chat(browser):
    with chatting(browser) as chat:
        url = urlsplit(chat.page.url)
        with socket.create_connection((url.hostname, url.port)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 403")
