"""How fast each engine reads and writes on this machine: the answer prompts of the golden questions over the seeds.

    python -m benchmarks.engines --out benchmarks/engines.json [--threads 1] [--only NAME ...] [--questions 7]
        [--openvino PYTHON] [--onnx PYTHON FOLDER]

Every engine has a process of its own and takes its turn with each question, so that whatever else the machine does hits
all alike. What every question begins with has been read before. One that cannot be had is reported as absent, with the
reason. --openvino: the Python of an environment with openvino-genai; --onnx: that of one with onnxruntime-genai, and a
model it can read. The engines' own rates are tokens over seconds of the clock, and over seconds of the processor, which
mean something on a busy machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MAX_TOKENS = 100
PATIENCE = 900  # seconds for an engine to open, or to answer
DEFAULT = "xllamacpp"
NGRAMS = {  # the server's ways to guess the next tokens from those before: the sizes are n-grams of the same order
    "n-gram simple": ("NGRAM_SIMPLE", "ngram_simple", {"size_n": 3, "size_m": 6}),
    "n-gram map": ("NGRAM_MAP_K", "ngram_map_k", {"size_n": 3, "size_m": 6}),
    "n-gram cache": ("NGRAM_CACHE", "ngram_cache", {}),
}
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # tokens given to the native engine at once
ENGINES = [
    DEFAULT,
    *(f"{DEFAULT}, {name}" for name in NGRAMS),
    "native llama.cpp",
    "transformers, float32",
    "transformers, bfloat16",
    "transformers, int8",
    "openvino-genai",
    "onnxruntime-genai",
]

Event = dict[str, Any]
Written = tuple[str, int, int]
Runner = Callable[[Event], Iterator[Written]]
"""Reads a question's prompt and yields (text, tokens read anew, tokens written so far): first when the prompt is read
and something is written."""


# --- the process of one engine -------------------------------------------------------------------


def work(name: str, model: str, threads: int) -> None:
    """Opens the engine, then answers each line of standard input with a line."""
    if name == "steps":
        say({})
        say(steps(model, threads, json.loads(sys.stdin.readline())["text"]))
        return
    began, used = time.perf_counter(), time.process_time()
    engine, _, variant = name.partition(", ")
    open_engine = {"openvino-genai": openvino, "onnxruntime-genai": onnx}.get(engine, own)
    run = open_engine(engine, variant, model, threads)
    say({"load": [time.perf_counter() - began, time.process_time() - used]})
    for line in sys.stdin:
        say(timed(run, json.loads(line)))


def say(event: Event) -> None:
    print("\n@" + json.dumps(event | {"peak_gb": peak_gb()}), flush=True)


def timed(run: Runner, request: Event) -> Event:
    clocks = [(time.perf_counter(), time.process_time())]
    text, read, written, first = "", 0, 0, 0
    for piece, read, written in run(request):  # noqa: B007  # their last values are what counts
        if not text and piece:
            clocks.append((time.perf_counter(), time.process_time()))
            first = written
        text += piece
    clocks.append((time.perf_counter(), time.process_time()))
    (a, a_cpu), (b, b_cpu), (c, c_cpu) = clocks[0], clocks[1], clocks[-1]
    return {
        "text": text,
        "prompt_tokens": read,
        "output_tokens": written,
        "read": [b - a, b_cpu - a_cpu],
        "write": [c - b, c_cpu - b_cpu],
        "written_after_first": written - first,
        **GUESSES,
    }


def own(engine: str, variant: str, model: str, threads: int) -> Runner:
    """The backends of rag.models.llm."""
    from rag.models.llm import open_generator
    from rag.models.protocols import Prompt

    generator: Any
    if engine == "transformers":
        generator = open_generator(model, name="x", threads=threads, backend="hf")
        cast(generator._network, variant)
    elif variant in NGRAMS:
        guess_by_ngrams(variant)
        generator = open_generator(model, name="x", threads=threads, backend="llama")
        generator._events = counted(generator._events)
    else:
        generator = open_generator(model, name="x", threads=threads, backend="llama" if engine == DEFAULT else "native")

    def run(request: Event) -> Iterator[Written]:
        prompt = Prompt(request["system"], tuple(map(tuple, request["examples"])), request["user"], request["opening"])
        if request["warm"]:
            generator.warm(prompt)
            return
        kept: int | None = None
        for piece in generator.stream(prompt, max_tokens=MAX_TOKENS, stop=("\n",)):
            kept = piece.prompt_done if kept is None else kept
            yield piece.text, piece.prompt_total - kept, piece.output_tokens

    return run


def cast(network: Any, variant: str) -> None:
    """The network in other numbers."""
    import torch

    # Not float(), which transformers refuses for a model that was read from a GGUF, though its numbers are whole ones.
    network._model.to(torch.bfloat16 if variant == "bfloat16" else torch.float32)
    if variant == "int8":
        torch.ao.quantization.quantize_dynamic(network._model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)


def guess_by_ngrams(variant: str) -> None:
    """The server that is opened next guesses tokens and checks several at a time; what it writes stays the same."""
    import xllamacpp

    kind, part, values = NGRAMS[variant]
    server = xllamacpp.Server

    def guessing(params: Any) -> Any:
        params.speculative.types = [getattr(xllamacpp.common_speculative_type, f"COMMON_SPECULATIVE_TYPE_{kind}")]
        for key, value in values.items():
            setattr(getattr(params.speculative, part), key, value)
        return server(params)

    xllamacpp.Server = guessing


GUESSES = {"guessed": 0, "right": 0}  # tokens, of the questions so far


def counted(events: Callable[..., Iterator[Event]]) -> Callable[..., Iterator[Event]]:
    """Events of the server that are looked at on their way: it tells how many tokens it has guessed."""

    def looked_at(*arguments: Any) -> Iterator[Event]:
        last: Event = {}
        try:
            for event in events(*arguments):
                last = event.get("timings") or last
                yield event
        finally:
            GUESSES["guessed"] += last.get("draft_n", 0)
            GUESSES["right"] += last.get("draft_n_accepted", 0)

    return looked_at


def steps(model: str, threads: int, text: str, rounds: int = 3) -> Event:
    """Tokens a second of the native engine, clock and processor, by how many it is given at once after 256 others.

    The scores of the last one are asked for in steps of up to 8 tokens, as they are to write: the best of each round.
    """
    from rag.models.llm.native import LlamaNetwork

    network = LlamaNetwork(Path(model), threads=threads, context_tokens=4096, step_tokens=STEPS[-1])
    tokens = network.tokenize(text, special=False)
    network.cut(0, 0)
    network.step(0, tokens[:256], last=False)
    rates: dict[int, list[tuple[float, float]]] = {n: [] for n in STEPS}
    for _ in range(rounds):
        for n in STEPS:
            count = max(1, 16 // n)
            network.cut(0, 256)
            began, used = time.perf_counter(), time.process_time()
            for at in range(256, 256 + count * n, n):
                network.step(0, tokens[at : at + n], last=n <= 8)
            read = count * n
            rates[n].append((read / (time.perf_counter() - began), read / (time.process_time() - used)))
    return {str(n): [round(max(found), 1) for found in zip(*pairs, strict=True)] for n, pairs in rates.items()}


def openvino(engine: str, variant: str, model: str, threads: int) -> Runner:
    import openvino_genai  # type: ignore[import-not-found]

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching, scheduler.cache_size = True, 1
    pipeline = openvino_genai.LLMPipeline(model, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=threads)
    tokenizer = pipeline.get_tokenizer()
    config = openvino_genai.GenerationConfig()
    config.do_sample = config.apply_chat_template = False
    config.stop_strings = {"\n"}

    def run(request: Event) -> Iterator[Written]:
        config.max_new_tokens = 1 if request["warm"] else MAX_TOKENS
        text = request["prefix" if request["warm"] else "text"]
        tokens = tokenizer.encode(text).input_ids.shape[1]
        kept = 0 if request["warm"] else tokenizer.encode(request["prefix"]).input_ids.shape[1]
        yield from live(lambda each: pipeline.generate([text], config, each), tokens - kept)

    return run


def live(generate: Callable[[Callable[[str], bool]], object], read: int) -> Iterator[Written]:
    """The pieces of a call that hands them to a callback, a token each, while they come."""
    from queue import SimpleQueue

    pieces: SimpleQueue[str | None] = SimpleQueue()

    def each(piece: str) -> bool:
        pieces.put(piece)
        return False

    def call() -> None:
        try:
            generate(each)
        finally:
            pieces.put(None)

    threading.Thread(target=call).start()
    for count, piece in enumerate(iter(pieces.get, None), 1):
        yield piece, read, count


def onnx(engine: str, variant: str, model: str, threads: int) -> Runner:
    import onnxruntime_genai as og  # type: ignore[import-not-found]

    config = og.Config(model)
    network = og.Model(config)
    tokenizer = og.Tokenizer(network)
    params = og.GeneratorParams(network)
    params.set_search_options(do_sample=False, max_length=4096)
    generator = og.Generator(network, params)
    known: list[int] = []

    def run(request: Event) -> Iterator[Written]:
        tokens = [int(t) for t in tokenizer.encode(request["prefix" if request["warm"] else "text"])]
        pairs = zip(tokens, known, strict=False)
        kept = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(tokens), len(known)))
        generator.rewind_to(kept)
        generator.append_tokens(tokens[kept:])
        known[:] = tokens
        if request["warm"]:
            return
        stream, text = tokenizer.create_stream(), ""
        for count in range(1, MAX_TOKENS + 1):
            generator.generate_next_token()
            token = int(generator.get_next_tokens()[0])
            piece = stream.decode(token)
            known.append(token)
            if generator.is_done() or "\n" in text + piece:
                return
            text += piece
            yield piece, len(tokens) - kept, count

    return run


def peak_gb() -> float:
    """Most memory the process has had at one time."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


