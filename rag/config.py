"""Settings: read once at the door (defaults, then rag.toml, then RAG_… variables, then flags).

Stage functions never see this; they take plain named values.

Where things are, unless a setting says so: in a checkout, its own ``seeds/``, ``index/`` and ``rag.toml``. A copy that
pip installed has no folder of its own to put them in, so there it is ``seeds/`` and ``rag.toml`` of the current folder
(or ``rag.toml`` of the user's configuration folder). Every other folder of documents has an index of its own in the
user's data folder.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from rag.errors import ConfigError

NAME = "quoted-rag"  # of the project, and of its folders among the user's
PROJECT_DIR = Path(__file__).resolve().parent.parent  # the checkout; of an installed copy, site-packages

Caution = Literal["strict", "balanced", "eager"]
ModelSource = Literal["auto", "hub", "wheel"]

OTHER_VARIABLES = frozenset({"RAG_AUTH", "RAG_CONFIG", "RAG_FUZZ_EXAMPLES"})
"""Variables that the program or its tests read and that are no settings; any further RAG_… one is refused."""

_BOUNDS = {
    "passages": (1, 100),
    "evidence_sentences": (1, 99),
    "evidence_tokens": (50, 8000),
    "answer_tokens": (16, 2000),
    "threads": (0, 256),
    "port": (0, 65535),
}

_OF_THE_DOCUMENTS = Path()  # stands for default_index(seeds), which no default of a field can say


OFFLINE_VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "ORT_DISABLE_TELEMETRY": "1",  # rag/models/onnx_bert.py sets it as well, for a program that calls only the library
    "DO_NOT_TRACK": "1",
}


def offline_environment() -> None:
    """Tell the libraries to send nothing off this machine. They read it when they are imported: call this before."""
    os.environ.update(OFFLINE_VARIABLES)


# --- where things are --------------------------------------------------------------------------------


@cache
def is_checkout(folder: Path) -> bool:
    """Whether this is a source folder of this project, known by the name in its pyproject.toml."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        return bool(project["name"] == NAME)
    except (OSError, ValueError, KeyError, TypeError):  # none there, or another project's, whole or broken
        return False


def install_command(extra: str = "") -> str:
    """What installs the packages that the program needs, or those of an extra.

    The name alone would do in a checkout only where pip has installed it, and fetch a stranger's package elsewhere.
    """
    wanted = str(PROJECT_DIR) if is_checkout(PROJECT_DIR) else NAME
    wanted += f"[{extra}]" if extra else ""
    return shlex.join(["python", "-m", "pip", "install", *(["-e"] if is_checkout(PROJECT_DIR) else []), wanted])


def default_documents() -> Path:
    """The folder of documents where none is named; it need not exist."""
    return (PROJECT_DIR if is_checkout(PROJECT_DIR) else Path.cwd()) / "seeds"


def default_index(documents: Path) -> Path:
    """The index of a folder of documents where none is named: always the same one, and never another folder's.

    Only names it; nothing is made.
    """
    from hashlib import sha256

    from platformdirs import user_data_path

    documents = documents.expanduser().resolve()
    if is_checkout(PROJECT_DIR) and documents == PROJECT_DIR / "seeds":
        return PROJECT_DIR / "index"
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in documents.name)[:40].strip("-")
    digest = sha256(os.fsencode(os.path.normcase(documents))).hexdigest()[:12]
    return user_data_path(NAME) / "indexes" / f"{name or 'documents'}-{digest}"


def _default_models_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path(NAME) / "models"


def _default_files() -> list[Path]:
    """Where rag.toml may be, if nobody says; the first that exists is read."""
    from platformdirs import user_config_path

    if is_checkout(PROJECT_DIR):
        return [PROJECT_DIR / "rag.toml"]
    return [Path.cwd() / "rag.toml", user_config_path(NAME) / "rag.toml"]


