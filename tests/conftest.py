"""Shared fixtures: the real models, fetched once to the user's model store, over the real seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.config import Settings, settings


@pytest.fixture(scope="session")
def fetched() -> Callable[[str], Path]:
    """The path of a catalogue model, fetched where it is missing."""
    from rag.models import store as models

    def path(name: str) -> Path:
        with models.tqdm_progress() as progress:
            return models.fetch(name, settings().models, progress=progress)

    return path


@pytest.fixture(scope="session")
def real_settings(tmp_path_factory: pytest.TempPathFactory, fetched: Callable[[str], Path]) -> Settings:
    """The default settings with an index of its own."""
    chosen = settings({"index": tmp_path_factory.mktemp("index")})
    for name in (chosen.embedder, chosen.generator):
        fetched(name)
    return chosen


@pytest.fixture(scope="session")
def real_assistant(real_settings: Settings) -> Iterator:
    """The product as a user has it: the default models over the seeds."""
    from rag.opening import open_assistant

    assistant = open_assistant(real_settings, fetch=False)
    assistant.load_generator().join()
    assert assistant.generator_state == "ready", assistant.problem
    yield assistant
    assistant.close()
