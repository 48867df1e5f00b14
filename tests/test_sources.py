"""What an index and an answer depend on is what the program imports, and nothing else."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from rag.index import sources as here
from rag.index.sources import PROGRAM, digest, sources
from rag.measure.answers_cache import ANSWER, INDEX, JUDGEMENT
from tests.test_layers import FILES, GRAPH, MODULES

CHUNKS = ("rag.load.sandbox", "rag.index.chunk")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of the program's sources."""
    return shutil.copytree(PROGRAM, tmp_path / "rag", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize("roots", [CHUNKS, INDEX, ANSWER, JUDGEMENT])
def test_they_are_what_can_be_reached_by_imports(roots: tuple[str, ...]) -> None:
    """The same walk over the imports that the test of the layers reads, with the folders' own modules."""
    reached, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in reached and name != "rag":
            reached.add(name)
            waiting += [*GRAPH[name], name.rpartition(".")[0]]
    expected = {MODULES[name].relative_to(PROGRAM).as_posix() for name in reached}
    assert {name for name in sources(*roots) if name.endswith(".py")} == expected


@pytest.mark.parametrize(
    ("changed", "chunks", "index", "answers"),
    [
        ("text/wiki.py", True, True, True),
        ("text/dates.py", True, True, True),
        ("load/pdf/layout.py", True, True, True),
        ("types.py", True, True, True),
        ("index/writer.py", False, True, True),
        ("ground/verify.py", False, False, True),
        ("models/catalogue.py", False, False, True),
        ("web/chat.py", False, False, False),
        ("web/static/style.css", False, False, False),
        ("measure/scoring.py", False, False, False),
        ("mcp.py", False, False, False),
        ("cli.py", False, False, False),
        ("output/export.py", False, False, False),
    ],
)
def test_a_change_counts_where_it_can_matter(
    program: Path, changed: str, chunks: bool, index: bool, answers: bool
) -> None:
    before = [digest(sources(*roots, program=program), program=program) for roots in (CHUNKS, INDEX, ANSWER)]
    path = program / changed
    path.write_bytes((path.read_bytes() if path.is_file() else b"") + b"\n# another line\n")
    after = [digest(sources(*roots, program=program), program=program) for roots in (CHUNKS, INDEX, ANSWER)]
    assert [old != new for old, new in zip(before, after, strict=True)] == [chunks, index, answers]


def test_data_beside_a_module_counts_as_the_module_does(program: Path) -> None:
    (program / "text" / "words").mkdir()
    for data in ("text/lists.txt", "text/words/english.json", "web/other.txt", "text/.hidden", "text/old.pyc"):
        (program / data).write_text("data", "utf-8")
    added = set(sources(*CHUNKS, program=program)) - set(sources(*CHUNKS))
    assert added == {"text/lists.txt", "text/words/english.json"}


def test_an_import_counts_wherever_it_stands_but_for_type_checkers(program: Path) -> None:
    (program / "index" / "chunk.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from rag.load import csv\nelse:\n    import rag.load.mail\n"
        "def cut():\n    from rag.text import (\n        wiki,\n        dates as d,\n    )\n"
        "    from rag import errors\n",
        "utf-8",
    )
    files = sources("rag.index.chunk", program=program)
    assert {"load/mail.py", "load/__init__.py", "text/wiki.py", "text/dates.py", "errors.py"} <= set(files)
    assert "text/quantities.py" not in files
    (program / "load" / "__init__.py").write_text("", "utf-8")
    sources.cache_clear()
    assert "load/csv.py" not in sources("rag.index.chunk", program=program)


def test_no_module_is_imported_in_a_way_that_is_not_seen() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not isinstance(node, ast.ImportFrom) or node.level == 0, f"{path}: a relative import"
            called = node.func if isinstance(node, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ("import_module", "__import__") and PROGRAM in path.parents:
                reason = f"{path}:{node.lineno}: what an index or an answer depends on must be a plain import"
                assert path.relative_to(PROGRAM).as_posix() not in sources(*ANSWER), reason


def test_a_file_that_is_gone_is_a_change(program: Path) -> None:
    files = sources("rag.text.wiki", program=program)
    before = digest(files, program=program)
    (program / "text" / "wiki.py").unlink()
    assert digest(files, program=program) != before


def test_a_program_without_its_sources_is_known_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rag").mkdir()
    assert sources(*CHUNKS, program=tmp_path / "rag") == ()
    first = digest((), program=tmp_path / "rag")
    assert len(first) == 16
    monkeypatch.setattr(here, "_version", lambda: "another")
    assert digest((), program=tmp_path / "rag") != first
