"""Question and evidence -> Prompt: the only words the language model is given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.models.protocols import Prompt
from rag.text.words import plain
from rag.types import Evidence

NONE = "0"
"""What the model is asked to write instead of a sentence's number where no sentence answers."""

MOST_SENTENCES = 9
"""Shown to the model at once: its choice is read off the first digit of its reply."""

_SYSTEM = f"""You answer a question from numbered sentences of documents, and from nothing else.
First write the number of the sentence that answers the question, then a colon, then the answer in one short, \
complete sentence.
If no sentence answers exactly this question, write {NONE}."""

_BRIDGE = (
    "Harbour bridge reopens (2021-05-02)\n"
    "[1] After two years of repairs the harbour bridge reopened to traffic on Sunday.\n"
    "[2] The city paid $40 million for the work, the mayor said.\n\n"
)
_EXAMPLES = (
    (
        _BRIDGE + "Question: How much did the bridge repairs cost?",
        "2: The city paid $40 million for the bridge repairs.",
    ),
    (_BRIDGE + "Question: Who designed the bridge?", NONE),
)


def source_title(title: str, date: str | None, *, limit: int = 70) -> str:
    """One line that names a source to the model."""
    title = re.sub(r"\s+", " ", title).strip()
    short = title if len(title) <= limit else title[: limit - 1].rsplit(" ", 1)[0] + "…"
    return f"{short} ({date})" if date else short


def answer_prompt(question: str, evidence: Sequence[Evidence]) -> Prompt:
    """Asks for the number of the sentence that answers, then the answer: evidence under its source, then the question.

    The system text and the examples are the same for every question, so that an engine reads them once.
    """
    lines: list[str] = []
    previous: tuple[str, str] | None = None
    for item in evidence:
        source = (item.document_id, item.title)
        if source != previous:
            lines.append(source_title(item.title, item.date))
            previous = source
        lines.append(f"[{item.number}] {plain(item.in_context)}")
    lines += ["", "Question: " + re.sub(r"\s+", " ", question).strip()]
    return Prompt(_SYSTEM, _EXAMPLES, "\n".join(lines))


_JUDGE_SYSTEM = """You check facts. Read the evidence, then decide whether it supports the claim. Reply Yes only if \
the evidence agrees with the claim in direction, amount and subject; reply No if it says the opposite or something \
else."""

_TRIAL = "Patients given the drug had a lower rate of stroke than those given placebo (3% vs 9%)."
_JUDGE_EXAMPLES = tuple(
    (f"Evidence: {evidence}\nClaim: {claim}\nDoes the evidence support the claim?", reply)
    for evidence, claim, reply in (
        (_TRIAL, "The drug reduces the risk of stroke.", "Yes"),
        (_TRIAL, "The drug increases the risk of stroke.", "No"),
        ("Most patients given the drug were women older than 60.", "The drug reduces the risk of stroke.", "No"),
    )
)


def judge_prompt(claim: str, premise: str) -> Prompt:
    """Asks whether the premise states the claim; the reply's first token is Yes or No."""
    asked = f"Evidence: {plain(premise)}\nClaim: {claim}\nDoes the evidence support the claim?"
    return Prompt(_JUDGE_SYSTEM, _JUDGE_EXAMPLES, asked)
