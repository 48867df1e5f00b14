"""The engine of llama.cpp inside this process, reachable by nobody else."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import tempfile
import weakref
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import cast

from rag.errors import GenerationError
from rag.models.llm.wire import Body, CompletionEvent, Reply, Request

# One step of the engine. Measured on 2 cores with the 1.5B model: 16 to 512 tokens a step read a prompt
# equally fast (within 20 %), but the next question after an abort waits until the step ends.
BATCH_TOKENS = 32


class Engine:
    """A model in memory with ``slots`` states of ``context_tokens`` each."""

    def __init__(self, path: Path, *, threads: int, slots: int, context_tokens: int, state_dir: Path | None) -> None:
        """Raises RuntimeError where llama.cpp cannot open the file; it does not say why."""
        from xllamacpp import CommonParams, Server, llama_load_mode

        params = CommonParams()
        params.model.path = str(path)
        # Read, not mapped: most weights are laid out anew for the processor, and would be in memory twice.
        params.load_mode = llama_load_mode.LLAMA_LOAD_MODE_NONE
        params.fit_params = params.warmup = False  # there is one device, and a prefix is read next
        params.n_parallel = slots
        params.n_ctx = slots * context_tokens
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = 0  # the slots are all there is to keep; the default may grow to 8 GiB
        params.swa_full = True  # else a sliding window forgets the prefix that questions have in common
        if state_dir:
            params.slot_save_path = f"{state_dir}/"
        # The engine always listens. Nobody else can reach a socket in a folder of ours, or guess the key.
        self._key = secrets.token_urlsafe(32)
        folder = tempfile.mkdtemp(prefix="rag-")  # only this user may enter it
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        params.hostnames = ["127.0.0.1"] if sys.platform == "win32" else [f"{folder}/llama.sock"]
        params.port = 0
        params.api_keys = [self._key]
        params.n_threads_http = 1
        params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
        params.offline = True
        params.verbosity = -1
        try:
            self._server = Server(params)
        except RuntimeError:
            self._remove_folder()
            raise
        self.address: str = self._server.listening_address
        # The loop of the engine begins in a thread of its own. To close before it has begun would wait for ever.
        self.complete({"prompt": "a", "n_predict": 0}, lambda _: False)

    def complete(self, request: Request, callback: Callable[[CompletionEvent], bool]) -> None:
        """Runs a request to its end; ``callback`` gets every event, and ends it by returning True."""
        self._server.handle_completions(request, callback)

    def post(self, path: str, body: Body) -> Reply:
        """The answer of an endpoint that has no function of its own. Raises GenerationError."""
        if self._server is None:
            raise GenerationError("The language model has been closed.")
        connection = connect(self.address)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(body), headers)
            return cast(Reply, json.loads(connection.getresponse().read()))
        except (OSError, HTTPException, ValueError) as error:
            raise GenerationError(f"llama.cpp did not answer {path}: {error!r}.") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Frees the memory; idempotent. No request may be running."""
        self._server = None
        self._remove_folder()


def connect(address: str) -> HTTPConnection:
    """A connection to ``unix://PATH`` or ``http://HOST:PORT``."""
    scheme, _, place = address.partition("://")
    return _UnixConnection(place) if scheme == "unix" else HTTPConnection(place, timeout=60)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
