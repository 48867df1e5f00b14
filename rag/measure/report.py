"""The report of an evaluation: what is in it, as a table, and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Required, TypedDict

from rag.errors import RagError
from rag.files import write_json
from rag.measure.machine import MachineData

_SHOWN = 5


class MeasureData(TypedDict):
    """A ``rag.measure.metrics.Measure``."""

    value: float
    n: int
    low: float
    high: float


class SetReport(TypedDict, total=False):
    """One set; of one that could not be evaluated only the first three and ``error``."""

    name: Required[str]
    n: Required[int]
    metrics: Required[dict[str, MeasureData]]
    error: str
    queries: int
    questions: int
    pairs: int
    risk_coverage: list[list[float]]  # (coverage, risk), coverage rising
    invalid: dict[str, str]  # question -> how its answer breaks the promise of exact quotations
    failed: dict[str, str]  # question or pair -> its error
    problems: list[str]  # what was left out of the set
    seconds: float


class EvaluationReport(TypedDict):
    sets: list[SetReport]
    models: dict[str, str]
    settings: dict[str, str | int | None]
    versions: dict[str, str]
    machine: MachineData


def save_report(report: Mapping[str, object], path: Path) -> None:
    """Write a report as JSON; a file that is there is replaced whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, report)
    except OSError as error:
        raise RagError(f"The report {path} cannot be written: {error.strerror}.", fix="change --out") from error


def evaluation_table(report: EvaluationReport) -> str:
    """A block a set: metric, value, 95 % interval, n; then what failed or was left out."""
    blocks = [_set_block(one) for one in report["sets"]]
    models, machine = report["models"], report["machine"]
    used = f"{models['embedder']}{', ' + models['generator'] if models['generator'] else ', no language model'}"
    blocks.append(f"{used}; {machine['processor']}, {machine['cores']} cores; seed {report['settings']['seed']}")
    return "\n\n".join(blocks)


def _set_block(one: SetReport) -> str:
    if "error" in one:
        return f"{one['name']}: not evaluated\n  {one['error']}"
    lines = [f"{one['name']}  (n = {one['n']}, {one['seconds']:.0f} s)"]
    lines.append(f"  {'':34} {'value':>9}  {'95 % interval':>21} {'n':>6}")
    for name, m in one["metrics"].items():
        interval = f"{_number(m['low'])} – {_number(m['high'])}"
        lines.append(f"  {name:34} {_number(m['value']):>9}  {interval:>21} {m['n']:>6}")
    for what, reasons in (("failed", one["failed"]), ("invalid", one.get("invalid", {}))):
        lines += [f"  {what}: {key}: {why}" for key, why in reasons.items()]
    problems = one["problems"]
    lines += [f"  left out: {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  … and {len(problems) - _SHOWN} more")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Shares with three decimals, milliseconds and tokens without.

    >>> _number(0.71234), _number(1234.5)
    ('0.712', '1,234')
    """
    return f"{value:.3f}" if abs(value) <= 2 else f"{value:,.0f}"
