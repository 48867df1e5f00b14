"""Settings -> parts -> Assistant: opens the models and the index that the settings name."""

from __future__ import annotations

from rag.assistant import Assistant, short_name
from rag.config import Settings
from rag.errors import IndexLocked
from rag.index.build import build
from rag.index.changes import needs_build
from rag.index.snapshot import load_index
from rag.models import store as models
from rag.models.embed import open_embedder
from rag.models.rerank import open_reranker
from rag.types import BuildReport, Embedder, Generator, Progress, Reranker


def open_model(settings: Settings) -> Generator:
    """The generator the settings name, from the store or a path. Raises ModelMissing, ModelDamaged."""
    from platformdirs import user_cache_path

    from rag.models.llm import open_generator

    path = models.locate(settings.generator, settings.models)
    states = user_cache_path("quoted-rag") / "states"
    return open_generator(path, name=short_name(settings.generator), threads=settings.threads, state_dir=states)


def open_embedding(settings: Settings) -> Embedder:
    """The embedder the settings name. Raises ModelMissing, ModelDamaged."""
    path = models.locate(settings.embedder, settings.models)
    return open_embedder(path, name=short_name(settings.embedder), threads=settings.threads)


def open_ranking(settings: Settings) -> Reranker:
    """The reranker the settings name. Raises ModelMissing, ModelDamaged."""
    path = models.locate(settings.reranker, settings.models)
    return open_reranker(path, name=short_name(settings.reranker), threads=settings.threads)


def fetch_models(settings: Settings, *, progress: Progress | None = None) -> None:
    """Fetch what the settings name and the store lacks. The only step that may use the network."""
    source: models.Source = settings.model_source  # type: ignore[assignment]  # checked by Settings
    for name in settings.model_names:
        models.fetch(name, settings.models, source=source, progress=progress)


def sync(settings: Settings, embedder: Embedder, *, progress: Progress | None = None) -> BuildReport:
    """Bring the index in step with the folder of documents."""
    return build(settings.seeds, settings.index, embedder, progress=progress)


def open_assistant(settings: Settings, *, fetch: bool = True, progress: Progress | None = None) -> Assistant:
    """An assistant over the settings' folder: models fetched, index in step, language model loading.

    Raises RagError where a part cannot be had. An index that another process is writing just now is
    used as it stands.
    """
    if fetch:
        fetch_models(settings, progress=progress)
    embedder = open_embedding(settings)
    if needs_build(settings.seeds, settings.index, embedder.fingerprint):
        try:
            sync(settings, embedder, progress=progress)
        except IndexLocked:
            if not settings.index.joinpath("CURRENT").exists():
                raise
    index = load_index(settings.index, fingerprint=embedder.fingerprint)
    return Assistant(settings, index, embedder, open_ranking(settings), lambda: open_model(settings))
