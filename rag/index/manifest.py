"""What a generation says of itself, as JSON: manifest.json, and a record for each file of the folder of documents."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

SCHEMA = 7
"""Raised when an older program could not read what this one writes, or the other way round."""


class FileEntry(TypedDict):
    """What a build found of one file."""

    path: str  # the id of its document, also where it could not be read
    name: str  # the path as the system has it, which differs where its bytes are no UTF-8
    size: int
    mtime_ns: int
    sha256: str  # "" where it could not be read
    status: Literal["indexed", "failed"]
    chunks: int
    error: str  # why it could not be read; "" where it could


class EmbedderUsed(TypedDict):
    """The model that made the vectors."""

    name: str
    fingerprint: str
    dimension: int


class Chunking(TypedDict):
    """How the documents were cut."""

    sources: list[str]  # of the program, that read and cut them
    digest: str  # of those sources
    max_chars: int
    overlap: int


class LexicalSettings(TypedDict):
    """What the scores of the search by words depend on."""

    method: str
    k1: float
    b: float
    words: str  # digest of what counts as a word


DenseSettings = TypedDict(  # as a class it could not have the key recall@10
    "DenseSettings",
    {
        "type": str,
        # only where the search is approximate
        "trained_on": NotRequired[int],
        "probed": NotRequired[int],
        "recall@10": NotRequired[float],
        "measured_on": NotRequired[str],
    },
)
"""How vectors are searched."""


class Counts(TypedDict):
    """How much a generation holds."""

    documents: int
    chunks: int
    sentences: int  # that can be quoted


class Recipe(TypedDict):
    """What a generation is made with."""

    embedder: EmbedderUsed
    chunker: Chunking


class Contents(Recipe):
    """What was made of it; a writer knows it before it knows its files."""

    schema: int
    dense: DenseSettings
    lexical: LexicalSettings
    duplicates: dict[str, str]  # id of a document: that of the one it nearly repeats
    counts: Counts


class StoredFile(TypedDict):
    """One file of a generation."""

    size: int
    sha256: str


class Manifest(Contents):
    """All of manifest.json."""

    files: dict[str, StoredFile]  # by path below the generation's folder; the manifest itself is not among them
