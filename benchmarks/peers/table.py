"""The report of `benchmarks.peers.run` as Markdown tables.

python -m benchmarks.peers.table benchmarks/peers.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROWS = {
    "seconds": "seconds to the answer, median",
    "seconds_to_first_token": "seconds to the first token, median",
    "processor_seconds": "processor seconds, median",
    "unanswerable_refused": "unanswerable questions refused",
    "answerable_answered": "answerable questions answered",
    "wrong_answer_rate": "wrong answers",
    "gold_cited": "questions with a gold sentence cited",
    "evidence_precision": "citations that hold a gold sentence",
    "evidence_recall": "gold sentences cited",
    "sentences_cited": "sentences with a citation",
    "citations_resolve": "citations of a source that there is",
    "citations_exact": "cited text is in the document, letter for letter",
}
MEDIANS = {
    "words_per_citation": "words of a citation, median",
    "prompt_tokens": "tokens of the prompt, median",
    "read_tokens": "of them read anew, requests together, median",
    "output_tokens": "tokens written, median",
}


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines for one set."""
    systems = found["systems"]
    kinds = ", ".join(f"{n} {kind}" for kind, n in found["kinds"].items())
    yield f"`{found['name']}`, {found['n']} questions ({kinds}):\n"
    yield f"| | {' | '.join(systems)} |"
    yield f"| --- |{' ---: |' * len(systems)}"
    for name, label in ROWS.items():
        yield f"| {label} | {' | '.join(_cell(s.get(name)) for s in systems.values())} |"
    for name, label in MEDIANS.items():
        values = [s["medians"][name] for s in systems.values()]
        yield f"| {label} | {' | '.join('–' if v is None else f'{v:g}' for v in values)} |"
    for cost in ("seconds", "processor_seconds"):
        for scope, label in {"all": "all questions", "both_answered": "those that both answered"}.items():
            ratios = [found["over_ours"].get(name, {}).get(cost, {}).get(scope) for name in systems]
            cells = [_cell(ratio and ratio["median"]) for ratio in ratios]
            yield f"| {cost.replace('_', ' ')} over rag's, median of {label} | {' | '.join(cells)} |"
    for question, failures in found["failed"].items():
        yield f"\nLeft out: {question} ({'; '.join(f'{s}: {why}' for s, why in failures.items())})"


def _cell(measure: Mapping[str, float] | None) -> str:
    if measure is None:
        return "–"
    return f"{measure['value']:.3g} ({measure['low']:.3g}–{measure['high']:.3g}; n {measure['n']})"


def main() -> None:
    report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for found in report["sets"]:
        print("\n".join([*table(found), ""]))


if __name__ == "__main__":
    main()
