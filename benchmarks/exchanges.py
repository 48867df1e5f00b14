"""How many sentences with one exchanged word would be shown, and how many in the source's own words would not.

python benchmarks/exchanges.py SETS benchmarks/exchanges.json

Real sentences of the corpora under SETS (``*/corpus.jsonl``). In each, one content word is exchanged for another of
the same corpus with the same ending, so that the grammar mostly holds. The changed sentence is held against the real
one with a judge that always says yes: what is then shown nothing else would stop. Beside it, the sentence itself and
its first clause, which should be shown; there the judge always says no.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from rag.ground.verify import verify_claim
from rag.measure.metrics import wilson
from rag.text.sentences import sentences
from rag.text.words import STOPWORDS, stem, words
from rag.types import Claim, Evidence, Sentence

EACH = 400  # sentences of a corpus
SEED = 14


class Says:
    """A judge with one opinion."""

    name = "constant"

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def support(self, claim: str, premises: Sequence[str], *, abort: Event | None = None) -> list[float]:
        return [self.probability] * len(premises)


def corpus_sentences(path: Path) -> list[str]:
    """Sentences of 8 to 30 words, one a document."""
    rng = random.Random(SEED)
    picked: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        text = str(json.loads(line)["text"])
        usable = [s for span in sentences(text) if 8 <= len((s := text[span.start : span.end].strip()).split()) <= 30]
        if usable:
            picked.append(rng.choice(usable))
    rng.shuffle(picked)
    return picked


def exchanged(sentence: str, vocabulary: dict[str, list[str]], rng: random.Random) -> str:
    """The sentence with one word in the place of another; "" where none fits."""
    own = {w.stem for w in words(sentence)}
    places = [w for w in words(sentence) if w.text.islower() and len(w.text) > 3 and w.text not in STOPWORDS]
    for word in rng.sample(places, len(places)):
        others = [o for o in vocabulary.get(word.text[-2:], ()) if stem(o) not in own]
        if others:
            return sentence[: word.start] + rng.choice(others) + sentence[word.end :]
    return ""


def is_shown(claim: str, source: str, probability: float) -> bool:
    evidence = [Evidence("d", "", None, 0, len(source), source, 1, 1.0)]
    return isinstance(verify_claim(Claim(claim, (1,)), evidence, Says(probability)), Sentence)


def main(sets: Path, out: Path) -> None:
    rng = random.Random(SEED)
    counts = {name: [0, 0] for name in ("exchanged", "itself", "first clause")}
    for path in sorted(sets.glob("*/corpus.jsonl")):
        picked = corpus_sentences(path)
        vocabulary: dict[str, list[str]] = {}
        for word in sorted({w.text for s in picked for w in words(s) if w.text.islower() and len(w.text) > 3}):
            if word not in STOPWORDS:
                vocabulary.setdefault(word[-2:], []).append(word)
        for sentence in picked[:EACH]:
            clause = sentence.split(", ")[0] + "."
            cases = [("exchanged", exchanged(sentence, vocabulary, rng), 1.0), ("itself", sentence, 0.0)]
            cases += [("first clause", clause, 0.0)] if ", " in sentence and len(clause.split()) >= 5 else []
            for name, claim, probability in cases:
                if claim:
                    counts[name][0] += is_shown(claim, sentence, probability)
                    counts[name][1] += 1
    report = {}
    for name, (shown, n) in counts.items():
        low, high = wilson(shown, n)
        report[name] = {"shown": shown, "n": n, "share": round(shown / n, 4), "low": low, "high": high}
        print(f"{name}: {shown} of {n} shown ({shown / n:.3f})")
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
