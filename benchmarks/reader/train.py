"""Tunes the reader's upper layers and writes the ONNX file that the program loads.

    python benchmarks/reader/train.py GROUPS.jsonl [...] --out FOLDER [--seed 0] [--epochs 2] [--minutes 60]

A GROUPS.jsonl comes from ``data.py``. What the frozen lower half makes of every passage is computed once and kept in
FOLDER. The loss of a question is the sum of three cross-entropies: of every unit (answers or not), of the answering
units against all units of the question's passages, and of every passage (answers or not).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch
from model import WIDTH, Upper, lower_half, upper_from, write
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from rag.config import Settings
from rag.models.onnx_bert import OnnxBert, tokens_of
from rag.models.store import locate

MAX_TOKENS = 320
LEARNING_RATE = 6e-5
HEAD_LEARNING_RATE = 1e-3
QUESTIONS_A_STEP = 6
PASSAGES_A_QUESTION = 4  # of those given: two that answer, those near, and others; every epoch draws anew
LIST_WEIGHT = 0.5
PASSAGE_WEIGHT = 0.5
TOGETHER = 6  # passages of like length, a run

Hidden = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Passage:
    hidden: Hidden  # the lower half's output, of shape (tokens, width)
    units: tuple[tuple[int, int, int], ...]  # first token, end, label; those that were not cut off
    near: bool  # looks like the answer

    @property
    def answers(self) -> bool:
        return any(label == 1 for _, _, label in self.units)


@dataclass(frozen=True, slots=True)
class Question:
    source: str
    passages: tuple[Passage, ...]


def load(groups: Path, folder: Path, model: Path) -> list[Question]:
    """The questions of a file, with what the lower half makes of their passages; that is kept in ``folder``."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    given = [json.loads(line) for line in groups.read_text("utf-8").splitlines()]
    encodings = [[tokenizer.encode(group["q"], p["text"]) for p in group["passages"]] for group in given]
    size = sum(len(encoding) for own in encodings for encoding in own)
    kept = folder / f"{groups.stem}.hidden.f16"
    if not kept.is_file() or kept.stat().st_size != size * WIDTH * 2:
        _compute([(g["q"], p["text"]) for g in given for p in g["passages"]], size, kept, model)
    hidden = np.memmap(kept, np.float16, "r", shape=(size, WIDTH))
    questions, start = [], 0
    for group, own in zip(given, encodings, strict=True):
        passages = []
        for passage, encoding in zip(group["passages"], own, strict=True):
            units = _units(encoding, passage["spans"], passage["labels"])
            passages.append(Passage(hidden[start : start + len(encoding)], units, passage.get("near", False)))
            start += len(encoding)
        questions.append(Question(group["src"], tuple(passages)))
    return questions


def _units(
    encoding: Encoding, spans: Sequence[Sequence[int]], labels: Sequence[int]
) -> tuple[tuple[int, int, int], ...]:
    units = []
    for (first, end), label in zip(spans, labels, strict=True):
        tokens = tokens_of(encoding, first, end)
        if tokens:
            units.append((tokens.start, tokens.stop, label))
    return tuple(units)


def _compute(pairs: Sequence[tuple[str, str]], size: int, kept: Path, model: Path) -> None:
    with TemporaryDirectory() as below:
        lower_half(model / "model.onnx", Path(below, "model.onnx"))
        Path(below, "tokenizer.json").write_bytes((model / "tokenizer.json").read_bytes())
        Path(below, "tokenizer_config.json").write_text(json.dumps({"model_max_length": MAX_TOKENS}))
        encoder = OnnxBert(Path(below), threads=os.cpu_count() or 1)
        kept.parent.mkdir(parents=True, exist_ok=True)
        hidden = np.memmap(kept, np.float16, "w+", shape=(size, WIDTH))
        at = 0
        for first in tqdm(range(0, len(pairs), 256), "lower half"):
            for rows in encoder.run(pairs[first : first + 256], lambda output, _: output.astype(np.float16)):
                hidden[at : at + len(rows)] = rows
                at += len(rows)
        hidden.flush()


