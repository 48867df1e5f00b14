"""The header of a GGUF file, read without opening the model.

The layout is the one of the GGUF specification, version 2 and 3: magic, version, counts, typed key-value pairs,
then the name, shape and place of every tensor; the tensors themselves are not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from rag.errors import ModelDamaged

_FIX = "python -m rag models verify"
_SCALARS = {kind: f"<{code}" for kind, code in enumerate("BbHhIif?")} | {10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_ALIGNMENT = 32  # of tensors, where the file names no other
_SPECIAL = {2, 3, 4}  # token types unknown, control, user-defined: found in a text before it is split into tokens


T = TypeVar("T")
Value: TypeAlias = "str | int | float | bool | list[Value]"
"""What the header says of one key."""


@dataclass(frozen=True, slots=True)
class Description:
    """What is to be known of a model before it is opened; "" and None where the file does not say."""

    architecture: str
    context_tokens: int | None  # it was trained to read
    chat_template: str
    specials: tuple[str, ...]  # the tokens that mean more than their letters
    bos: str  # the token that begins a text
    bos_id: int | None
    eos: str  # the one that ends it


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the file: ``weights`` numbers in ``bytes`` bytes, padding included."""

    name: str
    weights: int
    bytes: int


def read_metadata(path: Path) -> dict[str, Value]:
    """All key-value pairs of the file's header.

    Raises ModelDamaged where the file is not a GGUF or ends inside its header.
    """
    return _read(path, lambda header: header.pairs())


def describe(path: Path) -> Description:
    """The description of the model in a file. Raises ModelDamaged as ``read_metadata`` does."""
    pairs = read_metadata(path)
    architecture = _text(pairs.get("general.architecture")) or "unknown"
    tokens, kinds = (_list(pairs.get(f"tokenizer.ggml.{name}")) for name in ("tokens", "token_type"))

    def token(name: str) -> tuple[str, int | None]:
        number = _number(pairs.get(f"tokenizer.ggml.{name}_token_id"))
        return (_text(tokens[number]), number) if number is not None and number < len(tokens) else ("", None)

    bos, bos_id = token("bos")
    return Description(
        architecture,
        context_tokens=_number(pairs.get(f"{architecture}.context_length")),
        chat_template=_text(pairs.get("tokenizer.chat_template")),
        specials=tuple(_text(token) for token, kind in zip(tokens, kinds, strict=False) if kind in _SPECIAL),
        bos=bos,
        bos_id=bos_id,
        eos=token("eos")[0],
    )


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Value | None) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _list(value: Value | None) -> list[Value]:
    return value if isinstance(value, list) else []


def read_tensors(path: Path) -> list[Tensor]:
    """Every tensor of the file, in the order of their bytes. Raises ModelDamaged as ``read_metadata`` does."""
    return _read(path, lambda header: header.tensors())


def _read(path: Path, parse: Callable[[_Header], T]) -> T:
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ModelDamaged(f"{path} is not a GGUF file: it does not begin with the letters GGUF.", fix=_FIX)
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                return parse(_Header(data))
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


class _Header:
    """Reads on from where it is."""

    def __init__(self, data: mmap) -> None:
        version, self._tensors, self._pairs = struct.unpack_from("<IQQ", data, 4)
        if version not in (2, 3):
            raise ValueError(f"version {version}, known are 2 and 3")
        self._data = data
        self._at = 24

    def pairs(self) -> dict[str, Value]:
        return {self._string(): self._value(self._scalar("<I")) for _ in range(self._pairs)}

    def tensors(self) -> list[Tensor]:
        alignment = _number(self.pairs().get("general.alignment")) or _ALIGNMENT
        found = sorted((self._tensor() for _ in range(self._tensors)), key=lambda tensor: tensor[2])
        begin = -(-self._at // alignment) * alignment
        ends = [offset for _, _, offset in found[1:]] + [len(self._data) - begin]
        return [Tensor(name, weights, end - offset) for (name, weights, offset), end in zip(found, ends, strict=False)]

    def _tensor(self) -> tuple[str, int, int]:
        """Name, number of weights, and where it begins after the header."""
        name = self._string()
        weights = prod(self._scalar("<Q") for _ in range(self._scalar("<I")))
        self._scalar("<I")  # its type: the place of the next one tells its size
        return name, weights, self._scalar("<Q")

    def _scalar(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return value

    def _string(self) -> str:
        size = self._scalar("<Q")
        if size > len(self._data) - self._at:
            raise ValueError(f"a string of {size} bytes at byte {self._at}")
        self._at += size
        return self._data[self._at - size : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            scalar: int | float = self._scalar(_SCALARS[kind])
            return scalar
        item, count = self._scalar("<I"), self._scalar("<Q")
        if count > len(self._data) - self._at:
            raise ValueError(f"an array of {count} items at byte {self._at}")
        read: Callable[[], Value] = self._string if item == _STRING else lambda: self._value(item)
        return [read() for _ in range(count)]
