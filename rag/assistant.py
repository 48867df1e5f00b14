"""The composition root: opens the parts, and is the only place that knows their order."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Generator as Steps  # of Python; rag.types.Generator is a language model
from contextlib import suppress
from dataclasses import replace
from math import exp, inf, log
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Literal

from rag.config import Settings
from rag.errors import GenerationError, QuestionError, RagError
from rag.ground.draft import DraftParser
from rag.ground.judge import LanguageModelJudge
from rag.ground.prompt import NONE, answer_prompt, judge_prompt
from rag.ground.quotations import each_source, each_view, further_answers, left_out, naming, other_sides
from rag.ground.sides import sides
from rag.ground.verify import verify, widener
from rag.index.build import build
from rag.index.changes import stale
from rag.index.snapshot import Index, load_index
from rag.output.render import answer_text
from rag.retrieve.calibration import CAUTION, MODELS, TAKEN, TOPIC, UNHEARD, ModelShare
from rag.retrieve.followup import standalone
from rag.retrieve.question import asks_what_sources_say, asks_yes_or_no, subject_asked
from rag.retrieve.relevance import Relevance, judge_relevance, on_topic
from rag.retrieve.search import by_source, candidates, evidence, numbered, retrieve, select_evidence
from rag.text.words import names
from rag.types import (
    Answer,
    BuildReport,
    Candidate,
    Checked,
    Citation,
    Claim,
    Drafting,
    Embedder,
    Evidence,
    Finished,
    Generator,
    Progress,
    Prompt,
    Reading,
    Removed,
    Reranker,
    Retrieved,
    Sentence,
    Side,
    Step,
    Verifier,
)

LONGEST_QUESTION = 2000  # characters
PREVIEWED = 8  # sentences shown as evidence before any model has read them
_COMPARED_SENTENCES = 24  # evidence looked through for disagreement; more than the model is shown
_WAIT_SECONDS = 0.2

State = Literal["loading", "ready", "failed"]


class Assistant:
    """Answers questions over one index. The index is a snapshot: an answer in flight keeps its own."""

    def __init__(
        self,
        settings: Settings,
        index: Index,
        embedder: Embedder,
        reranker: Reranker,
        open_model: Callable[[], Generator],
        *,
        verifier: Verifier | None = None,
    ) -> None:
        self.settings = settings
        self.index = index
        self._embedder = embedder
        self._reranker = reranker
        self._open_model = open_model
        self._verifier = verifier
        self._generator: Generator | None = None
        self._lock = Lock()
        self._loading: Thread | None = None
        self._opened = Event()  # the generator can be used, or never will
        self._asked = Event()  # a question has come: reading ahead for it would only keep it waiting
        self.generator_state: State = "loading"
        self.problem = ""

    def load_generator(self) -> Thread:
        """Start loading the language model in the background, once; evidence is usable meanwhile."""
        with self._lock:
            if self._loading is None:
                self._loading = Thread(target=self._load, name="load-generator", daemon=True)
                self._loading.start()
            return self._loading

    def _load(self) -> None:
        with suppress(RagError):  # what is wrong, the question says
            self._reranker.scores("", [""])  # opens it
        try:
            self._generator = self._open_model()
            self.generator_state = "ready"
        except Exception as error:
            self.problem = str(error) if isinstance(error, RagError) else "the engine failed while loading the model"
            self.generator_state = "failed"
        self._opened.set()
        if self._generator is not None:
            self._read_ahead(self._generator)

    def _read_ahead(self, generator: Generator) -> None:
        """Let the model read what every prompt begins with, until the first question comes."""
        for prompt in (answer_prompt("", ()), judge_prompt("", "")):
            with suppress(GenerationError):  # a question will say what is wrong
                if not self._asked.is_set():
                    generator.warm(prompt, abort=self._asked)

    def close(self) -> None:
        """Give the language model's memory back."""
        self._asked.set()
        if self._loading is not None:
            self._loading.join()
        if self._generator is not None:
            self._generator.close()

    def rebuild(self, *, progress: Progress | None = None) -> tuple[BuildReport, Index]:
        """Bring the index on disk in step with the folder and read it; questions are answered from the old one.

        Raises CorpusError, IndexLocked.
        """
        report = build(self.settings.seeds, self.settings.index, self._embedder, progress=progress)
        return report, load_index(self.settings.index, fingerprint=self._embedder.fingerprint)

    def use(self, index: Index) -> None:
        """Answer over ``index`` from now on. Call it between questions: an answer in flight must keep its own."""
        self.index = index

    # --- the steps of one question

    def search(
        self, question: str, *, history: Sequence[tuple[str, str]] = (), documents: Collection[str] | None = None
    ) -> Retrieved:
        """Evidence only, of ``documents`` (None: of all); no language model runs. Raises QuestionError."""
        asked = check_question(question)
        alone = standalone(asked, history)
        return self._retrieve(asked, alone, documents)[0]

    def ask(self, question: str, *, history: Sequence[tuple[str, str]] = ()) -> Answer:
        """The verified answer, or a refusal. Raises QuestionError, GenerationError."""
        for step in self.steps(question, history=history):
            if isinstance(step, Finished):
                return step.answer
        raise GenerationError("The question was stopped before it was answered.")

    def steps(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = (),
        documents: Collection[str] | None = None,
        abort: Event | None = None,
    ) -> Iterator[Step]:
        """Retrieved, again once the passages have been read together with the question, then Reading, Drafting and
        Checked as they happen, then Finished.

        Only ``documents`` are used (None: all). Ends early, without Finished, once ``abort`` is set.
        Raises QuestionError, GenerationError.
        """
        clock = _Clock()
        asked = check_question(question)
        found, ranked = self._retrieve(asked, standalone(asked, history), documents)
        clock.mark("retrieve")
        yield found
        if reason := self._unanswerable(found):
            yield self._refused(found, reason, clock)
            return
        question = found.standalone_question
        relevance = judge_relevance(subject_asked(question), ranked, found.hits, self._reranker)
        found, chosen, pool, rivals = self._choose(found, ranked, relevance)
        clock.mark("read")
        yield found
        least, share = CAUTION[self.settings.caution], self._model_share(question)
        if share.most_hopeful(relevance.answerable) < least:
            yield self._refused(found, _why_not(relevance), clock)
            return
        generator = yield from self._wait_for_generator(abort)
        if generator is None:
            return
        prompt = answer_prompt(question, found.evidence)
        yield from self._read_prompt(generator, prompt, abort)
        surprise = _surprise(generator, prompt, len(found.evidence), abort) if share.model else 0.0
        clock.mark("choose")
        if _stopped(abort):
            return
        if share.log_odds(relevance.answerable, surprise) < least:
            yield self._refused(found, _why_not(relevance), clock)
            return
        claims: list[Claim] = []
        yield from self._draft(generator, replace(prompt, opening=f"{chosen[0].number}:"), claims, clock, abort)
        kept: list[Sentence] = []
        removed: list[Removed] = []
        markers = _Markers()
        verifier = self._verifier or LanguageModelJudge(generator)
        widen = widener((h.chunk for h in found.hits), self.index.documents)
        for claim in claims:
            result = verify(  # against what answers: a sentence that another one supports is beside the point
                replace(claim, numbers=claim.numbers or (chosen[0].number,)),
                chosen,
                verifier,
                question=question,
                widen=widen,
                abort=abort,
            )
            if _stopped(abort):
                return
            if isinstance(result, Sentence):
                if any(result.text == s.text for s in kept):
                    continue
                result = markers.of(result)
                kept.append(result)
            else:
                removed.append(result)
            yield Checked(result)
        if _stopped(abort):
            return
        clock.mark("verify")
        for sentence in map(markers.of, left_out(kept, chosen)):
            kept.append(sentence)
            yield Checked(sentence)
        yield Finished(self._answer(found, pool, rivals, kept, removed, markers, "", clock))

    def _retrieve(
        self, asked: str, alone: str, documents: Collection[str] | None
    ) -> tuple[Retrieved, tuple[Candidate, ...]]:
        """What is found without any language model, and every sentence of it, best first."""
        index, settings = self.index, self.settings
        vector = self._embedder.embed_query(alone)
        hits = retrieve(alone, vector, index, k=settings.passages, documents=documents)
        ranked = candidates(alone, vector, hits, index)
        shown = select_evidence(ranked, limit=PREVIEWED)
        return Retrieved(asked, alone, hits, shown, by_source(_pool(ranked))), ranked

    def _choose(
        self, found: Retrieved, ranked: Sequence[Candidate], relevance: Relevance
    ) -> tuple[Retrieved, tuple[Evidence, ...], tuple[Evidence, ...], tuple[Evidence, ...]]:
        """What the model is shown, the sentences that answer (best first), the wider pool that is compared
        across sources, and those of it that each answer."""
        question = found.standalone_question
        by_relevance = [c for c, _ in relevance.ranked]
        likely: list[Candidate] = []
        if asks_what_sources_say(question):
            likely = each_source(on_topic(question, naming(question, ranked), self._reranker))
        likely = likely or (each_view(by_relevance) if asks_yes_or_no(question) else [])
        likely = likely or [c for n, (c, log_odds) in enumerate(relevance.ranked) if n == 0 or log_odds >= TAKEN]
        shown = numbered(self._fitting(dict.fromkeys([*likely, *by_relevance])))
        known = {(e.document_id, e.start): e for e in shown}
        for e in (*_pool(ranked), *(evidence(c, 0) for c in [*likely, *by_relevance])):
            known.setdefault((e.document_id, e.start), replace(e, number=len(known) + 1))
        chosen, rivals = (
            tuple(known[c.hit.chunk.document_id, c.span.start] for c in these)
            for these in (likely, dict.fromkeys([*likely, *relevance.rivals]))
        )
        return replace(found, evidence=shown), chosen, tuple(known.values()), rivals

    def _fitting(self, ranked: Iterable[Candidate]) -> list[Candidate]:
        """As many as the model is shown, within the budget of tokens; the first always."""
        count = self._generator.count_tokens if self._generator else lambda text: len(text) // 4 + 1
        budget = self.settings.evidence_tokens
        fitting: list[Candidate] = []
        for candidate in ranked:
            tokens = count(candidate.quote)
            if len(fitting) < self.settings.evidence_sentences and (tokens <= budget or not fitting):
                fitting.append(candidate)
                budget -= tokens
        return fitting

    def _model_share(self, question: str) -> ModelShare:
        """How much the language model has a say in whether a question can be answered."""
        if asks_what_sources_say(question):
            return TOPIC
        return MODELS.get(short_name(self.settings.generator), UNHEARD)

    def _unanswerable(self, found: Retrieved) -> str:
        """Why no model needs to be asked; "" where one should be."""
        if not found.evidence:
            return "Nothing in the documents resembles the question."
        unknown = [n.text for n in names(found.standalone_question) if not self.index.mentions(n.text)]
        if unknown:
            return f"No document mentions {', '.join(dict.fromkeys(unknown))}."
        return ""

    def _wait_for_generator(self, abort: Event | None) -> Steps[Step, None, Generator | None]:
        self._asked.set()
        self.load_generator()
        while not self._opened.wait(_WAIT_SECONDS):
            if _stopped(abort):
                return None
            yield Reading(0, 0)
        if self._generator is None:
            raise GenerationError(f"There is no language model to answer with: {self.problem}")
        return self._generator

    def _read_prompt(self, generator: Generator, prompt: Prompt, abort: Event | None) -> Iterator[Step]:
        """Let the model read, telling how far it is."""
        for piece in generator.stream(prompt, max_tokens=0, abort=abort):
            yield Reading(piece.prompt_done, piece.prompt_total)

    def _draft(
        self, generator: Generator, prompt: Prompt, claims: list[Claim], clock: _Clock, abort: Event | None
    ) -> Iterator[Step]:
        """Stream the draft; finished claims are appended to ``claims``."""
        parser = DraftParser(known=self.settings.evidence_sentences)
        for piece in generator.stream(prompt, max_tokens=self.settings.answer_tokens, stop=("\n",), abort=abort):
            if not piece.text:
                yield Reading(piece.prompt_done, piece.prompt_total)
                continue
            clock.mark_once("first_token")
            claims += parser.feed(piece.text)
            yield Drafting(" ".join([*(c.text for c in claims), parser.pending]))
        claims += parser.finish()
        clock.mark_once("first_token")
        clock.mark("generate")

    def _refused(self, found: Retrieved, reason: str, clock: _Clock) -> Finished:
        return Finished(self._answer(found, (), (), [], [], _Markers(), reason, clock))

    def _answer(
        self,
        found: Retrieved,
        pool: tuple[Evidence, ...],
        rivals: tuple[Evidence, ...],
        kept: Sequence[Sentence],
        removed: Sequence[Removed],
        markers: _Markers,
        reason: str,
        clock: _Clock,
    ) -> Answer:
        compared = sides(found.standalone_question, pool, [s.text for s in kept], rivals) if kept else ()
        kept = [*kept, *map(markers.of, other_sides(kept, compared))]
        kept += map(markers.of, further_answers(found.standalone_question, kept, pool) if kept else ())
        compared = tuple(replace(side, citations=markers.of_each(side.citations)) for side in compared)
        generator = self._generator
        return Answer(
            question=found.question,
            standalone_question=found.standalone_question,
            answer=answer_text(kept),
            refused=not kept,
            reason="" if kept else reason,
            disagreement=bool(compared),
            sentences=tuple(kept),
            removed=tuple(removed),
            sides=compared,
            by_source=found.by_source,
            hits=found.hits,
            stale=self._stale(found, kept, compared),
            timings_ms=clock.total(),
            models={
                "embedder": self._embedder.name,
                "generator": generator.name if generator else "",
                "verifier": self._verifier.name
                if self._verifier
                else (f"{generator.name} yes/no" if generator else ""),
            },
        )

    def _stale(self, found: Retrieved, kept: Sequence[Sentence], compared: Sequence[Side]) -> tuple[str, ...]:
        groups = [*(s.citations for s in kept), *(s.citations for s in compared)]
        named = {c.document_id for group in groups for c in group} | {s.document_id for s in found.by_source}
        return tuple(sorted(stale(self.index, self.settings.seeds, named)))


