"""Damaged files of every format: each is read or refused, in good time, and what is read keeps its promises.

RAG_FUZZ_EXAMPLES=2000 tries that many of each format, new ones each time.
"""

from __future__ import annotations

import io
import os
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.index.chunk import chunk_document
from rag.load import LOADERS
from rag.load.sandbox import _Worker
from rag.types import Document
from tests import hostile

DATA = Path(__file__).parent / "data"
SEEDS = Path(__file__).parent.parent / "seeds"
EXAMPLES = int(os.environ.get("RAG_FUZZ_EXAMPLES", "20"))
MAX_SECONDS = 15.0
NO_ZIP_ANY_MORE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, IndexError, RuntimeError)
ZIPS = (".docx", ".odt", ".epub", ".xlsx", ".pptx")
TOKENS = [
    b"\x00", b"\xff\xfe", b"\r\n", b" ", b"\n\n", b"\xed\xa0\x80", b"\xc2\xad", "\u202e\u200b".encode(), b"9999999999",
    b"<", b">", b"</p>", b"<table>", b"&#0;", b"&x;", b"<!DOCTYPE x [<!ENTITY x 'y'>]>", b"[1]\n", b"# ", b"```\n",
    b"{", b"}", b"\\u-9 ", b"\\bin999999 ", b"\\par", b"endstream", b"endobj", b"-1", b"<<", b">>", b"/Kids", b"3 0 R",
    b'"', b";", b",", b"--", b"=?utf-8?b?x?=", b"Content-Type: multipart/mixed; boundary=b\n", b"May 5, 2020",
]  # fmt: skip


TEXTS = {
    ".json": ['{"port": 8443, "limits": {"tonnes": [900, 1.5, null]}, "ships": [{"name": "Ines", "built": 1988}]}' * 2],
    ".jsonl": ['{"name": "Ines", "built": 1988}\n{"name": "Hale", "quays": [{"id": "east"}]}\n'],
    ".yaml": ["server:\n  port: 8443  # behind the proxy\nusers:\n  - &a ada\n  - *a\n"],
    ".yml": ["tea: hot\n"],
    ".toml": ["[server]\nport = 8443\n"],
    ".ini": ["; set by Ada\n[server]\nport = 8443\n"],
    ".cfg": ["[server]\nport: 8443\n"],
    ".conf": ["port 8443\n"],
    ".markdown": ["# Tea\n\n- Tea is *hot*.\n"],
    ".log": ["2024-03-09 10:00:01 INFO Started on port 8443\n" * 5],
}


def originals(suffix: str) -> list[bytes]:
    found = [p.read_bytes() for p in sorted(DATA.iterdir()) if p.suffix == suffix]
    if suffix == ".txt":
        found += [p.read_bytes() for p in sorted(SEEDS.glob("*.txt"))]
    if suffix == ".pdf":
        found += [hostile.unseen_pdf(), hostile.form_bomb(6), hostile.deflate_bomb(1)]
    if suffix == ".tsv":
        found += [b"name\tsays\nAda\tTea is good.\n" * 20]
    found += [text.encode() for text in TEXTS.get(suffix, [])]
    if suffix in (".htm", ".xhtml"):
        found += originals(".html")
    return found


ORIGINALS = {suffix: originals(suffix) for suffix in LOADERS}
CHANGE = st.tuples(
    st.sampled_from(["flip", "cut", "repeat", "insert", "end", "splice"]),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.integers(1, 40), st.integers(1, 100_000)),
    st.one_of(st.sampled_from(TOKENS), st.binary(min_size=1, max_size=8)),
)


def damaged(data: bytes, change: tuple[str, float, int, bytes]) -> bytes:
    how, where, length, token = change
    at = int(where * len(data))
    if how == "flip":
        return (
            data[:at] + bytes(b ^ token[0] or 1 for b in data[at : at + min(length, 8)]) + data[at + min(length, 8) :]
        )
    if how == "cut":
        return data[:at] + data[at + length :]
    if how == "repeat":
        return data[:at] + data[at : at + min(length, 500)] * min(1 + length // 100, 50) + data[at:]
    if how == "insert":
        return data[:at] + token * min(length, 1000) + data[at:]
    if how == "end":
        return data[:at]
    other = int((1 - where) * len(data))
    return data[:at] + data[other : other + length] + data[at:]


def damaged_inside(data: bytes, member: int, change: tuple[str, float, int, bytes]) -> bytes:
    """A zip container one member of which is damaged before it is packed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = [name for name in members if name.endswith(("ml", ".rels", ".opf"))][member % len(members) - 1]
    return hostile.container({**members, name: damaged(members[name], change)})


@pytest.fixture(scope="module")
def reader() -> Iterator[_Worker]:
    worker = _Worker(MAX_SECONDS, 2**30)
    yield worker
    worker.close()


@pytest.mark.parametrize("suffix", LOADERS)
def test_damaged_files(reader: _Worker, tmp_path: Path, suffix: str) -> None:
    outcomes = Counter[str]()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize="RAG_FUZZ_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        st.sampled_from(ORIGINALS[suffix]),
        st.lists(st.tuples(CHANGE, st.booleans(), st.integers(0, 30)), min_size=1, max_size=4),
    )
    def run(data: bytes, changes: list[tuple[tuple[str, float, int, bytes], bool, int]]) -> None:
        for change, inside, member in changes:
            try:
                inside = inside and suffix in ZIPS
                data = damaged_inside(data, member, change) if inside else damaged(data, change)
            except NO_ZIP_ANY_MORE:
                data = damaged(data, change)
        path = tmp_path / f"a{suffix}"
        path.write_bytes(data)
        before = time.monotonic()
        found: Document | LoadError
        try:
            found = reader.load(path, tmp_path)
        except LoadError as error:
            found = error
        assert time.monotonic() - before < MAX_SECONDS, "a hang"
        if isinstance(found, LoadError):
            outcomes[kind_of(str(found))] += 1
        else:
            outcomes["read"] += 1
            check(found)
            assert time.monotonic() - before < 2 * MAX_SECONDS, "a hang of what comes after loading"

    run()
    print(suffix, dict(outcomes.most_common()))  # shown with -rP


def kind_of(reason: str) -> str:
    for kind in ("longer than", "crashed", "MB of memory", "no text", "binary", "encrypted", "broken, or"):
        if kind in reason:
            return kind
    return "refused"


def check(document: Document) -> None:
    text = document.text
    assert text == unicodedata.normalize("NFC", text)
    assert text.strip("\n") == text
    assert text.strip()
    assert list(document.pages) == sorted(document.pages)
    assert all(0 <= page <= len(text) for page in document.pages)
    assert all(a.end == b.start for a, b in zip(document.parts, document.parts[1:], strict=False))
    assert not document.parts or (document.parts[0].start, document.parts[-1].end) == (0, len(text))
    for chunk in chunk_document(document):
        assert text[chunk.start : chunk.end] == chunk.text
        assert all(chunk.start <= s.start < s.end <= chunk.end for s in chunk.sentences)
