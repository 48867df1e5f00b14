"""Files on disk: their sha256, waiting until they are there, and replacing one in a single step."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_BLOCK = 1 << 20  # bytes read at once


def sha256(path: Path, *, tick: Callable[[int], None] | None = None) -> str:
    """The sha256 of a file's bytes, in hexadecimal; ``tick`` gets the number of bytes read so far. Raises OSError."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            done += len(block)
            if tick:
                tick(done)
    return digest.hexdigest()


def fsync(path: Path) -> None:
    """Return when the file, or the list of names in the folder, is on the disk and would outlive a power cut."""
    if path.is_dir() and os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step: after a crash at any moment it is there with its old content or with all of the new.

    Several writers at once do not mix. Raises OSError; what was there before then stays as it was. No error comes once
    the new content is in place: at worst, where the folder cannot be flushed, a power cut brings the old one back.
    """
    temporary = path.with_name(f".new-{path.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        temporary.write_bytes(content)
        fsync(temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    with suppress(OSError):
        fsync(path.parent)


def write_text(path: Path, text: str, *, encoding: str = "utf-8") -> None:
    """``write_bytes`` of text; line breaks stay as they are."""
    write_bytes(path, text.encode(encoding))


def write_json(path: Path, value: object) -> None:
    """``write_bytes`` of a value as JSON, indented, in UTF-8."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
