"""Two reports of `rag eval`, question by question: which came out right in both, in one or in neither."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TypedDict, cast

from rag.errors import DataSetError
from rag.measure.metrics import mcnemar
from rag.measure.report import EvaluationReport, VerdictData
from rag.output.render import printable

_SET_AND_ID = tuple[str, str]


class ChangedData(TypedDict):
    """A question that is right in one report only; ``wrong`` is why it is wrong in the other."""

    set: str
    id: str
    question: str
    right_now: bool
    wrong: str


class ComparisonData(TypedDict):
    n: int  # questions that both reports judge
    both: int
    only_now: int
    only_before: int
    neither: int
    p: float  # that both are as often right: McNemar's exact test
    changed: list[ChangedData]
    alone: int  # questions that only one report judges


def read_report(path: Path) -> EvaluationReport:
    """A report that `rag eval --out` or `--json` wrote. Raises DataSetError where it is none with verdicts."""
    try:
        report = json.loads(path.read_bytes())
        named = [one["name"] for one in report["sets"] if one.get("verdicts")]
    except OSError as error:
        raise DataSetError(f"The report {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataSetError(f"{path} is no report of `rag eval`.", fix="rag eval DIR --out FILE") from error
    if not named:
        raise DataSetError(f"{path} has no verdicts on questions.", fix="rag eval DIR --out FILE makes one that has")
    return cast(EvaluationReport, report)


def compare(now: EvaluationReport, before: EvaluationReport) -> ComparisonData:
    """Of the questions that both judge. Raises DataSetError where there is none, or they judge in different ways."""
    _check_ways(now, before)
    new, old = _verdicts(now), _verdicts(before)
    pairs = {name: (new[name], old[name]) for name in new if name in old}
    if not pairs:
        raise DataSetError("The two reports have no question in common.", fix="evaluate the same sets")
    counts = Counter((a["right"], b["right"]) for a, b in pairs.values())
    only_now, only_before = counts[True, False], counts[False, True]
    return {
        "n": len(pairs),
        "both": counts[True, True],
        "only_now": only_now,
        "only_before": only_before,
        "neither": counts[False, False],
        "p": mcnemar(only_now, only_before),
        "changed": [
            {
                "set": set_name,
                "id": name,
                "question": a.get("question", ""),
                "right_now": a["right"],
                "wrong": a["wrong"] or b["wrong"],
            }
            for (set_name, name), (a, b) in pairs.items()
            if a["right"] != b["right"]
        ],
        "alone": len(new.keys() ^ old.keys()),
    }


def _verdicts(report: EvaluationReport) -> dict[_SET_AND_ID, VerdictData]:
    return {(one["name"], name): v for one in report["sets"] for name, v in one.get("verdicts", {}).items()}


def _check_ways(now: EvaluationReport, before: EvaluationReport) -> None:
    ways = {one["name"]: one["judged_by"] for one in before["sets"] if "judged_by" in one}
    for one in now["sets"]:
        earlier = ways.get(one["name"])
        if "judged_by" in one and earlier not in (None, one["judged_by"]):
            raise DataSetError(
                f"{one['name']} is judged by {one['judged_by']} in one report and by {earlier} in the other.",
                fix="evaluate both with --no-answers, or both without",
            )


def comparison_table(compared: ComparisonData) -> str:
    """The counts, p, and the questions that changed: those that went wrong first."""
    c = compared
    lines = [
        f"{c['only_now'] + c['both']} of {c['n']} right now, {c['only_before'] + c['both']} before",
        f"  both {c['both']}, only now {c['only_now']}, only before {c['only_before']}, neither {c['neither']};"
        f" McNemar exact p = {c['p']:.3f}",
    ]
    if c["alone"]:
        lines.append(f"  {c['alone']} questions are in one report only")
    for changed in sorted(c["changed"], key=lambda one: one["right_now"]):
        what = "right now, was" if changed["right_now"] else "WRONG now"
        question = f" {changed['question']}" if changed["question"] else ""
        lines.append(f"  {changed['set']} {changed['id']}:{question}\n        {what}: {printable(changed['wrong'])}")
    return "\n".join(lines)
