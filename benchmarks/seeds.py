"""Asks the golden questions of the default models over the seeds and writes what came out; `rag bench` has the speed.

python benchmarks/seeds.py benchmarks/seeds.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rag.config import settings
from rag.index.sources import sources_digest
from rag.measure.machine import machine, versions
from rag.opening import open_assistant

ROOT = Path(__file__).resolve().parent.parent


def main(out: Path) -> None:
    questions = [json.loads(line) for line in (ROOT / "tests/golden/questions.jsonl").read_text("utf-8").splitlines()]
    assistant = open_assistant(settings())
    assistant.load_generator()
    documents = assistant.index.documents
    rows: list[dict[str, Any]] = []
    for question in questions:
        answer = assistant.ask(question["question"])
        cited = [c for s in answer.sentences for c in s.citations] + [c for s in answer.sides for c in s.citations]
        rows.append(
            {
                "id": question["id"],
                "kind": question["kind"],
                "quotes_valid": all(documents[c.document_id].text[c.start : c.end] == c.quote for c in cited),
                "answer_cited": any(a.lower() in c.quote.lower() for a in question.get("answers", ()) for c in cited),
                **{k: v for k, v in answer.to_dict().items() if k not in ("by_source", "hits")},
            }
        )
        print(question["id"], "refused" if answer.refused else answer.answer, flush=True)
    assistant.close()
    summary = {
        "n": Counter(r["kind"] for r in rows),
        "refused": Counter(r["kind"] for r in rows if r["refused"]),
        "quotes_valid": sum(r["quotes_valid"] for r in rows),
        "answer_cited": Counter(r["kind"] for r in rows if r["answer_cited"]),
        "disagreement_shown": Counter(r["kind"] for r in rows if r["disagreement"]),
    }
    print(json.dumps(summary, indent=2))
    report = {
        "summary": summary,
        "questions": rows,
        "machine": machine(),
        "versions": versions(),
        "sources": sources_digest(),
    }
    out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
