"""Follow-up questions: what is searched for moves towards the questions before, and nothing is rewritten."""

from __future__ import annotations

import numpy as np
import pytest

from rag.config import Settings
from rag.retrieve.question import analyse
from rag.retrieve.search import query_vector
from rag.retrieve.tuning import TUNING
from tests.fakes import BagOfWordsEmbedder, ScriptedGenerator
from tests.test_assistant import KIWI, PLUM, assert_valid, indexed, make

FERRY = "The ferry to the island\n\nThe ferry sails at six. It costs four euros and takes half an hour.\n"
TUNNEL = "The tunnel under the fjord\n\nThe tunnel opens at seven. It costs nine euros and takes six minutes.\n"


def test_a_question_without_a_conversation_is_searched_as_it_is() -> None:
    embedder = BagOfWordsEmbedder()
    assert np.array_equal(query_vector(analyse("Who leads it?"), embedder), embedder.embed_query("Who leads it?"))


def test_the_less_a_question_says_the_more_the_one_before_counts() -> None:
    embedder = BagOfWordsEmbedder()
    before = [("When does the ferry sail?", "At six.")]
    near = embedder.embed_query(before[0][0])

    def share(question: str) -> float:
        return float(query_vector(analyse(question, before), embedder) @ near)

    vector = query_vector(analyse("And the price?", before), embedder)
    assert np.isclose(np.linalg.norm(vector), 1.0)
    assert vector @ embedder.embed_query("And the price?") > vector @ near  # its own words always count more
    assert share("price?") > share("price bread village shop Sunday morning?")


def test_the_last_questions_of_a_conversation_are_kept_latest_first() -> None:
    history = [(f"Question {n}?", "") for n in range(6)]
    assert analyse("And then?", history).earlier == ("Question 5?", "Question 4?", "Question 3?")
    assert TUNING.earlier_questions == 3


@pytest.fixture(scope="module")
def island(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return indexed(tmp_path_factory.mktemp("island"), {"ferry.txt": FERRY, "tunnel.txt": TUNNEL})


@pytest.mark.parametrize(
    ("before", "euros"),
    [("When does the ferry to the island sail?", "four"), ("When does the tunnel under the fjord open?", "nine")],
)
def test_what_it_is_comes_from_the_conversation(island: Settings, before: str, euros: str) -> None:
    evidence = make(island, ScriptedGenerator("")).search("What does it cost?", history=[(before, "")]).evidence
    best = max(evidence, key=lambda e: e.score)
    assert f"It costs {euros} euros" in best.quote


def test_the_model_is_told_the_question_before(island: Settings) -> None:
    generator = ScriptedGenerator("It costs four euros [1].")
    history = [("How long is the tunnel?", ""), ("When does the ferry sail?", "At six.")]
    answer = make(island, generator).ask("And what does it cost?", history=history)
    drafted = next(p for p in generator.prompts if "Question: And what does it cost?" in p.user)
    assert "Earlier question: When does the ferry sail?\nQuestion: And what does it cost?" in drafted.user
    assert "How long is the tunnel?" not in drafted.user
    assert answer.question == "And what does it cost?"


# --- a conversation never makes a refusal an answer ------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return indexed(tmp_path_factory.mktemp("corpus"), {"kiwi.txt": KIWI, "plum.txt": PLUM})


ANSWERED = [("Which license will the Kiwi model have?", "The Kiwi model will have a closed license. [1]")]
REFUSED = [("What is the capital of France?", "")]


@pytest.mark.parametrize(
    ("history", "question"),
    [
        (ANSWERED, "How much does it cost in Tokyo?"),
        (ANSWERED, "Which colour does it wear?"),
        (ANSWERED, "What is the capital of France?"),
        (REFUSED, "And what is its population?"),
        ([*ANSWERED, *REFUSED], "Who governs it?"),
        ([*ANSWERED, *REFUSED], "Why?"),
    ],
)
def test_a_follow_up_that_cannot_be_answered_is_refused(
    corpus: Settings, history: list[tuple[str, str]], question: str
) -> None:
    """Whatever was answered before."""
    draft = "The Kiwi model will have a closed license [1]."
    assistant = make(corpus, ScriptedGenerator(draft, scores=[[-0.05]]))  # the model doubts that anything answers
    answer = assistant.ask(question, history=history)
    assert answer.refused
    assert_valid(assistant, answer)
