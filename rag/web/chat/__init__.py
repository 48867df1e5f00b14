"""The chat page: which event of which component calls what. What stands where: layout.py; what events do: events.py."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rag.retrieve.examples import example_questions
from rag.web.chat.events import Events
from rag.web.chat.layout import TITLE, Page, lay_out
from rag.web.chat.updates import conversation_update, status_markup
from rag.web.library import Library
from rag.web.sessions import Place, Sessions
from rag.web.toolkit import gr

if TYPE_CHECKING:
    from rag.assistant import Assistant

MAX_WAITING = 100  # events of all tabs together; one more is refused, and its question with it
SEARCHES_AT_ONCE = 4
EXAMPLES_FROM = 200  # documents read for example questions
_HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def build_page(assistant: Assistant, library: Library, sessions: Sessions) -> gr.Blocks:
    """The page for one assistant. Every tab has a conversation of its own; they share the assistant."""

    def status() -> str:
        return status_markup(len(assistant.index.documents), assistant.generator_state, assistant.problem, library.news)

    documents = islice(assistant.index.documents.values(), EXAMPLES_FROM)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        page = lay_out(example_questions(documents), status())
        _connect(blocks, page, Events(assistant, sessions, page))
        page.clock.tick(status, None, [page.conversation.status], **_HIDDEN)
    blocks.queue(max_size=MAX_WAITING, api_open=False)
    return blocks


def _connect(blocks: gr.Blocks, page: Page, events: Events) -> None:
    """A question runs as two events: its passages, found for several tabs at once, then its answer, one at a time."""
    parts = page.conversation
    conversation = list(conversation_update(page, Place("", ""), (), loading=False))  # the components it changes
    search: dict[str, Any] = {**_HIDDEN, "concurrency_limit": SEARCHES_AT_ONCE, "concurrency_id": "search"}
    answer: dict[str, Any] = {
        **_HIDDEN,
        "show_progress": "minimal",  # a waiting tab sees its place in the queue
        "show_progress_on": parts.queue,
        "concurrency_limit": 1,
        "concurrency_id": "answer",
    }
    with_box = [parts.question, *conversation]  # asking empties the box
    searches = [
        gr.on([parts.question.submit, parts.ask.click], events.ask, [parts.question, page.place], with_box, **search),
        parts.retry.click(events.ask_again, [page.place], conversation, **search),
        *(button.click(events.ask, [button, page.place], with_box, **search) for button in parts.suggestions),
    ]
    answers = [event.then(events.answer, [page.place], conversation, **answer) for event in searches]
    parts.stop.click(events.stop_answer, [page.place], conversation, cancels=[*searches, *answers], **_HIDDEN)
    rate = events.rate  # one object: Gradio counts the events that run at a time by the identity of their function
    for button in parts.ratings:
        button.click(rate, [button, page.place], conversation, **_HIDDEN)
    blocks.load(events.arrive, None, [*conversation, parts.earlier], **_HIDDEN)
