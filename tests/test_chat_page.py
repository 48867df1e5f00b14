"""What each event of the chat page does to its components; Gradio and a browser take no part."""

from __future__ import annotations

import asyncio
import html
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest

from rag.errors import RagError
from rag.web.chat import build_page
from rag.web.chat.events import UNEXPECTED, Events
from rag.web.chat.layout import Page, lay_out
from rag.web.chat.updates import NO_UPDATE, Update, conversation_update, status_markup
from rag.web.feedback import FILE
from rag.web.library import Library
from rag.web.sessions import COOKIE, Place, Sessions, new_name
from rag.web.toolkit import gr
from tests.web_fakes import FakeAssistant, document

AVOCADO = document("a.txt", "Avocado is a model. It will be released in spring 2026.", "Avocado")
QUESTION = "When will Avocado be released?"
PLACE = Place(new_name(), new_name())


@dataclass
class Tab:
    """One open page."""

    events: Events
    page: Page

    def ask(self, question: str = QUESTION) -> list[Update]:
        return list(self.events.ask(question, PLACE))

    def answer(self) -> list[Update]:
        async def run() -> list[Update]:
            return [update async for update in self.events.answer(PLACE) if update != NO_UPDATE]

        return asyncio.run(run())

    def arrive(self, session: str = PLACE.session, conversation: str = PLACE.conversation) -> Update:
        """What a person gets whose cookie and address name these."""
        return self.events.arrive(SimpleNamespace(cookies={COOKIE: session}, query_params={"c": conversation}))

    def replies(self, update: Update) -> list[str]:
        return [message["content"] for message in update[self.page.conversation.chat][1::2]]


def tab(assistant: FakeAssistant) -> Tab:
    with gr.Blocks():
        page = lay_out(["Who?", "What?"], "")
    return Tab(Events(assistant, Sessions(), page), page)


@pytest.fixture
def answered() -> Tab:
    """A tab with one question and its answer."""
    one = tab(FakeAssistant.of(AVOCADO, replies=["It will be released in spring 2026. [2]"] * 2))
    one.ask()
    one.answer()
    return one


def is_visible(update: Update, component: Any) -> bool:
    return bool(update[component]["visible"])


def test_a_question_shows_itself_then_its_passages_then_its_answer() -> None:
    one = tab(FakeAssistant.of(AVOCADO, replies=["It will be released in spring 2026. [2]"]))
    parts = one.page.conversation
    asked, searched = one.ask()
    assert asked[parts.question] == ""
    assert "Looking" in asked[one.page.sources]
    assert parts.question not in searched, "the person may be typing the next question"
    assert "spring" in searched[one.page.sources]
    assert (is_visible(searched, parts.ask), is_visible(searched, parts.stop)) == (False, True)
    *_, last = one.answer()
    assert "spring" in one.replies(last)[0]
    assert (is_visible(last, parts.ask), is_visible(last, parts.stop)) == (True, False)
    assert is_visible(last, parts.after)
    assert not is_visible(last, parts.examples)
    assert PLACE.conversation in last[parts.export]
    assert "[2]" in last[one.page.copied]


def test_every_component_that_an_event_changes_is_one_of_its_outputs() -> None:
    """Gradio refuses an update of any other."""
    assistant = FakeAssistant.of(AVOCADO, replies=["It will be released in spring 2026. [2]"] * 2)
    blocks = build_page(assistant, Library(assistant, assistant.settings.seeds), Sessions())
    functions = {function.name: function for function in blocks.fns.values()}
    events = functions["arrive"].fn.__self__
    one = Tab(events, events.page)
    changes = {
        "arrive": [one.arrive()],
        "ask": one.ask(),
        "answer": one.answer(),
        "rate": [events.rate("Helpful", PLACE)],
        "ask_again": list(events.ask_again(PLACE)),
        "stop_answer": [events.stop_answer(PLACE)],
    }
    for name, updates in changes.items():
        assert updates
        for update in updates:
            assert set(update) <= set(functions[name].outputs), name


@pytest.mark.parametrize("question", ["", " \n"])
def test_no_question_is_none(question: str) -> None:
    one = tab(FakeAssistant.of(AVOCADO))
    assert one.ask(question) == [NO_UPDATE]
    assert list(one.events.ask_again(PLACE)) == [NO_UPDATE]
    assert one.answer() == []
    assert one.events.rate("Helpful", PLACE) == NO_UPDATE


def test_a_second_question_waits_for_the_answer_to_the_first() -> None:
    one = tab(FakeAssistant.of(AVOCADO))
    one.ask()
    assert one.ask("And who?") == [NO_UPDATE]
    assert list(one.events.ask_again(PLACE)) == [NO_UPDATE]


