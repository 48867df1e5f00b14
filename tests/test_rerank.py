"""The reader that comes with the program: passages, and the units in them, with a question."""

from __future__ import annotations

import shutil
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import ModelDamaged, ModelMissing
from rag.index.chunk import chunk_document
from rag.models import store
from rag.models.catalogue import CATALOGUE
from rag.models.protocols import PassageScores, PassageText, Reranker
from rag.models.rerank import _unit_by_unit, open_reranker
from rag.opening import open_ranking
from rag.retrieve.passages import passage_text
from rag.types import Chunk, Document, Span, Unit

NAME = Settings().reranker
RULES = """The hut

Beds: 22, of which four are in the winter room.
The stove must not be left alone. Ashes go into the iron bucket.
A night costs 12 euros for members and 23 for guests.
Dogs sleep in the shed."""


def passage(text: str) -> PassageText:
    (chunk,) = chunk_document(Document("hut.txt", text, "The hut", "0" * 64))
    return passage_text(chunk)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    return open_reranker(store.fetch(NAME, tmp_path_factory.mktemp("models")), name=NAME)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what do members pay to stay over", "A night costs 12 euros"),
        ("where do I put the ash", "Ashes go into the iron bucket."),
        ("can my dog sleep inside?", "Dogs sleep in the shed."),
        ("how many people can sleep there", "Beds: 22"),
    ],
)
def test_the_unit_that_answers_comes_first(reader: Reranker, question: str, answer: str) -> None:
    text = passage(RULES)
    (scores,) = reader.read(question, [text])
    best = max(range(len(scores.units)), key=scores.units.__getitem__)
    assert text.text[text.spans[best].start : text.spans[best].end].startswith(answer)


def test_a_passage_that_answers_is_told_from_one_that_does_not(reader: Reranker) -> None:
    other = passage("The lake\n\nBoats may be hired from June on. The water is cold and deep.")
    here, there = reader.read("what does a night at the hut cost?", [passage(RULES), other])
    assert here.passage > there.passage
    assert max(here.units) > max(there.units)


def test_the_scores_of_a_passage_do_not_depend_on_the_others(reader: Reranker) -> None:
    long = passage("The lake\n\n" + "Boats may be hired from June on. " * 20)
    assert (
        reader.read("Who hires boats?", [passage(RULES), long])[0]
        == reader.read("Who hires boats?", [passage(RULES)])[0]
    )


def test_a_unit_that_was_cut_off_has_no_score(reader: Reranker) -> None:
    text = "water " * 600 + "The end."
    (scores,) = reader.read(
        "Where does it end?", [PassageText(text, (Span(0, 5), Span(len(text) - 8, len(text))), ("", ""))]
    )
    assert scores.units[0] > -inf
    assert scores.units[1] == -inf


def test_odd_inputs_are_read(reader: Reranker) -> None:
    assert reader.read("?", []) == []
    assert reader.read("", [PassageText("", (), ())])[0].units == ()
    assert len(reader.read("\ud800", [PassageText("a\ud800b", (Span(0, 3),), ("",))])) == 1


def test_a_model_that_scores_texts_reads_each_unit_under_its_title() -> None:
    text = PassageText("Hut. Beds: 22. Dogs.", (Span(5, 14), Span(15, 20)), ("Hut. Beds: 22.", "Hut. Dogs."))
    read: list[str] = []

    def scores(texts: list[str]) -> list[float]:
        read.extend(texts)
        return [float(len(t)) for t in texts]

    assert _unit_by_unit([text], scores) == [PassageScores(20.0, (14.0, 10.0))]
    assert read == ["Hut. Beds: 22. Dogs.", "Hut. Beds: 22.", "Hut. Dogs."]


# --- a chunk as it is read ------------------------------------------------------------------------


def test_what_a_unit_is_read_under_is_said_once() -> None:
    rows = (Unit(0, 5, "row", context="Age: child; Fee: 12"), Unit(6, 11, "item", context="We take:"))
    read = passage_text(Chunk("a.md", 0, 11, "x | 1\ncards", "Fees", "", None, rows))
    assert read.text == "Fees. Age: child; Fee: 12: x | 1 We take: cards"
    assert [read.text[s.start : s.end] for s in read.spans] == ["x | 1", "cards"]


def test_a_list_spans_its_items() -> None:
    text = "To change the lamp in the hall you need these:\n\n- a ladder\n- a lamp"
    (chunk,) = chunk_document(Document("a.txt", text, "Tools", "0" * 64))
    read = passage_text(chunk)
    (whole,) = [
        read.text[s.start : s.end] for u, s in zip(chunk.sentences, read.spans, strict=True) if u.kind == "list"
    ]
    assert whole == "To change the lamp in the hall you need these: a ladder a lamp"


# --- its files ------------------------------------------------------------------------------------


def test_it_comes_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("rag.models.download.from_hub", refuse)
    monkeypatch.setattr("rag.models.download.from_wheels", refuse)
    assert store.is_packaged(NAME)
    assert store.fetch(NAME, tmp_path) == store.locate(NAME, tmp_path)


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_lost_copy_is_put_back_with_a_warning(tmp_path: Path, harm: str) -> None:
    folder = store.fetch(NAME, tmp_path)
    if harm == "missing":
        shutil.rmtree(folder)
    else:
        path = folder / CATALOGUE[NAME].files[0].name
        content = bytearray(path.read_bytes())
        content[5000] ^= 1
        path.write_bytes(content)
    with pytest.raises(ModelMissing if harm == "missing" else ModelDamaged):
        store.locate(NAME, tmp_path)
    with pytest.warns(RuntimeWarning, match="models fetch|put back"):
        reader = open_ranking(replace(Settings(), models_dir=tmp_path))
    assert reader.read("Who?", [PassageText("Ada.", (Span(0, 4),), ("Ada.",))])
