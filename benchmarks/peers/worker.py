"""What the two peers' processes have in common: questions in, answers out, a line of JSON each.

The first line says where everything is:
{"documents": JSONL, "index": folder, "embedder": folder, "url": of the model, "context_tokens": its context}.
Runs in the peers' own environment, where rag is not installed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Config = dict[str, Any]
Ask = Callable[[str], dict[str, Any]]
"""Question -> {"answer", "sources": [{"document_id", "text"}], …}; where "first_token" is, as of perf_counter."""


def documents(config: Config) -> list[dict[str, str]]:
    return [json.loads(line) for line in Path(config["documents"]).read_text("utf-8").split("\n") if line]


def work(open_peer: Callable[[Config], Ask]) -> None:
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints must not get among the answers

    def tell(value: dict[str, Any]) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    started = time.perf_counter()
    ask = open_peer(json.loads(sys.stdin.readline()))
    tell({"ready": time.perf_counter() - started})
    for line in sys.stdin:
        started, busy = time.perf_counter(), time.process_time()
        try:
            found = ask(json.loads(line))
        except Exception as error:  # the run records it and goes on
            tell({"error": f"{type(error).__name__}: {error}"[:1000]})
            continue
        ended = found.pop("ended", None) or time.perf_counter()
        first = found.pop("first_token", None)
        seconds = {"seconds": ended - started, "first_token_seconds": first and first - started}
        tell({**found, **seconds, "processor_seconds": time.process_time() - busy})
