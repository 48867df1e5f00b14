"""What a system answered -> citations, refusals and figures, by the rules that `rag eval` uses.

A peer's citation is the whole text of the source it names. A peer refuses where its answer is empty, or where the
first sentence says in words that the sources do not tell or that it cannot answer (``REFUSALS``).
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rag.measure import metrics
from rag.measure.datasets import Question
from rag.measure.gold import tokens
from rag.measure.metrics import Measure
from rag.measure.scoring import Outcome, answer_measures
from rag.text.sentences import sentences

_SOURCES = r"(?:sources?|context|passages?|documents?|articles?|texts?|information|excerpts?)\b"
_TELLS = r"(?:contain|provide|mention|specify|state|include|say|give|address|discuss|answer|indicate|offer|list|have)\b"
REFUSALS = re.compile(
    rf"""\A\W*empty\ response\W*\Z
    | \b{_SOURCES}[^.]*\b(?:do|does|did)(?:\ not|n['’]t)\b[^.]*\b{_TELLS}
    | \b(?:no|not\ enough|insufficient)\ (?:\w+\ )?(?:information|mention|details?|evidence|reference)\b
    | \bnone\ of\ the\ (?:\w+\ )?{_SOURCES}
    | \b(?:is|are|was|were)(?:\ not|n['’]t)\ (?:\w+ly\ )?(?:mentioned|specified|stated|provided|given|included)\b
    | \b(?:can\ ?not|can['’]t|could\ not|couldn['’]t|unable\ to|(?:im|not\ )possible\ to)\ (?:be\ )?
      (?:answer|determine|find|provide|say|tell)
    | \bi(?:\ do\ not|\ don['’]t)\ (?:know|have)\b
    | \b(?:i['’]m|i\ am)\ sorry\b | \bas\ an\ ai\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MARKER = re.compile(
    r"\[(?:source )?\d+(?:\s*(?:,|and)\s*(?:source )?\d+)*\]|\bsources? \d+(?:\s*(?:,|and)\s*\d+)*", re.I
)
_SELECTED = (
    "evidence_precision", "evidence_recall", "gold_cited", "gold_cited_given_answered", "answer_in_citation",
    "both_sides_stated", "unanswerable_refused", "answerable_answered", "balanced_accuracy", "wrong_answer_rate",
)  # fmt: skip


def refuses(answer: str) -> bool:
    """Is the answer empty, or does its first sentence say that there is none?

    >>> refuses(" "), refuses("The sources do not mention it. It is Paris."), refuses("It is Paris [1].")
    (True, True, False)
    """
    said = _sentences(answer)
    return not said or bool(REFUSALS.search(said[0]))


def markers(text: str) -> list[int]:
    """The numbers of sources that a text names: ``[2]``, ``[1, 3]``, ``[Source 2]`` or ``Source 2``.

    >>> markers("It is red [1][3, 2], says Source 4 in 1999 [sic].")
    [1, 3, 2, 4]
    """
    return [int(number) for marker in _MARKER.findall(text) for number in re.findall(r"\d+", marker)]


def _sentences(text: str) -> list[str]:
    """Those with a word in them; a marker that stands alone belongs to the sentence before it."""
    found: list[str] = []
    for span in sentences(text):
        said = text[span.start : span.end].strip()
        if found and not tokens(_MARKER.sub("", said)):
            found[-1] = f"{found[-1]} {said}"
        elif tokens(said):
            found.append(said)
    return found


def peer_answer(reply: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """A peer's reply in the shape of `rag ask --json`, with ``dangling``: markers that no source has.

    A source whose text is not in its document, letter for letter, gets the empty span 0-0. A reference to one
    source for the whole answer (txtai) counts as cited by every sentence.
    """
    sources = reply["sources"]
    whole = [reply["reference"]] if "reference" in reply else []
    cited = [(said, whole or markers(said)) for said in _sentences(reply["answer"])]
    known = [(s, [n for n in dict.fromkeys(numbers) if 1 <= n <= len(sources)]) for s, numbers in cited]
    return {
        "answer": reply["answer"],
        "refused": refuses(reply["answer"]),
        "disagreement": False,
        "sentences": [
            {"text": said, "citations": [_citation(n, sources[n - 1], texts) for n in numbers]}
            for said, numbers in known
        ],
        "sides": [],
        "dangling": sorted({n for _, numbers in cited for n in numbers if not 1 <= n <= len(sources)}),
        "timings_ms": {
            "total": reply["seconds"] * 1000,
            **({"first_token": reply["first_token_seconds"] * 1000} if reply.get("first_token_seconds") else {}),
        },
    }


def _citation(number: int, source: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Any]:
    document, quote = source["document_id"], source["text"]
    start = texts.get(document, "").find(quote)
    span = (start, start + len(quote)) if start >= 0 and quote else (0, 0)
    return {"marker": number, "document_id": document, "start": span[0], "end": span[1], "quote": quote}


def outcome(answer: Mapping[str, Any]) -> Outcome:
    return Outcome(ranking=(), passages=(), evidence=(), best_score=0.0, evidence_ms=0.0, answer=answer)


Rows = Sequence[tuple[Question, Mapping[str, Any]]]
"""A question and a system's row: "answer" in the shape of `rag ask --json`, "used": tokens and processor seconds."""


def system_measures(rows: Rows, texts: Mapping[str, str], *, seed: int) -> dict[str, Any]:
    """The figures of one system over the questions of a set."""
    asked = [(q, outcome(row["answer"])) for q, row in rows]
    answered = [o for _, o in asked if o.answered]
    measures: dict[str, Measure | None] = {
        name: m for name, m in answer_measures(asked, texts, seed=seed).items() if name in _SELECTED
    }
    dangling = [len((o.answer or {}).get("dangling", ())) for o in answered]
    measures["citations_resolve"] = metrics.ratio(
        [(len(o.cited), len(o.cited) + lost) for o, lost in zip(answered, dangling, strict=True)], seed=seed
    )
    measures["citations_exact"] = metrics.ratio(
        [(sum(_exact(c.quote, texts.get(c.document_id, "")[c.start : c.end]) for c in o.cited), len(o.cited))
         for o in answered], seed=seed,
    )  # fmt: skip
    if not any("reference" in row for _, row in rows):  # else the reference is the answer's, not a sentence's
        said = [(o.answer or {})["sentences"] for o in answered]
        measures["sentences_cited"] = metrics.ratio(
            [(sum(bool(s["citations"]) for s in a), len(a)) for a in said], seed=seed
        )
    seconds = [row["answer"]["timings_ms"]["total"] / 1000 for _, row in rows]
    first = [t["first_token"] / 1000 for _, row in rows if "first_token" in (t := row["answer"]["timings_ms"])]
    measures["seconds"] = metrics.quantile(seconds, 0.5, seed=seed)
    measures["processor_seconds"] = metrics.quantile([r["used"]["processor_seconds"] for _, r in rows], 0.5, seed=seed)
    measures["seconds_to_first_token"] = metrics.quantile(first, 0.5, seed=seed)
    lengths = [len(tokens(c.quote)) for o in answered for c in o.cited]
    plain = {
        "words_per_citation": statistics.median(lengths) if lengths else None,
        "citations_per_answer": round(len(lengths) / len(answered), 2) if answered else None,
        **{name: statistics.median(row["used"][name] for _, row in rows) if rows else None
           for name in ("requests", "prompt_tokens", "read_tokens", "output_tokens")},
    }  # fmt: skip
    return {
        "n": len(rows),
        "answered": len(answered),
        **{name: {k: round(v, 4) for k, v in asdict(m).items()} for name, m in measures.items() if m is not None},
        "medians": plain,
    }


def _exact(quote: str, slice_: str) -> bool:
    return bool(quote) and quote == slice_


def paired_ratio(pairs: Sequence[tuple[float, float]], *, seed: int) -> dict[str, Any] | None:
    """The median over questions of the peer's time over ours, and all its time over all ours; questions resampled.

    >>> paired_ratio([(2.0, 1.0), (9.0, 3.0), (5.0, 1.0)], seed=0)["median"]["value"]
    3.0
    """
    if not pairs:
        return None
    median = metrics.quantile([peer / ours for peer, ours in pairs], 0.5, seed=seed)
    total = metrics.ratio(pairs, seed=seed)
    named = {"median": median, "total": total and Measure(total.value, len(pairs), total.low, total.high)}
    return {name: {k: round(v, 3) for k, v in asdict(m).items()} for name, m in named.items() if m is not None}
