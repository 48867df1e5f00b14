"""An assistant with the real interface for the chat: real values, a scripted model, no files."""

from __future__ import annotations

import atexit
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from threading import Event
from typing import Any

from rag.errors import LoadError, QuestionError
from rag.load import load
from rag.load.walk import walk
from rag.models.protocols import Prompt
from rag.types import (
    Answer,
    BuildReport,
    Checked,
    Citation,
    Document,
    Drafting,
    Evidence,
    FileOutcome,
    Finished,
    Part,
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

SENTENCE = re.compile(r"\S[^.!?]*[.!?]")
COMMON = frozenset(words("a an and are by did does for in is it of on the to was what when where which who why will"))


def document(id: str, text: str, title: str = "", *, outlet: str | None = None, date: str | None = None) -> Document:
    title = title or id
    parts = (Part(0, len(text), title, outlet, None, date),)
    return Document(
        id, text, title, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), outlet, None, date, parts
    )


@dataclass
class FakeIndex:
    documents: dict[str, Document]
    files: Mapping[str, Any] = field(default_factory=dict)
    generation: str = "gen-000001"

    duplicate_of: Mapping[str, str] = field(default_factory=dict)

    def sentence_count(self, document_id: str) -> int:
        return len(SENTENCE.findall(self.documents[document_id].text))


def _scratch() -> Path:
    """An empty folder, gone when the program ends."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass
class FakeSettings:
    """A folder of documents and one for the index."""

    folder: Path = field(default_factory=_scratch)

    def _made(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    @property
    def seeds(self) -> Path:
        return self._made("papers")

    @property
    def index(self) -> Path:
        return self._made("index")


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
    settings: FakeSettings = field(default_factory=FakeSettings)
    rebuild_gate: Event | None = None  # when set to an Event, a rebuild waits for it half way
    timings_ms: dict[str, float] = field(default_factory=dict)
    loads: int = 0  # how often the language model was to be loaded

    def load_generator(self) -> None:
        self.loads += 1

    @classmethod
    def of(cls, *documents: Document, replies: Sequence[str] = (), **rest: Any) -> FakeAssistant:
        return cls(FakeIndex({d.id: d for d in documents}), ScriptedGenerator(*replies), **rest)

    def rebuild(self, *, progress: Callable[[str, int, int], None] | None = None) -> tuple[BuildReport, FakeIndex]:
        """The documents of the folder as the loader reads them, and those that never had a file."""
        files, passed = walk(self.settings.seeds)
        before = self.index.files
        entries: dict[str, Any] = {}
        documents = {name: d for name, d in self.index.documents.items() if name not in before}
        outcomes = list(passed)
        for n, file in enumerate(files):
            if progress:
                progress("reading", n, len(files))
            if self.rebuild_gate:
                assert self.rebuild_gate.wait(20)
            entry = {"size": file.size, "mtime_ns": file.mtime_ns, "status": "indexed", "error": "", "sha256": ""}
            try:
                documents[file.id] = load(file.path, root=self.settings.seeds)
            except LoadError as error:
                entry |= {"status": "failed", "error": str(error)}
            entries[file.id] = entry
            status = "unchanged" if before.get(file.id) == entry else entry["status"]
            outcomes.append(FileOutcome(file.id, status, why=entry["error"]))
        outcomes += [FileOutcome(name, "removed") for name in before if name not in entries]
        generation = f"gen-{int(self.index.generation[4:]) + 1:06d}"
        index = FakeIndex(documents, entries, generation)
        return BuildReport(generation, tuple(outcomes), len(documents), 0, 0, 0.0), index

    def use(self, index: FakeIndex) -> None:
        self.index = index

    def search(self, question: str, *, history: Sequence[tuple[str, str]] = ()) -> Retrieved:
        if len(question) > 1000:
            raise QuestionError(f"The question is {len(question)} characters long; at most 1000 can be asked.")
        wanted = set(words(question)) - COMMON
        evidence: list[Evidence] = []
        for d in self.index.documents.values():
            for m in SENTENCE.finditer(d.text):
                if wanted & set(words(m.group())) and len(evidence) < 8:
                    place = (d.id, d.title, d.date, m.start(), m.end(), m.group())
                    evidence.append(Evidence(*place, len(evidence) + 1, 1.0))
        ids = dict.fromkeys(e.document_id for e in evidence)
        by_source = tuple(
            SourceQuotes(
                i,
                self.index.documents[i].title,
                self.index.documents[i].date,
                tuple(e for e in evidence if e.document_id == i),
            )
            for i in ids
        )
        return Retrieved(question, (), tuple(evidence), by_source, self.index.documents)

    def steps(
        self, question: str, *, history: Sequence[tuple[str, str]] = (), abort: Event | None = None
    ) -> Iterator[Step]:
        abort = abort or Event()
        self.asked.append((question, tuple(history)))
        self.aborts.append(abort)
        if self.failure:
            raise self.failure
        found = self.search(question, history=history)
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
                " ".join(s.text for s in kept),
                refused,
                "No passage of the documents answers this question." if refused else "",
                bool(self.sides),
                tuple(kept),
                tuple(removed),
                self.sides,
                found.by_source,
                (),
                self.timings_ms,
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
        return Sentence(text, tuple(Citation.of(e, e.number) for e in cited))
