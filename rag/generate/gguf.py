"""The metadata of a GGUF file, read without opening the model.

The layout is the one of the GGUF specification, version 2 and 3: magic, version, counts, then
typed key-value pairs; the tensors behind them are not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from rag.errors import ModelDamaged

_FIX = "python -m rag models verify"
_SCALARS = {kind: f"<{code}" for kind, code in enumerate("BbHhIif?")} | {10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_SPECIAL = {2, 3, 4}  # token types unknown, control, user-defined: found in a text before it is split into tokens


def read_metadata(path: Path) -> dict[str, Any]:
    """All key-value pairs of the file's header.

    Raises ModelDamaged where the file is not a GGUF or ends inside its header.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ModelDamaged(f"{path} is not a GGUF file: it does not begin with the letters GGUF.", fix=_FIX)
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                return _pairs(data)
    except (struct.error, ValueError, KeyError, OverflowError, RecursionError) as error:
        size = path.stat().st_size
        raise ModelDamaged(
            f"{path} ({size} bytes) is damaged: its header cannot be read ({error}).", fix=_FIX
        ) from error
    except OSError as error:
        raise ModelDamaged(f"{path} cannot be read: {error.strerror}.", fix=_FIX) from error


def cannot_open(path: Path, architecture: str) -> ModelDamaged:
    """The error where llama.cpp refuses a file whose header could be read."""
    return ModelDamaged(
        f"llama.cpp cannot open {path} ({path.stat().st_size} bytes, architecture {architecture!r}): "
        "the file is incomplete or damaged, or this version does not know the architecture.",
        fix=_FIX,
    )


def special_strings(metadata: dict[str, Any]) -> list[str]:
    """The tokens of the vocabulary that mean more than their letters."""
    tokens = metadata.get("tokenizer.ggml.tokens", ())
    types = metadata.get("tokenizer.ggml.token_type", ())
    return [token for token, kind in zip(tokens, types, strict=False) if kind in _SPECIAL]


def _pairs(data: mmap) -> dict[str, Any]:
    version, _tensors, pairs = struct.unpack_from("<IQQ", data, 4)
    if version not in (2, 3):
        raise ValueError(f"version {version}, known are 2 and 3")
    at = 24

    def scalar(form: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return value

    def string() -> str:
        nonlocal at
        size = scalar("<Q")
        if size > len(data) - at:
            raise ValueError(f"a string of {size} bytes at byte {at}")
        at += size
        return data[at - size : at].decode("utf-8", "replace")

    def value(kind: int) -> Any:
        if kind == _STRING:
            return string()
        if kind != _ARRAY:
            return scalar(_SCALARS[kind])
        item, count = scalar("<I"), scalar("<Q")
        if count > len(data) - at:
            raise ValueError(f"an array of {count} items at byte {at}")
        read: Callable[[], Any] = string if item == _STRING else lambda: value(item)
        return [read() for _ in range(count)]

    return {string(): value(scalar("<I")) for _ in range(pairs)}
