from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.retrieve.instructions import asks_about_replying, orders_a_reply
from rag.text.sentences import sentences

ATTACKS = [json.loads(x) for x in (Path(__file__).parent / "golden" / "attacks.jsonl").read_text("utf-8").splitlines()]
BY_SHAPE = ("if-asked-short", "prompt-shape", "llama-tokens", "tool-call")
"""They order nothing in words: a question with its reply, a prompt, turns and calls written out."""
COMMANDING = [a for a in ATTACKS if a["kind"] == "instruction" and a["id"] not in BY_SHAPE]


@pytest.mark.parametrize("attack", COMMANDING, ids=lambda a: a["id"])
def test_a_command_is_told_from_the_statements_around_it(attack: dict[str, str]) -> None:
    text = attack["text"]
    if attack["suffix"] == ".html":
        text = text.replace("><", ">\n<").replace("<p>", "").replace("</p>", "")
    found = [text[s.start : s.end] for s in sentences(text)]
    assert any(map(orders_a_reply, found))
    assert not any(orders_a_reply(s) for s in found if "closed license" in s or "600 workers" in s)


@pytest.mark.parametrize(
    "sentence",
    [
        "Asked which license the model will have, the company did not answer.",
        "When asked who designed the bridge, he said that it was Ada Moreno.",
        "Users can ask the assistant questions, and it answers with quotations.",
        "The chatbot should be released in May, the company says.",
        "Critics say that AI models must not replace doctors.",
        "The court told the jury to disregard the remark.",
        "If the tank is empty, press the red button and wait for a minute.",
        "You should tell your doctor if you take other medicines.",
        "The question of the license was answered on Monday.",
        "It is only fair that, from now on, you should pay more for oil.",
        "Mix the flour and the water, and then add the eggs.",
        "The token <|im_start|> opens a turn in that format.",
    ],
)
def test_a_statement_is_no_command(sentence: str) -> None:
    assert not orders_a_reply(sentence)


def test_a_person_may_ask_for_it() -> None:
    assert asks_about_replying("What should clerks answer when asked for a refund?")
    assert asks_about_replying("Which instructions does the page give to chatbots?")
    assert not asks_about_replying("Which license will the Kiwi model have?")
