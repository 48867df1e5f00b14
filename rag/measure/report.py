"""The report of an evaluation as a table, or a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag.errors import RagError

_SHOWN = 5


def save(report: Mapping[str, Any], path: Path) -> None:
    """Write the report as JSON; a file that is there is replaced whole."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise RagError(f"The report {path} cannot be written: {error.strerror}.", fix="change --out") from error


def table(report: Mapping[str, Any]) -> str:
    """A block a set: metric, value, 95 % interval, n; then what failed or was left out."""
    blocks = [_set(one) for one in report["sets"]]
    models, machine = report["models"], report["machine"]
    made = f"{models['embedder']}{', ' + models['generator'] if models['generator'] else ', no language model'}"
    blocks.append(f"{made}; {machine['processor']}, {machine['cores']} cores; seed {report['settings']['seed']}")
    return "\n\n".join(blocks)


def _set(one: Mapping[str, Any]) -> str:
    if "error" in one:
        return f"{one['name']}: not evaluated\n  {one['error']}"
    lines = [f"{one['name']}  (n = {one['n']}, {one['seconds']:.0f} s)"]
    lines.append(f"  {'':34} {'value':>9}  {'95 % interval':>21} {'n':>6}")
    for name, m in one["metrics"].items():
        interval = f"{_number(m['low'])} – {_number(m['high'])}"
        lines.append(f"  {name:34} {_number(m['value']):>9}  {interval:>21} {m['n']:>6}")
    for what in ("failed", "invalid"):
        lines += [f"  {what}: {key}: {why}" for key, why in one.get(what, {}).items()]
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
