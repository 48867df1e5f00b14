"""The entailment judge: the language model itself, asked Yes or No about one premise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Event

from rag.ground.prompt import judge_prompt
from rag.models.protocols import Generator

_OPTIONS = ("Yes", "No")


class LanguageModelJudge:
    """Probability of Yes against No as the first token of the reply.

    It is uncalibrated: ``rag.ground.verify.support`` says what it is worth.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.name = f"{generator.name} (yes/no log-odds)"

    def support(self, claim: str, premises: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """One probability a premise, 0 to 1, in order."""
        found: list[float] = []
        for premise in premises:
            yes, no = self._generator.score(judge_prompt(claim, premise), _OPTIONS, abort=abort)
            found.append(1.0 / (1.0 + math.exp(max(-50.0, min(50.0, no - yes)))))
        return found
