"""An assistant with the real interface for the chat: real values, a scripted model, no files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from rag.errors import QuestionError
from rag.types import (
    Answer,
    Checked,
    Citation,
    Document,
    Drafting,
    Evidence,
    Finished,
    Part,
    Prompt,
    Quote,
    Reading,
    Removed,
    Retrieved,
    Sentence,
    Side,
    SourceQuotes,
    Step,
)
from tests.fakes import ScriptedGenerator, words

# What must stay text wherever it stands: in a document, its name or title, a question, a draft.
PAYLOADS = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg/onload=window.hacked=1>",
    '"><iframe src="http://evil.example/"></iframe>',
    "![x](http://evil.example/x.png)",
    "[x](javascript:window.hacked=1)",
    "<http://evil.example>",
    "http://evil.example/ and www.evil.example and a@evil.example",
    "`code` ```js\nwindow.hacked=1\n```",
    "${window.hacked=1} {{7*7}} <%= 7*7 %>",
    "$$\\href{javascript:window.hacked=1}{x}$$",
    "# heading\n## another",
    "- item\n+ item\n* item\n1. item\n2) item",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "**bold** _it_ ~~gone~~ ==mark==",
    "> quote\n\n    indented code",
    "&lt;script&gt; &#60;b&#62; &amp;",
    "</div></details><style>*{background:url(http://evil.example)}</style>",
    "[1]: http://evil.example\n[1]",
    "<!-- comment --> <![CDATA[x]]> <?php x ?>",
    "a\u202egnp.exe\u2069 b\u200bc \U000e0041",
]

COMMON = frozenset(words("a an and are by did does for in is it of on the to was what when where which who why will"))


def document(id: str, text: str, title: str = "", *, outlet: str | None = None, date: str | None = None) -> Document:
    title = title or id
    parts = (Part(0, len(text), title, outlet, None, date),)
    return Document(id, text, title, "0" * 64, outlet, None, date, parts)


@dataclass
class FakeIndex:
    documents: dict[str, Document]
    chunks: tuple[()] = ()
    generation: str = "fake"


@dataclass
class FakeAssistant:
    """Finds sentences that share a word with the question; keeps drafted ones that carry a marker."""

    index: FakeIndex
    generator: ScriptedGenerator
    generator_state: str = "ready"
    problem: str = ""
    asked: list[tuple[str, Sequence[tuple[str, str]]]] = field(default_factory=list)
    aborts: list[Event] = field(default_factory=list)
    failure: Exception | None = None
    sides: tuple[Side, ...] = ()

    @classmethod
    def of(cls, *documents: Document, replies: Sequence[str] = (), **rest: Any) -> FakeAssistant:
        return cls(FakeIndex({d.id: d for d in documents}), ScriptedGenerator(*replies), **rest)

    def search(self, question: str) -> Retrieved:
        wanted = set(words(question)) - COMMON
        evidence: list[Evidence] = []
        for d in self.index.documents.values():
            for m in re.finditer(r"\S[^.!?]*[.!?]", d.text):
                if wanted & set(words(m.group())) and len(evidence) < 8:
                    place = (d.id, d.title, d.date, m.start(), m.end(), m.group())
                    evidence.append(Evidence(len(evidence) + 1, *place, 1.0))
        ids = dict.fromkeys(e.document_id for e in evidence)
        by_source = tuple(
            SourceQuotes(
                i,
                self.index.documents[i].title,
                self.index.documents[i].date,
                tuple(Quote(e.start, e.end, e.quote, e.score) for e in evidence if e.document_id == i),
            )
            for i in ids
        )
        return Retrieved(question, question, (), tuple(evidence), by_source)

    def steps(
        self, question: str, *, history: Sequence[tuple[str, str]] = (), abort: Event | None = None
    ) -> Iterator[Step]:
        if len(question) > 1000:
            raise QuestionError(f"The question is {len(question)} characters long; at most 1000 can be asked.")
        abort = abort or Event()
        self.asked.append((question, tuple(history)))
        self.aborts.append(abort)
        if self.failure:
            raise self.failure
        found = self.search(question)
        yield found
        kept: list[Sentence] = []
        removed: list[Removed] = []
        if found.evidence:
            draft = ""
            prompt = Prompt("", (), question + " " + " ".join(e.quote for e in found.evidence))
            for piece in self.generator.stream(prompt, max_tokens=500, abort=abort):
                if not piece.text:
                    yield Reading(piece.prompt_done, piece.prompt_total)
                    continue
                if not piece.text.startswith("["):
                    yield from self._close(draft, found, kept, removed)
                    draft = "" if re.search(r"[.!?][\s\[\]\d]*$", draft) else draft
                draft += piece.text
                yield Drafting(re.sub(r"\s*\[\d+\]", "", draft))
            if not abort.is_set():
                yield from self._close(draft, found, kept, removed)
            if abort.is_set():
                return
        refused = not kept
        yield Finished(
            Answer(
                question,
                question,
                " ".join(s.text for s in kept),
                refused,
                "No passage of the documents answers this question." if refused else "",
                bool(self.sides),
                tuple(kept),
                tuple(removed),
                self.sides,
                found.by_source,
                (),
            )
        )

    def _close(self, draft: str, found: Retrieved, kept: list[Sentence], removed: list[Removed]) -> Iterator[Checked]:
        """A check of the draft where it ends a sentence."""
        if match := re.fullmatch(r"(.*?[.!?])\s*((?:\[\d+\])*)\s*", draft, re.DOTALL):
            checked = self._check(match[1], [int(n) for n in re.findall(r"\d+", match[2])], found)
            if isinstance(checked, Sentence):
                kept.append(checked)
            else:
                removed.append(checked)
            yield Checked(checked)

    def _check(self, text: str, numbers: list[int], found: Retrieved) -> Sentence | Removed:
        by_number = {e.number: e for e in found.evidence}
        cited = [by_number[n] for n in numbers if n in by_number]
        if not cited:
            return Removed(text, "it names no source")
        return Sentence(
            text, tuple(Citation(e.number, e.document_id, e.title, e.date, e.start, e.end, e.quote) for e in cited)
        )
