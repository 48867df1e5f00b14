"""An exported conversation stands on its own, and every way to falsify it is found."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cli import ANSWERED, FAILED, main
from rag.errors import RagError
from rag.load import load
from rag.output.check_export import check_export
from rag.output.export import FORMAT, plain_markdown, to_json, to_markdown
from rag.types import Answer, Citation, Document, Evidence, Removed, Sentence, Side, SourceQuotes
from tests.web_fakes import PAYLOADS

TEXT = "Avocado is late\n\nThe café said “Avocado” 🥑 comes in spring 2026. It is made of leaves.\r\n"
QUOTE = "The café said “Avocado” 🥑 comes in spring 2026."


def cite(document: Document, quote: str = QUOTE) -> Citation:
    start = document.text.index(quote)
    return Citation(document.id, document.title, document.date, start, start + len(quote), quote, 1)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "news").mkdir(parents=True)
    (folder / "news" / "avocado.txt").write_bytes(TEXT.encode())
    (folder / "tea.txt").write_text("Tea is a drink made of leaves.", "utf-8")
    return folder


@pytest.fixture
def exchange(seeds: Path) -> tuple[Answer, dict[str, Document]]:
    known = {d.id: d for d in (load(p, root=seeds) for p in seeds.rglob("*.txt"))}
    citation = cite(known["news/avocado.txt"])
    passage = {name: value for name, value in asdict(citation).items() if name != "marker"}
    quote = Evidence(**passage, number=1, score=1.0)
    answer = Answer(
        "When?",
        "In spring. [1]",
        False,
        "",
        True,
        (Sentence("In spring.", (citation,)),),
        (Removed("It is cheese.", "no source"),),
        (Side("Spring", (citation.document_id,), (citation,)),),
        (SourceQuotes(citation.document_id, citation.title, None, (quote,)),),
        (),
    )
    return answer, known


@pytest.fixture
def exported(exchange: tuple[Answer, dict[str, Document]], tmp_path: Path) -> Path:
    path = tmp_path / "conversation.json"
    path.write_text(to_json([exchange], at="2026-11-25T18:00:00+00:00"), "utf-8")
    return path


def test_it_can_be_checked_without_the_program(exported: Path, seeds: Path) -> None:
    """With nothing but the standard library, as ``how_to_check`` says."""
    value = json.loads(exported.read_text("utf-8"))
    texts = {(d["file"], d["sha256"]): d for d in value["documents"]}
    (citation,) = value["exchanges"][0]["sentences"][0]["citations"]
    document = texts[citation["file"], citation["sha256"]]
    assert hashlib.sha256((seeds / citation["file"]).read_bytes()).hexdigest() == citation["sha256"]
    assert hashlib.sha256(document["text"].encode()).hexdigest() == citation["text_sha256"] == document["text_sha256"]
    assert document["text"][citation["start"] : citation["end"]] == citation["quote"] == QUOTE
    assert [d["file"] for d in value["documents"]] == ["news/avocado.txt"], "no text that was not quoted"


def test_every_quotation_of_an_honest_export_stands(exported: Path, seeds: Path) -> None:
    checked = check_export(exported, seeds)
    assert [c.where for c in checked] == [
        "question 1, sentence 1, [1]",
        "question 1, side 1, [1]",
        "question 1, what news/avocado.txt says, quotation 1",
    ]
    assert {c.why for c in checked} == {""}


def change_citation(value: dict, **changes: object) -> None:
    value["exchanges"][0]["sentences"][0]["citations"][0] |= changes


FORGERIES = {
    "quote": lambda v: change_citation(v, quote="The café said “Avocado” 🥑 comes in autumn 2026."),
    "moved": lambda v: change_citation(v, start=0, end=5),
    "start after end": lambda v: change_citation(v, start=9, end=3),
    "past the end": lambda v: change_citation(v, start=10**6, end=10**6 + len(QUOTE)),
    "negative": lambda v: change_citation(v, start=-10, end=-1),
    "empty": lambda v: change_citation(v, quote="", start=0, end=0),
    "another file": lambda v: change_citation(v, file="tea.txt"),
    "no such file": lambda v: change_citation(v, file="nothing.txt"),
    "a path out of the folder": lambda v: change_citation(v, file="../conversation.json"),
    "file's sha256": lambda v: change_citation(v, sha256="0" * 64),
    "text's sha256": lambda v: change_citation(v, text_sha256="0" * 64),
    "own copy of the text": lambda v: v["documents"][0].update(text="Something else."),
    "no copy of the text": lambda v: v["documents"].clear(),
    "no citation": lambda v: v["exchanges"][0]["sentences"][0]["citations"].clear(),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_every_forgery_is_found_and_named(name: str, exported: Path, seeds: Path) -> None:
    value = json.loads(exported.read_text("utf-8"))
    FORGERIES[name](value)
    exported.write_text(json.dumps(value), "utf-8")
    failed = [c for c in check_export(exported, seeds) if c.why]
    assert failed
    assert failed[0].where.startswith("question 1, sentence 1")


@pytest.mark.parametrize("change", ["edited", "removed", "replaced by a link"])
def test_a_file_that_is_not_what_was_quoted_is_named(change: str, exported: Path, seeds: Path) -> None:
    path = seeds / "news" / "avocado.txt"
    if change == "edited":
        path.write_text(TEXT.replace("spring", "autumn"), "utf-8")
    else:
        path.unlink()
        if change == "replaced by a link":
            path.symlink_to(seeds / "tea.txt")
    assert all(c.why for c in check_export(exported, seeds))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        '{"format": "other"}',
        json.dumps({"format": FORMAT, "version": 99}),
        json.dumps({"format": FORMAT, "version": 1}),
        json.dumps({"format": FORMAT, "version": 1, "documents": 3, "exchanges": []}),
        json.dumps({"format": FORMAT, "version": 1, "documents": [], "exchanges": [{"sentences": [{}]}]}),
        json.dumps({"format": FORMAT, "version": 1, "documents": [{"file": 3}], "exchanges": []}),
    ],
)
def test_what_is_no_export_is_refused_in_words(content: str, tmp_path: Path, seeds: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(RagError, match=r"x\.json"):
        check_export(path, seeds)


def test_the_command_exits_non_zero_and_names_the_citation(
    exported: Path, seeds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(exported), "--seeds", str(seeds)]) == ANSWERED
    assert "3 of 3 quotations stand." in capsys.readouterr().out
    (seeds / "news" / "avocado.txt").write_text("Other.")
    assert main(["verify", str(exported), "--seeds", str(seeds)]) == FAILED
    printed = capsys.readouterr().out
    assert "FAILED question 1, sentence 1, [1]: news/avocado.txt: the file is not the one that was quoted" in printed
    assert "0 of 3 quotations stand." in printed
    assert main(["verify", str(exported) + ".missing", "--seeds", str(seeds)]) == FAILED


def test_markdown_carries_the_evidence(exchange: tuple[Answer, dict[str, Document]]) -> None:
    text = to_markdown([exchange], at="2026-11-25")
    answer, known = exchange
    assert "## When?" in text
    assert "In spring. \\[1\\]" in text
    assert f"> “{QUOTE}”" in text
    assert f"sha256 {known['news/avocado.txt'].sha256}" in text
    assert "It is cheese. (no source)" in text
    refused = replace(answer, refused=True, reason="No passage says so.", sentences=(), sides=(), disagreement=False)
    assert "**I found no sentence that answers this.** No passage says so." in to_markdown([(refused, known)], at="now")


def test_a_nearest_passage_stands_under_its_own_title(exchange: tuple[Answer, dict[str, Document]]) -> None:
    """A source is named by the title of its best quotation, and a document of several parts has several titles."""
    answer, documents = exchange
    (source,) = answer.by_source
    quote = replace(source.quotes[0], title="The second part", date="2026-04-07")
    by_source = (replace(source, title="The first part", date=None, quotes=(quote,)),)
    refused = replace(answer, refused=True, sentences=(), sides=(), disagreement=False, by_source=by_source)
    text = to_markdown([(refused, documents)], at="now")
    assert "> The second part, 2026\\-04-07 (news/avocado.txt, characters " in text


@given(st.text(max_size=60) | st.sampled_from(PAYLOADS))
def test_no_text_becomes_markup_in_the_markdown(text: str) -> None:
    shown = plain_markdown(text)
    assert "\n" not in shown
    assert not re.search(r"[<>]", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]{}|~$!]", shown)
    assert not re.search(r"(?i)://|\bwww\.|@|^(?:#(?!\d)|[-+=]|\d+[.)])", re.sub(r"&#\d+;|\\.", "x", shown))
