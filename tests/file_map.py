"""The file map of docs/architecture.md, kept in step with the tree: ``python -m tests.file_map`` writes it anew.

A line that is there keeps its words, so they can be mended by hand. A new file gets the first line of its docstring.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BLOCK = re.compile(r"(<!-- file map -->\n```text\n)(.*?)(\n?```)", re.S)
WIDTH = 28  # columns before the words
UNKNOWN = "(say what it is)"


def described(block: str) -> dict[str, str]:
    """Path -> words, of a map whose indentation is its folders.

    >>> described("rag/      the code\\n  text/   strings\\n    a.py  letters\\nui.py  chat")
    {'rag/': 'the code', 'rag/text/': 'strings', 'rag/text/a.py': 'letters', 'ui.py': 'chat'}
    """
    found: dict[str, str] = {}
    folders: list[str] = []
    for line in block.splitlines():
        match = re.fullmatch(r"((?:  )*)(\S+)(?:\s+(.*))?", line)
        assert match, f"not a line of the file map: {line!r}"
        depth, name, words = len(match[1]) // 2, match[2], match[3]
        del folders[depth:]
        found["".join([*folders, name])] = words or ""
        folders += [name] if name.endswith("/") else []
    return found


def files(folder: Path) -> Iterator[Path]:
    """The folder, its Python files, then its folders, each in order; an empty ``__init__.py`` says nothing."""
    yield folder
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py" or file.read_text("utf-8").strip():
            yield file
    for below in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(("_", "."))):
        yield from files(below)


def first_line(path: Path) -> str:
    source = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text("utf-8"))) if source.is_file() else None
    return text.splitlines()[0].removesuffix(".") if text else UNKNOWN


def drawn(block: str) -> str:
    """The map as it must be, with the words that ``block`` has."""
    words = described(block)
    lines = []
    for path in files(ROOT / "rag"):
        parts = path.relative_to(ROOT).parts
        name = "/".join(parts) + "/" * path.is_dir()
        label = "  " * (len(parts) - 1) + parts[-1] + "/" * path.is_dir()
        lines.append(f"{label:{WIDTH - 1}} {words.get(name) or first_line(path)}")
    lines += [f"{name:{WIDTH}}{text}" for name, text in words.items() if not name.startswith("rag/")]
    return "\n".join(lines)


def block() -> str:
    match = BLOCK.search(PAGE.read_text("utf-8"))
    assert match, f"{PAGE} has no file map"
    return match[2]


if __name__ == "__main__":
    PAGE.write_text(BLOCK.sub(lambda m: f"{m[1]}{drawn(m[2])}\n```", PAGE.read_text("utf-8")), "utf-8")
