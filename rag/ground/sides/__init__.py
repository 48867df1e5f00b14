"""Evidence of several documents -> sides: who says what, where they cannot all be right.

parallel.py   like statements that differ in a figure, a date or a name
amounts.py    different quantities of one kind in otherwise like statements
opposites.py  opposite words said of one subject
denials.py    one source denies what the question names while another speaks of it without denying
answers.py    where one thing is asked for, sentences that answer equally well with other names, dates or things
common.py     what these share
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.ground.sides.amounts import asked_value_sides, value_sides
from rag.ground.sides.answers import answer_sides
from rag.ground.sides.denials import denied_sides
from rag.ground.sides.opposites import opposite_sides
from rag.ground.sides.parallel import parallel_sides
from rag.retrieve.question import Asked
from rag.types import Evidence, Side


def sides(
    asked: Asked, evidence: Sequence[Evidence], answered: Sequence[str] = (), rivals: Sequence[Evidence] = ()
) -> tuple[Side, ...]:
    """The sides of a disagreement that bears on the question; () where the evidence agrees.

    A question for a quantity is answered by quantities, so only those are compared for it. ``answered`` are the
    sentences of the answer, ``rivals`` those of the evidence that each answer the question. The first strategy that
    sees a disagreement tells its sides.
    """
    if alike := parallel_sides(asked, rivals):
        return alike
    if asked.quantities == {"date"}:
        return answer_sides(asked, rivals, answered)
    if asked.quantities:
        return value_sides(asked, rivals, kinds=asked.quantities)
    if asked.what_sources_say:
        return value_sides(asked, evidence) or opposite_sides(asked, evidence, answered)
    return (
        asked_value_sides(asked, evidence)
        or denied_sides(asked, rivals)
        or opposite_sides(asked, evidence, answered)
        or answer_sides(asked, rivals, answered)
    )
