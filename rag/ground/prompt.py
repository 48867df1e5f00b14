"""Question and evidence -> Prompt: the only words the language model is given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.models.protocols import Prompt
from rag.text.words import one_line, plain
from rag.types import Evidence, Passage, is_restated

NONE = "Not in the documents."
"""What the model is asked to write where the lines shown do not answer."""

_SYSTEM = f"""You answer a question from numbered lines of documents, and from nothing else.
Answer in one to three short, complete sentences; after each write the number of the line that says it, like [2].
If the lines do not answer the question, write only: {NONE}"""

_BRIDGE = (
    "Harbour bridge reopens (2021-05-02)\n"
    "[1] After two years of repairs the harbour bridge reopened to traffic on Sunday.\n"
    "[2] The city paid $40 million for the work, the mayor said.\n"
    "[3] Lorries over 12 tons may not use it until August.\n\n"
)
_EXAMPLES = (
    (_BRIDGE + "Question: How much did the bridge repairs cost?", "The bridge repairs cost the city $40 million [2]."),
    (_BRIDGE + "Question: Who designed the bridge?", NONE),
    (
        _BRIDGE + "Question: Can I drive a 20-ton lorry over the bridge?",
        "No, lorries over 12 tons may not use the bridge until August [3].",
    ),
)


def source_title(title: str, date: str | None, *, limit: int = 70) -> str:
    """One line that names a source to the model."""
    title = re.sub(r"\s+", " ", title).strip()
    short = title if len(title) <= limit else title[: limit - 1].rsplit(" ", 1)[0] + "…"
    return f"{short} ({date})" if date else short


def answer_prompt(question: str, evidence: Sequence[Evidence], *, earlier: Sequence[str] = ()) -> Prompt:
    """Asks for an answer with the numbers of the lines it comes from: evidence under its source, then the question.

    ``earlier`` are the questions before it in the conversation that it may go on from.

    What several lines in a row are read under, such as a heading or the lead-in of a list, stands above them once. The
    system text and the examples are the same for every question, so that an engine reads them once.
    """
    lines: list[str] = []
    source, heading, context = ("", ""), "", ""
    for item in evidence:
        if source != (item.document_id, item.title):
            lines.append(source_title(item.title, item.date))
            source, heading, context = (item.document_id, item.title), item.title, ""
        if item.heading not in ("", heading, item.context, item.quote):
            lines.append(plain(item.heading))
            heading, context = item.heading, ""
        if is_restated(item.context, item.quote):
            lines.append(f"[{item.number}] {plain(item.context)}")
            continue
        if item.context not in ("", context):
            lines.append(plain(item.context))
        context = item.context
        lines.append(f"[{item.number}] {plain(item.quote)}")
    lines += ["", *(f"Earlier question: {one_line(e)}" for e in earlier), f"Question: {one_line(question)}"]
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


NOT_SAID = "not said"
"""What the model is asked to write of a line that does not tell what is asked."""

_SHORT_SYSTEM = f"""You are asked a question and shown one line of a document. Write what the line answers, in as few \
words as possible, taken from the line; to a question for yes or no write yes or no. If the line does not tell what is \
asked, write only: {NOT_SAID}"""

_COST = "The city paid $40 million for the work, the mayor said."
_REOPENED = "After two years of repairs the harbour bridge reopened to traffic on Sunday."


def _short(line: str, question: str) -> str:
    return f"Line: {line}\nQuestion: {question}"


_SHORT_EXAMPLES = tuple(
    (_short(f"Harbour bridge: {line}", question), reply)
    for question, line, reply in (
        ("How much did the bridge repairs cost?", _COST, "$40 million"),
        ("How much does the bridge earn in tolls?", _COST, NOT_SAID),
        ("Can I drive a 20-ton lorry over the bridge?", "Lorries over 12 tons may not use it until August.", "no"),
        ("Who repaired the bridge?", _REOPENED, NOT_SAID),
        ("is the bridge open again", _REOPENED, "yes"),
        ("Was the tunnel repaired too?", _REOPENED, NOT_SAID),
        (
            "Why did they close the bridge?",
            "Rust had eaten into the cables, so traffic was stopped in 2019.",
            "rust in the cables",
        ),
        ("where do I get a permit", "Permits: harbour office, second floor", "harbour office, second floor"),
    )
)


def short_answer_prompt(question: str, passage: Passage) -> Prompt:
    """Asks what one sentence, under its title and heading, answers."""
    under = f"{plain(passage.under)}: " if passage.under else ""
    line = f"{one_line(passage.title)}: {under}{plain(passage.quote)}"
    return Prompt(_SHORT_SYSTEM, _SHORT_EXAMPLES, _short(line, one_line(question)))
