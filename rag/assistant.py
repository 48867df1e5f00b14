"""The steps of one question, in order; the only place that knows it.

question -> Asked -> retrieve -> Hit -> candidates -> read -> choose -> Prompt -> draft -> Claim -> verify -> Answer
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Generator as Steps  # Python's own; protocols.Generator is a language model
from dataclasses import dataclass, replace
from threading import Event, Thread

from rag.config import Settings, short_name
from rag.errors import GenerationError
from rag.ground.answer import Circumstances, Markers, compose, refuse
from rag.ground.draft import write_draft
from rag.ground.judge import LanguageModelJudge
from rag.ground.prompt import NONE, answer_prompt, judge_prompt, short_answer_prompt
from rag.ground.quotations import left_out, like_the_first
from rag.ground.short_answers import short_answers
from rag.ground.sides import subject_sides
from rag.ground.sides.answers import answer_sides
from rag.ground.verify import verify_claim, widener
from rag.index.build import build
from rag.index.changes import stale
from rag.index.snapshot import Index, load_index
from rag.models.background import BackgroundModel, State
from rag.models.protocols import Embedder, Generator, PassageText, Prompt, Reranker, Verifier
from rag.retrieve.answerable import model_share, model_surprise, unlikely
from rag.retrieve.candidates import by_source, candidates, select_evidence
from rag.retrieve.choose import Choice, choose, compared, likeliest
from rag.retrieve.question import Asked, analyse
from rag.retrieve.relevance import Relevance, judge_relevance
from rag.retrieve.search import query_vector, retrieve
from rag.types import (
    Answer,
    BuildReport,
    Candidate,
    Checked,
    Claim,
    Drafting,
    Evidence,
    Finished,
    Passage,
    Progress,
    Reading,
    Removed,
    Retrieved,
    Sentence,
    Side,
    Step,
)

PREVIEWED = 8  # sentences shown as evidence where there is no answer yet


class Assistant:
    """Answers questions over one index; may be asked from several threads. Use it in a ``with`` block, or ``close`` it.

    A question keeps the index that was in use when it was asked, whatever is put in its place meanwhile.
    """

    def __init__(
        self,
        settings: Settings,
        index: Index,
        embedder: Embedder,
        reranker: Reranker,
        open_model: Callable[[], Generator],
        *,
        verifier: Verifier | None = None,
        closes_model: bool = True,
    ) -> None:
        """``open_model`` is called once, when the first question needs it.

        ``verifier`` None: the language model judges. ``closes_model``: ``close`` closes the language model as well.
        """
        self.settings = settings
        self.index = index
        self._embedder = embedder
        self._reranker = reranker
        self._verifier = verifier
        self._model_name = short_name(settings.generator)
        self._model = BackgroundModel(
            open_model,
            open_first=lambda: reranker.read("", [PassageText("", (), ())]),
            prompts=(
                answer_prompt("", ()),
                short_answer_prompt("", Passage("", "", None, 0, 0, "")),
                judge_prompt("", ""),
            ),
            closes=closes_model,
        )

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the language model's memory back."""
        self._model.close()

    # --- the language model and the index

    @property
    def generator_state(self) -> State:
        return self._model.state

    @property
    def problem(self) -> str:
        """Why the language model could not be opened; "" where it could, or may yet."""
        return self._model.problem

    def load_generator(self) -> Thread:
        """Start to open the language model in the background, once; evidence is usable meanwhile."""
        return self._model.start()

    def rebuild(self, *, progress: Progress | None = None) -> tuple[BuildReport, Index]:
        """Bring the index on disk in step with the folder and read it; questions are answered from the old one.

        Raises CorpusError, IndexLocked.
        """
        report = build(self.settings.seeds, self.settings.index, self._embedder, progress=progress)
        return report, load_index(self.settings.index, fingerprint=self._embedder.fingerprint)

    def use(self, index: Index) -> None:
        """Answer over ``index`` from the next question on."""
        self.index = index

    # --- one question

    def search(
        self, question: str, *, history: Sequence[tuple[str, str]] = (), documents: Collection[str] | None = None
    ) -> Retrieved:
        """Evidence only, of ``documents`` (None: of all); no language model runs. Raises QuestionError."""
        asked, index = analyse(question, history), self.index
        retrieved, ranked = self._retrieve(asked, index, documents)
        if not ranked:
            return retrieved
        relevance = judge_relevance(asked, ranked, self._reranker)
        return replace(retrieved, evidence=likeliest(relevance, PREVIEWED))

    def ask(
        self, question: str, *, history: Sequence[tuple[str, str]] = (), documents: Collection[str] | None = None
    ) -> Answer:
        """The verified answer, or a refusal. ``history``: (question, answer) pairs, oldest first.

        Only ``documents`` are used (None: all). Raises QuestionError, GenerationError.
        """
        for step in self.steps(question, history=history, documents=documents):
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

        Ends early, without Finished, once ``abort`` is set. Otherwise as ``ask``.
        """
        run = _Run(analyse(question, history), self.index, _Clock(), abort)
        retrieved, ranked = self._retrieve(run.asked, run.index, documents)
        run.clock.mark("retrieve")
        yield retrieved
        if not ranked:
            yield self._refusal(run, retrieved, "Nothing in the documents resembles the question.")
            return
        relevance = judge_relevance(run.asked, ranked, self._reranker)
        choice = choose(
            run.asked,
            ranked,
            relevance,
            most_shown=self.settings.evidence_sentences,
            token_budget=self.settings.evidence_tokens,
            count_tokens=self._model.count_tokens,
        )
        sources = by_source(likeliest(relevance, PREVIEWED))
        retrieved = replace(retrieved, evidence=choice.shown, by_source=sources)
        run.clock.mark("read")
        yield retrieved
        if reason := unlikely(run.asked, relevance, run.index, caution=self.settings.caution, model=self._model_name):
            yield self._refusal(run, retrieved, reason)
            return
        if run.asked.what_sources_say:  # their own words are the answer
            if sides := subject_sides(run.asked, choice.compared):
                yield self._finished(run, retrieved, [], [], sides, Markers())
            else:
                yield from self._complete(run, retrieved, choice, [], [], [], Markers())
            return
        generator = yield from self._model.take(abort)
        if generator is not None:
            try:
                yield from self._answer(run, generator, retrieved, relevance, choice)
            finally:
                self._model.release()

    def _retrieve(
        self, asked: Asked, index: Index, documents: Collection[str] | None
    ) -> tuple[Retrieved, tuple[Candidate, ...]]:
        """What is found without any language model, and every sentence of it, best first."""
        vector = query_vector(asked, self._embedder)
        hits = retrieve(asked.text, vector, index, k=self.settings.passages, documents=documents)
        ranked = candidates(asked, vector, hits, index)
        shown = select_evidence(ranked, limit=PREVIEWED)
        sources = by_source(compared(ranked))
        return Retrieved(asked.text, hits, shown, sources, index.documents), ranked

    def _answer(
        self, run: _Run, generator: Generator, retrieved: Retrieved, relevance: Relevance, choice: Choice
    ) -> Iterator[Step]:
        """The model reads the evidence; where sources answer differently they are quoted.

        Else it drafts an answer; what it drafts is verified, and the rest is quoted.
        """
        prompt = answer_prompt(run.asked.text, choice.shown, earlier=run.asked.earlier[:1])
        for piece in generator.stream(prompt, max_tokens=0, abort=run.abort):
            yield Reading(piece.prompt_done, piece.prompt_total)
        surprise = 0.0
        if model_share(run.asked, self._model_name).model:
            surprise = model_surprise(generator, prompt, NONE, run.abort)
        run.clock.mark("choose")
        if run.stopped:
            return
        caution, model = self.settings.caution, self._model_name
        if reason := unlikely(run.asked, relevance, run.index, caution=caution, model=model, surprise=surprise):
            yield self._refusal(run, retrieved, reason)
            return
        answers = short_answers(generator, run.asked, choice.rivals, abort=run.abort)
        run.clock.mark("compare")
        if run.stopped:
            return
        if sides := answer_sides(run.asked, answers):
            yield self._finished(run, retrieved, [], [], sides, Markers())
            return
        claims = yield from self._draft(run, generator, prompt, len(choice.shown))
        evidence = tuple(dict.fromkeys([*choice.shown, *choice.answering]))
        sentences: list[Sentence] = []
        removed: list[Removed] = []
        unsaid: list[Evidence] = []  # what the model took a sentence from that could not be shown
        markers = Markers()
        verifier = self._verifier or LanguageModelJudge(generator)
        widen = widener((h.chunk for h in retrieved.hits), run.index.documents)
        for claim in claims:
            result = verify_claim(claim, evidence, verifier, asked=run.asked, widen=widen, abort=run.abort)
            if run.stopped:
                return
            if isinstance(result, Removed):
                removed.append(result)
                unsaid += [e for e in evidence if e.number in claim.numbers]
                yield Checked(result)
            elif result.text not in (s.text for s in sentences):
                sentences.append(markers.of(result))
                yield Checked(sentences[-1])
        run.clock.mark("verify")
        yield from self._complete(run, retrieved, choice, sentences, removed, unsaid, markers)

    def _complete(
        self,
        run: _Run,
        retrieved: Retrieved,
        choice: Choice,
        sentences: list[Sentence],
        removed: list[Removed],
        unsaid: Sequence[Evidence],
        markers: Markers,
    ) -> Iterator[Step]:
        """Quotes what the verified ``sentences`` leave open: what answers best, and the lines of those that failed."""
        if removed or not sentences:
            others = like_the_first(run.asked, choice.answering) if removed else choice.answering[1:]
            open_ = [*choice.answering[:1], *unsaid, *others]
            for sentence in map(markers.of, left_out(sentences, open_)):
                sentences.append(sentence)
                yield Checked(sentence)
        yield self._finished(run, retrieved, sentences, removed, (), markers)

    def _finished(
        self,
        run: _Run,
        retrieved: Retrieved,
        sentences: Sequence[Sentence],
        removed: Sequence[Removed],
        sides: Sequence[Side],
        markers: Markers,
    ) -> Finished:
        circumstances = self._circumstances(run)
        return Finished(compose(run.asked, retrieved, sentences, removed, sides, markers, **circumstances))

    def _draft(self, run: _Run, generator: Generator, prompt: Prompt, shown: int) -> Steps[Step, None, list[Claim]]:
        """Lets the model write; returns its claims."""
        claims: list[Claim] = []
        longest = self.settings.answer_tokens
        for event in write_draft(generator, prompt, sentences=shown, max_tokens=longest, abort=run.abort):
            if isinstance(event, Claim):
                claims += [event] if event.text != NONE else []
                continue
            if isinstance(event, Drafting):
                run.clock.mark_once("first_token")
            yield event
        run.clock.mark_once("first_token")
        run.clock.mark("generate")
        return claims

    def _refusal(self, run: _Run, retrieved: Retrieved, reason: str) -> Finished:
        return Finished(refuse(run.asked, retrieved, reason, **self._circumstances(run)))

    def _circumstances(self, run: _Run) -> Circumstances:
        """What an answer tells of how it was made."""
        model = self._model.model.name if self._model.model else ""
        judge = self._verifier.name if self._verifier else f"{model} yes/no" if model else ""
        return {
            "stale": lambda ids: stale(run.index, self.settings.seeds, ids),
            "timings_ms": run.clock.total,
            "models": {"embedder": self._embedder.name, "generator": model, "verifier": judge},
        }


@dataclass(frozen=True, slots=True)
class _Run:
    """One question on its way, with the index that it is answered from."""

    asked: Asked
    index: Index
    clock: _Clock
    abort: Event | None

    @property
    def stopped(self) -> bool:
        return self.abort is not None and self.abort.is_set()


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
