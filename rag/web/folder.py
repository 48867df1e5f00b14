"""Changes that a person at the chat may make to the folder of documents: a file added, or removed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag import load as loader
from rag.errors import LoadError, RagError
from rag.load.sandbox import load_limited
from rag.load.walk import walk
from rag.web.escape import visible, without_paths

LONGEST_NAME_BYTES = 200
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}  # by Windows


class Refused(RagError):
    """A change of the folder that is not made; ``status`` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


def add_file(seeds: Path, name: str, data: bytes) -> str:
    """Put a file into the folder and return its id; the loader decides whether it is a document.

    Raises Refused: for a name that is no plain file name of a known kind (400), a file that is there already (409),
    one that is too large (413) or that the loader cannot read (422).
    """
    name = checked_name(name)
    if len(data) > loader.MAX_BYTES:
        raise Refused(f"{name} is larger than {loader.MAX_BYTES:,} bytes.", 413)
    with _hidden_folder(seeds) as folder:
        target = seeds / name
        if os.path.lexists(target) or name.casefold() in {p.name.casefold() for p in seeds.iterdir()}:
            raise Refused(f"{name} is in the folder already. Remove it first, or give the file another name.", 409)
        (folder / name).write_bytes(data)
        try:
            load_limited(folder / name, folder)
        except LoadError as error:
            raise Refused(without_paths(str(error)), 422) from error
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            raise Refused(f"{name}: it cannot be read as a document.", 422) from error
        _move_without_overwriting(folder / name, target)
    return name


def remove_file(seeds: Path, name: str) -> None:
    """Delete a document's file. Raises Refused for what is not in the folder (404), and for the last one (409)."""
    files = {file.id: file.path for file in walk(seeds)[0]}
    if name not in files:
        raise Refused("There is no such document in the folder.", 404)
    if len(files) == 1:
        raise Refused("It is the only document. Add another one before you remove it.", 409)
    try:
        files[name].unlink()
    except OSError as error:
        raise Refused(f"{name} cannot be removed: {error.strerror}.", 409) from error


def checked_name(name: str) -> str:
    """The name a file may have in the folder. Raises Refused (400)."""
    name = unicodedata.normalize("NFC", name)
    if not name or name != visible(name) or any(c in '/\\:*?"<>|\n\r\t' for c in name):
        raise Refused("This is no plain file name.", 400)
    if name.startswith(".") or name != name.strip(" .") or name.split(".")[0].casefold() in _RESERVED:
        raise Refused(f"{name} cannot be the name of a document.", 400)
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise Refused("The file's name is too long.", 400)
    if not loader.supported(Path(name)):
        kinds = ", ".join(sorted(loader.LOADERS))
        raise Refused(f"{name}: files of this kind cannot be read; possible are {kinds}.", 400)
    return name


@contextmanager
def _hidden_folder(seeds: Path) -> Iterator[Path]:
    """On the same disk as the folder, passed over by every walk, gone in the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".upload-", dir=seeds))
    except OSError as error:
        raise Refused(f"The folder of documents cannot be written: {error.strerror}.", 409) from error
    try:
        yield folder
    except OSError as error:
        raise Refused(f"The file cannot be stored: {error.strerror}.", 409) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_without_overwriting(source: Path, target: Path) -> None:
    try:
        os.link(source, target)  # whole at once, and only where nothing has that name
    except FileExistsError:
        raise Refused(f"{target.name} is in the folder already.", 409) from None
    except OSError:  # a disk without hard links
        with source.open("rb") as data, target.open("xb") as out:
            shutil.copyfileobj(data, out)
