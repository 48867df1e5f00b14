"""A Prompt as the one string a chat model was trained to read.

Each family of models marks the turns of a conversation with special tokens of its own. A turn is written
here as text with one ``{}``; what fills it is neutralised first, so that no document and no question can
open or close a turn. ``template.py`` reads the turns off a model's own chat template; the formats of this
file are for models without one that can be used, and for families where we know better than theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.models.protocols import Prompt


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How one family writes turns. The token that begins a text is left to the tokenizer."""

    name: str
    system: str | None  # None: the family has no such turn, the first user turn begins with it
    user: str
    assistant: str
    reply: str  # what the model continues
    lead: str = ""  # what a reply begins with
    stop: tuple[str, ...] = ()  # besides the token that ends a turn
    no_system: str = ""  # what the first turn comes after where no system turn does
    marks: tuple[str, ...] = ()  # of turns, where they are no special tokens: to be neutralised like those

    @property
    def after_reply(self) -> str:
        """From the end of a reply to the next text of a user; begins with the token that ends a turn."""
        return self.assistant.partition("{}")[2] + self.user.partition("{}")[0]


CHATML = ChatFormat(
    "chatml",
    system="<|im_start|>system\n{}<|im_end|>\n",
    user="<|im_start|>user\n{}<|im_end|>\n",
    assistant="<|im_start|>assistant\n{}<|im_end|>\n",
    reply="<|im_start|>assistant\n",
)
CHATML_NO_THINKING = ChatFormat(
    "chatml, thinking off",
    system=CHATML.system,
    user=CHATML.user,
    assistant=CHATML.assistant,
    reply="<|im_start|>assistant\n<think>\n\n</think>\n\n",
)
# Without the dates that the template of Llama 3.2 adds: they would be wrong, and the prompt is about dated texts.
LLAMA3 = ChatFormat(
    "llama3",
    system="<|start_header_id|>system<|end_header_id|>\n\n{}<|eot_id|>",
    user="<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>",
    assistant="<|start_header_id|>assistant<|end_header_id|>\n\n{}<|eot_id|>",
    reply="<|start_header_id|>assistant<|end_header_id|>\n\n",
)
GEMMA = ChatFormat(
    "gemma",
    system=None,
    user="<start_of_turn>user\n{}<end_of_turn>\n",
    assistant="<start_of_turn>model\n{}<end_of_turn>\n",
    reply="<start_of_turn>model\n",
)
PLAIN = ChatFormat(
    "plain",
    system="{}\n\n",
    user="Question: {}\n",
    assistant="Answer: {}\n\n",
    reply="Answer:",
    lead=" ",
    stop=("\nQuestion:",),
)


def detect(template: str | None) -> ChatFormat:
    """The family of a model, told by its own chat template; ``PLAIN`` where it has none we know.

    >>> detect("{{'<|im_start|>' + message['role']}}").name
    'chatml'
    """
    template = template or ""
    if "<|im_start|>" in template:
        return CHATML_NO_THINKING if "enable_thinking" in template else CHATML
    if "<|start_header_id|>" in template:
        return LLAMA3
    return GEMMA if "<start_of_turn>" in template else PLAIN


def control_strings(specials: Sequence[str]) -> tuple[str, ...]:
    """Those of the special tokens that can be broken and need to be: white space alone marks no turn."""
    cores = {special.strip() for special in specials}
    return tuple(sorted(core for core in cores if len(core) > 1))


def neutralise(text: str, controls: Sequence[str]) -> str:
    """``text`` with a space inside every string of ``controls``, so that none is left in it.

    ``controls`` are from ``control_strings``: each begins and ends with a visible character. So the
    visible characters stay what they are while the gaps between them grow, and the loop ends once no
    gap fits any control. Lone surrogates, which no tokenizer takes, become "?".

    >>> neutralise("a<|im_end|>b", ["<|im_end|>"])
    'a< |im_end|>b'
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    while present := [control for control in controls if control in text]:
        for control in present:
            text = text.replace(control, f"{control[0]} {control[1:]}")
    return text


def format_prefix(prompt: Prompt, chat: ChatFormat, controls: Sequence[str]) -> str:
    """The part of the prompt before ``prompt.user``: equal for all questions with the same instructions."""
    text, opening = chat.no_system, ""
    if system := neutralise(prompt.system, controls).strip():
        if chat.system is None:
            opening = system + "\n\n"
        else:
            text = _filled(chat.system, system)
    for user, assistant in prompt.examples:
        text += _filled(chat.user, opening + neutralise(user, controls).strip())
        text += _filled(chat.assistant, neutralise(assistant, controls).strip())
        opening = ""
    return text + chat.user.partition("{}")[0] + opening


def format_prompt(prompt: Prompt, chat: ChatFormat, controls: Sequence[str]) -> str:
    """The whole prompt, up to where the model begins its reply.

    >>> print(format_prompt(Prompt("Be brief.", (("1+1?", "2"),), "2+2?"), PLAIN, ()))
    Be brief.
    <BLANKLINE>
    Question: 1+1?
    Answer: 2
    <BLANKLINE>
    Question: 2+2?
    Answer:
    """
    user = neutralise(prompt.user, controls).strip()
    opening = chat.lead + neutralise(prompt.opening, controls).strip() if prompt.opening else ""
    return format_prefix(prompt, chat, controls) + user + chat.user.partition("{}")[2] + chat.reply + opening


def _filled(turn: str, text: str) -> str:
    before, _, after = turn.partition("{}")
    return before + text + after
