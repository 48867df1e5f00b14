"""Renders a model's own chat template, in a process of its own.

A template is a program that came with a model file. The sandbox of jinja2 keeps it from Python and from the disk,
but not from a loop without end or from a text of many gigabytes: only a process can be denied time and memory.
The process is this file run as a program; it reads one request and writes one answer, both JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, TypedDict, cast

MAX_SECONDS = 10.0  # for all conversations of a request; those of a usual template take a tenth of a second
MAX_MEMORY = 2**30  # bytes, where the system can limit it (Linux)
MAX_CHARACTERS = 20_000  # of one conversation; the longest of those that are rendered has about 1,300 of its own


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


Conversation = list[Message]


class _Request(TypedDict):
    template: str
    conversations: Sequence[Conversation]
    tokens: dict[str, str]


def render(template: str, conversations: Sequence[Conversation], *, bos: str, eos: str) -> list[str | None]:
    """Each conversation up to where the model begins its reply; None where the template refuses it or fails.

    ``bos`` and ``eos`` are what the template may write for the tokens that begin and end a text. Thinking is
    switched off where the template has a switch for it, and what asks for today's date gets nothing.
    """
    request = _Request(template=template, conversations=conversations, tokens={"bos_token": bos, "eos_token": eos})
    try:
        done = subprocess.run(
            [sys.executable, "-P", __file__],
            input=json.dumps(request).encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=MAX_SECONDS,
            check=True,
        )
        return cast(list[str | None], json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return [None] * len(conversations)


# --- inside the process --------------------------------------------------------------------------


def _answer(request: _Request) -> list[str | None]:
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> NoReturn:
        raise TemplateError(message)

    # Templates are written for this environment: it is the one in which their publishers try them out.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals |= {
        **request["tokens"],
        "raise_exception": raise_exception,
        "strftime_now": lambda form: "",  # the prompt is about dated texts; today's date would stand among them
        "date_string": "",
        "add_generation_prompt": True,
        "enable_thinking": False,
        "thinking": False,
        "tools": None,
        "documents": None,
    }
    texts: list[str | None] = []
    template = environment.from_string(request["template"])
    for conversation in request["conversations"]:
        text = None
        with suppress(Exception):  # whatever a template does wrong: it is then not used
            text = template.render(messages=conversation)
        texts.append(text if text is not None and len(text) <= MAX_CHARACTERS else None)
    return texts


def _limit(memory: int) -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    _limit(MAX_MEMORY)
    sys.stdout.write(json.dumps(_answer(json.load(sys.stdin))))
