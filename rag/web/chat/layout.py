"""What stands where on the chat page: the conversation, the sources beside it, the tab of the documents.

Gradio puts a component into the block that is open when the component is made, so these lines are in the order of the
page. How it looks is decided in rag/web/static/style.css, by the ids given here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.web.present import sources_markup
from rag.web.toolkit import gr

TITLE = "Ask the documents"
PLACEHOLDER = "Every sentence of an answer rests on a quotation you can open."
RATINGS = ("helpful", "not helpful")
CLOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """The components of the left column that events read or change."""

    earlier: gr.Markdown  # links to earlier conversations
    chat: gr.Chatbot
    examples: gr.Row  # until the first question
    suggestions: tuple[gr.Button, ...]  # in that row
    after: gr.Row  # once an answer has ended
    retry: gr.Button
    ratings: tuple[gr.Button, ...]  # one for each of RATINGS
    export: gr.Markdown
    question: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    status: gr.Markdown
    queue: gr.Markdown


@dataclass(frozen=True, slots=True)
class Page:
    """Every component that events read or change."""

    place: gr.State  # a Place, once the page has loaded; None before
    conversation: Conversation
    sources: gr.Markdown
    copied: gr.Textbox  # the answer as text, for the button that copies it; not seen
    announcement: gr.Markdown  # for screen readers; not seen
    clock: gr.Timer


def lay_out(suggestions: Sequence[str], status: str) -> Page:
    """Make every component, in the ``gr.Blocks`` that is open; ``status`` is the first text of the line below."""
    place = gr.State(None)
    gr.Markdown(f"# {TITLE}", latex_delimiters=[], elem_id="title")
    with gr.Tabs(elem_id="tabs"):
        with gr.Tab("Ask", elem_id="ask-tab"), gr.Row(elem_id="columns"):
            conversation = _conversation(suggestions, status)
            sources = _sources()
        with gr.Tab("Documents", elem_id="documents-tab"):
            gr.Markdown("One moment…", elem_id="documents", latex_delimiters=[])  # filled by static/documents.js
    copied = gr.Textbox("", elem_id="copy-text", label="Answer as text", visible="hidden")
    announcement = gr.Markdown("", elem_id="announce", latex_delimiters=[])
    return Page(place, conversation, sources, copied, announcement, gr.Timer(CLOCK_SECONDS))


def _conversation(suggestions: Sequence[str], status: str) -> Conversation:
    with gr.Column(elem_id="conversation", scale=3, min_width=300):
        with gr.Row(elem_id="top"):
            earlier = gr.Markdown("", elem_id="past", latex_delimiters=[])
            # A link, so the page is loaded anew: what an answer under way still sends reaches only the old page.
            gr.Button("New conversation", elem_id="new", size="sm", min_width=0, link="/")
        chat = _chat()
        with gr.Row(elem_id="examples") as examples:
            suggested = tuple(gr.Button(q, elem_classes="example", size="sm", min_width=0) for q in suggestions)
        with gr.Row(elem_id="after", visible=False) as after:
            retry = gr.Button("Ask again", elem_id="retry", size="sm", min_width=0)
            gr.Button("Copy answer", elem_id="copy", size="sm", min_width=0)  # static/page.js copies
            ratings = tuple(
                gr.Button(rating.capitalize(), elem_classes="rate", size="sm", min_width=0) for rating in RATINGS
            )
            export = gr.Markdown("", elem_id="save", latex_delimiters=[])
        with gr.Row(elem_id="ask-row"):
            question = _question()
            ask = gr.Button("Ask", elem_id="ask", variant="primary", scale=0, min_width=84)
            stop = gr.Button("Stop", elem_id="stop", variant="stop", scale=0, min_width=84, visible=False)
        status_line = gr.Markdown(status, elem_id="status", latex_delimiters=[])
        # Gradio writes the place in the queue into this one. In the status it would be wiped by the next text.
        queue = gr.Markdown("", elem_id="turn", latex_delimiters=[])
    return Conversation(
        earlier=earlier,
        chat=chat,
        examples=examples,
        suggestions=suggested,
        after=after,
        retry=retry,
        ratings=ratings,
        export=export,
        question=question,
        ask=ask,
        stop=stop,
        status=status_line,
        queue=queue,
    )


def _chat() -> gr.Chatbot:
    return gr.Chatbot(
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


def _question() -> gr.Textbox:
    return gr.Textbox(
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


def _sources() -> gr.Markdown:
    with gr.Column(elem_id="sources", scale=2, min_width=280):
        gr.Markdown("## Sources", latex_delimiters=[])
        return gr.Markdown(sources_markup(None, {}), elem_id="evidence", latex_delimiters=[])
