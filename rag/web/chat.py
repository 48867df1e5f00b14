"""The chat page: its layout, and which event does what."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from rag.retrieve.examples import example_questions
from rag.web.escape import literal, without_paths
from rag.web.feedback import record
from rag.web.library import Library
from rag.web.present import (
    announcement,
    copy_text,
    export_markup,
    history_markup,
    question_markup,
    sources_markup,
    turn_markup,
)
from rag.web.sessions import COOKIE, Place, Sessions, Turns, is_name, new_name
from rag.web.stream import in_batches
from rag.web.toolkit import gr
from rag.web.turn import Turn, advance, fail, history, stop

if TYPE_CHECKING:
    from rag.assistant import Assistant

TITLE = "Ask the documents"
PLACEHOLDER = "Every sentence of an answer rests on a quotation you can open."
MAX_WAITING = 100  # events of all tabs; a full queue would lose a question
SEARCHES_AT_ONCE = 4
EXAMPLES_FROM = 200  # documents read for example questions
CLOCK_SECONDS = 2.0
UNEXPECTED = "Something went wrong while answering. The terminal shows what; the next question may well work."
RATINGS = ("helpful", "not helpful")


def build_page(assistant: Assistant, library: Library, sessions: Sessions) -> gr.Blocks:
    """The page for one assistant; nothing in it is shared between tabs but the assistant."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        place = gr.State(None)  # a Place, once the page has loaded
        gr.Markdown(f"# {TITLE}", latex_delimiters=[], elem_id="title")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Ask", elem_id="ask-tab"), gr.Row(elem_id="columns"):
                with gr.Column(elem_id="conversation", scale=3, min_width=300):
                    with gr.Row(elem_id="top"):
                        past = gr.Markdown("", elem_id="past", latex_delimiters=[])
                        # A fresh page: whatever an answer under way still sends belongs to the old one.
                        gr.Button("New conversation", elem_id="new", size="sm", min_width=0, link="/")
                    chat = gr.Chatbot(
                        elem_id="chat",
                        label="Conversation",
                        show_label=False,
                        container=False,
                        height=None,
                        layout="panel",
                        placeholder=PLACEHOLDER,
                        buttons=[],
                        allow_tags=False,
                        latex_delimiters=[],
                        allow_file_downloads=False,
                        group_consecutive_messages=False,
                        feedback_options=[],
                    )
                    with gr.Row(elem_id="examples") as examples:
                        suggested = [
                            gr.Button(q, elem_classes="example", size="sm", min_width=0)
                            for q in example_questions(islice(assistant.index.documents.values(), EXAMPLES_FROM))
                        ]
                    with gr.Row(elem_id="after", visible=False) as after:
                        retry = gr.Button("Ask again", elem_id="retry", size="sm", min_width=0)
                        gr.Button("Copy answer", elem_id="copy", size="sm", min_width=0)
                        raters = [
                            gr.Button(rating.capitalize(), elem_classes="rate", size="sm", min_width=0)
                            for rating in RATINGS
                        ]
                        saved = gr.Markdown("", elem_id="save", latex_delimiters=[])
                    with gr.Row(elem_id="ask-row"):
                        box = gr.Textbox(
                            elem_id="question",
                            label="Question",
                            show_label=False,
                            container=False,
                            placeholder="Ask a question",
                            lines=1,
                            max_lines=6,
                            autofocus=True,
                            scale=1,
                            min_width=0,
                        )
                        ask = gr.Button("Ask", elem_id="ask", variant="primary", scale=0, min_width=84)
                        halt = gr.Button("Stop", elem_id="stop", variant="stop", scale=0, min_width=84, visible=False)
                    status = gr.Markdown(_status(assistant, library), elem_id="status", latex_delimiters=[])
                    # Apart from the status, whose every renewal would wipe the place in the queue.
                    queued = gr.Markdown("", elem_id="turn", latex_delimiters=[])
                with gr.Column(elem_id="sources", scale=2, min_width=280):
                    gr.Markdown("## Sources", latex_delimiters=[])
                    sources = gr.Markdown(sources_markup(None, {}), elem_id="evidence", latex_delimiters=[])
            with gr.Tab("Documents", elem_id="documents-tab"):
                gr.Markdown("One moment…", elem_id="documents", latex_delimiters=[])  # filled by documents.js
        copied = gr.Textbox("", elem_id="copy-text", label="Answer as text", visible="hidden")
        told = gr.Markdown("", elem_id="announce", latex_delimiters=[])
        clock = gr.Timer(CLOCK_SECONDS)

        shown = [place, chat, sources, copied, told, saved, examples, after, *raters, ask, halt]

        def show(where: Place, now: Turns) -> list[Any]:
            """New values of ``shown``; what a conversation is, is kept as well."""
            sessions.put(where, now)
            last = now[-1] if now else None
            busy = last is not None and last.open
            answered = last is not None and last.answer is not None
            saves = any(turn.answer for turn in now)
            return [
                where,
                _messages(now, assistant),
                sources_markup(last, last.documents if last else {}),
                copy_text(last, last.documents) if last else "",
                literal(announcement(last)),
                export_markup(where.conversation) if saves else "",
                gr.update(visible=not now),
                gr.update(visible=bool(now) and not busy),
                *(
                    gr.update(value=f"{r.capitalize()}{' ✓' if last and last.rating == r else ''}", visible=answered)
                    for r in RATINGS
                ),
                gr.update(visible=not busy),
                gr.update(visible=busy),
            ]

        nothing = [gr.skip()] * len(shown)

        def arrive(request: gr.Request) -> list[Any]:
            """A new conversation, or one of this browser session that the address names.

            The language model is loaded from here on: the engine lets nothing else run meanwhile, so that loading it
            any earlier would keep the page from being seen.
            """
            assistant.load_generator()
            session = request.cookies.get(COOKIE, "")
            session = session if is_name(session) else new_name()
            wanted = dict(request.query_params).get("c", "")
            where = Place(session, wanted if is_name(wanted) else new_name())
            turns = sessions.get(where)
            if not turns:  # an unknown name may be one that somebody else chose
                where = Place(session, new_name())
            return [*show(where, _stopped(turns)), history_markup(sessions.history(session), where.conversation)]

        def at(where: Place | None) -> tuple[Place, Turns]:
            where = where or Place(new_name(), new_name())  # asked before the page had loaded
            return where, sessions.get(where)

        def begin(question: str, where: Place | None) -> Iterator[list[Any]]:
            """The question, then its passages: no model has a part in them, so nobody waits for a turn."""
            where, now = at(where)
            if not question.strip() or (now and now[-1].open):
                yield [gr.skip(), *nothing]
                return
            turn = Turn(question)
            yield ["", *show(where, (*now, turn))]
            yield [gr.skip(), *show(where, (*now, _searched(assistant, turn, now)))]

        def again(where: Place | None) -> Iterator[list[Any]]:
            where, now = at(where)
            if not now or now[-1].open:
                yield nothing
                return
            turn = Turn(now[-1].question)
            yield show(where, (*now[:-1], turn))
            yield show(where, (*now[:-1], _searched(assistant, turn, now[:-1])))

        async def answer(where: Place | None) -> AsyncIterator[list[Any]]:
            where, now = at(where)
            if not now or not now[-1].open:
                return
            *before, turn = now
            asked, past = turn.question, history(tuple(before))
            try:
                async for batch in in_batches(lambda abort: assistant.steps(asked, history=past, abort=abort)):
                    for step in batch:
                        turn = advance(turn, step)
                    yield show(where, (*before, turn)) if batch else nothing
                if turn.open:  # ended by the assistant before an answer
                    yield show(where, (*before, stop(turn)))
            except RagError as error:
                yield show(where, (*before, fail(turn, without_paths(str(error)))))
            except Exception:
                traceback.print_exc(file=sys.stderr)
                yield show(where, (*before, fail(turn, UNEXPECTED)))

        def halted(where: Place | None) -> list[Any]:
            where, now = at(where)
            return show(where, _stopped(now))

        def rate(label: str, where: Place | None) -> list[Any]:
            where, now = at(where)
            if not now or now[-1].answer is None:
                return nothing
            rating = label.removesuffix(" ✓").lower()
            turn = replace(now[-1], rating="" if now[-1].rating == rating else rating)
            record(assistant.settings.index, now[-1].answer, turn.rating, generation=assistant.index.generation)
            return show(where, (*now[:-1], turn))

        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        at_once: dict[str, Any] = {**hidden, "concurrency_limit": SEARCHES_AT_ONCE, "concurrency_id": "search"}
        one_at_a_time: dict[str, Any] = {
            **hidden,
            "show_progress": "minimal",  # a waiting tab sees its place in the queue
            "show_progress_on": queued,
            "concurrency_limit": 1,
            "concurrency_id": "answer",
        }
        started = [
            gr.on([box.submit, ask.click], begin, [box, place], [box, *shown], **at_once),
            retry.click(again, [place], shown, **at_once),
            *(b.click(begin, [b, place], [box, *shown], **at_once) for b in suggested),
        ]
        answering = [s.then(answer, [place], shown, **one_at_a_time) for s in started]
        halt.click(halted, [place], shown, cancels=[*started, *answering], **hidden)
        for rater in raters:
            rater.click(rate, [rater, place], shown, **hidden)
        page.load(arrive, None, [*shown, past], **hidden)
        clock.tick(lambda: _status(assistant, library), None, [status], **hidden)
    page.queue(max_size=MAX_WAITING, api_open=False)
    return page


