"""The report of an evaluation: what is in it, as a table, and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Required, TypedDict

from rag.errors import RagError
from rag.files import write_json
from rag.measure.machine import MachineData
from rag.measure.metrics import Measure
from rag.output.render import printable

_SHOWN = 5


class MeasureData(TypedDict):
    """A ``rag.measure.metrics.Measure``."""

    value: float
    n: int
    low: float
    high: float


def measure_data(measure: Measure) -> MeasureData:
    """As a report gives it: four decimals."""
    value, low, high = (round(x, 4) for x in (measure.value, measure.low, measure.high))
    return {"value": value, "n": measure.n, "low": low, "high": high}


class VerdictData(TypedDict, total=False):
    """Whether one question came out right. The words of question and answer only of a set that is a folder of files."""

    kind: Required[str]
    type: Required[str]
    right: Required[bool]
    wrong: Required[str]  # why it is wrong; "" where it is right
    question: str
    answer: str
    seconds: float


class RightData(TypedDict):
    """Shares of right verdicts over all sets that are folders of files; ``judged_by`` as in a ``SetReport``."""

    judged_by: str
    all: MeasureData
    by_kind: dict[str, MeasureData]
    by_type: dict[str, MeasureData]
    by_set: dict[str, MeasureData]


class SetReport(TypedDict, total=False):
    """One set; of one that could not be evaluated only the first three and ``error``, and what that makes wrong."""

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
    own_files: bool  # the set is a folder of files
    judged_by: str  # how the verdicts were reached: strings, gold or evidence
    verdicts: dict[str, VerdictData]  # question -> whether it came out right
    seconds: float


class EvaluationReport(TypedDict, total=False):
    sets: Required[list[SetReport]]
    models: Required[dict[str, str]]
    settings: Required[dict[str, str | int | None]]
    versions: Required[dict[str, str]]
    machine: Required[MachineData]
    right: RightData  # where a set is a folder of files
    against: object  # where the report was compared with another: rag.measure.against


def save_report(report: Mapping[str, object], path: Path) -> None:
    """Write a report as JSON; a file that is there is replaced whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, report)
    except OSError as error:
        raise RagError(f"The report {path} cannot be written: {error.strerror}.", fix="change --out") from error


def evaluation_table(report: EvaluationReport) -> str:
    """A block a set, with metric, value, 95 % interval, n, then what failed or was left out; then what came out right.

    Of several folders of files only what was wrong is shown, and the metrics are in the JSON.
    """
    brief = sum(one.get("own_files", False) for one in report["sets"]) > 1
    blocks = [_set_block(one, metrics=not (brief and one.get("own_files"))) for one in report["sets"]]
    if "right" in report:
        blocks.append(_right_block(report["right"]))
    models, machine = report["models"], report["machine"]
    used = f"{models['embedder']}{', ' + models['generator'] if models['generator'] else ', no language model'}"
    blocks.append(f"{used}; {machine['processor']}, {machine['cores']} cores; seed {report['settings']['seed']}")
    return "\n\n".join(blocks)


def _set_block(one: SetReport, *, metrics: bool) -> str:
    if "error" in one:
        return "\n".join([f"{one['name']}: not evaluated", f"  {one['error']}", *_wrong_lines(one)])
    lines = [f"{one['name']}  (n = {one['n']}, {one['seconds']:.0f} s)"]
    if metrics:
        lines.append(_HEAD)
        lines += [measure_line(name, m) for name, m in one["metrics"].items()]
    lines += _wrong_lines(one)
    for what, reasons in (("failed", one["failed"]), ("invalid", one.get("invalid", {}))):
        lines += [f"  {what}: {key}: {why}" for key, why in reasons.items()]
    problems = one["problems"]
    lines += [f"  left out: {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  … and {len(problems) - _SHOWN} more")
    return "\n".join(lines)


def _wrong_lines(one: SetReport) -> list[str]:
    """What came out wrong, and why, of a folder of files."""
    if not one.get("own_files"):
        return []
    wrong = {name: verdict for name, verdict in one.get("verdicts", {}).items() if not verdict["right"]}
    return [f"  WRONG {name}: {v['question']}\n        {printable(v['wrong'])}" for name, v in wrong.items()]


def _right_block(right: RightData) -> str:
    """In all, then by kind, by type and by set."""
    everything = right["all"]
    number = round(everything["value"] * everything["n"])
    what = "gold sentence shown" if right["judged_by"] == "evidence" else "right"
    lines = [f"{number} of {everything['n']} {what} ({everything['value']:.2f}), judged by {right['judged_by']}", _HEAD]
    lines.append(measure_line("all", everything))
    for group in (right["by_kind"], right["by_type"], right["by_set"]):
        lines += ["", *(measure_line(name, m) for name, m in group.items())] if group else []
    return "\n".join(lines)


_HEAD = f"  {'':34} {'value':>9}  {'95 % interval':>21} {'n':>6}"


def measure_line(name: str, m: MeasureData) -> str:
    """One line below ``_HEAD``."""
    interval = f"{_number(m['low'])} – {_number(m['high'])}"
    return f"  {name:34} {_number(m['value']):>9}  {interval:>21} {m['n']:>6}"


def _number(value: float) -> str:
    """Shares with three decimals, milliseconds and tokens without.

    >>> _number(0.71234), _number(1234.5)
    ('0.712', '1,234')
    """
    return f"{value:.3f}" if abs(value) <= 2 else f"{value:,.0f}"