# --- the settings ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may turn. Units are in the names; every value is checked. Raises ConfigError.

    >>> settings({"passages": 4}).passages
    4
    """

    seeds: Path = field(default_factory=default_documents)
    index: Path = _OF_THE_DOCUMENTS
    models_dir: Path | None = None  # None: the user's data folder, shared by all checkouts
    model_source: ModelSource = "auto"  # where set-up may fetch models from
    embedder: str = "bge-small-en-v1.5"  # a catalogue name or a sentence-transformers folder
    reranker: str = "passage-reader-MiniLM-L-12"  # a catalogue name or a folder with a cross-encoder
    generator: str = "qwen2.5-coder-1.5b-instruct"  # a catalogue name, a .gguf, a transformers folder or a hub id
    passages: int = 24  # chunks retrieved
    evidence_sentences: int = 16  # sentences and lines shown to the model
    evidence_tokens: int = 220  # budget for them
    answer_tokens: int = 160  # longest draft
    caution: Caution = "balanced"  # how sure the program must be that it can answer
    threads: int = 0  # 0: one a physical core
    host: str = "127.0.0.1"
    port: int = 7860

    def __post_init__(self) -> None:
        for name in _kinds():
            value = getattr(self, name)
            if not _is_possible(name, value):
                raise ConfigError(f"{name} = {value!r}: {name} must be {_possible(name)}.", fix=_leave_out(name))
        if self.index is _OF_THE_DOCUMENTS:
            object.__setattr__(self, "index", default_index(self.seeds))

    @property
    def model_names(self) -> tuple[str, str, str]:
        """Every model a question needs."""
        return self.embedder, self.reranker, self.generator

    @property
    def models(self) -> Path:
        """The folder of the model files."""
        return self.models_dir or _default_models_dir()


@cache
def _kinds() -> dict[str, Any]:
    """The type of each setting."""
    return get_type_hints(Settings)


def _is_possible(name: str, value: object) -> bool:
    kind = _kinds()[name]
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is int:
        low, high = _BOUNDS[name]
        return type(value) is int and low <= value <= high  # True is an int, too
    if kind is str:
        return isinstance(value, str) and value != ""
    return isinstance(value, kind)


def _possible(name: str) -> str:
    """What a setting may be, in words."""
    kind = _kinds()[name]
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        return f"{', '.join(others)} or {last}"
    if kind is int:
        low, high = _BOUNDS[name]
        return f"a whole number from {low} to {high}"
    return "a name" if kind is str else "a folder"


def _leave_out(name: str) -> str:
    default = {f.name: f.default for f in fields(Settings)}[name]
    return f"leave {name} out" + (f" to have {default}" if isinstance(default, str | int) else "")


# --- from the sources --------------------------------------------------------------------------------


class _Given(NamedTuple):
    """A value as some source has it."""

    value: object
    label: str  # for a message: its name there, the value, and the file
    folder: Path  # that a relative path starts from
    fix: str


def settings(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from all sources, the later winning: defaults, ``rag.toml``, ``RAG_*``, ``flags``.

    A flag of None and an empty variable count as not given. A relative path starts from the folder of ``rag.toml`` if
    it is written there, else from the current folder. Raises ConfigError for an unknown key or a bad value.
    """
    environ = os.environ if environ is None else environ
    given = _from_file(file, environ) | _from_variables(environ) | _from_flags(flags or {})
    return Settings(**{name: _parsed(name, one) for name, one in given.items()})


def _from_file(file: Path | None, environ: Mapping[str, str]) -> dict[str, _Given]:
    named = str(file or environ.get("RAG_CONFIG", ""))
    path = Path(named).expanduser() if named else next((path for path in _default_files() if path.is_file()), None)
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        fix = "leave --config out, or name a file that exists" if file else "unset RAG_CONFIG"
        raise ConfigError(f"The configuration file {path} does not exist.", fix=fix) from error
    except OSError as error:
        raise ConfigError(
            f"The configuration file {path} cannot be read: {error.strerror}.", fix=f"ls -l {path}"
        ) from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise ConfigError(
            f"{path} is not valid TOML: {error}.", fix=f'write lines such as port = 7860 or seeds = "papers" in {path}'
        ) from error
    _refuse_unknown(values, where=f" in {path}")
    folder = path.resolve().parent
    return {
        name: _Given(value, f"{name} = {value!r} in {path}", folder, f"correct or remove the line {name} in {path}")
        for name, value in values.items()
    }


def _from_variables(environ: Mapping[str, str]) -> dict[str, _Given]:
    variables = {f"RAG_{name.upper()}": name for name in _kinds()}
    ours = [key for key in environ if key.startswith("RAG_") and key not in OTHER_VARIABLES]
    if unknown := sorted(key for key in ours if key.upper() not in variables):
        known = sorted({*variables, *OTHER_VARIABLES})
        near = _nearest(unknown[0], known)
        raise ConfigError(  # without its value, which may be a password under a misspelt name
            f"Unknown variable {', '.join(unknown)}.{_guess(near)} Known are {', '.join(known)}.",
            fix=f"unset {' '.join(unknown)}" + (f" (or rename it to {near})" if near else ""),
        )
    return {
        variables[key.upper()]: _Given(
            environ[key], f"{key} = {environ[key]!r}", Path.cwd(), f"unset {key} (or correct it)"
        )
        for key in ours
        if environ[key]
    }


def _from_flags(flags: Mapping[str, Any]) -> dict[str, _Given]:
    _refuse_unknown(flags, where="")
    return {
        name: _Given(value, f"{name} = {value!r}", Path.cwd(), _leave_out(name))
        for name, value in flags.items()
        if value is not None
    }


def _refuse_unknown(names: Collection[str], *, where: str) -> None:
    known = sorted(_kinds())
    if unknown := sorted(set(names) - set(known)):
        near = _nearest(unknown[0], known)
        raise ConfigError(
            f"Unknown setting {', '.join(map(repr, unknown))}{where}.{_guess(near)} Known are {', '.join(known)}.",
            fix=f"write {near} instead of {unknown[0]}" if near else f"remove {', '.join(unknown)}{where}",
        )


def _nearest(name: str, known: Collection[str]) -> str:
    """The known name that looks most like this one; "" where none does."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1, cutoff=0.7)), "")


def _guess(near: str) -> str:
    return f" Did you mean {near}?" if near else ""


def _parsed(name: str, given: _Given) -> Any:
    """The value in the type of its setting. Raises ConfigError."""
    kind, value = _kinds()[name], given.value
    with suppress(ValueError, RuntimeError):  # no number; "~user" of nobody
        if kind is int and isinstance(value, str):
            value = int(value)
        elif Path in (kind, *get_args(kind)) and isinstance(value, str | Path) and value != "":
            value = (given.folder / Path(value).expanduser()).resolve()
    if not _is_possible(name, value):
        raise ConfigError(f"{given.label}: {name} must be {_possible(name)}.", fix=given.fix)
    return value


def short_name(model: str) -> str:
    """The last part of a path or hub id; a catalogue name is itself."""
    return Path(model).name or model