class _Markers:
    """Numbers of citations in the order in which they come up: what the model was shown is numbered otherwise."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int, int], int] = {}

    def of(self, sentence: Sentence) -> Sentence:
        return replace(sentence, citations=self.of_each(sentence.citations))

    def of_each(self, citations: Iterable[Citation]) -> tuple[Citation, ...]:
        places = [(c, (c.document_id, c.start, c.end)) for c in citations]
        return tuple(replace(c, marker=self._numbers.setdefault(at, len(self._numbers) + 1)) for c, at in places)


class _Clock:
    """Milliseconds of each stage since the one before; ``total`` and ``first_token`` since the question."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._marks: dict[str, float] = {}

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self._marks[stage] = (now - self._last) * 1000
        self._last = now

    def mark_once(self, stage: str) -> None:
        self._marks.setdefault(stage, (time.perf_counter() - self._start) * 1000)

    def total(self) -> dict[str, float]:
        return {**self._marks, "total": (time.perf_counter() - self._start) * 1000}


def short_name(model: str) -> str:
    """The last part of a path or hub id; a catalogue name is itself."""
    return Path(model).name or model


def _stopped(abort: Event | None) -> bool:
    return abort is not None and abort.is_set()


def _surprise(generator: Generator, prompt: Prompt, sentences: int, abort: Event | None) -> float:
    """-log of the share that the model gives to "no sentence answers" among the numbers it may write."""
    none, *others = generator.score(prompt, [NONE, *map(str, range(1, sentences + 1))], abort=abort)
    return log(sum(exp(other - none) for other in (none, *others))) if none > -inf else 0.0


def _why_not(relevance: Relevance) -> str:
    if relevance.missing:
        return f"The passages that come nearest do not speak of {', '.join(relevance.missing)}."
    return "The passages that were found do not answer the question."


def _pool(ranked: Sequence[Candidate]) -> tuple[Evidence, ...]:
    return select_evidence(ranked, limit=_COMPARED_SENTENCES, margin=inf)


def check_question(question: str) -> str:
    """The question on one line. Raises QuestionError where there is nothing to ask or too much."""
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"The question is {len(question):,} characters long; at most {LONGEST_QUESTION:,} can be asked.",
            fix="ask a shorter question; put long material into the documents folder",
        )
    one_line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in question)).strip()
    if not re.search(r"\w", one_line):
        raise QuestionError(
            f"There are no words in the question {one_line!r}.", fix="ask a question in words, such as “Who leads …?”"
        )
    return one_line
