"""The engine's state after a prefix, kept in files between runs: ``KEY-SHA256.state``.

The engine ends the whole process over some damaged files, so a file's name holds the digest of its
bytes, and what does not agree is removed unread. It is a cache: what fails here is read again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from rag.files import sha256

KEPT = 8  # files, of about 30 kB a token with the 1.5B model


def private(folder: Path | None) -> Path | None:
    """The folder, made where it is missing and closed to other users; None where that cannot be had.

    What another user may have written is not read: a digest in a name shows damage, not intent.
    """
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError:
        return None
    return folder


def model_identity(model: Path, engine: str) -> str:
    """What tells the file, read by a version of an engine, from another or from what stands in its place later."""
    stat = model.stat()
    return json.dumps([str(model.resolve()), stat.st_size, stat.st_mtime_ns, engine])


def state_key(identity: str, prefix: str, context_tokens: int) -> str:
    """Another model, text, context or engine has another key, so no state is ever taken for another's."""
    return hashlib.sha256(json.dumps([identity, prefix, context_tokens]).encode()).hexdigest()[:32]


def find(folder: Path, key: str) -> str | None:
    """The name of the whole file for a key."""
    with suppress(OSError):
        for file in folder.glob(f"{key}-*.state"):
            if _named(file, key) == file.name:
                return file.name
            file.unlink()
    return None


def settle(folder: Path, partial: str, key: str) -> None:
    """Gives a file that is now written its name, and removes all but the latest."""
    with suppress(OSError):
        file = folder / partial
        file.replace(folder / _named(file, key))
        latest_first = sorted(folder.glob("*.state*"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for old in latest_first[KEPT:]:
            old.unlink()


def _named(file: Path, key: str) -> str:
    return f"{key}-{sha256(file)}.state"