def _searched(assistant: Assistant, turn: Turn, before: Sequence[Turn]) -> Turn:
    """The turn with the passages found for it, or with why none could be looked for."""
    try:
        found = assistant.search(turn.question, history=history(tuple(before)))
    except RagError as error:
        return fail(turn, without_paths(str(error)))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return fail(turn, UNEXPECTED)
    return replace(turn, retrieved=found, documents=found.documents)


def _messages(turns: Sequence[Turn], assistant: Assistant) -> list[dict[str, str]]:
    loading = assistant.generator_state == "loading"
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": question_markup(turn)})
        messages.append({"role": "assistant", "content": turn_markup(turn, turn.documents, loading=loading)})
    return messages


def _stopped(turns: Turns) -> Turns:
    return (*turns[:-1], stop(turns[-1])) if turns else turns


def _status(assistant: Assistant, library: Library) -> str:
    count = len(assistant.index.documents)
    corpus = f"{count} document{'s' if count != 1 else ''}, read and answered on this machine."
    match assistant.generator_state:
        case "ready":
            state = "Ready."
        case "loading":
            state = "The language model is loading; passages are found already."
        case _:
            state = f"The language model could not be loaded: {without_paths(assistant.problem).rstrip('.')}."
    told = (state, corpus, library.news)
    return f'<p class="status {assistant.generator_state}">{" ".join(literal(t) for t in told if t)}</p>'
