"""The chat end to end in headless Chromium, on a fake assistant that waits for events, not for time."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urljoin, urlsplit

import pytest

from rag.output.check_export import check_export
from rag.types import REFUSAL, Citation, Document, Side
from rag.web.serve import Server, address, open_port
from tests.web_fakes import PAYLOADS, FakeAssistant, document

pytestmark = pytest.mark.browser
playwright_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update "
    "--disable-sync --disable-dev-shm-usage"
).split()
PATIENCE = int(os.environ.get("PATIENCE", "1"))  # a busy machine needs more
SECONDS = 20_000 * PATIENCE  # playwright counts milliseconds

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
def chatting(
    browser,
    *documents: Document,
    width: int = 1280,
    color_scheme: str = "light",
    bypass_csp: bool = False,
    assistant: FakeAssistant | None = None,
    **rest,
) -> Iterator[Chat]:
    assistant = assistant or FakeAssistant.of(*(documents or (AVOCADO, MANGO)), **rest)
    with serving(assistant) as url:
        size = {"width": width, "height": 800}
        context = browser.new_context(viewport=size, color_scheme=color_scheme, bypass_csp=bypass_csp)
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
        playwright_api.expect(chat.page.locator("#chat")).to_contain_text("Reading the passages", timeout=SECONDS)
        gate.set()
        chat.finish()
        said = chat.text("#chat .said")
        assert "It will be released in spring 2026." in said
        assert "cheese" not in said
        assert chat.page.locator("#chat .pending").count() == 0
        chat.page.get_by_text("Left out: not supported by a source").click()
        assert "It is made of cheese." in chat.text("#chat details[open]")
        chip = chat.page.locator(".chip").first
        chip.focus()
        playwright_api.expect(chat.page.locator("#tip")).to_have_text(
            "“Avocado will be released in spring 2026.” — Avocado comes in spring, 2026-04-07", timeout=SECONDS
        )
        chat.page.keyboard.press("Escape")
        playwright_api.expect(chat.page.locator("#tip")).to_be_hidden(timeout=SECONDS)
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
        chat.page.locator("#chat").get_by_text("Reading the passages").wait_for(timeout=SECONDS)
        pressed = time.monotonic()
        chat.page.locator("#stop").click()
        assert chat.assistant.aborts[0].wait(10)
        assert time.monotonic() - pressed < 3 * PATIENCE, "a second, and some for a busy machine"
        chat.page.locator("#chat").get_by_text("Stopped.").wait_for(timeout=SECONDS)
        gate.set()
        chat.ask("Is Mango delayed until autumn 2026?")
        chat.finish()
        assert chat.page.locator("#chat .chip").count() == 2
        assert [q for q, _ in chat.assistant.asked] == [QUESTION, "Is Mango delayed until autumn 2026?"]


def test_a_second_tab_waits_sees_its_place_and_may_leave_the_queue(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        chat.assistant.generator.gate = gate = Event()
        chat.ask(QUESTION)
        chat.page.locator("#chat").get_by_text("Reading the passages").wait_for(timeout=SECONDS)
        second = Chat(chat.page.context.new_page(), chat.assistant)
        second.page.goto(chat.page.url)
        second.page.locator("#question textarea").wait_for(timeout=SECONDS)
        second.ask("Is Mango delayed?")
        second.page.locator("#evidence blockquote", has_text="Mango").wait_for(timeout=SECONDS)  # without its turn
        playwright_api.expect(second.page.locator("#chat")).to_contain_text("Waiting for the language model")
        playwright_api.expect(second.page.locator("#turn")).to_contain_text("queue: 1/1", timeout=SECONDS)
        second.page.wait_for_timeout(3000)  # longer than the status stays as it is
        playwright_api.expect(second.page.locator("#turn")).to_contain_text("queue: 1/1", timeout=1000)
        second.page.locator("#stop").click()
        second.page.locator("#chat").get_by_text("Stopped.").wait_for(timeout=SECONDS)
        gate.set()
        chat.finish()
        assert "spring 2026" in chat.text("#chat .said")
        assert [q for q, _ in chat.assistant.asked] == [QUESTION]


def test_a_closed_tab_ends_the_work(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        chat.assistant.generator.gate = Event()
        chat.ask(QUESTION)
        chat.page.locator("#chat").get_by_text("Reading the passages").wait_for(timeout=SECONDS)
        chat.page.close()
        assert chat.assistant.aborts[0].wait(10)


def test_a_refusal_is_plain(browser):
    with chatting(browser) as chat:
        chat.ask("What is the capital of France?")
        chat.finish()
        assert REFUSAL in chat.text("#chat")
        assert "Nothing in the documents is near this question." in chat.text("#evidence")
        assert chat.page.locator(".chip").count() == 0


def test_a_disagreement_is_shown_with_both_sides(browser):
    def cite(doc: Document, quote: str, marker: int) -> Citation:
        start = doc.text.index(quote)
        return Citation(doc.id, doc.title, doc.date, start, start + len(quote), quote, marker)

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
        assert "Mango, and a delay" in block


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


def saved(chat: Chat, name: str) -> str:
    with chat.page.expect_download(timeout=SECONDS) as download:
        chat.page.get_by_role("link", name=name).click()
    return Path(download.value.path()).read_text("utf-8")


def test_an_exported_conversation_stands_up_to_rag_verify(browser, tmp_path):
    fake = FakeAssistant.of(replies=[REPLY])
    for n, doc in enumerate((AVOCADO, MANGO)):
        (fake.settings.seeds / f"{n}.txt").write_text(doc.text, "utf-8")
    fake.use(fake.rebuild()[1])
    with chatting(browser, assistant=fake) as chat:
        chat.ask(QUESTION)
        chat.finish()
        assert "Avocado will be released in spring 2026." in saved(chat, "Markdown")
        (tmp_path / "c.json").write_text(saved(chat, "JSON"), "utf-8")
    checked = check_export(tmp_path / "c.json", fake.settings.seeds)
    assert len(checked) >= 4
    assert {c.why for c in checked} == {""}


def test_a_judgement_is_kept_in_a_file_of_this_machine(browser):
    with chatting(browser, replies=[REPLY]) as chat:
        chat.ask(QUESTION)
        chat.finish()
        chat.page.get_by_role("button", name="Not helpful").click()
        chat.page.get_by_role("button", name="Not helpful ✓").wait_for(timeout=SECONDS)
        chat.page.get_by_role("button", name="Helpful", exact=True).click()
        chat.page.get_by_role("button", name="Helpful ✓", exact=True).wait_for(timeout=SECONDS)
        lines = (chat.assistant.settings.index / "feedback.jsonl").read_text("utf-8").splitlines()
        judged = [json.loads(line) for line in lines]
        assert [j["rating"] for j in judged] == ["not helpful", "helpful"]
        assert judged[0]["question"] == QUESTION
        assert judged[0]["sentences"][0]["citations"][0]["quote"] == "Avocado will be released in spring 2026."


def test_a_conversation_outlives_its_page_and_is_nobody_else_s(browser):
    with chatting(browser, replies=[REPLY] * 2) as chat:
        chat.ask(QUESTION)
        chat.finish()
        chat.page.wait_for_url("**/?c=*")
        address_of_first = chat.page.url
        chat.page.locator("#new").click()
        chat.page.locator("#past summary").click()
        chat.page.locator("#past").get_by_role("link", name=QUESTION).wait_for(timeout=SECONDS)
        chat.page.goto(address_of_first)
        playwright_api.expect(chat.page.locator("#chat .said")).to_contain_text("spring 2026", timeout=SECONDS)
        playwright_api.expect(chat.page.locator("#evidence blockquote").first).to_be_visible(timeout=SECONDS)
        export = chat.page.locator("#save a").first.get_attribute("href")
        stranger = browser.new_context()
        page = stranger.new_page()
        page.goto(address_of_first)
        page.locator("#question textarea").wait_for(timeout=SECONDS)
        page.wait_for_timeout(500)
        assert page.locator("#chat .said").count() == 0
        assert page.locator("#past summary").count() == 0
        assert page.request.get(urljoin(address_of_first, export)).status == 404
        assert chat.page.request.get(urljoin(address_of_first, export)).status == 200
        stranger.close()
        chat.complaints.clear()  # leaving a page aborts what it was still waiting for


def test_documents_are_added_synced_quoted_and_removed_while_the_chat_goes_on(browser, tmp_path):
    (tmp_path / "kiwi.txt").write_text("Kiwi news\n\nThe Kiwi model comes in summer 2027.", "utf-8")
    (tmp_path / "empty.txt").write_text("")
    fake = FakeAssistant.of(replies=["It comes in summer 2027. [1]"] * 2)
    (fake.settings.seeds / "avocado.txt").write_text(AVOCADO.text, "utf-8")
    fake.use(fake.rebuild()[1])
    with chatting(browser, assistant=fake) as chat:
        page = chat.page
        fake.rebuild_gate = gate = Event()
        page.get_by_role("tab", name="Documents").click()
        page.locator("#documents tbody tr").first.wait_for(timeout=SECONDS)
        page.locator("#add-files").set_input_files([tmp_path / "kiwi.txt", tmp_path / "empty.txt"])
        news = page.locator("#documents [role=status]")
        playwright_api.expect(news).to_contain_text("empty.txt: The file has no text", timeout=SECONDS)
        playwright_api.expect(news).to_contain_text("Reading the files: 0 of 2", timeout=SECONDS)
        playwright_api.expect(page.locator("#documents progress")).to_be_visible()
        page.get_by_role("tab", name="Ask").click()
        chat.ask("When does the Kiwi model come?")  # meanwhile: the old documents know nothing of it
        chat.finish()
        assert REFUSAL in chat.text("#chat")
        gate.set()
        playwright_api.expect(page.locator("#status")).to_contain_text("The new index is live", timeout=SECONDS)
        chat.ask("When does the Kiwi model come?")
        chat.finish()
        assert "It comes in summer 2027." in chat.text("#chat .said >> nth=-1")
        page.get_by_role("tab", name="Documents").click()
        row = page.locator("#documents tr", has_text="Kiwi news")
        playwright_api.expect(row).to_contain_text("Indexed", timeout=SECONDS)
        row.get_by_role("button", name="Remove Kiwi news").press("Enter")
        dialog = page.get_by_role("dialog", name="Remove this document?")
        dialog.get_by_role("button", name="Keep it").click()
        assert (fake.settings.seeds / "kiwi.txt").exists()
        row.get_by_role("button", name="Remove Kiwi news").click()
        dialog.get_by_role("button", name="Delete the file").click()
        playwright_api.expect(row).to_have_count(0, timeout=SECONDS)
        assert not (fake.settings.seeds / "kiwi.txt").exists()
        page.get_by_role("tab", name="Ask").click()
        with page.context.expect_page() as opened:
            page.locator("#chat .chip").last.click()
        mark = opened.value.locator("mark#hit")
        mark.wait_for(timeout=SECONDS)
        assert mark.inner_text().endswith("The Kiwi model comes in summer 2027."), "what the old answer quoted"
        chat.complaints[:] = [c for c in chat.complaints if "422" not in c]  # the refused upload, as it should be


def test_hostile_names_and_titles_in_the_documents_tab_stay_text(browser):
    corpus = [document(f"{n}{p}", f"{p} Avocado.", p, outlet=p, date=p) for n, p in enumerate(PAYLOADS)]
    with chatting(browser, *corpus) as chat:
        page = chat.page
        page.get_by_role("tab", name="Documents").click()
        playwright_api.expect(page.locator("#documents tbody tr")).to_have_count(len(PAYLOADS), timeout=SECONDS)
        assert page.evaluate("window.hacked") is None
        found = "#documents :is(img,iframe,style,script,object,math,svg,b,h1,li)"
        assert page.evaluate(f"document.querySelectorAll('{found}').length") == 0
        links = page.evaluate(
            "[...document.querySelectorAll('#documents a')].filter(a => a.origin !== location.origin)"
        )
        assert links == []


@pytest.mark.skipif("AXE" not in os.environ, reason="AXE names no axe.min.js (npm package axe-core)")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_axe_finds_nothing_serious(browser, width, scheme):
    axe = Path(os.environ["AXE"]).read_text("utf-8")
    sides = (Side("It comes in spring.", (AVOCADO.id,), ()), Side("It may slip.", (MANGO.id,), ()))
    options = {"width": width, "color_scheme": scheme, "bypass_csp": True, "sides": sides}
    with chatting(browser, replies=[REPLY], **options) as chat:
        findings = {}

        def examine(state: str) -> None:
            run = "async (code) => { (0, eval)(code); return (await axe.run()).violations.map(v => [v.impact, v.id]); }"
            findings[state] = [v for v in chat.page.evaluate(run, axe) if v[0] in ("critical", "serious")]

        examine("empty")
        chat.ask(QUESTION)
        chat.finish()
        for summary in chat.page.locator("#chat summary").all():
            summary.click()
        chat.page.locator(".chip").first.focus()
        examine("answered")
        chat.page.get_by_role("tab", name="Documents").click()
        chat.page.locator("#documents tbody tr").first.wait_for(timeout=SECONDS)
        examine("documents")
        chat.page.get_by_role("tab", name="Ask").click()
        with chat.page.context.expect_page() as opened:
            chat.page.locator(".chip").first.click()
        opened.value.locator("mark#hit").wait_for(timeout=SECONDS)
        chat.page = opened.value
        examine("document")
        assert [f for found in findings.values() for f in found] == [], findings


def test_errors_are_plain_words_without_a_path(browser, capsys):
    with chatting(browser) as chat:
        chat.ask("x" * 1001)
        chat.page.locator("#chat").get_by_text("at most 1000 can be asked").wait_for(timeout=SECONDS)
        chat.assistant.failure = RuntimeError("/secret/path.py exploded")
        chat.ask(QUESTION)
        chat.page.locator("#chat").get_by_text("Something went wrong while answering").wait_for(timeout=SECONDS)
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
        assert chat.assistant.loads == 1  # by the page: it is seen before the model takes the processor


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
