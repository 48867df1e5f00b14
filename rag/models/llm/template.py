"""A model's own chat template as a ChatFormat.

No document and no question ever goes through a template. It is rendered once, when the model is opened, with
words that stand for the texts; what it writes between them are the turns of the format. So the part of a prompt
before the question is the same for every question, and a template cannot look at a text and change its mind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag.models.llm.chat import CHATML_NO_THINKING, LLAMA3, ChatFormat, control_strings, detect, format_prompt
from rag.models.llm.render import Conversation, Message, render
from rag.models.protocols import Prompt

MOST_EXAMPLES = 3  # that any prompt of ours has

# Families whose template we know and do not follow. That of Llama 3 writes dates, which would be wrong; models that
# can think would use up the tokens of the answer, and are told in a way of our own that they have thought.
_BETTER_KNOWN = (LLAMA3, CHATML_NO_THINKING)

# What stands for the texts of a prompt. A template may treat neither list otherwise than the other; the second is
# longer, and has more lines and signs.
_PLAIN_WORDS = ("Sabc", "Udef", "Aghi", "Ujkl", "Amno", "Upqr", "Astu", "Uvwx")
_OTHER_WORDS = tuple(
    f"[{n}] Is {word} < 1 & 'so'?\n\nYes: {{{word}}} " + "or not " * 9 + "." for n, word in enumerate(_PLAIN_WORDS)
)


def chat_format(template: str | None, *, specials: Sequence[str], bos: str, eos: str, adds_bos: bool) -> ChatFormat:
    """How a model writes turns: by its own template, or as its family does where that is better or has to do.

    ``specials``: the special tokens of the vocabulary. ``bos``, ``eos``: those that begin and end a text; with
    ``adds_bos`` the tokenizer writes ``bos`` itself, so the format has none.
    """
    family = detect(template)
    if not template or family in _BETTER_KNOWN:
        return family
    prompts = [
        _prompt(words, system, examples)
        for words in (_PLAIN_WORDS, _OTHER_WORDS)
        for system in (False, True)
        for examples in range(MOST_EXAMPLES + 1)
    ]
    texts = render(template, [_conversation(prompt) for prompt in prompts], bos=bos, eos=eos)
    if adds_bos and bos:
        texts = [text and text.removeprefix(bos) for text in texts]
    rendered = dict(zip(prompts, texts, strict=True))
    for chat in _candidates(rendered):
        if all(
            format_prompt(prompt, chat, ()) == text
            for prompt, text in rendered.items()
            if chat.system is not None or not prompt.system
        ):
            return _finished(chat, control_strings(specials))
    return family


def _prompt(words: Sequence[str], system: bool, examples: int) -> Prompt:
    users, assistants = words[1::2], words[2::2]
    return Prompt(words[0] if system else "", tuple(zip(users, assistants, strict=False))[:examples], users[examples])


def _conversation(prompt: Prompt) -> Conversation:
    conversation = [Message(role="system", content=prompt.system)] if prompt.system else []
    for user, assistant in prompt.examples:
        conversation += [Message(role="user", content=user), Message(role="assistant", content=assistant)]
    return [*conversation, Message(role="user", content=prompt.user)]


def _candidates(rendered: dict[Prompt, str | None]) -> Iterable[ChatFormat]:
    """The formats that the shortest conversations could mean: with a turn for the system text, else without."""
    alone, one_example, with_system = (
        _literals(rendered[prompt], prompt)
        for prompt in (_prompt(_PLAIN_WORDS, False, 0), _prompt(_PLAIN_WORDS, False, 1), _prompt(_PLAIN_WORDS, True, 0))
    )
    if not alone or not one_example:
        return
    head, reply = alone
    _, to_assistant, to_user, _ = one_example
    for system in (with_system, None):
        user = _common_end([head, to_user, *([system[1]] if system else [])])
        yield ChatFormat(
            "own template",
            system=f"{system[0]}{{}}{system[1].removesuffix(user)}" if system else None,
            no_system=head.removesuffix(user),
            user=f"{user}{{}}",
            assistant=f"{to_assistant}{{}}{to_user.removesuffix(user)}",
            reply=reply,
        )


def _literals(text: str | None, prompt: Prompt) -> list[str] | None:
    """What a template wrote before, between and after the texts of a prompt."""
    if text is None:
        return None
    literals = []
    for word in (prompt.system, *(word for turn in prompt.examples for word in turn), prompt.user):
        if word:
            before, _, text = text.partition(word)
            literals.append(before)
    return [*literals, text]


def _common_end(texts: Sequence[str]) -> str:
    end = texts[0]
    while not all(text.endswith(end) for text in texts):
        end = end[1:]
    return end


def _finished(chat: ChatFormat, controls: Sequence[str]) -> ChatFormat:
    """The format with what its model needs besides: a reply without thinking, and marks that are no special tokens."""
    to_assistant = chat.assistant.partition("{}")[0]
    reply = chat.reply
    if to_assistant.startswith(reply) and to_assistant.removeprefix(reply).strip():
        reply = to_assistant  # replies of the examples begin with more: with the channel that is not for thinking
    elif reply.rstrip().endswith("<think>"):
        reply = f"{reply.rstrip()}\n\n</think>\n\n"
    after_reply = chat.after_reply.strip()
    spelt_out = after_reply and not any(control in after_reply for control in controls)
    return replace(chat, reply=reply, stop=(after_reply,) if spelt_out else (), marks=_marks(chat, controls))


def _marks(chat: ChatFormat, controls: Sequence[str]) -> tuple[str, ...]:
    """Marks of turns that the vocabulary spells with usual tokens, such as "[INST]", "<|user|>" or "USER:".

    Words without any sign are left out: "user" marks a turn only beside a special token, which is no part of a text.
    """
    breaks = "|".join(map(re.escape, (*controls, "\n")))
    before_system, after_system, *others = (
        [piece.strip() for piece in re.split(breaks, literal) if piece.strip()]
        for turn in (chat.system or "{}", chat.user, chat.assistant)
        for literal in turn.split("{}")
    )
    pieces = [*before_system[-1:], *after_system, *(piece for literal in others for piece in literal)]
    bracketed = [mark for piece in pieces for mark in re.findall(r"<+[^<>\s]+>+|\[[^\[\]\s]+\]", piece)]
    return tuple(mark for mark in control_strings([*pieces, *bracketed]) if not mark.isalnum())
