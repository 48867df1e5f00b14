"""The documents tab's server side: what is listed, what may be added or removed, syncing while questions go on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.assistant import Assistant
from rag.config import Settings
from rag.errors import CorpusError
from rag.index.build import build
from rag.index.snapshot import load_index
from rag.load import MAX_BYTES
from rag.web import folder as folder_module
from rag.web import library as library_module
from rag.web.app import create_app
from rag.web.folder import Refused, checked_name
from rag.web.library import Library
from tests.fakes import BagOfWordsEmbedder, OverlapReranker, OverlapVerifier, ScriptedGenerator
from tests.web_fakes import PAYLOADS, FakeAssistant, document

OWN = "http://127.0.0.1:7860"
TEA = "Tea and water\n\nTea is a drink made of leaves. People drink it every day."
JAM = "Jam\n\nJam is made of fruit and sugar. It keeps for a year."


@pytest.fixture
def assistant(tmp_path: Path) -> Assistant:
    """The real one with small models: real loading, real index, real swap."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "tea.txt").write_text(TEA, "utf-8")
    settings = Settings(seeds=tmp_path / "papers", index=tmp_path / "index")
    embedder = BagOfWordsEmbedder()
    build(settings.seeds, settings.index, embedder)
    index = load_index(settings.index)
    return Assistant(settings, index, embedder, OverlapReranker(), ScriptedGenerator, verifier=OverlapVerifier())


@pytest.fixture
def library(assistant: Assistant) -> Library:
    return Library(assistant, assistant.settings.seeds)


def rows(library: Library) -> dict[str, dict]:
    return {row["id"]: row for row in library.describe()["documents"]}


# --- the list -------------------------------------------------------------------------------------


def test_every_file_is_listed_with_what_became_of_it(library: Library, assistant: Assistant) -> None:
    seeds = assistant.settings.seeds
    (seeds / "new.md").write_text(JAM)
    (seeds / "picture.png").write_bytes(b"\x89PNG")
    (seeds / ".hidden.txt").write_text("x")
    found = rows(library)
    assert {name: row["status"] for name, row in found.items()} == {
        "tea.txt": "indexed",
        "new.md": "new",
        "picture.png": "skipped",
    }
    assert found["tea.txt"] | {"problem": ""} == {
        "id": "tea.txt",
        "title": "Tea and water",
        "outlet": None,
        "date": None,
        "pages": None,
        "sentences": 3,
        "status": "indexed",
        "problem": "",
        "removable": True,
        "readable": True,
    }
    os.utime(seeds / "tea.txt", ns=(1, 1))
    assert rows(library)["tea.txt"]["status"] == "indexed", "its bytes are the ones that were indexed"
    (seeds / "tea.txt").write_text(TEA + " It is hot.")
    assert rows(library)["tea.txt"]["status"] == "changed"
    (seeds / "tea.txt").unlink()
    assert rows(library)["tea.txt"]["status"] == "gone"
    assert library.describe()["pending"] == 2


def test_a_long_list_is_cut_and_says_so_what_needs_a_look_comes_first(
    library: Library, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "MOST_LISTED", 2)
    for n in range(3):
        (assistant.settings.seeds / f"x{n}.txt").write_text(JAM)
    described = library.describe()
    assert [d["id"] for d in described["documents"]] == ["x0.txt", "x1.txt"]
    assert (described["unlisted"], described["pending"], described["count"]) == (2, 3, 1)


def test_a_missing_folder_is_a_problem_in_words_without_a_path(library: Library, assistant: Assistant) -> None:
    import shutil

    shutil.rmtree(assistant.settings.seeds)
    described = library.describe()
    assert described["failed"]
    assert "does not exist" in described["news"]
    assert str(assistant.settings.seeds.parent) not in str(described)


# --- adding ---------------------------------------------------------------------------------------


def test_an_added_file_is_whole_and_read_at_the_next_sync(library: Library, assistant: Assistant) -> None:
    assert library.add("jam.txt", JAM.encode()) == "jam.txt"
    assert (assistant.settings.seeds / "jam.txt").read_text("utf-8") == JAM
    assert [p.name for p in assistant.settings.seeds.iterdir() if p.name.startswith(".")] == []
    assert library.sync()
    library.wait(20)
    assert rows(library)["jam.txt"]["status"] == "indexed"
    assert library.news.startswith("The new index is live: 2 documents (1 added or changed)")
    assert "fruit" in assistant.search("What is jam made of?").evidence[0].quote


