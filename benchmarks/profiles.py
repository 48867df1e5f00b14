"""Where the time goes, sampled by py-spy (extra `dev`) in fresh processes.

    python -m benchmarks.profiles benchmarks/profiles.json

Only the main thread counts, waiting included: its waits in rag/models/llm/stream.py are for the language model, which
computes in threads of its own. Of a warm session only what happens below ``measured`` does. ``parts`` add up to 1 where
all are shown: the file of the program in which a sample lies deepest, or the package that is being imported. ``self``
is the innermost Python function (what it calls in C is its own), ``cumulative`` the program's functions with all they
call, without those that are always there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RATE = 100  # samples a second
TOP = 12
ASKED = ("mango", "gemma-license", "scale-price")  # golden questions that are answered
QUESTION = "How many parameters does Llama 4 Maverick have?"
STAGES = {  # what is run, and how often
    "rag --help, cold": (["-m", "rag", "--help"], 10),
    "rag search, cold": (["-m", "rag", "search", QUESTION], 3),
    "evidence, warm": (["-m", "benchmarks.profiles", "--work", "search"], 1),
    "answers, warm": (["-m", "benchmarks.profiles", "--work", "ask"], 1),
}

Frame = tuple[str, str]
"""Where (a file of the program, a package, "python" or "import") and the function's name."""


# --- a warm session --------------------------------------------------------------------------------


def work(what: str) -> None:
    from rag.config import settings
    from rag.opening import open_assistant

    lines = (ROOT / "tests/golden/questions.jsonl").read_text("utf-8").splitlines()
    golden = {q["id"]: q["question"] for q in map(json.loads, lines)}
    assistant = open_assistant(settings(), fetch=False)
    if what == "search":
        steps, questions = 2, list(golden.values())  # found, and read together with the question
    else:
        assistant.load_generator().join()  # what every prompt begins with has been read
        steps, questions = None, [golden[name] for name in ASKED]
    ask(assistant, questions[:1], steps)  # whatever is made ready at first use
    measured(assistant, questions, steps)
    assistant.close()


def ask(assistant: Any, questions: list[str], steps: int | None) -> None:
    for question in questions:
        for _ in islice(assistant.steps(question), steps):
            pass


def measured(*asked: Any) -> None:
    ask(*asked)


# --- samples -> shares -----------------------------------------------------------------------------


def frame(text: str) -> Frame:
    """Of ``name (/path/file.py:12)``."""
    if not text:
        return "python", "(starting and ending)"
    name, _, place = text.rpartition(" (")
    path = place.rpartition(":")[0]
    if path.startswith("<frozen importlib"):
        return "import", name
    if path.startswith(f"{ROOT}/"):
        return path.removeprefix(f"{ROOT}/"), name
    _, found, rest = path.rpartition("/site-packages/")
    return rest.partition("/")[0].removesuffix(".py") if found else "python", name


def part(stack: list[Frame]) -> str:
    """The package that is being imported, else the deepest file of the program."""
    for where, name in stack:
        if name == "<module>" and where not in ("import", "python") and not where.endswith(".py"):
            return f"import of {where}"
    if ("import", "_find_and_load") in stack:
        return "import of the program's and of Python's own modules"
    return next((where for where, _ in reversed(stack) if where.endswith(".py")), "python")


def shares(samples: Mapping[str, int], below: str = "") -> dict[str, Any]:
    """Shares of the stacks of the main thread, of those below a function where one is named."""
    parts: Counter[str] = Counter()
    own: Counter[str] = Counter()
    cumulative: Counter[str] = Counter()
    for text, count in samples.items():
        stack = [frame(each) for each in text.split(";")]
        if any(name in ("_bootstrap", "_worker") for _, name in stack):  # a thread that the program started
            continue
        at = next((n for n, (_, name) in enumerate(stack) if name == below), None) if below else 0
        if at is None:
            continue
        parts[part(stack)] += count
        own[" ".join(stack[-1])] += count
        for each in {f for f in stack[at:] if f[0].startswith("rag/")}:
            cumulative[" ".join(each)] += count
    total = parts.total()
    often = Counter({name: count for name, count in cumulative.items() if count < total})
    tops = {"parts": parts.most_common(TOP), "self": own.most_common(TOP), "cumulative": often.most_common(TOP)}
    return {"samples": total} | {k: {n: round(count / total, 3) for n, count in top} for k, top in tops.items()}


def sample(arguments: list[str], runs: int) -> Counter[str]:
    """Stacks, outermost function first, and how often each was seen."""
    program = which("py-spy", path=str(Path(sys.executable).parent)) or "py-spy"
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="rag-profile-") as folder:
        out = Path(folder) / "stacks"
        options = ["--idle", "--full-filenames", "--function", "--format", "raw", "--rate", str(RATE)]
        for _ in range(runs):
            command = [program, "record", *options, "--output", str(out), "--", sys.executable, *arguments]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            for line in out.read_text("utf-8").splitlines():
                stack, _, count = line.rpartition(" ")
                found[stack] += int(count)
    return found


def main(out: Path) -> None:
    from rag.index.sources import sources_digest
    from rag.measure.machine import machine, versions

    stages = {}
    for name, (arguments, runs) in STAGES.items():
        below = "measured" if "--work" in arguments else ""
        told = {"command": " ".join(["python", *arguments]), "runs": runs}
        stages[name] = told | shares(sample(arguments, runs), below)
        print(name, json.dumps(stages[name], indent=1), flush=True)
    report = {
        "stages": stages,
        "rate": RATE,
        "threads": os.environ.get("RAG_THREADS", ""),
        "load_average": round(os.getloadavg()[0], 1),
        "machine": machine(),
        "versions": versions() | {"py-spy": version("py-spy")},
        "sources": sources_digest(),
    }
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--work":
        work(sys.argv[2])
    else:
        main(Path(sys.argv[1]))