def test_asking_again_takes_the_place_of_the_answer(answered: Tab) -> None:
    asked, searched = answered.events.ask_again(PLACE)
    assert len(answered.replies(asked)) == len(answered.replies(searched)) == 1
    assert "spring" not in answered.replies(asked)[0]
    assert "spring" in answered.replies(answered.answer()[-1])[0]


def test_what_was_answered_is_handed_on_with_the_next_question(answered: Tab) -> None:
    answered.ask("And who?")
    answered.answer()
    assistant = answered.events.assistant
    assert [question for question, _ in assistant.asked] == [QUESTION, "And who?"]
    assert [len(history) for _, history in assistant.asked] == [0, 1]


def test_a_stopped_question_is_no_longer_open() -> None:
    one = tab(FakeAssistant.of(AVOCADO))
    one.ask()
    stopped = one.events.stop_answer(PLACE)
    assert "Stopped." in one.replies(stopped)[0]
    assert is_visible(stopped, one.page.conversation.ask)
    assert one.answer() == []


@pytest.mark.parametrize(
    ("failure", "shown"), [(RagError("The model is gone."), "The model is gone"), (ValueError("secret"), UNEXPECTED)]
)
def test_a_failure_is_shown_in_words(failure: Exception, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = tab(FakeAssistant.of(AVOCADO, failure=failure))
    one.ask()
    *_, last = one.answer()
    assert shown in html.unescape(last[one.page.announcement])
    assert "secret" not in str(last)
    assert ("ValueError: secret" in capsys.readouterr().err) == isinstance(failure, ValueError)
    assert is_visible(last, one.page.conversation.ask)


def test_so_is_a_failure_of_the_search() -> None:
    one = tab(FakeAssistant.of(AVOCADO))
    *_, last = one.ask("x" * 1001)
    assert "at most 1000" in last[one.page.announcement]
    assert one.answer() == []


def test_a_rating_is_marked_and_written_down_and_taken_back(answered: Tab) -> None:
    folder = answered.events.assistant.settings.index
    helpful, not_helpful = answered.page.conversation.ratings
    update = answered.events.rate("Helpful", PLACE)
    assert (update[helpful]["value"], update[not_helpful]["value"]) == ("Helpful ✓", "Not helpful")
    update = answered.events.rate(update[helpful]["value"], PLACE)
    assert update[helpful]["value"] == "Helpful"
    answered.events.rate("Not helpful", PLACE)
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    assert [line["rating"] for line in lines] == ["helpful", "", "not helpful"]


def test_a_conversation_is_there_again_for_its_own_session_only(answered: Tab) -> None:
    update = answered.arrive()
    assert update[answered.page.place] == PLACE
    assert "spring" in answered.replies(update)[0]
    assert answered.events.assistant.loads == 1, "the language model is loaded once somebody is there"
    other = answered.arrive(session=new_name())
    assert other[answered.page.place].conversation != PLACE.conversation
    assert answered.replies(other) == []


def test_a_name_that_nobody_was_given_is_not_used() -> None:
    one = tab(FakeAssistant.of(AVOCADO))
    for conversation in ("chosen-by-somebody-else", "<script>", ""):
        assert one.arrive(conversation=conversation)[one.page.place].conversation != conversation
    assert one.arrive(session="<script>")[one.page.place].session != "<script>"


def test_earlier_conversations_are_linked(answered: Tab) -> None:
    update = answered.arrive(conversation=new_name())
    assert f"/?c={PLACE.conversation}" in html.unescape(update[answered.page.conversation.earlier])


def test_a_question_before_the_page_has_loaded_gets_a_conversation() -> None:
    one = tab(FakeAssistant.of(AVOCADO))
    *_, last = one.events.ask(QUESTION, None)
    assert one.events.sessions.get(last[one.page.place])[0].question == QUESTION


def test_gradio_can_tell_which_parameter_is_the_request() -> None:
    """It passes none where a type of the signature cannot be read, which a name imported for typing only would do."""
    assert get_type_hints(Events.arrive)["request"] is gr.Request


def test_the_page_says_that_the_model_is_loading() -> None:
    one = tab(FakeAssistant.of(AVOCADO, generator_state="loading"))
    *_, searched = one.ask()
    assert "still loading" in one.replies(searched)[0]


def test_the_status_tells_the_model_the_documents_and_the_news() -> None:
    assert "1 document, read" in html.unescape(status_markup(1, "ready", "", ""))
    failed = status_markup(2, "failed", "It is not at /home/ann/model.gguf.", "The new index is live.")
    assert "2 documents" in failed
    assert "ann" not in failed
    assert "live" in failed


def test_an_empty_conversation_names_every_component_that_a_full_one_does(answered: Tab) -> None:
    """The outputs of the events are those of an empty one."""
    empty = conversation_update(answered.page, PLACE, (), loading=False)
    full = conversation_update(answered.page, PLACE, answered.events.sessions.get(PLACE), loading=True)
    assert set(empty) == set(full)
