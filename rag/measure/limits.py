"""What the machine could do at best with the language model: the bounds its speed is held against.

Writing a token reads every weight once, except those of the table of tokens, of which it reads a row. So no token
can be written faster than memory delivers the weights: tokens a second <= bytes a second / bytes a token. Assumed:
the weights do not fit into the cache; the model's state of what was read before (about 3 % more after 1,000 tokens
of the default model) costs nothing; bytes a second are those of one long read over as many threads.

Reading a prompt multiplies every weight of the layers with every token, two operations each, whatever the batch. So
tokens a second <= operations a second / (2 * weights). Assumed: operations run at the rate of a large int8 matrix
product, which is the fastest the processor multiplies; attention between tokens, unpacking of weights of 4 bits and
the scales of their blocks cost nothing. A real engine pays for all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.models.llm.gguf import Tensor, read_tensors

_READ_BYTES = 2**29  # far more than any cache
_SIDE = 2048  # of the square matrices that are multiplied
_ROUNDS = 7

_TABLE, _OUTPUT = "token_embd.weight", "output.weight"


@dataclass(frozen=True, slots=True)
class Machine:
    """The best of several rounds: a bound is what was reached at least once."""

    bytes_a_second: float  # of memory read in order
    int8_operations_a_second: float
    float32_operations_a_second: float
    threads: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Work:
    """What one token costs."""

    written_bytes: int  # read from memory to write a token
    read_operations: int  # done to read a token of a prompt


def measure_machine(threads: int, *, read_bytes: int = _READ_BYTES, side: int = _SIDE) -> Machine:
    """Memory and arithmetic at their best on ``threads`` threads, through torch; takes some seconds."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        numbers = torch.ones(read_bytes // 8, dtype=torch.int64)
        whole = torch.randint(-127, 127, (side, side), dtype=torch.int8)
        real = torch.rand(side, side)
        operations = 2 * side**3
        return Machine(
            bytes_a_second=read_bytes / _best(lambda: numbers.sum()),
            int8_operations_a_second=operations / _best(lambda: torch._int_mm(whole, whole)),
            float32_operations_a_second=operations / _best(lambda: real @ real),
            threads=threads,
            rounds=_ROUNDS,
        )
    finally:
        torch.set_num_threads(before)


def work_of(gguf: Path) -> Work:
    """Of a GGUF file. Raises ModelDamaged."""
    return work(read_tensors(gguf))


def work(tensors: list[Tensor]) -> Work:
    """
    >>> work([Tensor("token_embd.weight", 100, 50), Tensor("blk.0.attn_q.weight", 10, 5)])  # the table is the output
    Work(written_bytes=55, read_operations=20)
    """
    tied = not any(tensor.name == _OUTPUT for tensor in tensors)
    written = sum(tensor.bytes for tensor in tensors if tied or tensor.name != _TABLE)
    layers = sum(tensor.weights for tensor in tensors if tensor.name not in (_TABLE, _OUTPUT))
    return Work(written, 2 * layers)


def _best(work: Callable[[], object]) -> float:
    """Seconds of the quickest round."""
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
