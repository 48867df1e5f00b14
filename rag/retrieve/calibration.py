"""What was fitted, and to what: the weights and thresholds of ``rag.retrieve.relevance``.

Logistic regressions with a ridge of 3 over standardised signals, on development halves only: 295 questions of ClapNQ
(weight 1.5), 450 of SQuAD 2.0 (weight 1) and 200 of QED (weight 0.3), with bge-small-en-v1.5 (int8) and
ms-marco-MiniLM-L-12-v2 (int8) over 24 hits. `python benchmarks/calibrate.py SETS` prints them anew. Five-fold
cross-validated AUROC of ``ANSWERABLE``: .88 ClapNQ, .71 SQuAD 2.0; with the language model's share .89 (n = 70) and
.74 (n = 85). The best sentence of ``SENTENCE`` is a gold sentence for 70 % of ClapNQ, 86 % of SQuAD 2.0 and 67 % of
QED questions (the best by retrieval score alone: 65, 78 and 63 %), one of the first five for 98 % of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Caution = Literal["strict", "balanced", "eager"]
"""How sure the program must be that it can answer."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression: log-odds = intercept + the sum of weight times signal."""

    intercept: float
    of: Mapping[str, float]

    def log_odds(self, signals: Mapping[str, float]) -> float:
        return self.intercept + sum(weight * signals[name] for name, weight in self.of.items())


ANSWERABLE = Weights(
    -5.3343,
    MappingProxyType(
        {
            "score": 3.083,  # the best sentence's retrieval score
            "in_context": 0.0863,  # the cross-encoder's best log-odds of a sentence after the one before it
            "passage": 0.0542,  # its best log-odds of a whole chunk
            "second": 0.0482,  # its second best log-odds of a sentence alone
            "missing_names": -0.6874,  # names of the question that the best sentence's chunk lacks
            "negated": -2.4764,  # 1 where the question is negated and the best sentence is not
            "missing_values": -1.0267,  # quantities of the question that the chunk does not state
        }
    ),
)

SENTENCE = Weights(
    -1.854,
    MappingProxyType(
        {
            "score_gap": 2.154,  # retrieval score less the best one's
            "alone": 0.018,  # the cross-encoder's log-odds
            "in_context": -0.01,
            "alone_gap": 0.098,  # less the best one's
            "in_context_gap": 0.072,
            "same_document": 2.557,  # 1 for sentences of the document of the likeliest one
        }
    ),
)

TAKEN = -0.6
"""Log-odds of ``SENTENCE`` from which a sentence is cited besides the best one, four in all: cross-validated, 2.6
sentences a ClapNQ question, 61 % of them gold, and the answer in one of them for 81 % of QED questions. From -0.1 on
1.9, 66 % and 75 %; from -1 on 2.9, 59 % and 86 %, but 33 of 58 such later sentences were judged no help to answer."""


@dataclass(frozen=True, slots=True)
class ModelShare:
    """How a language model's own opinion enters: log-odds = intercept + evidence * ANSWERABLE + model * surprise,

    where surprise is -log of the probability it gives to "no sentence answers"."""

    intercept: float
    evidence: float
    model: float
    most: float  # surprise of the 95th percentile: where even it could not help, the model need not be asked

    def log_odds(self, evidence: float, surprise: float) -> float:
        return self.intercept + self.evidence * evidence + self.model * surprise


SUPPORT = Weights(
    -2.036,
    MappingProxyType(
        {
            "judge": 0.947,  # the language model's log-odds of Yes, less those for the opposite where above 0
            "coverage": 2.134,  # share of the claim's content words in the premise
        }
    ),
)
"""Whether a premise supports a claim, where exact checks pass and words leave it open: for the default model, on 100
pairs of WiCE and 160 of SciFact, the sets counting alike. AUROC cross-validated by claim .85 and .84; the whole rule of
``rag.ground.verify`` .89 and .84, with a precision of .91 (n = 11) and .86 (n = 7). On 71 other pairs of SciFact
.72."""


MODELS = MappingProxyType({"qwen2.5-coder-1.5b-instruct": ModelShare(-1.357, 0.831, 0.641, 3.52)})
"""Fitted for the default model, 155 questions. Any other is not listened to about what cannot be answered."""

UNHEARD = ModelShare(0.0, 1.0, 0.0, 0.0)

TOPIC = ModelShare(1.15, 1.0, 0.0, 0.0)
"""For questions for what the sources say about something: any word of theirs on it is an answer, and the
cross-encoder, trained on questions for facts, gives less. No set has such questions: placed by hand over ``seeds/``."""

CAUTION: Mapping[Caution, float] = MappingProxyType({"strict": 0.6, "balanced": -0.15, "eager": -0.8})
"""Log-odds from which a question is answered."""
