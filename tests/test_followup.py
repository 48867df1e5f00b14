"""Follow-up questions: a golden set, and that a rewrite takes every word from the conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import Settings
from rag.index.build import build
from rag.retrieve.followup import standalone
from rag.text.words import WORD
from tests.fakes import BagOfWordsEmbedder, ScriptedGenerator
from tests.test_assistant import KIWI, PLUM, assert_valid, make

GOLDEN = [
    json.loads(line) for line in (Path(__file__).parent / "golden" / "followups.jsonl").read_text("utf-8").splitlines()
]
HISTORY = [("What do sources say about Avocado's license?", "It is closed.")]


def rewrite(item: dict[str, Any]) -> str:
    return standalone(item["question"], [(asked, answer) for asked, answer in item["history"]])


def holds(item: dict[str, Any]) -> bool:
    """Has the rewrite the words it must have and none it must not? Where it is known: is it the expected one?"""
    found = rewrite(item)
    right = item.get("expected") in (None, found)
    has = all(words in found for words in item.get("contains", ()))
    return right and has and not any(words in found for words in item.get("lacks", ()))


def test_the_golden_follow_ups_are_understood() -> None:
    """A development set: the rules were written for it, but for the last 15 items, of which 10 were right unseen.

    The few rules before these had 12 of the first 39 exact and 3 of the first 8 by words.
    """
    exact = [holds(item) for item in GOLDEN if "expected" in item]
    by_words = [holds(item) for item in GOLDEN if "expected" not in item]
    wrong = {item["id"]: rewrite(item) for item in GOLDEN if not holds(item)}
    print(f"exact {sum(exact)} of {len(exact)}, by words {sum(by_words)} of {len(by_words)}", wrong)
    assert len(exact) >= 40
    assert sum(exact) / len(exact) >= 0.95, wrong
    assert sum(by_words) / len(by_words) >= 0.9, wrong


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does it rain in May?", "Does it rain in May?"),
        ("Is it raining?", "Is it raining?"),
        ("How much did it cost them?", "How much did it cost them (Meta)?"),
        ("Did they pay him for it?", "Did they pay him for it (Meta)?"),
        ("When did it open?", "When did Meta open?"),
    ],
)
def test_a_pronoun_that_stands_for_nothing_or_for_one_of_several_is_left(question: str, expected: str) -> None:
    assert standalone(question, [("Who leads Meta's lab?", "Alexandr Wang leads it. [1]")]) == expected


@pytest.mark.parametrize("item", GOLDEN, ids=lambda item: item["id"])
def test_without_history_nothing_is_put_in(item: dict[str, Any]) -> None:
    assert standalone(item["question"], []) == item["question"]


def words(text: str) -> set[str]:
    return {word.lower().replace("’", "'").removesuffix("'s") for word in WORD.findall(text)}


SAID = st.lists(
    st.sampled_from(
        "what who why when how and but about the a it its they their he his him that is did does will was in 2025 2024 "
        "Avocado Meta Alexandr Wang AI unit Llama 4 deal license foxes live open , ? ' . of with at".split()
    ),
    max_size=9,
).map(" ".join)


@given(SAID, st.lists(st.tuples(SAID, SAID), max_size=3))
def test_every_word_of_a_rewrite_was_said(question: str, history: list[tuple[str, str]]) -> None:
    said = words(" ".join([question, *(text for turn in history for text in turn)]))
    assert words(standalone(question, history)) <= said


@given(st.text(max_size=60), st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), max_size=3))
def test_whatever_was_said_there_is_a_question(question: str, history: list[tuple[str, str]]) -> None:
    assert standalone(question, history) or not question


# --- asked of the whole program ------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "seeds").mkdir()
    (folder / "seeds" / "kiwi.txt").write_text(KIWI, "utf-8")
    (folder / "seeds" / "plum.txt").write_text(PLUM, "utf-8")
    build(folder / "seeds", folder / "index", BagOfWordsEmbedder())
    return Settings(seeds=folder / "seeds", index=folder / "index")


ANSWERED = [("Which license will the Kiwi model have?", "The Kiwi model will have a closed license. [1]")]
REFUSED = [("What is the capital of France?", "")]


@pytest.mark.parametrize(
    ("history", "question", "alone"),
    [
        (ANSWERED, "How much does it cost in Tokyo?", "How much does Kiwi cost in Tokyo?"),
        (ANSWERED, "Which colour does it wear?", "Which colour does Kiwi wear?"),
        (ANSWERED, "What about Mango?", "Which license will the Mango model have?"),
        (ANSWERED, "What is the capital of France?", "What is the capital of France?"),
        (REFUSED, "And what is its population?", "And what is France's population?"),
        ([*ANSWERED, *REFUSED], "Who governs it?", "Who governs France?"),
        ([*ANSWERED, *REFUSED], "Why?", "Why (the capital of France)?"),
    ],
)
def test_a_follow_up_that_cannot_be_answered_is_refused(
    corpus: Settings, history: list[tuple[str, str]], question: str, alone: str
) -> None:
    """Whatever was answered before."""
    draft = "The Kiwi model will have a closed license [1]."
    assistant = make(corpus, ScriptedGenerator(draft, scores=[[-0.05]]))  # the model doubts that anything answers
    answer = assistant.ask(question, history=history)
    assert answer.standalone_question == alone
    assert answer.refused
    assert_valid(assistant, answer)


def test_a_follow_up_is_answered_as_the_question_it_stands_for(corpus: Settings) -> None:
    draft = "The Kiwi model will have a closed license [1]."
    before = [("Which license will the Mango model have?", "")]
    answer = make(corpus, ScriptedGenerator(draft)).ask("What about Kiwi?", history=before)
    direct = make(corpus, ScriptedGenerator(draft)).ask("Which license will the Kiwi model have?")
    assert answer.standalone_question == direct.question
    assert answer.sentences == direct.sentences
    assert not answer.refused
