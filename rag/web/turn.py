"""One question and what has become of it so far; each Step of the assistant makes the next value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rag.types import Answer, Checked, Document, Drafting, Finished, Reading, Removed, Retrieved, Sentence, Step


@dataclass(frozen=True, slots=True)
class Turn:
    """What the chat knows about one question. ``answer`` is there once it is finished."""

    question: str
    retrieved: Retrieved | None = None
    reading: tuple[int, int] | None = None  # prompt tokens read, of how many
    draft: str = ""  # what is written and not yet verified
    sentences: tuple[Sentence, ...] = ()
    removed: tuple[Removed, ...] = ()
    answer: Answer | None = None
    problem: str = ""  # why there is no answer, in words for the person
    stopped: bool = False
    started: bool = False  # its turn with the language model has come
    rating: str = ""  # "helpful" or "not helpful", once a person said so
    documents: Mapping[str, Document] = field(default_factory=dict, compare=False, repr=False)  # it is answered from

    @property
    def open(self) -> bool:
        """Still being answered."""
        return self.answer is None and not self.problem and not self.stopped


def advance(turn: Turn, step: Step) -> Turn:
    """The turn after one more step."""
    match step:
        case Retrieved():
            return replace(turn, retrieved=step, started=True, documents=step.documents)
        case Reading(done, total):
            return replace(turn, reading=(done, total))
        case Drafting(text):
            return replace(turn, draft=text, reading=None)
        case Checked(result):
            unchecked = turn.draft.partition(result.text)[2]  # sentences are checked in the order of the draft
            if isinstance(result, Sentence):
                return replace(turn, sentences=(*turn.sentences, result), draft=unchecked)
            return replace(turn, removed=(*turn.removed, result), draft=unchecked)
        case Finished(answer):
            return replace(
                turn, answer=answer, sentences=answer.sentences, removed=answer.removed, draft="", reading=None
            )
    raise TypeError(f"not a step: {step!r}")


def stop(turn: Turn) -> Turn:
    """The turn as a person left it: what was verified so far stays, the rest goes."""
    return replace(turn, stopped=True, draft="", reading=None) if turn.open else turn


def fail(turn: Turn, problem: str) -> Turn:
    return replace(turn, problem=problem, draft="", reading=None)


def history(turns: tuple[Turn, ...]) -> tuple[tuple[str, str], ...]:
    """The (question, answer) pairs a follow-up question may refer to."""
    return tuple((t.answer.question, t.answer.answer) for t in turns if t.answer)
