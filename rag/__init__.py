"""Ask a folder of documents a question, offline; every sentence of the answer is a verified quotation.

>>> import rag
>>> with rag.open("documents", index="index") as assistant:      # doctest: +SKIP
...     answer = assistant.ask("Who leads the lab?")
...     print(answer)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.errors import RagError
    from rag.opening import open_folder as open
    from rag.types import Answer, Citation

__version__ = "0.2.0"

__all__ = ["Answer", "Assistant", "Citation", "RagError", "__version__", "open"]

_WHERE = {
    "Answer": ("rag.types", "Answer"),
    "Assistant": ("rag.assistant", "Assistant"),
    "Citation": ("rag.types", "Citation"),
    "RagError": ("rag.errors", "RagError"),
    "open": ("rag.opening", "open_folder"),
}
"""Imported when they are first used, so that ``import rag`` and ``rag --help`` cost nothing."""


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'rag' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, attribute = _WHERE[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *globals()]
