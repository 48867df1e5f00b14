"""The chat page: its layout, and which event does what."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.errors import RagError
from rag.web.escape import literal
from rag.web.examples import example_questions
from rag.web.present import copy_text, question_markup, sources_markup, turn_markup
from rag.web.stream import in_batches
from rag.web.turn import Turn, advance, fail, history, stop

if TYPE_CHECKING:
    from rag.assistant import Assistant

Turns = tuple[Turn, ...]

TITLE = "Ask the documents"
PLACEHOLDER = "Every sentence of an answer rests on a quotation you can open."
MAX_WAITING = 8
UNEXPECTED = "Something went wrong while answering. The terminal shows what; the next question may well work."


def build_page(assistant: Assistant) -> gr.Blocks:
    """The page for one assistant; nothing in it is shared between tabs but the assistant."""
    documents = assistant.index.documents
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        turns = gr.State(())
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="conversation", scale=3, min_width=300):
                with gr.Row(elem_id="top"):
                    gr.Markdown(f"# {TITLE}", latex_delimiters=[], elem_id="title")
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
                        for q in example_questions(documents.values())
                    ]
                with gr.Row(elem_id="after", visible=False) as after:
                    retry = gr.Button("Ask again", elem_id="retry", size="sm", min_width=0)
                    gr.Button("Copy answer", elem_id="copy", size="sm", min_width=0)
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
                status = gr.Markdown(_status(assistant), elem_id="status", latex_delimiters=[])
            with gr.Column(elem_id="sources", scale=2, min_width=280):
                gr.Markdown("## Sources", latex_delimiters=[])
                sources = gr.Markdown(sources_markup(None, documents), elem_id="evidence", latex_delimiters=[])
        copied = gr.Textbox("", elem_id="copy-text", label="Answer as text", visible="hidden")
        clock = gr.Timer(1.0)

        shown = [turns, chat, sources, copied, examples, after, ask, halt]

        def show(now: Turns) -> list[Any]:
            """New values of ``shown``."""
            last = now[-1] if now else None
            busy = last is not None and last.open
            return [
                now,
                _messages(now, assistant),
                sources_markup(last, documents),
                copy_text(last, documents) if last else "",
                gr.update(visible=not now),
                gr.update(visible=bool(now) and not busy),
                gr.update(visible=not busy),
                gr.update(visible=busy),
            ]

        def begin(question: str, now: Turns) -> list[Any]:
            if not question.strip() or (now and now[-1].open):
                return [gr.skip()] * (1 + len(shown))
            return ["", *show((*now, Turn(question)))]

        def again(now: Turns) -> list[Any]:
            if not now or now[-1].open:
                return [gr.skip()] * len(shown)
            return show((*now[:-1], Turn(now[-1].question)))

        async def answer(now: Turns) -> AsyncIterator[list[Any]]:
            if not now or not now[-1].open:
                return
            *before, turn = now
            asked, past = turn.question, history(tuple(before))
            try:
                async for batch in in_batches(lambda abort: assistant.steps(asked, history=past, abort=abort)):
                    for step in batch:
                        turn = advance(turn, step)
                    yield show((*before, turn)) if batch else [gr.skip()] * len(shown)
                if turn.open:  # ended by the assistant before an answer
                    yield show((*before, stop(turn)))
            except RagError as error:
                yield show((*before, fail(turn, str(error))))
            except Exception:
                traceback.print_exc(file=sys.stderr)
                yield show((*before, fail(turn, UNEXPECTED)))

        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        one_at_a_time: dict[str, Any] = {
            **hidden,
            "show_progress": "minimal",  # a waiting tab sees its place in the queue
            "show_progress_on": status,
            "concurrency_limit": 1,
            "concurrency_id": "answer",
        }
        started = [
            gr.on([box.submit, ask.click], begin, [box, turns], [box, *shown], **hidden),
            retry.click(again, [turns], shown, **hidden),
            *(b.click(begin, [b, turns], [box, *shown], **hidden) for b in suggested),
        ]
        answering = [s.then(answer, [turns], shown, **one_at_a_time) for s in started]
        halt.click(lambda now: show(_stopped(now)), [turns], shown, cancels=answering, **hidden)
        clock.tick(
            lambda: (_status(assistant), gr.Timer(active=assistant.generator_state == "loading")),
            None,
            [status, clock],
            **hidden,
        )
    page.queue(max_size=MAX_WAITING, api_open=False)
    return page


def _messages(turns: Sequence[Turn], assistant: Assistant) -> list[dict[str, str]]:
    loading = assistant.generator_state == "loading"
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": question_markup(turn)})
        reply = turn_markup(turn, assistant.index.documents, loading=loading)
        messages.append({"role": "assistant", "content": reply})
    return messages


def _stopped(turns: Turns) -> Turns:
    return (*turns[:-1], stop(turns[-1])) if turns else turns


def _status(assistant: Assistant) -> str:
    count = len(assistant.index.documents)
    corpus = f"{count} document{'s' if count != 1 else ''}, read and answered on this machine."
    match assistant.generator_state:
        case "ready":
            state = "Ready."
        case "loading":
            state = "The language model is loading; passages are found already."
        case _:
            state = f"The language model could not be loaded: {assistant.problem.rstrip('.')}."
    return f'<p class="status {assistant.generator_state}">{literal(state)} {literal(corpus)}</p>'
