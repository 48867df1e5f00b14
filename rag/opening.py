"""Settings -> parts -> Assistant: opens the models and the index that the settings name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from rag.assistant import Assistant
from rag.config import Settings, settings, short_name
from rag.errors import IndexLocked, ModelDamaged, ModelMissing
from rag.index.build import build
from rag.index.changes import needs_build
from rag.index.snapshot import load_index
from rag.load import register
from rag.load.loaded import Loaded
from rag.load.walk import check_folder
from rag.models import store
from rag.models.embed import open_embedder
from rag.models.protocols import Embedder, Generator, Reranker, Verifier
from rag.models.rerank import open_reranker
from rag.types import BuildReport, Progress


def open_folder(
    documents: str | Path | None = None,
    *,
    index: str | Path | None = None,
    embedder: Embedder | None = None,
    reranker: Reranker | None = None,
    generator: Generator | None = None,
    verifier: Verifier | None = None,
    loaders: Mapping[str, Callable[[bytes], Loaded | str]] | None = None,
    fetch: bool = False,
    progress: Progress | None = None,
    **more: str | int | Path,
) -> Assistant:
    """An assistant over a folder of documents, whose index is brought in step first; this is ``rag.open``.

    ``documents`` and ``index`` are folders (None: as the settings say). ``embedder``, ``reranker``, ``generator`` and
    ``verifier`` take the place of the default models (``rag.models.protocols`` says what they must do); a ``generator``
    stays open when the assistant is closed. ``loaders`` read further kinds of files, by suffix: see
    ``rag.load.register``. ``fetch``: fetch models that are missing; otherwise nothing uses the
    network. ``more``: any other setting by its name.

    Raises ConfigError, CorpusError, ModelMissing, ModelDamaged. An index that another process is writing just now is
    used as it stands.
    """
    for suffix, loader in (loaders or {}).items():
        register(suffix, loader)
    return open_assistant(
        settings({"seeds": documents, "index": index, **more}),
        embedder=embedder,
        reranker=reranker,
        generator=generator,
        verifier=verifier,
        fetch=fetch,
        progress=progress,
    )


def open_assistant(
    settings: Settings,
    *,
    embedder: Embedder | None = None,
    reranker: Reranker | None = None,
    generator: Generator | None = None,
    verifier: Verifier | None = None,
    fetch: bool = True,
    progress: Progress | None = None,
) -> Assistant:
    """An assistant over the settings' folder: models fetched, index in step. Otherwise as ``open_folder``."""
    check_folder(settings.seeds)  # before anything is fetched
    if fetch:
        given = zip(settings.model_names, (embedder, reranker, generator), strict=True)
        fetch_models(settings, *(name for name, part in given if part is None), progress=progress)
    if generator is not None:
        settings = replace(settings, generator=generator.name)  # what was fitted for another model does not hold for it
    embedder = embedder or open_embedding(settings)
    if needs_build(settings.seeds, settings.index, embedder.fingerprint):
        try:
            sync(settings, embedder, progress=progress)
        except IndexLocked:
            if not settings.index.joinpath("CURRENT").exists():
                raise
    loaded = load_index(settings.index, fingerprint=embedder.fingerprint)
    return Assistant(
        settings,
        loaded,
        embedder,
        reranker or open_ranking(settings),
        lambda: generator or open_model(settings),
        verifier=verifier,
        closes_model=generator is None,
    )


def open_model(settings: Settings) -> Generator:
    """The generator the settings name, from the store or a path. Raises ModelMissing, ModelDamaged."""
    from platformdirs import user_cache_path

    from rag.models.llm import open_generator

    path = store.locate(settings.generator, settings.models)
    states = user_cache_path("quoted-rag") / "states"
    return open_generator(path, name=short_name(settings.generator), threads=settings.threads, state_dir=states)


def open_embedding(settings: Settings) -> Embedder:
    """The embedder the settings name. Raises ModelMissing, ModelDamaged."""
    path = store.locate(settings.embedder, settings.models)
    return open_embedder(path, name=short_name(settings.embedder), threads=settings.threads)


def open_ranking(settings: Settings) -> Reranker:
    """The reranker the settings name. Raises ModelMissing, ModelDamaged.

    One that comes with the program is put back where its copy in the store is gone or damaged, with a RuntimeWarning.
    """
    try:
        path = store.locate(settings.reranker, settings.models)
    except (ModelMissing, ModelDamaged) as error:
        if not store.is_packaged(settings.reranker):
            raise
        path = store.fetch(settings.reranker, settings.models)
        warnings.warn(f"{error} It was put back from the program's own copy.", RuntimeWarning, stacklevel=2)
    return open_reranker(path, name=short_name(settings.reranker), threads=settings.threads)


def fetch_models(settings: Settings, *names: str, progress: Progress | None = None) -> None:
    """Fetch the models of these ``names`` that the store lacks. The only step that may use the network."""
    for name in names:
        store.fetch(name, settings.models, source=settings.model_source, progress=progress)


def sync(settings: Settings, embedder: Embedder, *, progress: Progress | None = None) -> BuildReport:
    """Bring the index in step with the folder of documents."""
    return build(settings.seeds, settings.index, embedder, progress=progress)
