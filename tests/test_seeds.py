"""The real default models over the real seeds: what the product promises, asked as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.assistant import Assistant
from rag.config import Settings
from rag.retrieve.tuning import TUNING
from rag.types import Answer
from tests.fakes import ScriptedGenerator

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = [json.loads(line) for line in (ROOT / "tests" / "golden" / "questions.jsonl").read_text("utf-8").splitlines()]

pytestmark = pytest.mark.model


def by_kind(*kinds: str) -> list[Any]:
    return [pytest.param(q, id=q["id"]) for q in GOLDEN if q["kind"] in kinds]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    """Each question is asked once; the tests read the same answers."""
    return {}


def ask(assistant: Assistant, question: dict[str, Any], answers: dict[str, Answer]) -> Answer:
    if question["id"] not in answers:
        answers[question["id"]] = assistant.ask(question["question"])
    return answers[question["id"]]


@pytest.mark.parametrize("question", by_kind("answerable", "conflict", "unanswerable"))
def test_every_quotation_is_exact_and_every_sentence_has_one(
    real_assistant: Assistant, question: dict[str, Any], answers: dict[str, Answer]
) -> None:
    answer = ask(real_assistant, question, answers)
    assert answer.refused == (not answer.sentences)
    hits = {h.chunk.document_id for h in answer.hits}
    for citation in [c for s in answer.sentences for c in s.citations] + [c for s in answer.sides for c in s.citations]:
        document = real_assistant.index.documents[citation.document_id]
        assert document.text[citation.start : citation.end] == citation.quote
        assert citation.document_id in hits


@pytest.mark.parametrize("question", by_kind("answerable", "conflict"))
def test_answerable_questions_are_answered_from_a_passage_that_has_the_answer(
    real_assistant: Assistant, question: dict[str, Any], answers: dict[str, Answer]
) -> None:
    answer = ask(real_assistant, question, answers)
    assert not answer.refused, answer.reason
    quotes = " ".join(c.quote for s in answer.sentences for c in s.citations)
    assert any(a.lower() in quotes.lower() for a in question["answers"]), quotes


@pytest.mark.parametrize("question", by_kind("unanswerable"))
def test_unanswerable_questions_are_refused(
    real_assistant: Assistant, question: dict[str, Any], answers: dict[str, Answer]
) -> None:
    answer = ask(real_assistant, question, answers)
    assert answer.refused, answer.answer
    assert answer.reason


@pytest.mark.parametrize("question", by_kind("conflict"))
def test_disagreements_show_every_side_with_its_source(
    real_assistant: Assistant, question: dict[str, Any], answers: dict[str, Answer]
) -> None:
    answer = ask(real_assistant, question, answers)
    assert answer.disagreement
    for side in question["sides"]:
        wanted = [e["text"] for e in side["evidence"]]
        assert any(t in c.quote for s in answer.sides for c in s.citations for t in wanted), side["answer"]


def test_paris_is_never_the_answer_whatever_the_model_drafts(
    real_assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager = replace(TUNING, caution={"balanced": -99.0})  # the verifier alone must hold
    monkeypatch.setattr("rag.retrieve.answerable.TUNING", eager)
    drafts = ["The capital of France is Paris. [1]", "Paris [1].", "Sources say it is Paris [1][2]. It is [3]."]
    for draft in drafts:
        assistant = Assistant(
            real_assistant.settings,
            real_assistant.index,
            real_assistant._embedder,
            real_assistant._reranker,
            lambda draft=draft: ScriptedGenerator(draft),  # type: ignore[misc]
        )
        answer = assistant.ask("What is the capital of France?")
        assert answer.removed
        assert "Paris" not in answer.answer


def test_the_command_line_answers_in_the_exact_shape(real_settings: Settings) -> None:
    command = [sys.executable, "-m", "rag", "ask", "--json", "--index", str(real_settings.index)]
    done = subprocess.run([*command, "What license does Gemma 4 use?"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) == {
        "question", "answer", "refused", "reason", "disagreement", "sentences", "removed",
        "sides", "by_source", "hits", "stale", "timings_ms", "models",
    }  # fmt: skip
    citation = answer["sentences"][0]["citations"][0]
    assert set(citation) == {"marker", "document_id", "title", "date", "start", "end", "quote", "context"}
    assert {"retrieve", "first_token", "generate", "verify", "total"} <= set(answer["timings_ms"])
    assert set(answer["models"]) == {"embedder", "generator", "verifier"}


def test_a_refusal_has_its_own_exit_status(real_settings: Settings) -> None:
    command = [sys.executable, "-m", "rag", "ask", "--index", str(real_settings.index)]
    done = subprocess.run([*command, "What is the capital of France?"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 3, done.stderr
    assert "no sentence that answers" in done.stdout
