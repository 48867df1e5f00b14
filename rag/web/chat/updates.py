"""What the components show of a conversation, as {component: new value}, which Gradio matches by component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.web.chat.layout import RATINGS, Page
from rag.web.escape import literal, without_paths
from rag.web.present import announcement, copy_text, export_markup, question_markup, sources_markup, turn_markup
from rag.web.sessions import Place, Turns
from rag.web.toolkit import gr
from rag.web.turn import Turn

CHOSEN = " ✓"  # behind the label of the rating that a person gave

Update = dict[Any, Any]
"""{component: its new value, or ``gr.update`` of its properties}; a component that is not in it stays as it is."""

NO_UPDATE: Update = gr.skip()  # Gradio takes {} for an answer to be shown


def conversation_update(page: Page, place: Place, turns: Turns, *, loading: bool) -> Update:
    """What every component shows of a conversation; ``loading``: the language model is not ready yet."""
    parts = page.conversation
    last = turns[-1] if turns else None
    documents = last.documents if last else {}
    busy = last is not None and last.open
    return {
        page.place: place,
        parts.chat: _messages(turns, loading=loading),
        page.sources: sources_markup(last, documents),
        page.copied: copy_text(last, documents) if last else "",
        page.announcement: literal(announcement(last)),
        parts.export: export_markup(place.conversation) if any(turn.answer for turn in turns) else "",
        parts.examples: gr.update(visible=not turns),
        parts.after: gr.update(visible=bool(turns) and not busy),
        **{button: _rating_update(rating, last) for button, rating in zip(parts.ratings, RATINGS, strict=True)},
        parts.ask: gr.update(visible=not busy),
        parts.stop: gr.update(visible=busy),
    }


def _messages(turns: Sequence[Turn], *, loading: bool) -> list[dict[str, str]]:
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": question_markup(turn)})
        messages.append({"role": "assistant", "content": turn_markup(turn, turn.documents, loading=loading)})
    return messages


def _rating_update(rating: str, turn: Turn | None) -> Any:
    mark = CHOSEN if turn and turn.rating == rating else ""
    return gr.update(value=rating.capitalize() + mark, visible=turn is not None and turn.answer is not None)


def rating_of(label: str) -> str:
    """The rating that the button with this label gives.

    >>> rating_of("Not helpful ✓")
    'not helpful'
    """
    return label.removesuffix(CHOSEN).lower()


def status_markup(count: int, generator_state: str, problem: str, news: str) -> str:
    """The line under the question: the language model, ``count`` documents, and ``news`` of the folder, if any.

    ``generator_state``: "ready", "loading", or else the model could not be loaded because of ``problem``.
    """
    match generator_state:
        case "ready":
            model = "Ready."
        case "loading":
            model = "The language model is loading; passages are found already."
        case _:
            model = f"The language model could not be loaded: {without_paths(problem).rstrip('.')}."
    documents = f"{count} document{'s' if count != 1 else ''}, read and answered on this machine."
    sentences = [literal(sentence) for sentence in (model, documents, news) if sentence]
    return f'<p class="status {generator_state}">{" ".join(sentences)}</p>'
