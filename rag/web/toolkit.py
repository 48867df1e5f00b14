"""gradio, imported in half the time: without the stub files that it writes for editors.

At every import gradio parses the source of each of its components twice, to compare it with a stub file (.pyi) beside
it in the installed package. It passes over a class whose file ``inspect`` does not know, so during the import no
class of gradio's has one. The garbage collector would find next to nothing then, and rests as well.

tests/test_web.py fails once gradio no longer writes stubs at import; the replacement can go then.
"""

from __future__ import annotations

import gc
import inspect
from typing import Any

_getfile = inspect.getfile


def _getfile_but_for_gradio(thing: Any) -> str:
    if isinstance(thing, type) and thing.__module__.startswith("gradio."):
        raise OSError("no stub is wanted")
    return _getfile(thing)


inspect.getfile = _getfile_but_for_gradio  # type: ignore[assignment]
_collecting = gc.isenabled()
gc.disable()
try:
    import gradio as gr
finally:
    inspect.getfile = _getfile
    if _collecting:
        gc.enable()

__all__ = ["gr"]