@pytest.mark.parametrize("name", ["tea.txt", "TEA.txt"])
def test_nothing_is_overwritten(name: str, library: Library, assistant: Assistant) -> None:
    with pytest.raises(Refused, match="in the folder already") as caught:
        library.add(name, JAM.encode())
    assert caught.value.status == 409
    assert (assistant.settings.seeds / "tea.txt").read_text("utf-8") == TEA


def test_a_link_in_the_place_of_the_file_is_not_followed(
    library: Library, assistant: Assistant, tmp_path: Path
) -> None:
    (assistant.settings.seeds / "jam.txt").symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(Refused, match="already"):
        library.add("jam.txt", JAM.encode())
    assert not (tmp_path / "elsewhere.txt").exists()


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("jam.exe", JAM.encode(), 400),
        ("jam", JAM.encode(), 400),
        ("jam.txt.zip", JAM.encode(), 400),
        ("empty.txt", b"", 422),
        ("blank.txt", b" \n ", 422),
        ("binary.txt", bytes(range(256)) * 40, 422),
        ("large.txt", b"x" * (MAX_BYTES + 1), 413),
    ],
)
def test_the_limits_are_the_loader_s(
    name: str, data: bytes, status: int, library: Library, assistant: Assistant
) -> None:
    with pytest.raises(Refused) as caught:
        library.add(name, data)
    assert caught.value.status == status
    assert str(assistant.settings.seeds) not in str(caught.value)
    assert [p.name for p in assistant.settings.seeds.iterdir()] == ["tea.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".txt",
        ".hidden.txt",
        "../up.txt",
        "a/b.txt",
        "a\\b.txt",
        "/etc/x.txt",
        "C:x.txt",
        "x.txt\x00.png",
        "x\n.txt",
        " x.txt",
        "x.txt ",
        "x.txt.",
        "con.txt",
        "LPT1.md",
        "x\u202etxt.txt",
        "x\u200b.txt",
        "x" * 300 + ".txt",
        "é" * 120 + ".txt",
        "<img src=x>.txt",
        "\ud800.txt",
    ],
)
def test_names_that_lead_elsewhere_or_deceive_are_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        checked_name(name)
    assert caught.value.status == 400


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_a_name_that_is_let_in_is_one_plain_part_of_a_path(name: str) -> None:
    try:
        let_in = checked_name(name)
    except Refused:
        return
    assert Path("folder", let_in).parent == Path("folder")
    assert Path(let_in).name == let_in