# --- all of them ---------------------------------------------------------------------------------


class Engine:
    """A process with an engine; ``why`` where there is none."""

    def __init__(self, name: str, python: str, model: str, threads: int) -> None:
        self.rows: list[Event] = []
        self.why = ""
        command = [python, "-m", "benchmarks.engines", "--work", name, model, str(threads)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._errors: list[str] = []
        threading.Thread(target=lambda: self._errors.extend(self._process.stderr or ()), daemon=True).start()
        self.opened = self._next()

    def ask(self, request: Event) -> Event | None:
        if self.why or not self._process.stdin:
            return None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._next()

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _next(self) -> Event | None:
        late = threading.Timer(PATIENCE, self._process.kill)
        late.start()
        try:
            for line in self._process.stdout or ():
                if line.startswith("@"):
                    event: Event = json.loads(line[1:])
                    return event
        finally:
            late.cancel()
        code = self._process.wait()
        lines = [line.strip() for line in self._errors if line.strip()]
        self.why = f"silent for {PATIENCE} s" if code == -9 else lines[-1][:300] if lines else f"ended with {code}"
        return None


def requests(count: int) -> list[Event]:
    """The answer prompts of the golden questions that have an answer."""
    from rag.config import settings
    from rag.ground.prompt import answer_prompt
    from rag.models.llm.chat import CHATML, control_strings, format_prefix, format_prompt
    from rag.models.protocols import Prompt
    from rag.opening import open_assistant

    lines = (ROOT / "tests/golden/questions.jsonl").read_text("utf-8").splitlines()
    asked = [q["question"] for q in map(json.loads, lines) if q["kind"] != "unanswerable"][:count]
    assistant = open_assistant(settings(), fetch=False)
    made = []
    for question in asked:
        shown = assistant.search(question).evidence[: settings().evidence_sentences]
        bare = answer_prompt(question, shown)
        prompt = Prompt(bare.system, bare.examples, bare.user, "1:")
        controls = control_strings(["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
        made.append(
            {
                "system": prompt.system,
                "examples": prompt.examples,
                "user": prompt.user,
                "opening": prompt.opening,
                "prefix": format_prefix(prompt, CHATML, controls),
                "text": format_prompt(prompt, CHATML, controls),
                "warm": False,
            }
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--questions", type=int, default=11)
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=ENGINES, metavar="NAME")
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--onnx", nargs=2, metavar=("PYTHON", "FOLDER"))
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        name, model, threads = given.work
        work(name, model, int(threads))
        return
    from rag.config import settings
    from rag.index.sources import sources_digest
    from rag.measure.machine import machine, versions
    from rag.models import store as models

    asked = requests(given.questions)
    model = str(models.locate(settings().generator, settings().models))
    foreign = {"openvino-genai": (given.openvino, model), "onnxruntime-genai": given.onnx or (None, "")}
    engines = {}
    for name in ENGINES:
        if name not in given.only and name != DEFAULT:
            continue
        python, path = foreign.get(name, (sys.executable, model))
        engines[name] = Engine(name, python or sys.executable, path, given.threads)
        print(name, engines[name].why or "is open", flush=True)
        engines[name].ask(asked[0] | {"warm": True})
        engines[name].ask(asked[0])  # not counted: whatever is made ready at first use
    for turn, request in enumerate(asked[1:] + asked[:1]):
        names = list(engines)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if row := engines[name].ask(request):
                engines[name].rows.append(row)
                print(name, json.dumps(row), flush=True)
    for engine in engines.values():
        engine.close()
    stepping = Engine("steps", sys.executable, model, given.threads)
    read = stepping.ask({"text": "".join(path.read_text("utf-8") for path in sorted((ROOT / "seeds").glob("*.txt")))})
    stepping.close()
    report = {
        "model": Path(model).name,
        "threads": given.threads,
        "questions": len(asked),
        "engines": {name: summary(engine, engines[DEFAULT]) for name, engine in engines.items()},
        "native_tokens_a_second_by_step": read or {"absent": stepping.why},
        "load_average": round(os.getloadavg()[0], 1),
        "machine": machine(),
        "versions": versions(),
        "sources": sources_digest("rag.models.llm", "rag.ground.prompt"),
    }
    print(json.dumps({key: report[key] for key in ("engines", "native_tokens_a_second_by_step")}, indent=1))
    if given.out:
        given.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def summary(engine: Engine, default: Engine) -> Event:
    """Medians; ``…_processor`` where seconds are those of the processor."""
    if engine.why or not engine.opened:
        return {"absent": engine.why}
    rows = engine.rows
    found: Event = {
        "n": len(rows),
        "load_seconds": round(engine.opened["load"][0], 1),
        "load_seconds_processor": round(engine.opened["load"][1], 1),
        "peak_gb": round(max(row["peak_gb"] for row in rows), 2),
        "prompt_tokens": statistics.median(row["prompt_tokens"] for row in rows),
        "output_tokens": statistics.median(row["output_tokens"] for row in rows),
    }
    for key, suffix in ((0, ""), (1, "_processor")):
        found[f"read_a_second{suffix}"] = middle(r["prompt_tokens"] / r["read"][key] for r in rows)
        found[f"written_a_second{suffix}"] = middle(
            r["written_after_first"] / r["write"][key] for r in rows if r["written_after_first"] > 3
        )
        found[f"times_as_fast_as_default{suffix}"] = middle(
            seconds(d, key) / seconds(r, key) for r, d in zip(rows, default.rows, strict=True)
        )
    if rows[-1]["guessed"]:
        found |= {key: rows[-1][key] for key in GUESSES}
    found["equal_to_default"] = sum(r["text"] == d["text"] for r, d in zip(rows, default.rows, strict=True))
    found["texts"] = [row["text"] for row in rows]
    return found


def seconds(row: Event, key: int) -> float:
    """From the question to the end of its answer."""
    return float(row["read"][key] + row["write"][key])


def middle(rates: Iterator[float]) -> float | None:
    values = list(rates)
    return round(statistics.median(values), 2) if values else None


if __name__ == "__main__":
    main()
