"""What `rag eval` does: runs sets, compares reports, writes sheets and reads them back."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from rag import opening
from rag.config import Settings
from rag.errors import DataSetError
from rag.measure.against import compare, comparison_table, read_report
from rag.measure.datasets import Question
from rag.measure.evaluate import Run, evaluate
from rag.measure.report import EvaluationReport, evaluation_table, save_report
from rag.measure.scoring import AnswerData
from rag.measure.sheets import audit, columns_of, judging
from rag.models.silent import SilentModel
from rag.types import Progress


class Outcome(NamedTuple):
    """What the command prints, as text and as data, and whether all went well."""

    text: str
    data: object
    well: bool = True


def run(settings: Settings, flags: Namespace, *, progress: Progress) -> Outcome:
    """Do what the flags of `rag eval` say. Raises DataSetError for flags that do not go together."""
    if flags.judged:
        return _judged([Path(file) for file in flags.judged])
    _check(flags)
    before = read_report(Path(flags.against)) if flags.against else None  # before hours are spent
    if before is not None and _is_file(flags.sets):
        compared = compare(read_report(Path(flags.sets[0])), before)
        return Outcome(comparison_table(compared), compared)
    report = _evaluate(settings, flags, progress)
    text = evaluation_table(report)
    if before is not None:
        compared = compare(report, before)
        report["against"] = compared
        text += f"\n\nagainst {Path(flags.against).name}: {comparison_table(compared)}"
        _save(report, flags)
    return Outcome(text, report, not any("error" in one or one.get("failed") for one in report["sets"]))


def _is_file(sets: list[str]) -> bool:
    return len(sets) == 1 and Path(sets[0]).is_file()


def _check(flags: Namespace) -> None:
    """Raises DataSetError before hours are spent."""
    if not flags.sets:
        raise DataSetError("No evaluation set is named.", fix="rag eval DIR...")
    if _is_file(flags.sets) and not flags.against:
        raise DataSetError(
            f"{flags.sets[0]} is a file, not a folder.", fix="name a folder; two reports: rag eval NEW --against OLD"
        )
    sheets = {"--audit": flags.audit and flags.audit_out, "--sheet": flags.sheet}
    for flag, sheet in sheets.items():
        if sheet and flags.no_answers:
            raise DataSetError(
                f"There are no answers for {flag} with --no-answers.", fix="leave one of the two out, or use --no-model"
            )
        if sheet and Path(sheet).exists():
            change = "--audit-out" if flag == "--audit" else flag
            raise DataSetError(f"The sheet {sheet} exists and may hold judgements.", fix=f"change {change}")
    if flags.no_model and flags.no_answers:
        raise DataSetError(
            "--no-answers asks for no answers, --no-model for some without a language model.", fix="name one of them"
        )


def _evaluate(settings: Settings, flags: Namespace, progress: Progress) -> EvaluationReport:
    """Run the sets; writes the report and the sheets that the flags name."""
    needed: tuple[str, ...] = settings.model_names
    if flags.no_model or flags.no_answers:
        needed = (settings.embedder, settings.reranker)
    opening.fetch_models(settings, *needed, progress=progress)
    if flags.no_model:
        settings = replace(settings, generator=SilentModel.name)  # what was fitted for a model does not hold for it
    sentences: list[audit.Row] = []
    answers: list[judging.Row] = []

    def hear(name: str, question: Question, answer: AnswerData) -> None:
        sentences.extend(audit.rows(name, question.id, answer))
        answers.append(judging.row(name, question, answer))

    report = evaluate(
        [Path(folder) for folder in flags.sets],
        Run(
            settings,
            opening.open_embedding(settings),
            opening.open_ranking(settings),
            SilentModel if flags.no_model else lambda: opening.open_model(settings),
            Path(flags.work) if flags.work else user_cache_path("quoted-rag") / "eval",
            answers=not flags.no_answers,
            limit=flags.limit,
            seed=flags.seed,
            fresh=flags.fresh,
            progress=progress,
            heard=hear,
        ),
        done=lambda report: _save(report, flags),
    )
    if flags.audit:
        sample = audit.even_sample(sentences, flags.audit, seed=flags.seed)
        audit.save_sheet(sample, Path(flags.audit_out))
        print(f"{flags.audit_out}: {len(sample)} of {len(sentences)} answer sentences to judge", file=sys.stderr)
    if flags.sheet:
        judging.save_sheet(answers, Path(flags.sheet))
        print(f"{flags.sheet}: {len(answers)} answers to judge", file=sys.stderr)
    return report


def _save(report: EvaluationReport, flags: Namespace) -> None:
    if flags.out:
        save_report(report, Path(flags.out))


# --- sheets that came back -----------------------------------------------------------------------


def _judged(paths: list[Path]) -> Outcome:
    if len(paths) > 2:
        raise DataSetError("Two sheets can be compared, not more.", fix="rag eval --judged FILE FILE")
    if all("first_sentence" in columns_of(path) for path in paths):
        return _judged_answers(paths)
    if len(paths) > 1:
        raise DataSetError("Only sheets of whole answers (--sheet) can be compared.", fix="name one sheet")
    rows = audit.read_sheet(paths[0])
    shares = {
        column: {group: asdict(share) for group, share in groups.items()}
        for column, groups in audit.judged(rows).items()
    }
    return Outcome(audit.judgement_table(rows), {"rows": len(rows), **shares, "unfilled": audit.unfilled(rows)})


def _judged_answers(paths: list[Path]) -> Outcome:
    """Figures of each sheet; of two, also how far their readers agree."""
    sheets = [judging.read_sheet(path) for path in paths]
    texts = [f"{path.name}: {judging.judgement_table(rows)}" for path, rows in zip(paths, sheets, strict=True)]
    data: dict[str, object] = {
        "sheets": [
            {
                "rows": len(rows),
                "figures": {name: asdict(measure) for name, measure in judging.judged(rows).items()},
                "unfilled": judging.unfilled(rows),
            }
            for rows in sheets
        ]
    }
    if len(sheets) == 2:
        agreed = judging.agreement(*sheets)
        data["agreement"] = agreed
        texts.append(judging.agreement_table(agreed))
    return Outcome("\n\n".join(texts), data)
