"""Notebooks (.ipynb): text, code and what the code printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rag.errors import LoadError
from rag.load.canonical import decode
from rag.load.loaded import Loaded
from rag.load.markdown import load_markdown


def load_notebook(data: bytes) -> Loaded:
    """Markdown as a reader sees it, code and printed results between fences; pictures and web pages are left out.

    >>> load_notebook(b'{"cells": [{"cell_type": "markdown", "source": ["# Tea"]}]}').text
    '# Tea'
    """
    try:
        notebook = json.loads(decode(data))
    except (ValueError, RecursionError) as error:
        raise LoadError(f"The file is no notebook: {error}.") from error
    if not isinstance(notebook, dict) or not _list(notebook.get("cells")) + _list(notebook.get("worksheets")):
        raise LoadError("The file is no notebook: it has no cells.")
    cells = [*_list(notebook.get("cells"))]
    for sheet in _list(notebook.get("worksheets")):  # as they were written before 2015
        cells += _list(sheet.get("cells")) if isinstance(sheet, dict) else []
    language = _language(notebook.get("metadata"))
    return Loaded(
        "\n\n".join(text for cell in cells if isinstance(cell, dict) for text in _cell(cell, language) if text)
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _language(metadata: Any) -> str:
    info = metadata.get("kernelspec", {}) if isinstance(metadata, dict) else {}
    name = info.get("language", "") if isinstance(info, dict) else ""
    return name if isinstance(name, str) and name.isalnum() else ""


def _cell(cell: dict[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input")))
    kind = cell.get("cell_type")
    if kind == "code":
        yield _fenced(source, language)
        for output in _list(cell.get("outputs")):
            yield _fenced(_printed(output))
    elif kind == "markdown":
        yield load_markdown(source.encode("utf-8", "replace")).text if source.strip() else ""
    elif kind == "heading":
        yield f"## {' '.join(source.split())}" if source.strip() else ""
    else:
        yield source.strip()


def _printed(output: Any) -> str:
    """What a cell printed, returned or failed with, as plain text."""
    if not isinstance(output, dict):
        return ""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    data = output.get("data")
    return _joined(output.get("text") or (data.get("text/plain") if isinstance(data, dict) else ""))


def _joined(value: Any) -> str:
    """The lines of a cell, which a notebook has as one string or as a list of them."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _fenced(text: str, language: str = "") -> str:
    return f"```{language}\n{text.strip(chr(10))}\n```" if text.strip() else ""
