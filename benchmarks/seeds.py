"""Asks the golden questions of the default models over the seeds and writes what came out, with its timings.

    python benchmarks/seeds.py benchmarks/seeds.json

The first question is asked once before, uncounted: the rest meet a warm program.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import sys
from pathlib import Path

from rag.assistant import open_assistant
from rag.config import settings
from rag.prompt import answer_prompt
from rag.render import to_dict
from rag.types import Finished, Retrieved

ROOT = Path(__file__).resolve().parent.parent


def main(out: Path) -> None:
    questions = [json.loads(line) for line in (ROOT / "tests/golden/questions.jsonl").read_text("utf-8").splitlines()]
    assistant = open_assistant(settings())
    assistant.load_generator().join()
    assistant.ask(questions[0]["question"])
    rows = []
    for question in questions:
        steps = list(assistant.steps(question["question"]))
        assert isinstance(steps[-1], Finished)
        answer = steps[-1].answer
        found = [s for s in steps if isinstance(s, Retrieved)][-1]  # what the model is shown
        prompt = answer_prompt(found.standalone_question, found.evidence)
        documents = assistant.index.documents
        cited = [c for s in answer.sentences for c in s.citations] + [c for s in answer.sides for c in s.citations]
        rows.append(
            {
                "id": question["id"],
                "kind": question["kind"],
                "prompt_tokens_read": assistant._generator.count_tokens(prompt.user) if assistant._generator else 0,
                "quotes_valid": all(documents[c.document_id].text[c.start : c.end] == c.quote for c in cited),
                **{k: v for k, v in to_dict(answer).items() if k not in ("by_source", "hits")},
            }
        )
        print(question["id"], "refused" if answer.refused else answer.answer, dict(answer.timings_ms), flush=True)
    refused = [r["timings_ms"]["total"] for r in rows if r["refused"]]
    drafted = [r for r in rows if "first_token" in r["timings_ms"]]
    summary = {
        "n": len(rows),
        "n_drafted": len(drafted),
        **{
            f"median_{stage}_ms": round(statistics.median(r["timings_ms"][stage] for r in drafted), 1)
            for stage in ("retrieve", "first_token", "total")
        },
        "median_refusal_ms": round(statistics.median(refused), 1),
        "median_prompt_tokens_read": statistics.median(r["prompt_tokens_read"] for r in drafted),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.processor() or platform.machine(),
    }
    print(json.dumps(summary, indent=2))
    out.write_text(json.dumps({"summary": summary, "questions": rows}, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assistant.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
