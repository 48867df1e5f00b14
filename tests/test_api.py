"""The chat for programs, over a real socket with a real client: off by default, guarded, streaming, one at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx
import pytest

from rag.web.app import create_app
from rag.web.serve import Server, address, open_port
from tests.web_fakes import FakeAssistant, document

AVOCADO = document("a b.txt", "Avocado is a model. It will be released in spring 2026.", "Avocado", date="2026-04-07")
QUESTION = {"question": "When will Avocado be released?"}
REPLY = "It will be released in spring 2026. [2] It is cheese."


@contextmanager
def serving(assistant: FakeAssistant, **options) -> Iterator[httpx.Client]:
    listener = open_port("127.0.0.1", 0, auth=options.get("auth", ""))
    server = Server(create_app(assistant, **options))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=address(listener), timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def test_it_is_off_unless_asked_for() -> None:
    with serving(FakeAssistant.of(AVOCADO)) as client:
        assert client.post("/api/ask", json=QUESTION).status_code == 403
        assert client.get("/api/documents").status_code == 403


def test_ask_search_and_documents() -> None:
    with serving(FakeAssistant.of(AVOCADO, replies=[REPLY]), api=True) as client:
        assert [d["id"] for d in client.get("/api/documents").json()["documents"]] == ["a b.txt"]
        found = client.post("/api/search", json=QUESTION).json()
        assert [e["quote"] for e in found["evidence"]] == [
            "Avocado is a model.",
            "It will be released in spring 2026.",
        ]
        with client.stream("POST", "/api/ask", json=QUESTION) as response:
            assert response.headers["content-type"].startswith("application/x-ndjson")
            events = [json.loads(line) for line in response.iter_lines()]
    assert events[0]["event"] == "retrieved"
    assert {"reading", "drafting", "checked"} <= {e["event"] for e in events}
    assert [e["kept"] for e in events if e["event"] == "checked"] == [True, False]
    answer = events[-1]
    assert answer["event"] == "answer"
    (citation,) = answer["sentences"][0]["citations"]
    assert AVOCADO.text[citation["start"] : citation["end"]] == citation["quote"]
    assert answer["removed"][0]["text"] == "It is cheese."


def test_history_makes_a_follow_up_question() -> None:
    fake = FakeAssistant.of(AVOCADO, replies=[REPLY])
    with serving(fake, api=True) as client:
        client.post("/api/ask", json={**QUESTION, "history": [["What is Avocado?", "A model."]]})
    assert fake.asked == [(QUESTION["question"], (("What is Avocado?", "A model."),))]


NO_QUESTIONS = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"question": 3}',
    b'{"question": "x", "extra": 1}',
    b'{"question": "x", "history": [["one"]]}',
    b"\xff",
]


def test_a_body_that_is_no_question_is_refused() -> None:
    with serving(FakeAssistant.of(AVOCADO), api=True) as client:
        for body in NO_QUESTIONS:
            answer = client.post("/api/ask", content=body, headers={"content-type": "application/json"})
            assert answer.status_code in (400, 422), body


def test_an_error_is_an_event_in_words_without_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeAssistant.of(AVOCADO)
    with serving(fake, api=True) as client:
        assert "at most 1000" in client.post("/api/ask", json={"question": "x" * 1001}).json()["error"]
        assert client.post("/api/search", json={"question": "x" * 1001}).status_code == 400
        fake.failure = RuntimeError("/secret/path.py exploded")
        answer = client.post("/api/ask", json=QUESTION)
        assert json.loads(answer.text)["event"] == "error"
        assert "secret" not in answer.text
    assert "/secret/path.py exploded" in capsys.readouterr().err


FOREIGN = [
    {"content-type": "text/plain"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "application/json", "origin": "http://evil.example"},
    {"content-type": "application/json", "sec-fetch-site": "cross-site"},
    {"content-type": "application/json", "host": "evil.example"},
]


def test_a_page_of_another_site_cannot_ask() -> None:
    fake = FakeAssistant.of(AVOCADO)
    with serving(fake, api=True) as client:
        for headers in FOREIGN:
            assert client.post("/api/ask", content=json.dumps(QUESTION), headers=headers).status_code == 403, headers
    assert fake.asked == []


def test_a_large_body_is_refused() -> None:
    with serving(FakeAssistant.of(AVOCADO), api=True) as client:
        assert client.post("/api/ask", json={"question": "x" * 300_000}).status_code == 413


def test_hanging_up_ends_the_work_and_the_next_question_is_answered() -> None:
    fake = FakeAssistant.of(AVOCADO, replies=[REPLY, REPLY])
    fake.generator.gate = gate = Event()
    with serving(fake, api=True) as client:
        with client.stream("POST", "/api/ask", json=QUESTION) as response:
            next(response.iter_lines())
        hung_up = time.monotonic()
        assert fake.aborts[0].wait(10)
        assert time.monotonic() - hung_up < 3, "a second, and some for a busy machine"
        gate.set()
        assert json.loads(client.post("/api/ask", json=QUESTION).text.splitlines()[-1])["event"] == "answer"


# --- a log-in -------------------------------------------------------------------------------------


def test_with_auth_every_request_needs_user_and_password() -> None:
    with serving(FakeAssistant.of(AVOCADO), api=True, auth="ann:correct horse:é") as client:
        for path in ("/", "/config", "/documents.json", "/doc/a%20b.txt", "/api/documents", "/style/page.js"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Basic")
        for given in (("ann", "wrong"), ("bob", "correct horse:é"), ("ann", "")):
            assert client.get("/", auth=given).status_code == 401
        for broken in ("Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 5000):
            assert client.get("/", headers={"authorization": broken}).status_code == 401
        known = httpx.BasicAuth("ann", "correct horse:é")
        assert client.get("/", auth=known).status_code == 200
        assert client.get("/documents.json", auth=known, headers={"host": "box.example:80"}).status_code == 200
        assert client.post("/documents/sync", auth=known, headers={"origin": "http://evil.example"}).status_code == 403
        assert client.post("/documents/sync", auth=known).status_code == 403, "no Origin: not the page"


# --- exports and sessions -------------------------------------------------------------------------


def test_the_page_gives_a_session_and_no_export_without_one() -> None:
    with serving(FakeAssistant.of(AVOCADO)) as client:
        first = client.get("/")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "set-cookie" not in client.get("/").headers, "the browser has one already"
        assert client.get("/export/aaaaaaaaaaaaaaaaaaaaaa.json").status_code == 404
        assert client.get("/export/..%2f..%2fetc%2fpasswd.json").status_code in (403, 404)
