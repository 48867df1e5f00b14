"""GGUF models through llama.cpp, inside this process."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from http.client import HTTPConnection, HTTPException
from math import inf
from pathlib import Path
from threading import Event
from typing import Any

from rag.errors import GenerationError, ModelDamaged
from rag.generate.chat import control_strings, detect, format_prefix, format_prompt, neutralise
from rag.generate.cores import physical_cores
from rag.generate.gguf import read_metadata, special_strings
from rag.generate.stops import until_stop
from rag.generate.worker import Emit, Worker
from rag.types import Piece, Prompt

# One step of the engine. Measured on 2 cores with the 1.5B model: 16 to 512 tokens a step read a prompt
# equally fast (within 20 %), but the next question after an abort waits until the step ends.
BATCH_TOKENS = 32
SCORED_TOKENS = 2000  # the most likely first tokens that are looked at; in a sum of 1 the rest is nothing

_ANSWERS, _SCORES = 0, 1  # a state of its own for each kind of prompt, since each begins in its own way

_Object = dict[str, Any]


class LlamaGenerator:
    """A GGUF model. What a prompt has in common with the last one of its kind is not read again."""

    def __init__(self, path: Path, *, name: str, threads: int = 0, context_tokens: int = 4096) -> None:
        """Raises ModelDamaged where llama.cpp cannot open the file."""
        metadata = read_metadata(path)
        architecture = metadata.get("general.architecture", "unknown")
        trained = metadata.get(f"{architecture}.context_length", context_tokens)
        self.name = name
        self.context_tokens = min(context_tokens, trained)
        self._chat = detect(metadata.get("tokenizer.chat_template"))
        self._controls = control_strings(special_strings(metadata))
        self._worker: Worker[_Object] = Worker()
        self._key = secrets.token_urlsafe(32)
        folder = tempfile.mkdtemp(prefix="rag-")  # only this user may enter it
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        try:
            self._server = _open(path, folder, self._key, threads or physical_cores(), self.context_tokens)
        except RuntimeError as error:
            self._remove_folder()
            raise ModelDamaged(
                f"llama.cpp cannot open {path} ({path.stat().st_size} bytes, architecture {architecture!r}): "
                "the file is incomplete or damaged, or this version does not know the architecture.",
                fix="python -m rag models verify",
            ) from error

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        avoid: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        return until_stop(self._pieces(prompt, max_tokens, avoid, abort), (*stop, *self._chat.stop), abort)

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """As the protocol says; an option not among the most likely tokens gets the least of their scores.

        -inf for all options where ``abort`` came first.
        """
        first_tokens = self._first_tokens(options)
        request = {
            "prompt": format_prompt(prompt, self._chat, self._controls),
            "n_predict": 1,
            "n_probs": SCORED_TOKENS,
            "id_slot": _SCORES,
        }
        for event in self._events(request, abort):
            if logprobs := event["choices"][0]["logprobs"]:
                scores = {top["id"]: float(top["logprob"]) for top in logprobs["content"][0]["top_logprobs"]}
                return [scores.get(token, min(scores.values())) for token in first_tokens]
        return [-inf] * len(options)

    def warm(self, prompt: Prompt, *, scoring: bool = False, abort: Event | None = None) -> None:
        prefix = format_prefix(prompt, self._chat, self._controls)
        request = {"prompt": prefix, "n_predict": 0, "id_slot": _SCORES if scoring else _ANSWERS}
        for _ in self._events(request, abort):
            pass

    def count_tokens(self, text: str) -> int:
        return len(self._tokenize(neutralise(text, self._controls)))

    def close(self) -> None:
        """Frees the memory; idempotent."""
        self._worker.close()
        self._server = None
        self._remove_folder()

    def _first_tokens(self, texts: Sequence[str]) -> list[int]:
        return [self._tokenize(self._chat.lead + text)[0] for text in texts]

    def _pieces(self, prompt: Prompt, max_tokens: int, avoid: Sequence[str], abort: Event | None) -> Iterator[Piece]:
        request = {
            "prompt": format_prompt(prompt, self._chat, self._controls),
            "n_predict": max_tokens,
            "n_probs": 1,
            "logit_bias": [[token, False] for token in self._first_tokens(avoid)],
            "timings_per_token": True,
            "id_slot": _ANSWERS,
        }
        done = total = 0
        for event in self._events(request, abort):
            if progress := event.get("prompt_progress"):
                done, total = progress["processed"], progress["total"]
                yield Piece("", done, total)
            elif text := event["choices"][0]["text"]:
                logprobs = event["choices"][0]["logprobs"]
                logprob = float(logprobs["content"][-1]["logprob"]) if logprobs else 0.0
                yield Piece(text, done, total, event["timings"]["predicted_n"], logprob)

    def _events(self, request: _Object, abort: Event | None) -> Iterator[_Object]:
        for event in self._worker.run(partial(self._complete, request), abort):
            if error := event.get("error"):
                raise _failure(error, self.name)
            yield event

    def _complete(self, request: _Object, emit: Emit[_Object]) -> None:
        greedy = {"temperature": 0, "cache_prompt": True, "stream": True, "return_progress": True}
        self._server.handle_completions(request | greedy, emit)

    def _tokenize(self, text: str) -> list[int]:
        if self._server is None:
            raise GenerationError("The language model has been closed.")
        connection = _connect(self._server.listening_address)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/tokenize", json.dumps({"content": text, "parse_special": False}), headers)
            return list(json.loads(connection.getresponse().read())["tokens"])
        except (OSError, HTTPException, KeyError, ValueError) as error:
            raise GenerationError(f"llama.cpp did not split a text into tokens: {error!r}.") from error
        finally:
            connection.close()


def _open(path: Path, folder: str, key: str, threads: int, context_tokens: int) -> Any:
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = str(path)
    params.n_parallel = 2
    params.n_ctx = 2 * context_tokens  # shared out
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0  # the one state in use is all there is to keep; the default may grow to 8 GiB
    params.swa_full = True  # else a sliding window forgets the prefix that questions have in common
    # The engine always listens. Nobody else can reach a socket in a folder of ours, or guess the key.
    params.hostnames = ["127.0.0.1"] if sys.platform == "win32" else [f"{folder}/llama.sock"]
    params.port = 0
    params.api_keys = [key]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.offline = True
    params.verbosity = -1
    server = Server(params)
    # The loop of the engine begins in a thread of its own. To close before it has begun would wait for ever.
    server.handle_completions({"prompt": "a", "n_predict": 0}, lambda _: False)
    return server


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connect(address: str) -> HTTPConnection:
    scheme, _, place = address.partition("://")
    return _UnixConnection(place) if scheme == "unix" else HTTPConnection(place, timeout=60)


def _failure(error: _Object, name: str) -> GenerationError:
    if error.get("type") == "exceed_context_size_error":
        return GenerationError(
            f"The prompt is {error['n_prompt_tokens']} tokens long; {name} is open for {error['n_ctx']}.",
            fix="ask a shorter question, or lower evidence_tokens in rag.toml",
        )
    return GenerationError(f"{name} failed: {error.get('message', error)}")
