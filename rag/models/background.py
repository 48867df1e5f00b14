"""A language model that is opened while evidence is found and shown already, and used by one question at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Literal

from rag.errors import GenerationError, RagError
from rag.models import protocols
from rag.models.protocols import Prompt
from rag.types import Reading

State = Literal["loading", "ready", "failed"]
_WAIT_SECONDS = 0.2


class BackgroundModel:
    """Opens the model once, in a thread, then lets it read what every prompt begins with until a question comes.

    ``open_first`` is what the first question needs as well and what may be opened on the way; ``prompts`` are read
    ahead. ``state`` and ``problem`` (why there is no model) may be read at any time.
    """

    def __init__(
        self,
        open_model: Callable[[], protocols.Generator],
        *,
        open_first: Callable[[], object] = lambda: None,
        prompts: Sequence[Prompt] = (),
        closes: bool = True,
    ) -> None:
        self._open_model = open_model
        self._open_first = open_first
        self._prompts = tuple(prompts)
        self._closes = closes
        self._starting = Lock()
        self._in_use = Lock()
        self._thread: Thread | None = None
        self._opened = Event()  # the model can be used, or never will
        self._asked = Event()  # a question has come: reading ahead would only keep it waiting
        self.model: protocols.Generator | None = None
        self.state: State = "loading"
        self.problem = ""

    def start(self) -> Thread:
        """Begin to open the model, where nobody has yet; returns the thread that does."""
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._open, name="load-generator", daemon=True)
                self._thread.start()
            return self._thread

    def take(self, abort: Event | None) -> Generator[Reading, None, protocols.Generator | None]:
        """Wait until the model is open and no other question uses it; whoever gets it calls ``release``.

        Yields now and then while it waits. None: ``abort`` was set first. Raises GenerationError where the model
        cannot be opened.
        """
        self._asked.set()
        self.start()
        for wait in (self._opened.wait, self._acquire):
            while not wait(_WAIT_SECONDS):
                if abort is not None and abort.is_set():
                    return None
                yield Reading(0, 0)
        if self.model is None:
            self.release()
            raise GenerationError(f"There is no language model to answer with: {self.problem}")
        return self.model

    def release(self) -> None:
        self._in_use.release()

    def count_tokens(self, text: str) -> int:
        """As the model counts them; as long as it is not open, one for four characters."""
        return self.model.count_tokens(text) if self.model else len(text) // 4 + 1

    def close(self) -> None:
        """Give the model's memory back, unless somebody else opened it (``closes`` False)."""
        self._asked.set()
        if self._thread is not None:
            self._thread.join()
        if self.model is not None and self._closes:
            self.model.close()

    def _acquire(self, seconds: float) -> bool:
        return self._in_use.acquire(timeout=seconds)

    def _open(self) -> None:
        with suppress(RagError):  # the question will say what is wrong
            self._open_first()
        try:
            self.model = self._open_model()
            self.state = "ready"
        except Exception as error:
            self.problem = str(error) if isinstance(error, RagError) else "the engine failed while loading the model"
            self.state = "failed"
        self._opened.set()
        if self.model is not None:
            self._read_ahead(self.model)

    def _read_ahead(self, model: protocols.Generator) -> None:
        for prompt in self._prompts:
            with suppress(GenerationError):  # likewise
                if not self._asked.is_set():
                    model.warm(prompt, abort=self._asked)
