"""Evidence of several documents -> sides: who says what, where they cannot all be right.

answers.py    short answers to a question that differ
amounts.py    of a subject: different quantities of one kind in otherwise like statements
opposites.py  of a subject: opposite words said of it
common.py     what these share
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.ground.sides.amounts import value_sides
from rag.ground.sides.opposites import opposite_sides
from rag.retrieve.question import Asked
from rag.types import Evidence, Side


def subject_sides(asked: Asked, evidence: Sequence[Evidence]) -> tuple[Side, ...]:
    """The sides of a disagreement about what the sources are asked about; () where the evidence agrees.

    For a question for what sources say: it has no answer that could be compared.
    """
    return value_sides(asked, evidence) or opposite_sides(asked, evidence)
