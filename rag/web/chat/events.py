"""What happens on the chat page: a person arrives, asks, asks again, stops an answer, rates one."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.errors import RagError
from rag.web.chat.layout import Page
from rag.web.chat.updates import NO_UPDATE, Update, conversation_update, rating_of
from rag.web.escape import without_paths
from rag.web.feedback import record
from rag.web.present import history_markup
from rag.web.sessions import COOKIE, Place, Sessions, Turns, is_name, new_name
from rag.web.stream import in_batches
from rag.web.toolkit import gr
from rag.web.turn import Turn, advance, fail, history, stop

if TYPE_CHECKING:
    from rag.assistant import Assistant

UNEXPECTED = "Something went wrong while answering. The terminal shows what; the next question may well work."


@dataclass(frozen=True, slots=True)
class Events:
    """Each public method is called by Gradio for one event and gives the update of the page, or one after the other.

    ``place``, which every tab sends back with its events, is None where somebody asks before the page has loaded.
    """

    assistant: Assistant
    sessions: Sessions
    page: Page

    def arrive(self, request: gr.Request) -> Update:
        """A new conversation, or one of this browser session that the address names.

        The language model is loaded from here on. While it loads it lets nothing else run, so a start any earlier
        would keep the page from being seen.
        """
        self.assistant.load_generator()
        session = request.cookies.get(COOKIE, "")
        session = session if is_name(session) else new_name()
        conversation = dict(request.query_params).get("c", "")
        place = Place(session, conversation if is_name(conversation) else new_name())
        turns = self.sessions.get(place)
        if not turns:  # nobody may choose a name: somebody else could know it
            place = Place(session, new_name())
        links = history_markup(self.sessions.history(session), place.conversation)
        return {**self._keep(place, _stopped(turns)), self.page.conversation.earlier: links}

    def ask(self, question: str, place: Place | None) -> Iterator[Update]:
        """The question, then its passages. No language model has a part in them, so nobody waits for a turn."""
        place, turns = self._at(place)
        if not question.strip() or (turns and turns[-1].open):
            yield NO_UPDATE
            return
        updates = self._search(question, place, turns)
        yield {**next(updates), self.page.conversation.question: ""}  # later the person may be typing the next one
        yield from updates

    def ask_again(self, place: Place | None) -> Iterator[Update]:
        """The last question anew; its earlier answer goes."""
        place, turns = self._at(place)
        if not turns or turns[-1].open:
            yield NO_UPDATE
            return
        yield from self._search(turns[-1].question, place, turns[:-1])

    async def answer(self, place: Place | None) -> AsyncIterator[Update]:
        """The answer to the open question, as it grows."""
        place, turns = self._at(place)
        if not turns or not turns[-1].open:
            return
        *before, turn = turns
        question, past = turn.question, history(tuple(before))
        try:
            async for steps in in_batches(lambda abort: self.assistant.steps(question, history=past, abort=abort)):
                for step in steps:
                    turn = advance(turn, step)
                yield self._keep(place, (*before, turn)) if steps else NO_UPDATE
            if turn.open:  # the assistant ended before an answer
                yield self._keep(place, (*before, stop(turn)))
        except Exception as error:
            yield self._keep(place, (*before, fail(turn, _problem(error))))

    def stop_answer(self, place: Place | None) -> Update:
        """What was verified so far stays; Gradio cancels the events that were still at work."""
        place, turns = self._at(place)
        return self._keep(place, _stopped(turns))

    def rate(self, label: str, place: Place | None) -> Update:
        """The rating on that button for the last answer; the same one again takes it back."""
        place, turns = self._at(place)
        if not turns or turns[-1].answer is None:
            return NO_UPDATE
        rating = rating_of(label)
        turn = replace(turns[-1], rating="" if turns[-1].rating == rating else rating)
        index = self.assistant.index
        record(self.assistant.settings.index, turns[-1].answer, turn.rating, generation=index.generation)
        return self._keep(place, (*turns[:-1], turn))

    def _at(self, place: Place | None) -> tuple[Place, Turns]:
        place = place or Place(new_name(), new_name())
        return place, self.sessions.get(place)

    def _keep(self, place: Place, turns: Turns) -> Update:
        """The turns are what is kept of the conversation from now on, and what the page shows."""
        self.sessions.put(place, turns)
        return conversation_update(self.page, place, turns, loading=self.assistant.generator_state == "loading")

    def _search(self, question: str, place: Place, before: Turns) -> Iterator[Update]:
        """The question alone, then with its passages, or with why none could be looked for."""
        turn = Turn(question)
        yield self._keep(place, (*before, turn))
        try:
            retrieved = self.assistant.search(question, history=history(before))
        except Exception as error:
            turn = fail(turn, _problem(error))
        else:
            turn = replace(turn, retrieved=retrieved, documents=retrieved.documents)
        yield self._keep(place, (*before, turn))


def _problem(error: Exception) -> str:
    """What a person is told of it; what nobody expected is printed to the terminal with its place in the code."""
    if isinstance(error, RagError):
        return without_paths(str(error))
    traceback.print_exception(error, file=sys.stderr)
    return UNEXPECTED


def _stopped(turns: Turns) -> Turns:
    return (*turns[:-1], stop(turns[-1])) if turns else turns