def losses(upper: Upper, questions: list[list[Passage]]) -> Tensor:
    """The mean loss of some questions, each with the passages drawn for it."""
    passages = [p for own in questions for p in own]
    of_passage: dict[int, Tensor] = {}
    of_units: dict[int, Tensor] = {}
    by_length = sorted(range(len(passages)), key=lambda n: len(passages[n].hidden))
    for first in range(0, len(by_length), TOGETHER):
        part = by_length[first : first + TOGETHER]
        scores, tokens = _read(upper, [passages[n].hidden for n in part])
        for row, n in enumerate(part):
            of_passage[n] = scores[row]
            sums = functional.pad(tokens[row].cumsum(0), (1, 0))
            firsts, ends = (torch.tensor([u[k] for u in passages[n].units], dtype=torch.long) for k in (0, 1))
            of_units[n] = (sums[ends] - sums[firsts]) / (ends - firsts)
    total, n = torch.zeros(()), 0
    for own in questions:
        z = torch.cat([of_units[n + k] for k in range(len(own))])
        labels = torch.tensor([label for p in own for _, _, label in p.units], dtype=torch.float32)
        z, y = z[labels >= 0], labels[labels >= 0]
        answers = torch.tensor([float(p.answers) for p in own])
        read = torch.stack([of_passage[n + k] for k in range(len(own))])
        total = total + PASSAGE_WEIGHT * functional.binary_cross_entropy_with_logits(read, answers)
        total = total + functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / max(4.0, len(y) / 4)
        if y.any():
            total = total - LIST_WEIGHT * (torch.logsumexp(z[y > 0], 0) - torch.logsumexp(z, 0))
        n += len(own)
    return total / len(questions)


def _read(upper: Upper, rows: Sequence[Hidden]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    batch = np.zeros((len(rows), longest, WIDTH), np.float32)
    mask = np.zeros((len(rows), longest), np.float32)
    for n, own in enumerate(rows):
        batch[n, : len(own)] = own
        mask[n, : len(own)] = 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        of_passage, of_token = upper(torch.from_numpy(batch), torch.from_numpy(mask))
    return of_passage.float(), of_token.float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--public", type=float, default=1.0, help="share of the public questions an epoch reads")
    parser.add_argument("--without", nargs="*", default=[], help="sources that are left out")
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    draw = random.Random(chosen.seed)
    model = locate("ms-marco-MiniLM-L-12-v2", Settings().models)
    questions = [q for path in chosen.groups for q in load(path, chosen.out, model) if q.source not in chosen.without]
    upper = upper_from(model / "model.onnx").train()
    for module in upper.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.1
    heads = [*upper.unit.parameters()]
    layers = [p for name, p in upper.named_parameters() if not name.startswith("unit.")]
    optimiser = torch.optim.AdamW(
        [{"params": layers, "lr": LEARNING_RATE}, {"params": heads, "lr": HEAD_LEARNING_RATE}], weight_decay=0.01
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    own = [q for q in questions if q.source not in ("qed", "selqa")]
    public = [q for q in questions if q.source in ("qed", "selqa")]
    a_epoch = len(own) + int(chosen.public * len(public))
    steps = chosen.epochs * math.ceil(a_epoch / QUESTIONS_A_STEP)
    start, step, recent = time.monotonic(), 0, []
    for epoch in range(chosen.epochs):
        order = own + draw.sample(public, int(chosen.public * len(public)))
        draw.shuffle(order)
        for first in range(0, len(order), QUESTIONS_A_STEP):
            part = [_drawn(q, draw) for q in order[first : first + QUESTIONS_A_STEP]]
            done = max(step / steps, (time.monotonic() - start) / 60 / chosen.minutes)
            if done >= 1:
                break
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * min(1.0, (step + 1) / 60) * (1 - done)
            loss = losses(upper, part)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(upper.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            recent = [*recent[-99:], float(loss)]
            if step % 50 == 0:
                spent = time.monotonic() - start
                print(
                    f"epoch {epoch} step {step} of {steps} loss {sum(recent) / len(recent):.3f} {spent:.0f} s",
                    flush=True,
                )
    write(model / "model.onnx", upper.eval(), chosen.out / f"reader-{chosen.seed}.onnx")
    torch.save(upper.state_dict(), chosen.out / f"upper-{chosen.seed}.pt")


def _drawn(question: Question, draw: random.Random) -> list[Passage]:
    answering = [p for p in question.passages if p.answers]
    chosen = draw.sample(answering, min(2, len(answering)))
    chosen += [p for p in question.passages if p.near and not p.answers]
    others = [p for p in question.passages if not p.answers and not p.near]
    return chosen + draw.sample(others, max(0, min(PASSAGES_A_QUESTION - len(chosen), len(others))))


if __name__ == "__main__":
    main()
