"""Every number of finding, choosing and verifying that was fitted or set by hand, with what it was set on.

``TUNING`` is what the program uses. A field's metadata says how its value came about: ``data`` (the set, or "by hand"
where no set decided), ``n`` (how many items; 0 where nothing was counted), ``date`` (when) and ``note``. A value set by
hand is a guess that nothing has contradicted yet, and the first to doubt.

The regressions over the reader's scores have a ridge of 3 over standardised signals (``benchmarks/calibrate.py``), with
bge-small-en-v1.5 (int8) and passage-reader-MiniLM-L-12 over ten passages of 24 hits. They were fitted on folders that
the reader was not trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Caution = Literal["strict", "balanced", "eager"]
"""How sure the program must be that it can answer."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression: log-odds = intercept + the sum of weight times signal."""

    intercept: float
    of: Mapping[str, float]

    def log_odds(self, signals: Mapping[str, float]) -> float:
        return self.intercept + sum(weight * signals[name] for name, weight in self.of.items())


@dataclass(frozen=True, slots=True)
class ModelShare:
    """How a language model's own opinion enters: log-odds = intercept + evidence * answerable + model * surprise,

    where surprise is -log of the probability it gives to "no sentence answers"."""

    intercept: float
    evidence: float
    model: float
    most: float  # surprise that counts at most: where even it could not help, the model need not be asked

    def log_odds(self, evidence: float, surprise: float) -> float:
        return self.intercept + self.evidence * evidence + self.model * min(surprise, self.most)


def _set(value: Any, data: str, n: int, date: str, note: str = "") -> Any:
    """A field with this value and where it comes from; ``value`` is never changed, so one is enough for all."""
    return field(default_factory=lambda: value, metadata={"data": data, "n": n, "date": date, "note": note})


_HAND = "by hand"
_FOLDERS = "four folders of handbooks, bylaws, guides and minutes, everyday folders"


