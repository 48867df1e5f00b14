"""What single sentences answer, in a few words each: the language model reads them one by one.

A model of this size cannot tell whether two sentences disagree: asked for "same", "different" or "other" of 64 pairs
it gives all three about the same chance. It can tell what each of them answers, and two short answers are compared
without it (``rag.ground.sides.answers``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from rag.ground.prompt import NOT_SAID, short_answer_prompt
from rag.models.protocols import Generator
from rag.retrieve.question import Asked
from rag.types import Evidence

_LONGEST = 14  # tokens
_TRIED = 2  # sentences; where they do not tell, others seldom do, and each takes about a second
_LIKELY_UNSAID = math.log(0.5)  # from here on the model would write NOT_SAID


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """What a sentence answers by itself."""

    evidence: Evidence  # its score is the log-odds of being an answer
    text: str  # as the model writes it, such as "£20" or "no"
    unsaid: float  # log-probability that the sentence does not tell


def short_answers(
    generator: Generator, asked: Asked, evidence: Sequence[Evidence], *, abort: Event | None = None
) -> list[ShortAnswer]:
    """Those of ``evidence``, likeliest first, that tell what is asked; none where neither of the first two does."""
    question = " ".join([*asked.earlier[:1], asked.text])  # "and the tunnel?" alone is answered by nothing
    answers: list[ShortAnswer] = []
    for number, e in enumerate(evidence, 1):
        prompt = short_answer_prompt(question, e)
        (unsaid,) = generator.score(prompt, (NOT_SAID,), abort=abort)
        if unsaid < _LIKELY_UNSAID:
            pieces = generator.stream(prompt, max_tokens=_LONGEST, stop=("\n",), abort=abort)
            text = "".join(piece.text for piece in pieces).strip()
            if text and NOT_SAID not in text.lower():
                answers.append(ShortAnswer(e, text, unsaid))
        if number == _TRIED and not answers:
            break
    return answers
