"""The architecture as a test: imports run strictly downward, heavy libraries stay with their owners."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    ["markup"],
    ["errors", "types", "words", "catalogue", "calibration", "opposite"],
    ["child"],
    ["values", "dates", "download", "onnx_bert", "cache", "store", "metrics", "gold", "machine", "report"],
    ["arrays", "duplicates"],
    [
        "config",
        "onnx_embedding",
        "furniture",
        "sentences",
        "prompt",
        "lexical",
        "dense",
        "render",
        "models",
        "checks",
        "question",
        "orders",
        "claims",
        "generate",
    ],
    ["blocks"],
    ["load", "embed", "rerank", "judge", "followup", "limits"],
    ["walk", "chunk", "cite", "verify", "index", "datasets"],
    ["compare", "retrieve", "relevance", "writer", "sync", "quote", "scoring", "export", "audit"],
    ["build"],
    ["watch"],
    ["assistant"],
    ["evaluate", "doctor", "web", "mcp", "probe"],
    ["bench"],
    ["cli", "ui"],
    ["__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
CONFIG_READERS = {"assistant", "cli", "ui", "doctor", "evaluate", "probe", "bench"}
OWNERS = {
    "torch": {"rag/generate/hf.py", "rag/embed.py", "rag/rerank.py", "rag/limits.py"},
    "sentence_transformers": {"rag/embed.py", "rag/rerank.py"},
    "transformers": {"rag/generate/hf.py", "rag/embed.py"},
    "faiss": {"rag/dense.py"},
    "bm25s": set(),  # only a test compares with it
    "gradio": {"rag/web/toolkit.py"},
    "mcp": {"rag/mcp.py"},
    "xllamacpp": {"rag/generate/engine.py"},
    "llama_cpp": {"rag/generate/native.py"},
    "trafilatura": {"rag/load/html.py"},
    "pypdfium2": {"rag/load/pdf.py", "rag/load/glyphs.py"},
    "pypdf": {"rag/load/pdf.py"},
    "mammoth": {"rag/load/docx.py"},
    "striprtf": {"rag/load/rtf.py"},
    "sentencex": {"rag/sentences.py"},
    "onnxruntime": {"rag/onnx_bert.py"},
}


def files() -> list[Path]:
    return [*sorted((ROOT / "rag").rglob("*.py")), ROOT / "ui.py"]


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0] if parts[0] == "ui" else parts[1]


def imported(path: Path) -> list[str]:
    """Dotted names of every import, TYPE_CHECKING ones left out: they are not there at run time."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        id(n)
        for i in ast.walk(tree)
        if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.dump(i.test)
        for n in ast.walk(i)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{a.name}" for a in node.names] if node.module == "rag" else [node.module]
    return found


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downward(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    assert here in LEVEL, f"{path} has no layer yet: add it to LAYERS"
    for name in imported(path):
        if not name.startswith("rag."):
            continue
        other = name.split(".")[1]
        if other == here:
            continue
        assert LEVEL.get(other, 99) < LEVEL[here], (
            f"{path.relative_to(ROOT)} imports rag.{other}, which is not below it"
        )
        if other == "config":
            assert here in CONFIG_READERS, f"{path.relative_to(ROOT)} reads settings; pass it plain values instead"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_stay_with_their_owners(path: Path) -> None:
    for name in imported(path):
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or str(path.relative_to(ROOT)) in owners, f"{path.relative_to(ROOT)} imports {name}"


def test_every_file_is_short_enough_to_be_read_at_once() -> None:
    lengths = sorted(len(p.read_text("utf-8").splitlines()) for p in files())
    assert lengths[-1] <= 600
    assert lengths[len(lengths) // 2] <= 200


def test_the_command_line_opens_no_heavy_library_for_help() -> None:
    code = (
        "import sys, contextlib, io\nfrom rag.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main(['--help'])\n"
        f"print(sorted(set(sys.modules) & {set(OWNERS) | {'numpy', 'transformers'}!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
