"""The architecture as a test: imports run strictly downward, heavy libraries stay with their owners."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    {"data"},
    {"types", "errors"},
    {"config", "files"},
    {"text"},
    {"load", "models"},
    {"output"},
    {"index"},
    {"retrieve"},
    {"ground"},
    {"assistant"},
    {"opening"},
    {"web", "measure", "mcp", "doctor"},
    {"cli", "__init__"},
    {"__main__", "ui"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
SETTINGS_READERS = {"__init__", "assistant", "opening", "cli", "doctor", "mcp", "measure", "web"}
OWNERS = {
    "torch": {"rag/models/llm/hf.py", "rag/models/embed.py", "rag/models/rerank.py", "rag/measure/limits.py"},
    "sentence_transformers": {"rag/models/embed.py", "rag/models/rerank.py"},
    "transformers": {"rag/models/llm/hf.py", "rag/models/embed.py"},
    "faiss": {"rag/index/dense.py"},
    "bm25s": set(),  # only a test compares with it
    "gradio": {"rag/web/toolkit.py"},
    "mcp": {"rag/mcp.py"},
    "xllamacpp": {"rag/models/llm/engine.py"},
    "llama_cpp": {"rag/models/llm/native.py"},
    "tinycss2": {"rag/load/html/cascade.py", "rag/load/html/colours.py"},
    "cssselect2": {"rag/load/html/cascade.py"},
    "markdown_it": {"rag/load/markdown.py"},
    "trafilatura": {"rag/load/html/reader.py"},
    "pypdfium2": {"rag/load/pdf/reader.py", "rag/load/pdf/visible.py"},
    "pypdf": {"rag/load/pdf/reader.py"},
    "mammoth": {"rag/load/office/docx.py"},
    "docutils": {"rag/load/rst.py"},
    "openpyxl": set(),  # only tests write with it
    "striprtf": {"rag/load/office/rtf.py"},
    "rapidfuzz": {"rag/index/lexical.py"},
    "sentencex": {"rag/text/sentences.py"},
    "py3langid": {"rag/text/languages.py"},
    "onnxruntime": {"rag/models/onnx_bert.py"},
    "psutil": {"rag/measure/child.py", "rag/measure/machine.py", "rag/load/sandbox.py"},
    "scipy": {"rag/measure/metrics.py"},
    "sklearn": set(),  # only tests compare with it
    "huggingface_hub": {"rag/models/download.py", "rag/models/store.py"},
    "httpx2": {"rag/models/download.py"},
    "jinja2": {"rag/models/llm/render.py"},
}
FILES = [*sorted((ROOT / "rag").rglob("*.py")), ROOT / "ui.py"]


def module(path: Path) -> str:
    """``rag/load/csv.py`` -> ``rag.load.csv``; a folder's ``__init__.py`` is the folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in FILES}


def room(name: str) -> str:
    """The folder or top file that a module of ``rag`` is in."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else {"rag": "__init__"}.get(name, name)


def imported(path: Path) -> set[str]:
    """Dotted names of every import, those of TYPE_CHECKING left out: they are not there at run time."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {m if m in MODULES else node.module for m in members}
    return names


GRAPH = {name: imported(path) & set(MODULES) - {name} for name, path in MODULES.items()}


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_downward(name: str) -> None:
    here = room(name)
    for other in GRAPH[name]:
        below = room(other)
        assert below == here or FLOOR[below] < FLOOR[here], f"{name} imports {other}, which is not below it"
        assert below != "config" or here in SETTINGS_READERS, f"{name} reads settings; pass it plain values instead"


def test_no_module_imports_itself_in_a_circle() -> None:
    tuple(TopologicalSorter(GRAPH).static_order())  # raises CycleError with the circle


def test_no_folder_and_no_file_is_too_long_to_take_in() -> None:
    folders: dict[Path, int] = {}
    for path in FILES:
        folders[path.parent] = folders.get(path.parent, 0) + 1
        assert len(path.read_text("utf-8").splitlines()) <= 500, path
    assert max(folders.values()) <= 17, folders


def test_the_list_of_language_model_files_is_whole() -> None:
    folder = ROOT / "rag" / "models" / "llm"
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    listed = [line.split()[0] for line in text.splitlines() if line.split()[:1] and line.split()[0].endswith(".py")]
    assert sorted(listed) == sorted(path.name for path in folder.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_stay_with_their_owners(path: Path) -> None:
    for name in imported(path):
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or str(path.relative_to(ROOT)) in owners, f"{path.relative_to(ROOT)} imports {name}"


def test_the_command_line_opens_no_heavy_library_for_help() -> None:
    code = (
        "import sys, contextlib, io\nfrom rag.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main(['--help'])\n"
        f"print(sorted(set(sys.modules) & {set(OWNERS) | {'numpy', 'transformers'}!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
