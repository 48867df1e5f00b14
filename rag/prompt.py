"""Question and evidence -> Prompt: the only words the language model is given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import Evidence, Prompt
from rag.words import plain

NOT_IN_SOURCES = "NOT IN SOURCES"
"""What the model is asked to write where the sentences do not answer; never shown to a person."""

_SYSTEM = f"""You answer a question from numbered sentences of documents, and from nothing else.
Write one to four short, complete sentences in plain words, keeping the names and figures of the documents.
End each sentence with the number of the sentence it comes from, like [2].
If documents say different things, give each side in a sentence of its own.
If the numbered sentences do not answer the question, write only: {NOT_IN_SOURCES}"""

_EXAMPLES = (
    (
        "Harbour bridge reopens (2021-05-02)\n"
        "[1] After two years of repairs the harbour bridge reopened to traffic on Sunday.\n"
        "[2] The city paid $40 million for the work, the mayor said.\n"
        "Bridge audit\n"
        "[3] Auditors put the final cost of the bridge repairs at $52 million.\n\n"
        "Question: How much did the bridge repairs cost?",
        "The mayor said the city paid $40 million for the repairs [2]. Auditors put the final cost at $52 million [3].",
    ),
    (
        "Harbour bridge reopens (2021-05-02)\n"
        "[1] After two years of repairs the harbour bridge reopened to traffic on Sunday.\n\n"
        "Question: Who designed the bridge?",
        NOT_IN_SOURCES,
    ),
)


def source_title(title: str, date: str | None, *, limit: int = 70) -> str:
    """One line that names a source to the model."""
    title = re.sub(r"\s+", " ", title).strip()
    short = title if len(title) <= limit else title[: limit - 1].rsplit(" ", 1)[0] + "…"
    return f"{short} ({date})" if date else short


def answer_prompt(question: str, evidence: Sequence[Evidence]) -> Prompt:
    """The drafting prompt: evidence grouped under its source, then the question.

    The system text and the examples are the same for every question, so that an engine reads them once.
    """
    lines: list[str] = []
    previous: tuple[str, str] | None = None
    for item in evidence:
        source = (item.document_id, item.title)
        if source != previous:
            lines.append(source_title(item.title, item.date))
            previous = source
        lines.append(f"[{item.number}] {plain(item.quote)}")
    lines += ["", "Question: " + re.sub(r"\s+", " ", question).strip()]
    return Prompt(_SYSTEM, _EXAMPLES, "\n".join(lines))


_JUDGE_SYSTEM = """You check statements against a passage. Answer Yes if the passage says or clearly implies the whole \
statement. Answer No if any part of it is missing from the passage or differs from it."""

_JUDGE_EXAMPLES = (
    ("Passage: Auditors put the final cost of the bridge repairs at $52 million.\nStatement: The repairs cost $52 "
     "million, auditors found.", "Yes"),
    ("Passage: Auditors put the final cost of the bridge repairs at $52 million.\nStatement: Auditors paid for the "
     "repairs of the bridge.", "No"),
)  # fmt: skip


def judge_prompt(claim: str, premise: str) -> Prompt:
    """Asks whether the premise states the claim; the reply's first token is Yes or No."""
    return Prompt(_JUDGE_SYSTEM, _JUDGE_EXAMPLES, f"Passage: {plain(premise)}\nStatement: {claim}")