def test_a_disk_without_hard_links_is_no_obstacle(
    library: Library, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(folder_module.os, "link", no_links)
    library.add("jam.txt", JAM.encode())
    assert (assistant.settings.seeds / "jam.txt").read_text("utf-8") == JAM


# --- removing -------------------------------------------------------------------------------------


def test_a_removed_document_answers_no_more_after_the_sync(library: Library, assistant: Assistant) -> None:
    library.add("jam.txt", JAM.encode())
    library.sync()
    library.wait(20)
    library.remove("jam.txt")
    assert rows(library)["jam.txt"]["status"] == "gone"
    library.sync()
    library.wait(20)
    assert set(rows(library)) == {"tea.txt"}
    assert all(e.document_id == "tea.txt" for e in assistant.search("What is jam made of?").evidence)
    assert "jam.txt" in library.generations()[1], "links of earlier answers still open what was quoted"


@pytest.mark.parametrize("name", ["nothing.txt", "../index/CURRENT", "/etc/hostname", "", "."])
def test_only_documents_of_the_folder_can_be_removed(name: str, library: Library, assistant: Assistant) -> None:
    library.add("jam.txt", JAM.encode())
    with pytest.raises(Refused) as caught:
        library.remove(name)
    assert caught.value.status == 404
    assert (assistant.settings.index / "CURRENT").is_file()


def test_the_last_document_stays(library: Library) -> None:
    with pytest.raises(Refused, match="only document"):
        library.remove("tea.txt")


# --- syncing --------------------------------------------------------------------------------------


def test_the_new_index_is_used_from_the_next_question_on() -> None:
    fake = FakeAssistant.of(document("old.txt", "Old news."))
    (fake.settings.seeds / "tea.txt").write_text(TEA)
    library = Library(fake, fake.settings.seeds)
    before = fake.index
    assert library.sync()
    library.wait(20)
    assert "tea.txt" in fake.index.documents
    assert library.generations() == [fake.index.documents, before.documents]


def test_a_sync_that_fails_says_why_and_the_old_index_stays(
    library: Library, assistant: Assistant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = assistant.index

    def fails(error: Exception) -> str:
        def rebuild(**_: object) -> None:
            raise error

        monkeypatch.setattr(assistant, "rebuild", rebuild)
        library.sync()
        library.wait(20)
        assert library.describe()["failed"]
        assert not library.busy
        assert assistant.index is before
        return library.news

    assert fails(CorpusError("Nothing in /secret/place/papers can be indexed.")) == "Nothing in papers can be indexed."
    assert "/secret" not in fails(RuntimeError("/secret/place exploded"))
    assert "/secret/place exploded" in capsys.readouterr().err


def test_asking_and_syncing_at_the_same_time_never_mixes_two_indexes(assistant: Assistant, library: Library) -> None:
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(40):
                found = assistant.search("What is tea made of?")
                assert found.evidence
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(3):
        library.add(f"jam{n}.txt", JAM.encode() + b" " * n)
        library.sync()
        library.wait(20)
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert len(assistant.index.documents) == 4


# --- over HTTP ------------------------------------------------------------------------------------


def call(app, method: str, path: str, *, origin: str | None = OWN, content=None, **headers) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OWN) as client:
            given = {**({"origin": origin} if origin else {}), **headers}
            return await client.request(method, path, headers=given, content=content)

    return asyncio.run(go())


@pytest.fixture
def app(assistant: Assistant):
    return create_app(assistant)


def test_adding_listing_and_removing_over_http(app, assistant: Assistant) -> None:
    assert call(app, "POST", "/documents/add?name=jam.txt", content=JAM.encode()).status_code == 200
    again = call(app, "POST", "/documents/add?name=jam.txt", content=b"Other text.")
    assert (again.status_code, "already" in again.json()["problem"]) == (409, True)
    listed = call(app, "GET", "/documents.json", origin=None).json()
    assert {d["id"]: d["status"] for d in listed["documents"]} == {"tea.txt": "indexed", "jam.txt": "new"}
    assert listed["folder"] == "papers"
    assert str(assistant.settings.seeds.parent) not in str(listed)
    assert call(app, "POST", "/documents/remove?id=jam.txt").status_code == 200
    assert not (assistant.settings.seeds / "jam.txt").exists()
    assert call(app, "POST", "/documents/sync").status_code == 202


def test_no_other_site_can_change_the_folder(app, assistant: Assistant) -> None:
    for path in ("add?name=jam.txt", "remove?id=tea.txt", "sync"):
        for origin in (None, "null", "http://evil.example", "http://127.0.0.1:1"):
            assert call(app, "POST", f"/documents/{path}", origin=origin, content=JAM.encode()).status_code == 403
    assert [p.name for p in assistant.settings.seeds.iterdir()] == ["tea.txt"]


def test_a_body_over_the_limit_is_refused_with_and_without_a_length(app, assistant: Assistant) -> None:
    large = call(app, "POST", "/documents/add?name=jam.txt", content=b"x" * (MAX_BYTES + 1))
    assert large.status_code == 413

    async def chunks():
        for _ in range(MAX_BYTES // 2**20 + 2):
            yield b"x" * 2**20

    assert call(app, "POST", "/documents/add?name=jam.txt", content=chunks()).status_code == 413
    assert [p.name for p in assistant.settings.seeds.iterdir()] == ["tea.txt"]


def test_hostile_file_names_are_refused_or_only_text(app, assistant: Assistant) -> None:
    for payload in PAYLOADS:
        path = f"/documents/add?name={quote(payload + '.txt', safe='', errors='replace')}"
        answer = call(app, "POST", path, content=JAM.encode())
        assert answer.status_code in (200, 400)
        assert answer.headers["content-type"] == "application/json"
    assert {p.parent for p in assistant.settings.seeds.rglob("*.txt")} == {assistant.settings.seeds}
