"""The chat under load, with a scripted model: 8 people at once, then 200 questions while memory is watched.

    python benchmarks/chat_load.py [--out FILE]

The server runs in a process of its own on loopback; the clients speak what the page speaks. Every answer takes about
a second (a word every 50 ms), so that people have to wait for their turn. Nothing but loopback is reached, and the
number of requests is fixed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from threading import Barrier, Event
from typing import Any

os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PEOPLE = 8
QUESTIONS = 200
CONVERSATION = 8  # questions before a new one is begun
SAMPLES = 20
REPLY = "Avocado will be released in spring 2026. [1] It is made of cheese. One source expects autumn 2026. [2]"
QUESTION = "When will Avocado be released?"
WORD_SECONDS = 0.05


def serve() -> None:
    """The chat over four documents, until standard input closes."""
    from threading import Thread

    from rag.web.app import create_app
    from rag.web.serve import Server, address, open_port
    from tests.web_fakes import FakeAssistant, document

    filler = "The weather was mild. " * 400
    documents = [
        document("spring.txt", f"{filler}\n\nAvocado will be released in spring 2026. {filler}", "Spring"),
        document("autumn.txt", f"{filler}\n\nAvocado may slip to autumn 2026. {filler}", "Autumn"),
        *(document(f"{n}.txt", filler, f"Weather {n}") for n in range(2)),
    ]
    assistant = FakeAssistant.of(*documents)

    class Gate(Event):
        """Lets a word through every ``WORD_SECONDS``."""

        def wait(self, timeout: float | None = None) -> bool:
            time.sleep(WORD_SECONDS)
            return True

    assistant.generator.gate = Gate()
    assistant.generator.replies = Always([REPLY])
    listener = open_port("127.0.0.1", 0)
    server = Server(create_app(assistant))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    print(address(listener), flush=True)
    sys.stdin.read()
    server.should_exit = True
    thread.join(10)


class Always(list[str]):
    """A reply that never runs out."""

    def pop(self, index: Any = -1) -> str:
        return self[0]


class Person:
    """One tab: a session of the page's own protocol."""

    def __init__(self, url: str) -> None:
        import httpx

        self.http = httpx.Client(base_url=url, timeout=120, trust_env=False, headers={"Origin": url.rstrip("/")})
        self.config: dict[str, Any] = {}
        self.arrive()

    def arrive(self) -> None:
        """Open the page anew: a new conversation."""
        self.http.get("/").raise_for_status()
        self.config = self.http.get("/config").json()
        self.session = os.urandom(6).hex()
        ids = {c["props"].get("elem_id"): c["id"] for c in self.config["components"]}
        of = {tuple(t): d for d in self.config["dependencies"] for t in map(tuple, d["targets"])}
        self.begin = of[ids["question"], "submit"]
        self.answer = next(d for d in self.config["dependencies"] if d.get("trigger_after") == self.begin["id"])
        self.load = next(d for d in self.config["dependencies"] if any(t[1] == "load" for t in d["targets"]))
        for _ in self._event(self.load, []):
            pass

    def _event(self, dependency: dict[str, Any], data: list[Any]) -> Iterator[dict[str, Any]]:
        """Join the queue with one event and yield its messages until it is done."""
        body = {"data": data, "fn_index": dependency["id"], "session_hash": self.session, "event_data": None}
        self.http.post("/gradio_api/queue/join", json=body).raise_for_status()
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    message = json.loads(line[5:])
                    yield message
                    if message["msg"] == "process_completed":
                        return

    def ask(self) -> dict[str, Any]:
        """Seconds to the passages, places in the queue that were shown, seconds to the answer, and whether it came."""
        started = time.monotonic()
        evidence = 0.0
        for message in self._event(self.begin, [QUESTION, None]):
            if not evidence and "blockquote" in json.dumps(message):
                evidence = time.monotonic() - started
        places: list[int] = []
        seen = ""
        for message in self._event(self.answer, [None]):
            if message["msg"] == "estimation" and message.get("rank") is not None:
                places.append(message["rank"] + 1)
            seen += json.dumps(message)
        ok = bool(re.search(r"spring 2026", seen)) and "chip" in seen
        return {"evidence_s": evidence, "places": places, "answer_s": time.monotonic() - started, "answered": ok}


def at_once(url: str) -> dict[str, Any]:
    people = [Person(url) for _ in range(PEOPLE)]
    together = Barrier(PEOPLE)

    def ask(person: Person) -> dict[str, Any]:
        together.wait()
        return person.ask()

    with ThreadPoolExecutor(PEOPLE) as pool:
        asked = list(pool.map(ask, people))
    return {
        "people": PEOPLE,
        "evidence_s": sorted(round(a["evidence_s"], 3) for a in asked),
        "answer_s": sorted(round(a["answer_s"], 2) for a in asked),
        "told_their_place": sum(bool(a["places"]) for a in asked),
        "answered": sum(a["answered"] for a in asked),
    }


def soak(url: str, process: Any) -> dict[str, Any]:
    """QUESTIONS from four people in turn, a new conversation every CONVERSATION questions."""
    people = [Person(url) for _ in range(4)]
    answered = 0
    evidence: list[float] = []
    memory = [process.memory_info().rss]
    started = time.monotonic()
    with ThreadPoolExecutor(len(people)) as pool:
        for n in range(0, QUESTIONS, len(people)):
            if n and n % (CONVERSATION * len(people)) == 0:
                list(pool.map(Person.arrive, people))
            for told in pool.map(Person.ask, people):
                answered += told["answered"]
                evidence.append(told["evidence_s"])
            if (n + len(people)) % (QUESTIONS // SAMPLES) < len(people):
                memory.append(process.memory_info().rss)
    return {
        "questions": QUESTIONS,
        "answered": answered,
        "seconds": round(time.monotonic() - started, 1),
        "evidence_median_s": round(median(evidence), 3),
        "evidence_max_s": round(max(evidence), 3),
        "memory_mb": [round(m / 1e6, 1) for m in memory],
    }


def main() -> None:
    import psutil

    from rag.measure.machine import machine

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    load = os.getloadavg()[0]
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        Person(url).ask()  # what is read and compiled once
        report = {"at_once": at_once(url), "soak": soak(url, psutil.Process(server.pid))}
    finally:
        server.communicate(timeout=20)
    report |= {"load_average_before": round(load, 1), "machine": machine()}
    print(json.dumps(report, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
