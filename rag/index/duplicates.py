"""Documents that are nearly the same text: two copies of a report are one source, not two.

Texts are sets of word shingles; near means a Jaccard similarity of ``NEAR`` or more. MinHash (Broder 1997, On the
resemblance and containment of documents) and banding (Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, ch. 3)
propose pairs, which are then compared exactly.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

NEAR = 0.9
SHINGLE = 5  # words
PERMUTATIONS = 128
_BANDS = 16  # of 8 values: a pair at 0.9 is missed once in 10,000, one at 0.6 is proposed for one in four
_ESTIMATE = 0.75  # similarity by signature below which a pair is not compared exactly: 0.9 is five deviations away
_BLOCK = 1 << 12  # shingles hashed at once
_WORD = re.compile(r"\w+")

_random = np.random.default_rng(20)
_FACTORS = _random.integers(1, 1 << 63, PERMUTATIONS, np.uint64) | np.uint64(1)
_SHIFTS = _random.integers(0, 1 << 63, PERMUTATIONS, np.uint64)
_PLACES = _random.integers(1, 1 << 63, SHINGLE, np.uint64) | np.uint64(1)

Signature = npt.NDArray[np.uint32]


def shingles(text: str) -> npt.NDArray[np.uint64]:
    """Hashes of every run of ``SHINGLE`` words, or of all words where there are fewer; sorted, each once.

    >>> bool((shingles("One, two: three!") == shingles("one two three")).all())
    True
    """
    words = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(text.lower())]
    hashes = np.array(words, np.uint64)
    count = max(0, len(hashes) - SHINGLE + 1)
    if not count:
        return np.unique((hashes * _PLACES[: len(hashes)]).sum(keepdims=True)) if len(hashes) else hashes
    runs = np.zeros(count, np.uint64)
    for place, factor in enumerate(_PLACES):
        runs += hashes[place : place + count] * factor
    return np.unique(runs)


def signature(text: str) -> Signature:
    """MinHash of the text's shingles, shape (PERMUTATIONS,); all zeros for a text without words."""
    found = shingles(text)
    if not len(found):
        return np.zeros(PERMUTATIONS, np.uint32)
    least = np.full(PERMUTATIONS, np.iinfo(np.uint32).max, np.uint32)
    for start in range(0, len(found), _BLOCK):
        hashes = found[start : start + _BLOCK, None] * _FACTORS + _SHIFTS
        least = np.minimum(least, (hashes >> np.uint64(32)).astype(np.uint32).min(axis=0))
    return least


def similarity(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> float:
    """Jaccard similarity of two results of ``shingles``; 0 where one is empty."""
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both) if both else 0.0


def near_duplicates(
    signatures: Signature, text: Callable[[int], str], *, known: Callable[[int, int], bool] = lambda later, first: False
) -> dict[int, int]:
    """{number: the first document that it nearly repeats}, for those that do; that one is in no key.

    ``signatures`` has a row a document, ``text`` gives the document's; ``known`` tells pairs that need not be
    compared again.
    """
    words = lru_cache(64)(lambda number: shingles(text(number)))
    firsts: dict[tuple[int, bytes], list[int]] = {}
    found: dict[int, int] = {}
    for number in _sharing_a_band(signatures):
        own = signatures[number]
        bands = [(n, band.tobytes()) for n, band in enumerate(own.reshape(_BANDS, -1))]
        for first in sorted({first for band in bands for first in firsts.get(band, ())}):
            alike = float((own == signatures[first]).mean())
            if (
                alike == 1  # at 0.9 that happens once in a million
                or known(number, first)
                or (alike >= _ESTIMATE and similarity(words(number), words(first)) >= NEAR)
            ):
                found[number] = first
                break
        else:
            for band in bands:
                firsts.setdefault(band, []).append(number)
    return found


def _sharing_a_band(signatures: Signature) -> list[int]:
    """Numbers of the documents that have a band in common with another one, in order."""
    shared = np.zeros(len(signatures), bool)
    width = PERMUTATIONS // _BANDS
    factors = _FACTORS[:width]
    for start in range(0, PERMUTATIONS, width):
        hashes = (signatures[:, start : start + width].astype(np.uint64) * factors).sum(axis=1)
        _, first, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        shared |= counts[first] > 1
    shared &= signatures.any(axis=1)
    return [int(number) for number in np.flatnonzero(shared)]
