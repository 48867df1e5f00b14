"""How answers of other programs are scored beside ours (benchmarks/peers); none of them is needed here."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.peers.score import markers, paired_ratio, peer_answer, refuses, system_measures
from benchmarks.peers.serve import Used
from rag.measure.datasets import GoldSentence, Question

TEXTS = {"fox": "Foxes are red. They hunt mice at night.", "cat": "Cats sleep all day long."}
SOURCES = [{"document_id": "cat", "text": "Cats sleep all day long."}, {"document_id": "fox", "text": TEXTS["fox"]}]
FOX = Question(
    "fox", "Which colour are foxes?", "answerable", ("red",), evidence=(GoldSentence("fox", "Foxes are red."),)
)
OWL = Question("owl", "Where do owls nest?", "unanswerable")


def reply(answer: str, **more: Any) -> dict[str, Any]:
    return {"answer": answer, "sources": SOURCES, "seconds": 2.0, "first_token_seconds": 1.5, **more}


def row(answer: str, **more: Any) -> dict[str, Any]:
    used = {"requests": 1, "prompt_tokens": 900, "read_tokens": 700, "output_tokens": 20, "processor_seconds": 1.0}
    return {**more, "answer": peer_answer(reply(answer, **more), TEXTS), "used": used}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n",
        "Empty Response",
        "The provided sources do not contain information about owls.",
        "None of the sources are helpful in answering this query.",
        "There is no information on owls in the context.",
        "The price of Mango is not specified.",
        "The context doesn't mention where owls nest [1].",
        "I'm sorry, but I can't assist with that.",
        "It is not possible to determine the price from the sources.",
    ],
)
def test_a_refusal_says_so_first(answer: str) -> None:
    assert refuses(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Foxes are red [2].",
        "Owls nest in barns. The sources do not mention forests.",  # it answers, and then says what it lacks
        "He left as he did not get enough resources [1].",
        "The passage of the law was not easy.",
        "No, foxes are not blue.",
    ],
)
def test_an_answer_is_no_refusal(answer: str) -> None:
    assert not refuses(answer)


def test_markers_are_read_as_models_write_them() -> None:
    assert markers("So [1], and [2, 3]; see [Source 4] and Sources 5 and 6. In 1999 [sic] (7).") == [1, 2, 3, 4, 5, 6]


def test_a_cited_source_is_scored_whole() -> None:
    found = system_measures([(FOX, row("Foxes are red [2]."))], TEXTS, seed=0)
    for name in ("evidence_precision", "evidence_recall", "citations_resolve", "citations_exact", "sentences_cited"):
        assert found[name]["value"] == 1, name
    assert found["medians"]["words_per_citation"] == 8
    assert (found["seconds"]["value"], found["seconds_to_first_token"]["value"]) == (2.0, 1.5)


def test_a_wrong_source_a_marker_of_nothing_and_a_bare_sentence_count_against() -> None:
    found = system_measures([(FOX, row("Foxes are red [1][9]. They hunt mice."))], TEXTS, seed=0)
    assert found["evidence_precision"]["value"] == found["evidence_recall"]["value"] == 0
    assert found["citations_resolve"]["value"] == found["sentences_cited"]["value"] == 0.5


def test_a_marker_behind_the_full_stop_belongs_to_its_sentence() -> None:
    (sentence,) = peer_answer(reply("Foxes are red. [2]"), TEXTS)["sentences"]
    assert [c["document_id"] for c in sentence["citations"]] == ["fox"]


def test_a_source_that_was_rewritten_is_not_exact() -> None:
    changed = [{"document_id": "fox", "text": "Foxes  are red."}]
    found = system_measures([(FOX, row("Foxes are red [1].", sources=changed))], TEXTS, seed=0)
    assert (found["citations_resolve"]["value"], found["citations_exact"]["value"]) == (1, 0)


def test_a_reference_for_the_whole_answer_says_nothing_of_sentences() -> None:
    found = system_measures([(FOX, row("Foxes are red. They hunt.", reference=2))], TEXTS, seed=0)
    assert found["evidence_precision"]["n"] == 1  # one citation, not one a sentence
    assert found["evidence_recall"]["value"] == 1
    assert "sentences_cited" not in found


def test_refusals_are_counted_by_kind() -> None:
    none = row("The sources do not mention it.")
    found = system_measures([(FOX, none), (OWL, none)], TEXTS, seed=0)
    assert (found["unanswerable_refused"]["value"], found["answerable_answered"]["value"]) == (1, 0)
    assert found["answered"] == 0


def test_times_are_compared_question_by_question() -> None:
    found = paired_ratio([(10.0, 1.0), (4.0, 2.0), (9.0, 3.0)], seed=0)
    assert found is not None
    assert (found["median"]["value"], found["total"]["value"], found["total"]["n"]) == (3.0, 3.833, 3)
    assert paired_ratio([], seed=0) is None


def test_tokens_are_what_the_engine_says() -> None:
    used = Used()

    def engine(request: dict[str, Any], callback: Any) -> None:
        for written in (1, 2):
            if callback({"timings": {"cache_n": 30, "prompt_n": 10, "predicted_n": written}}):
                return

    complete = used.counted(engine)
    complete({}, lambda event: False)
    complete({}, lambda event: True)  # stopped after the first token
    taken = used.take()
    assert taken.pop("processor_seconds") >= 0
    assert taken == {"requests": 2, "prompt_tokens": 40, "read_tokens": 20, "output_tokens": 3}
    assert used.take()["requests"] == 0
