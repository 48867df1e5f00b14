"""Arrays and byte strings on disk: appended to in order, read through a memory map without loading them."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self, overload

import numpy as np
import numpy.typing as npt


def mapped(path: Path, dtype: str, width: int | None = None) -> npt.NDArray[Any]:
    """The raw array in ``path``, read-only: shape (n,), or (n, ``width``). ``dtype`` names the byte order."""
    shape = (-1,) if width is None else (-1, width)
    if path.stat().st_size == 0:
        return np.zeros((0,) if width is None else (0, width), dtype)
    # The memmap class costs microseconds at every slice; a plain view keeps the file mapped all the same.
    return np.asarray(np.memmap(path, dtype, "r")).reshape(shape)


class ArrayWriter:
    """Appends arrays of one dtype to a raw file."""

    def __init__(self, path: Path, dtype: str) -> None:
        self._stream: IO[bytes] = path.open("wb")
        self._dtype = dtype

    def append(self, values: npt.ArrayLike) -> None:
        self._stream.write(np.ascontiguousarray(values, self._dtype).data.cast("B") if np.size(values) else b"")

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Records(Sequence[bytes]):
    """Byte strings by number; ``path`` holds them one after the other, ``path.ends`` where each ends."""

    def __init__(self, path: Path) -> None:
        self._ends = mapped(_ends(path), "<i8")
        with path.open("rb") as stream:
            self._content: mmap.mmap | bytes = b""
            if len(self._ends) and self._ends[-1]:
                self._content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        start = int(self._ends[number - 1]) if number else 0
        return self._content[start : int(self._ends[number])]

    def of_size(self, least: int, most: int) -> list[bytes]:
        """Those of ``least`` to ``most`` bytes, in order."""
        sizes = np.diff(self._ends, prepend=0)
        numbers = np.flatnonzero((sizes >= least) & (sizes <= most))
        ends, content = self._ends[numbers], self._content
        starts = (ends - sizes[numbers]).tolist()
        return [content[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]

    def find(self, value: bytes) -> int | None:
        """The number of ``value`` where the records are sorted; None where it is not among them."""
        number = bisect_left(self, value)
        return number if number < len(self) and self[number] == value else None


class RecordWriter:
    """Appends byte strings as Records reads them, once it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = path.open("wb")
        self._ends = array("q")
        self._end = 0

    def append(self, record: bytes) -> None:
        self._stream.write(record)
        self._end += len(record)
        self._ends.append(self._end)

    def close(self) -> None:
        if not self._stream.closed:
            self._stream.close()
            with ArrayWriter(_ends(self._path), "<i8") as ends:
                ends.append(np.frombuffer(self._ends, np.int64) if self._ends else [])

    def abandon(self) -> None:
        """Let go of the file as it is; nothing happens where it is closed already."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def _ends(path: Path) -> Path:
    return path.with_name(f"{path.name}.ends")
