"""gradio, imported in half the time: without the stub files that it writes for editors.

At every import gradio parses the source of each of its components twice to compare it with a stub beside it, in its
own installed package. It leaves out a class that has no file, so until it is imported none of them has one. Nor is
there anything to collect meanwhile.
"""

from __future__ import annotations

import gc
import inspect
from typing import Any

_getfile = inspect.getfile


def _no_file_for_stubs(thing: Any) -> str:
    if isinstance(thing, type) and thing.__module__.startswith("gradio."):
        raise OSError("no stub is wanted")
    return _getfile(thing)


inspect.getfile = _no_file_for_stubs  # type: ignore[assignment]
_collecting = gc.isenabled()
gc.disable()
try:
    import gradio as gr
finally:
    inspect.getfile = _getfile
    if _collecting:
        gc.enable()

__all__ = ["gr"]