@dataclass(frozen=True, slots=True)
class Tuning:
    """Scores are those of ``rag.retrieve.candidates``, shares are of content words, log-odds are natural."""

    # --- finding chunks
    depth: int = _set(100, _HAND, 0, "2026-11-23", "rows taken from each search")
    dense_weight: float = _set(
        0.65,
        "SciFact, NFCorpus",
        325,
        "2026-11-25",
        "share of the cosine, the rest is BM25. nDCG@10 .735 and .365; .711 and .370 with reciprocal rank fusion "
        "(weights 1.5 and 1, k 60), .720 and .362 by cosine, .675 and .325 by BM25; from .6 to .7 it moves by .006",
    )

    earlier_questions: int = _set(3, _HAND, 0, "2026-11-27", "of a conversation, that a question may go on from")
    earlier_share: float = _set(
        2.0,
        "everyday folders, follow-ups and pairs of unrelated questions",
        123,
        "2026-11-27",
        "an earlier question's vector counts this / (this + n) beside that of one with n content words. Gold sentence "
        "among three, eight and sixteen for 14 follow-ups .71, .71 and 1.00 (.50, .57 and .71 without, and with the "
        "rewriting by rules that this replaced); for 109 questions after one of another matter .67, .80 and .85 "
        "(.68, .82 and .86 without, .62, .80 and .85 with the rules)",
    )

    # --- scoring sentences: the sum of the sentence's cosine, its chunk's, the question's words that it or its title
    # has (by idf) and its chunk's fused score. Without its chunk "It was founded there in 1903." cannot be found.
    chunk_weight: float = _set(
        1.0, "ClapNQ, QED", 653, "2026-11-23", "gold sentence among eight: .935 to .987 and .882 to .984"
    )
    words_weight: float = _set(0.2, "ClapNQ, QED, NatConfQA", 727, "2026-11-23")
    fused_weight: float = _set(0.1, _HAND, 0, "2026-11-23")
    sentence_margin: float = _set(0.4, _HAND, 0, "2026-11-23", "below the best score: filler")
    document_margin: float = _set(
        0.15,
        "ClapNQ, QED, NatConfQA",
        727,
        "2026-11-23",
        "within it of the best score a document is heard before others' second",
    )
    leaders: float = _set(0.75, "ClapNQ, QED, NatConfQA", 727, "2026-11-23", "share of such first sentences")
    weight_penalty: float = _set(0.5, _HAND, 0, "2026-11-26", "off the score of a unit whose weight is 0")
    question_penalty: float = _set(0.2, _HAND, 0, "2026-11-26", "off the score of a question: it answers nothing")
    nothing_new_penalty: float = _set(0.5, _HAND, 0, "2026-11-26", "off that of a unit with no word but the question's")
    instruction_penalty: float = _set(1.0, _HAND, 0, "2026-11-26", "off that of a sentence that orders a reply")
    latest_bonus: float = _set(0.3, _HAND, 0, "2026-11-26", "to what the newest document says, where that is asked for")
    duplicate_cosine: float = _set(0.97, _HAND, 0, "2026-11-23", "from which two sentences of a document are one")

    # --- copies of a claim: a flood of documents with one lie must leave room for who says otherwise
    most_alike: int = _set(2, "floods over seeds/", 22, "2026-11-25", "sources heard for a claim before any other")
    same_claim: float = _set(0.5, _HAND, 0, "2026-11-25", "share of the shorter sentence's own words")
    same_asked: float = _set(0.75, _HAND, 0, "2026-11-25", "share of the question's words in the other")
    answers_words: float = _set(0.5, _HAND, 0, "2026-11-25", "share of the question's in an answer")
    copy_penalty: float = _set(0.4, _HAND, 0, "2026-11-25", "off the score of a third copy: below any other answer")

    # --- reading with the cross-encoder
    read_passages: int = _set(
        10,
        _FOLDERS,
        646,
        "2026-11-27",
        "those with the likeliest sentences; gold among eight: 8 .02 less of 64, 12 no more",
    )
    min_log_odds: float = _set(-11.0, _HAND, 0, "2026-11-25", "of a sentence that was cut off")
    topic_gap: float = _set(1.5, "seeds", 16, "2026-11-27", "below the sentence that has most to do with the subject")
    answerable: Weights = _set(
        Weights(
            1.53,
            MappingProxyType(
                {
                    "unit": 0.17,  # the cross-encoder's best log-odds of a sentence
                    "passage": 0.27,  # its best log-odds of a chunk
                }
            ),
        ),
        _FOLDERS,
        722,
        "2026-11-27",
        "whether any sentence answers (599 of them are). AUROC .78 and .85 on these, .69 on 240 questions of three "
        "other folders, all with near misses (.50 to .60 there by the cross-encoder before it was tuned). With the "
        "second best sentence or the retrieval score it is no better; the names and figures that the passage lacks, "
        "which counted before, were left out untried",
    )
    sentence: Weights = _set(
        Weights(
            0.32,
            MappingProxyType(
                {
                    "score_gap": 6.249,  # retrieval score less the best one's
                    "unit": 0.12,  # the cross-encoder's log-odds
                    "unit_gap": 0.308,  # less the best one's
                    "passage": 0.284,  # its log-odds of the chunk
                }
            ),
        ),
        _FOLDERS,
        456,
        "2026-11-27",
        "whether this sentence answers. Best one gold, one of three, one of eight: .70, .87, .93 of these, .73, "
        ".88, .93 of 190 questions over three other folders (.65, .76, .84 there before the cross-encoder was "
        "tuned)",
    )
    taken: float = _set(
        -0.6,
        _FOLDERS,
        392,
        "2026-11-27",
        "log-odds of `sentence` from which one is cited besides the best, four in all: 1.8 a question, 64 % of "
        "them gold, one of them for 81 % of the questions; 1.5, 68 and 81 % over three other folders (190). From "
        "-1 on 2.2, 58 and 83 %; from 0 on 1.4, 70 and 77 %",
    )

    # --- answer or refuse
    models: Mapping[str, ModelShare] = _set(
        MappingProxyType({"qwen2.5-coder-1.5b-instruct": ModelShare(-2.25, 0.5, 0.6, 6.0)}),
        "small everyday folders, a club's folder",
        262,
        "2026-11-27",
        "any other model is not listened to about what cannot be answered. AUROC .89 and .74 (9 and 20 unanswerable, "
        "these near misses), .79 and .64 by the evidence alone, .80 and .71 by the model alone. Right of 152 and of "
        "110: 128 and 63; eager 131 and 61, strict 123 and 58 (with 5 of 9 and 3 of 20, 6 and 7, 6 and 12 refused)",
    )
    unheard: ModelShare = _set(
        ModelShare(-0.6, 1.0, 0.0, 0.0),
        "small everyday folders",
        152,
        "2026-11-27",
        "of quotations alone 123 come out right so: 3 of 9 refused, and 7 of the others",
    )
    topic: ModelShare = _set(
        ModelShare(1.15, 1.0, 0.0, 0.0),
        "seeds",
        16,
        "2026-11-25",
        "for what the sources say about something any word on it is an answer, and the cross-encoder, trained on "
        "questions for facts, gives less; no set has such questions",
    )
    caution: Mapping[Caution, float] = _set(
        MappingProxyType({"strict": 0.5, "balanced": -0.25, "eager": -1.0}),
        "everyday folders, small everyday folders, seeds",
        248,
        "2026-11-26",
        "log-odds from which a question is answered",
    )

    # --- choosing
    with_neighbours: int = _set(
        1,
        "everyday folders",
        119,
        "2026-11-27",
        "sentences shown to the model between their neighbours. A gold sentence is shown for .77 of 64 and .86 of 55 "
        "questions in 200 tokens so, .72 and .80 with neighbours of three; in 320 tokens .84 and .87, .80 and .87",
    )
    most_of_list: float = _set(
        0.5, _HAND, 0, "2026-11-27", "share of a list's letters in items that answer: all of it does"
    )
    most_quoted: int = _set(4, "ClapNQ", 152, "2026-11-25", "sentences a question gets at most")
    most_compared: int = _set(24, "NatConfQA", 74, "2026-11-23", "sentences looked through for disagreement")

    # --- verifying
    same_words: float = _set(0.85, _HAND, 0, "2026-11-23", "from which a claim is the source's own wording")
    same_order: float = _set(0.7, "answers judged by hand", 100, "2026-11-25", "of those words, in the source's order")
    mostly_alike: float = _set(0.6, _HAND, 0, "2026-11-27", "of those words, where one more stands for another")
    fragment_words: int = _set(4, _HAND, 0, "2026-11-23", "fewer without an auxiliary: the end of the question")
    most_judged: int = _set(1, _HAND, 0, "2026-11-26", "premises the judge reads: it is the slow part")
    support: Weights = _set(
        Weights(
            -2.036,
            MappingProxyType(
                {
                    "judge": 0.947,  # the language model's log-odds of Yes, less those for the opposite where above 0
                    "coverage": 2.134,  # share of the claim's content words in the premise
                }
            ),
        ),
        "WiCE, SciFact",
        260,
        "2026-11-26",
        "whether a premise supports a claim where exact checks pass; the sets count alike. AUROC cross-validated by "
        "claim .85 and .84; the whole rule .89 and .84, precision .91 (n = 11) and .86 (n = 7); .72 on 71 other pairs "
        "of SciFact",
    )
    supported: float = _set(
        1.0, "answers judged by hand", 60, "2026-11-25", "log-odds from which prose is shown, else its quotation"
    )
    described: int = _set(2, _HAND, 0, "2026-11-25", "words between from or by and the name")
    limited: int = _set(2, _HAND, 0, "2026-11-26", "content words after a limiting word that it still limits")

    # --- sides of a disagreement
    rival: float = _set(
        -1.3,
        "four invented folders of everyday files, small everyday folders",
        328,
        "2026-11-27",
        "log-odds of `sentence` from which its answer is compared: no pair below it was taken for a disagreement",
    )
    rival_of_yes_or_no: float = _set(
        -2.0, _HAND, 0, "2026-11-27", "... where the question is for yes or no: 4 of 34 were"
    )
    most_rivals: int = _set(
        4, _HAND, 0, "2026-11-27", "sentences whose answers are compared; each takes about a second"
    )
    disagreement: Weights = _set(
        Weights(
            -2.57,
            MappingProxyType(
                {
                    "answers": 0.903,  # the lower of the two log-odds of `sentence`
                    "unsaid": -0.541,  # the higher log-probability, by the language model, that it does not tell
                    "opposed": 3.361,  # one says yes, the other no
                    "measured_alike": 0.563,  # both give a quantity of one kind and unit
                }
            ),
        ),
        "three invented folders of everyday files, everyday folders, small everyday folders",
        142,
        "2026-11-27",
        "whether two sources whose short answers differ disagree (40 pairs do). AUROC .82, each set by weights fitted "
        "to the others; the sentences' closeness and the words they share add nothing",
    )
    disagree: float = _set(
        -0.25,
        "three invented folders of everyday files, everyday folders, small everyday folders",
        364,
        "2026-11-27",
        "log-odds from which the sides are shown: 28 questions, 22 of them rightly, of 64 with a disagreement; from -1 "
        "on 46 and 27, from .5 on 16 and 12",
    )
    near_words: int = _set(12, _HAND, 0, "2026-11-23", "either side of a quantity: they say what it measures")
    like_context: float = _set(0.4, _HAND, 0, "2026-11-23", "share of the smaller context that two have in common")
    least_shared: int = _set(3, _HAND, 0, "2026-11-23", "words from which two texts are about one thing")
    relevant: float = _set(0.3, _HAND, 0, "2026-11-23", "share of the question's words both statements speak of")
    most_quotes: int = _set(2, _HAND, 0, "2026-11-23", "of one document for a side")
    most_sides: int = _set(4, _HAND, 0, "2026-11-25")


TUNING = Tuning()
