from __future__ import annotations

from pathlib import Path

import pytest

from rag.index.lexical import Lexical, LexicalWriter
from rag.retrieve.question import analyse
from rag.retrieve.spelling import meant
from rag.types import Chunk

TEXTS = [
    "Ask for Paid Time Off early. The lobby closes at noon.",
    "Volunteers read the quarterly report on the service level agreement. A service level agreement is short.",
    "Any other business comes last.",
]


@pytest.fixture
def documents(tmp_path: Path) -> Lexical:
    writer = LexicalWriter(tmp_path / "words")
    for text in TEXTS:
        writer.add(text)
    writer.close()
    return Lexical(tmp_path / "words")


@pytest.mark.parametrize(
    ("question", "hints"),
    [
        ("Who are the voluntears of the lobby?", {"voluntears": "volunteers"}),
        ("When is the quartrely reprot due?", {"quartrely": "quarterly", "reprot": "report"}),
        ("Who reads a report, and when?", {}),  # every word is there in some form
        ("Who is on the lbby?", {}),  # too short: too many words are alike
        ("How much PTO is there?", {"PTO": "Paid Time Off"}),
        ("What does the sla say?", {"sla": "service level agreement"}),
        ("What is the AOB?", {}),  # said once, and not as a name
        ("What does Grafana show?", {}),
        ("Which report of 20199 is it?", {}),
    ],
)
def test_what_was_meant_by_words_that_no_document_has(question: str, hints: dict[str, str], documents: Lexical) -> None:
    chunks = [Chunk("d", 0, len(text), text, "", "", None, ()) for text in TEXTS]
    assert meant(analyse(question), chunks, documents) == hints
