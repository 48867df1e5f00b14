"""A GGUF model for the peers: the OpenAI chat interface over the engine that rag itself uses, on 127.0.0.1.

    python -m benchmarks.peers.serve MODEL.gguf --threads 1

Prints its address and serves until its standard input closes. Every peer has a path and a slot of its own, so that
what its prompts have in common is kept for it, as it would be if it had the engine alone.

    POST /PEER/v1/chat/completions   as OpenAI's; streamed where the request says so
    GET  /PEER/used                  tokens of the peer's requests and processor seconds since it was last asked
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

PEERS = ("llamaindex", "txtai")
CONTEXT_TOKENS = 8192  # of each peer
MOST_TOKENS = 1024  # of an answer, where the request names no limit

Event = dict[str, Any]


class Used:
    """Adds up what the engine says it did, request by request, and the processor's time of this process."""

    def __init__(self) -> None:
        self._timings: list[Mapping[str, Any]] = []
        self._since = time.process_time()

    def counted(self, complete: Callable[..., None]) -> Callable[..., None]:
        """``complete(request, callback)`` with its events looked at on the way."""

        def count(request: Event, callback: Callable[[Event], bool]) -> None:
            last: Mapping[str, Any] = {}

            def on_event(event: Event) -> bool:
                nonlocal last
                last = event.get("timings") or last
                return callback(event)

            complete(request, on_event)
            self._timings.append(last)

        return count

    def take(self) -> dict[str, float]:
        """Since the last call: requests, the longest prompt, tokens read (not cached) and written, and seconds of
        all threads."""
        timings, self._timings = self._timings, []
        since, self._since = self._since, time.process_time()
        return {
            "requests": len(timings),
            "prompt_tokens": max((int(t.get("cache_n", 0) + t.get("prompt_n", 0)) for t in timings), default=0),
            "read_tokens": sum(int(t.get("prompt_n", 0)) for t in timings),
            "output_tokens": sum(int(t.get("predicted_n", 0)) for t in timings),
            "processor_seconds": round(self._since - since, 4),
        }


def open_server(path: Path, threads: int) -> Any:
    """llama.cpp with its defaults, but for the seed and the temperature of requests that name none."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = str(path)
    params.n_parallel = len(PEERS)
    params.n_ctx = len(PEERS) * CONTEXT_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.sampling.temp = 0.0
    params.sampling.seed = 0
    params.cache_ram_mib = 0  # a slot a peer is all there is to keep, as for rag
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.offline = True
    params.verbosity = -1
    return Server(params)


def handler(engine: Any) -> type[BaseHTTPRequestHandler]:
    used = {peer: Used() for peer in PEERS}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(used[self.path.split("/")[1]].take())

        def do_POST(self) -> None:
            peer = self.path.split("/")[1]
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request |= {"id_slot": PEERS.index(peer), "max_tokens": request.get("max_tokens") or MOST_TOKENS}
            complete = used[peer].counted(engine.handle_chat_completions)
            if not request.get("stream"):
                events: list[Event] = []
                complete(request, lambda event: events.append(event) is not None)
                return self._reply(events[-1], 500 if "error" in events[-1] else 200)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            complete(request, lambda event: not self._sent(json.dumps(event)))
            self._sent("[DONE]")
            return None

        def _sent(self, data: str) -> bool:
            try:
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()
            except OSError:
                return False  # nobody listens any more: the engine stops
            return True

        def _reply(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(open_server(given.model, given.threads)))
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
