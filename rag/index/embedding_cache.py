"""Vectors by text, so that a text is embedded once and an interrupted build goes on where it stopped."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rag.errors import IndexStoreError
from rag.models.protocols import Embedder
from rag.types import Vectors

_BATCH = 64  # texts embedded between two commits: what an interruption can cost
_READ = 500  # keys asked for at once


@contextmanager
def open_cache(path: Path) -> Iterator[sqlite3.Connection]:
    """A cache in one SQLite file, made if need be. One that SQLite cannot read is begun anew: it holds nothing
    that cannot be computed again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection: sqlite3.Connection | None = None
    try:
        try:
            connection = _connect(path)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # its subclasses mean a full disk, a lock and the like
                raise
            for part in ("", "-wal", "-shm"):  # what SQLite keeps beside it would be read into the new one
                path.with_name(path.name + part).unlink(missing_ok=True)
            connection = _connect(path)
        yield connection
    except sqlite3.Error as error:
        raise IndexStoreError(f"The embedding cache {path} cannot be used: {error}.", fix=f"delete {path}") from error
    finally:
        if connection is not None:
            connection.close()


def embed_cached(cache: sqlite3.Connection, embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Vectors of ``texts`` in order, shape (len(texts), dimension); each distinct text is embedded at most once, ever.

    Committed batch by batch.
    """
    keys = [_key(text, embedder.fingerprint) for text in texts]
    known = _lookup(cache, keys, embedder.dimension)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    todo = sorted(missing.items(), key=lambda item: -len(item[1]))
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        vectors = embedder.embed_documents([text for _, text in batch])
        with cache:
            cache.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                [(key, _pack(v)) for (key, _), v in zip(batch, vectors, strict=True)],
            )
        known.update((key, v) for (key, _), v in zip(batch, vectors, strict=True))
    return np.stack([known[key] for key in keys]) if keys else np.zeros((0, embedder.dimension), np.float32)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # a commit need not wait for the disk: a lost one costs a batch
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
        connection.execute("SELECT count(*) FROM (SELECT key FROM vectors LIMIT 1)")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _key(text: str, fingerprint: str) -> bytes:
    return hashlib.sha256(f"{fingerprint}\0{text}".encode("utf-8", "surrogatepass")).digest()


def _lookup(cache: sqlite3.Connection, keys: Sequence[bytes], dimension: int) -> dict[bytes, Vectors]:
    found: dict[bytes, Vectors] = {}
    for start in range(0, len(keys), _READ):
        some = keys[start : start + _READ]
        query = f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(some))})"
        for key, blob in cache.execute(query, some):
            vector = _unpack(blob)
            if vector is not None and len(vector) == dimension:
                found[key] = vector
    return found


def _pack(vector: Vectors) -> bytes:
    content = vector.astype("<f4").tobytes()
    return zlib.crc32(content).to_bytes(4, "little") + content


def _unpack(blob: bytes) -> Vectors | None:
    """None where the bytes are not the ones that were written: SQLite does not check them."""
    if len(blob) < 4 or zlib.crc32(blob[4:]) != int.from_bytes(blob[:4], "little"):
        return None
    return np.frombuffer(blob[4:], "<f4").astype(np.float32)
