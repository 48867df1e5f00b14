"""BM25 over the rows of the index.

    score(D, Q) = sum over t in Q of  idf(t) * tf / (tf + k1 * (1 - b + b * |D| / avgdl))
    idf(t)      = ln(1 + (N - df + 0.5) / (df + 0.5))

Robertson & Zaragoza 2009 (The Probabilistic Relevance Framework), in the variant of Lucene (Kamphuis et al.
2020, Which BM25 Do You Mean?).

words, words.ends, ids    the vocabulary, sorted, and each word's number
forms                     the words before they were stemmed, as ``fold`` has them: what a slip may have been meant for
starts, rows, counts      the rows that have word w, ascending, and how often: places starts[w]:starts[w + 1]
lengths                   words a row
languages                 those beside English that rows are in: a question is searched for by their stems, too

A row in another language has its words by the stems of that language ("de haus"), and by their English ones zero times:
these add nothing, but tell that the word is there.
row_words, row_counts, row_sizes    the same by row, which a later build copies for what has not changed
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.index.arrays import ArrayWriter, Records, RecordWriter, mapped
from rag.index.manifest import LexicalSettings
from rag.text.languages import STEMMERS
from rag.text.words import STOPWORDS, WORD, content_stems, content_words, fold, stem, stem_in

K1 = 0.9
B = 0.4

_BLOCK = 1 << 19  # places sorted at once while inverting
_ROUNDING = 1.001  # sums of float32 may come out a little above the exact bound
_FOLDED = ("accents folded",)
_MOST = 65535  # a word counted more often in one row counts as this often


def settings() -> LexicalSettings:
    """What the scores depend on; an index made with other settings is another index."""
    words = hashlib.sha256(
        "\n".join([WORD.pattern, *sorted(STOPWORDS), *_FOLDED, *STEMMERS.values()]).encode()
    ).hexdigest()[:16]
    return {"method": "lucene", "k1": K1, "b": B, "words": words}


class Lexical:
    """An immutable BM25 index; row i is the i-th text it was made of."""

    def __init__(self, folder: Path) -> None:
        self.vocabulary = Records(folder / "words")
        self.forms = Records(folder / "forms")
        self.word_ids = mapped(folder / "ids", "<i4")
        self._starts = mapped(folder / "starts", "<i8")
        self._rows = mapped(folder / "rows", "<i4")
        self._counts = mapped(folder / "counts", "<u2")
        self.lengths = mapped(folder / "lengths", "<i4")
        self.languages = tuple(sorted(language.decode("ascii") for language in Records(folder / "languages")))
        self.row_words = mapped(folder / "row_words", "<i4")
        self.row_counts = mapped(folder / "row_counts", "<u2")
        self.row_starts = np.concatenate([[0], np.cumsum(mapped(folder / "row_sizes", "<i4"), dtype=np.int64)])
        self.rows = len(self.lengths)
        average = (float(self.lengths.mean()) if self.rows else 0.0) or 1.0
        self._norms = (K1 * (1 - B + B * self.lengths / average)).astype(np.float32)

    def scores(self, text: str) -> npt.NDArray[np.float32]:
        """Shape (rows,), float32, 0 where no word of ``text`` occurs."""
        scores = np.zeros(self.rows, np.float32)
        for word, idf in self._rarest_first(text):
            rows, gains = self._gains(word, idf)
            scores[rows] += gains
        return scores

    def search(self, text: str, k: int, *, rows: npt.NDArray[np.int64] | None = None) -> list[tuple[int, float]]:
        """At most ``k`` (row, score) with score > 0, best first, ties by row. ``rows``: only these; None: all."""
        if rows is None:
            rows, found = self._best(text, k)
        else:
            scores = self.scores(text)
            rows = rows[scores[rows] > 0]
            found = scores[rows]
        best = np.lexsort((rows, -found))[:k]
        return [(int(rows[n]), float(found[n])) for n in best]

    def _best(self, text: str, k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Rows that hold the best ``k``, with their scores.

        A word adds less than its idf. Once the k-th best score exceeds what the words left could add in all, only
        the rows that can still reach it are looked up (MaxScore, Turtle & Flood 1995): the frequent words, whose
        rows are many, are rarely read.
        """
        words = self._rarest_first(text)
        most = [idf for _, idf in words]
        left = [sum(most[n:]) * _ROUNDING for n in range(len(words) + 1)]  # what the words from the n-th on can add
        scores = np.zeros(self.rows, np.float32)
        rows = np.zeros(0, np.int64)
        done = 0
        for done, (word, idf) in enumerate(words, 1):
            places, gains = self._gains(word, idf)
            scores[places] += gains
            rows = np.flatnonzero(scores)
            least = np.partition(scores[rows], len(rows) - k)[len(rows) - k] if 0 < k <= len(rows) else 0.0
            if least > left[done]:
                rows = rows[scores[rows] >= least - left[done]]
                break
        found = scores[rows]
        for word, idf in words[done:]:
            places, gains = self._gains(word, idf, among=rows)
            found[places] += gains
        return rows, found

    def _rarest_first(self, text: str) -> list[tuple[str, float]]:
        """The words of ``text`` that occur, each once, with their idf; scores add up in this order.

        In another language a word counts no more than the same word in all rows: else the one German document of a
        folder would come first for every word that German has, too.
        """
        idfs = {known: self.idf(known) for known in content_stems(text) if self.knows(known)}
        for word in content_words(text) if self.languages else ():
            everywhere = idfs.get(stem(word), np.inf)
            for own in (stem_in(word, language) for language in self.languages):
                if self.knows(own):
                    idfs[own] = max(idfs.get(own, 0.0), min(everywhere, self.idf(own)))
        return sorted(idfs.items(), key=lambda item: (-item[1], item[0]))

    def _gains(
        self, stem: str, idf: float, *, among: npt.NDArray[np.int64] | None = None
    ) -> tuple[npt.NDArray[np.int32 | np.int64], npt.NDArray[np.float32]]:
        """The rows that have the word (or the places in ``among`` of those that do) and what it adds to each."""
        start, end = self._places(stem)
        having, counts = self._rows[start:end], self._counts[start:end]
        places = having
        if among is not None:
            at = np.minimum(np.searchsorted(having, among.astype(np.int32)), len(having) - 1)
            places = np.flatnonzero(having[at] == among)
            having, counts = having[at[places]], counts[at[places]]
        tf = counts.astype(np.float32)
        return places, np.float32(idf) * tf / (tf + self._norms[having])

    def knows(self, stem: str) -> bool:
        return self.rows_with(stem) > 0

    def has(self, word: str) -> bool:
        """Whether a row has the word in some form, by the stems of any language that rows are in.

        Also of a word that carries no content, which is not looked for.
        """
        stemmed = stem(word)
        if word.lower() in STOPWORDS or stemmed in STOPWORDS or self.knows(stemmed):
            return True
        return any(self.knows(stem_in(word, language)) for language in self.languages)

    def near(self, word: str, most: int) -> list[tuple[str, int, int]]:
        """Words of the rows that differ from ``word`` by at most ``most`` letters added, lost, changed or swapped.

        (word as ``fold`` has it, changes, rows that have it in some form), fewest changes first, then those with the
        same first letter, then the most frequent. Takes time in proportion to the vocabulary: some 45 ms
        of 200,000 words.
        """
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        folded = fold(word)
        size = len(folded.encode("utf-8", "surrogatepass"))
        alike = [raw.decode("utf-8", "surrogatepass") for raw in self.forms.of_size(size - 2 * most, size + 2 * most)]
        close = extract(folded, alike, scorer=OSA.distance, score_cutoff=most, limit=None)
        found = [(form, int(changes), self.rows_with(stem(form))) for form, changes, _ in close]
        return sorted(  # no row has what only documents had that are gone
            (each for each in found if each[2]),
            key=lambda each: (each[1], each[0][:1] != folded[:1], -each[2], each[0]),
        )

    def rows_with(self, stem: str) -> int:
        """How many rows have the word."""
        start, end = self._places(stem)
        return end - start

    def idf(self, stem: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)); the largest for a word that no text has."""
        start, end = self._places(stem)
        df = end - start
        return float(np.log(1 + (self.rows - df + 0.5) / (df + 0.5)))

    def _places(self, stem: str) -> tuple[int, int]:
        found = self.vocabulary.find(stem.encode("utf-8", "surrogatepass"))
        if found is None:
            return 0, 0
        word = int(self.word_ids[found])
        return int(self._starts[word]), int(self._starts[word + 1])


class LexicalWriter:
    """Takes texts in the order of their rows; ``close`` inverts them without holding them in memory."""

    def __init__(self, folder: Path, before: Lexical | None = None) -> None:
        """``before``: whose rows can be copied; its words keep their numbers."""
        folder.mkdir()
        self._folder = folder
        self._before = before
        self._ids: dict[str, int] = {}
        if before is not None:
            words = zip(before.vocabulary, before.word_ids.tolist(), strict=True)
            self._ids = {word.decode("utf-8", "surrogatepass"): number for word, number in words}
        self._forms = set(before.forms) if before else set[bytes]()
        self._languages = set(before.languages) if before else set()
        self._words = ArrayWriter(folder / "row_words", "<i4")
        self._counts = ArrayWriter(folder / "row_counts", "<u2")
        self._sizes = array("i")
        self._lengths = array("i")

    def add(self, text: str, language: str = "en") -> None:
        """The next row; ``language`` (ISO 639-1) is that of its whole document."""
        words = Counter(content_words(text))
        self._forms.update(fold(word).encode("utf-8", "surrogatepass") for word in words if word.isalpha())
        counts: Counter[str] = Counter()
        for word, count in words.items():
            if (stemmed := stem(word)) not in STOPWORDS:
                counts[stemmed] += count
        length = counts.total()
        if language != "en":
            self._languages.add(language)
            counts = Counter(dict.fromkeys(counts, 0))
            for word, count in words.items():
                counts[stem_in(word, language)] += count
        ids = self._ids
        self._words.append([ids.setdefault(stem, len(ids)) for stem in counts])
        self._counts.append([min(count, _MOST) for count in counts.values()])
        self._sizes.append(len(counts))
        self._lengths.append(length)

    def copy(self, start: int, stop: int) -> None:
        """The rows ``start`` to ``stop`` of the index before."""
        assert self._before is not None
        before = self._before
        first, last = before.row_starts[start], before.row_starts[stop]
        self._words.append(before.row_words[first:last])
        self._counts.append(before.row_counts[first:last])
        self._sizes.extend(np.diff(before.row_starts[start : stop + 1]).tolist())
        self._lengths.extend(before.lengths[start:stop].tolist())

    def abandon(self) -> None:
        """Let go of the files as they are; nothing happens where they are closed already."""
        with closing(self._words), closing(self._counts):
            pass

    def close(self) -> None:
        """Write the vocabulary and, for every word, the rows that have it."""
        self._words.close()
        self._counts.close()
        for name, values in (("row_sizes", self._sizes), ("lengths", self._lengths)):
            with ArrayWriter(self._folder / name, "<i4") as out:
                out.append(values)
        ordered = sorted(self._ids)
        with RecordWriter(self._folder / "words") as vocabulary:
            for word in ordered:
                vocabulary.append(word.encode("utf-8", "surrogatepass"))
        with RecordWriter(self._folder / "forms") as forms:
            for form in sorted(self._forms):
                forms.append(form)
        with ArrayWriter(self._folder / "ids", "<i4") as out:
            out.append([self._ids[word] for word in ordered])
        with RecordWriter(self._folder / "languages") as languages:
            for language in sorted(self._languages):
                languages.append(language.encode("ascii"))
        words = mapped(self._folder / "row_words", "<i4")
        df = np.zeros(len(self._ids), np.int64)
        for first in range(0, len(words), _BLOCK):
            df += np.bincount(words[first : first + _BLOCK], minlength=len(df))
        starts = np.concatenate([[0], np.cumsum(df)])
        with ArrayWriter(self._folder / "starts", "<i8") as out:
            out.append(starts)
        self._invert(words, starts)

    def _invert(self, words: npt.NDArray[np.int32], starts: npt.NDArray[np.int64]) -> None:
        """A counting sort by word, a block of rows at a time: the next free place of every word moves on."""
        counts = mapped(self._folder / "row_counts", "<u2")
        rows_out = _blank(self._folder / "rows", "<i4", len(words))
        counts_out = _blank(self._folder / "counts", "<u2", len(words))
        free = starts[:-1].copy()
        for rows, first, last in self._blocks():
            order = np.argsort(words[first:last], kind="stable")
            ordered = words[first:last][order]
            begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
            sizes = np.diff(np.append(begins, len(ordered)))
            place = np.repeat(free[ordered[begins]] - begins, sizes) + np.arange(len(ordered))
            rows_out[place] = rows[order]
            counts_out[place] = counts[first:last][order]
            free[ordered[begins]] += sizes

    def _blocks(self) -> Iterator[tuple[npt.NDArray[np.int32], int, int]]:
        """Whole rows of some ``_BLOCK`` places: the row of each place, the first place, the one after the last."""
        sizes = np.asarray(self._sizes, np.int64)
        ends = np.cumsum(sizes)
        row, first = 0, 0
        while row < len(sizes):
            stop = max(row + 1, int(np.searchsorted(ends, first + _BLOCK, "right")))
            last = int(ends[stop - 1])
            if last > first:
                yield np.repeat(np.arange(row, stop, dtype=np.int32), sizes[row:stop]), first, last
            row, first = stop, last


def _blank(path: Path, dtype: str, size: int) -> npt.NDArray[Any]:
    """A raw array in a file, to be filled in."""
    if not size:
        path.touch()
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, "w+", shape=(size,))
