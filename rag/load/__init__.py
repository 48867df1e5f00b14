"""A file of the corpus to a Document; a table maps suffix to loader."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from rag.errors import LoadError
from rag.load.canonical import MAX_CHARS, canonical
from rag.load.csv import load_csv
from rag.load.data import load_json, load_log, load_settings, load_yaml
from rag.load.epub import load_epub
from rag.load.html.reader import load_html
from rag.load.loaded import Loaded, Loader
from rag.load.mail import load_eml, load_mbox
from rag.load.markdown import load_markdown
from rag.load.metadata import describe
from rag.load.notebook import load_notebook
from rag.load.office.docx import load_docx
from rag.load.office.odt import load_odt
from rag.load.office.pptx import load_pptx
from rag.load.office.rtf import load_rtf
from rag.load.office.xlsx import load_xlsx
from rag.load.org import load_org
from rag.load.pdf.reader import load_pdf
from rag.load.rst import load_rst
from rag.load.text import load_text
from rag.types import Document

MAX_BYTES = 50 * 2**20

_LOADERS: dict[str, Loader] = {
    ".txt": load_text,
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".html": load_html,
    ".htm": load_html,
    ".xhtml": load_html,
    ".pdf": load_pdf,
    ".docx": load_docx,
    ".odt": load_odt,
    ".rtf": load_rtf,
    ".epub": load_epub,
    ".csv": load_csv,
    ".tsv": load_csv,
    ".xlsx": load_xlsx,
    ".pptx": load_pptx,
    ".eml": load_eml,
    ".mbox": load_mbox,
    ".ipynb": load_notebook,
    ".json": load_json,
    ".jsonl": load_json,
    ".yaml": load_yaml,
    ".yml": load_yaml,
    ".toml": load_settings,
    ".ini": load_settings,
    ".cfg": load_settings,
    ".conf": load_settings,
    ".log": load_log,
    ".rst": load_rst,
    ".org": load_org,
}
LOADERS: Mapping[str, Loader] = MappingProxyType(_LOADERS)
"""By suffix, in lower case."""

_own: set[str] = set()  # suffixes whose loader is the user's

__all__ = ["LOADERS", "MAX_BYTES", "MAX_CHARS", "document_id", "is_own", "load", "register", "supported"]


def register(suffix: str, loader: Callable[[bytes], Loaded | str]) -> None:
    """Read files with this suffix (".xyz") by a function of one's own, for as long as this process lives.

    It is given the bytes of a file and gives its text, or a ``Loaded`` with title and date; what it raises is reported
    with the file's name. It runs in this process, without the limits in time and memory that the others have.
    Raises ValueError for what is no suffix.
    """
    if not suffix.startswith(".") or suffix != suffix.strip() or len(suffix) < 2:
        raise ValueError(f"a suffix such as '.xyz' is needed, got {suffix!r}")

    def read(data: bytes) -> Loaded:
        result = loader(data)
        return Loaded(result) if isinstance(result, str) else result

    _LOADERS[suffix.lower()] = read
    _own.add(suffix.lower())


def is_own(path: Path) -> bool:
    """Is the loader of this file one that ``register`` was given?"""
    return path.suffix.lower() in _own


def supported(path: Path) -> bool:
    """Is there a loader for this suffix? Case does not matter.

    >>> supported(Path("notes/Tea.MD")), supported(Path("tea.exe"))
    (True, False)
    """
    return path.suffix.lower() in LOADERS


def document_id(path: Path, *, root: Path) -> str:
    """The path below ``root`` with forward slashes; bytes that are no UTF-8 are written as ``\\udc..``."""
    try:
        relative = path.absolute().relative_to(root.absolute())
    except ValueError:
        raise LoadError(f"{path} is not below {root}.") from None
    if ".." in relative.parts:
        raise LoadError(f"{path} is not below {root}.")
    return relative.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def load(path: Path, *, root: Path) -> Document:
    """Read one file as a Document.

    Raises LoadError for what is not a regular file below ``root`` reached without symbolic links, is over
    ``MAX_BYTES`` or ``MAX_CHARS``, has an unknown suffix, is broken or holds no text. Parsing is not bounded here
    in time or memory: ``rag.load.sandbox`` does that.
    """
    name = document_id(path, root=root)
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        raise LoadError(
            f"{name}: no loader for {path.suffix or 'a file without suffix'!r}; known: {', '.join(LOADERS)}."
        )
    data = _read(path, root, name)
    try:
        loaded = loader(data)
        text = canonical(loaded.text).strip("\n")
    except LoadError as error:
        raise LoadError(f"{name}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # a library met something its writers did not think of
        raise LoadError(f"{name}: broken, or no {path.suffix[1:]} file ({error or type(error).__name__}).") from error
    if not text.strip():
        raise LoadError(f"{name}: The file has no text.")
    if len(text) > MAX_CHARS:
        raise LoadError(f"{name}: {len(text):,} characters; at most {MAX_CHARS:,} are read.")
    return describe(name, text, hashlib.sha256(data).hexdigest(), loaded)


def _read(path: Path, root: Path, name: str) -> bytes:
    below = path.absolute().relative_to(root.absolute())
    for depth in range(1, len(below.parts) + 1):
        if root.absolute().joinpath(*below.parts[:depth]).is_symlink():
            raise LoadError(f"{name}: a symbolic link; links are not followed.")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # before opening: a pipe would block
            raise LoadError(f"{name}: not a regular file.")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise LoadError(f"{name}: not a regular file.")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LoadError(f"{name}: cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise LoadError(f"{name}: larger than {MAX_BYTES:,} bytes, the most that is read.")
    return data
