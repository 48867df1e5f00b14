"""What README and docs say is so: commands, settings, file map, links, figures, transcript and first program."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from rag.assistant import Assistant
from rag.cli import _parser
from rag.config import Settings
from rag.output.render import to_text
from tests import file_map

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "benchmarks/peers/*.md", "index/*.md", "tests/data/*.md")
    for page in ROOT.glob(pattern)
)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def block(name: str) -> str:
    """The fenced block of the README after ``<!-- name -->``."""
    match = re.search(rf"<!-- {re.escape(name)} -->\n```\w*\n(.*?)\n```", README, re.S)
    assert match, f"README.md has no block {name!r}"
    return match[1]


def code(text: str) -> Iterator[str]:
    """Every line of a fenced block, without its comment, and every inline code of a page."""
    for fence in re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M):
        yield from (line.partition("  #")[0].strip() for line in fence.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


# --- commands


@pytest.mark.parametrize("name", ["command: start", "command: test"])
def test_each_of_the_two_commands_is_a_single_line(name: str) -> None:
    command = block(name)
    assert "\n" not in command
    assert "python3 -m venv .venv" in command
    extras = set(re.findall(r"\.\[(\w+)\]", command))
    assert extras <= set(PYPROJECT["project"]["optional-dependencies"])
    for script in re.findall(r"\bpython (\w+\.py)", command):
        assert (ROOT / script).is_file()


@pytest.fixture(scope="module")
def ui_flags() -> set[str]:
    shown = subprocess.run([sys.executable, "ui.py", "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(re.findall(r"--[a-z-]+", shown.stdout))


@each_page
def test_every_command_named_exists_with_its_flags(page: Path, ui_flags: set[str]) -> None:
    (sub,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    for line in code(page.read_text("utf-8")):
        flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line))
        if match := re.match(r"(?:\$ )?(?:\S*python -m )?rag ([a-z]+)\b", line):
            assert match[1] in sub.choices, line
            options = {option for action in sub.choices[match[1]]._actions for option in action.option_strings}
            assert flags <= options, line
        elif re.match(r"\S*python ui\.py", line):
            assert flags <= ui_flags, line


@each_page
def test_every_target_extra_and_script_named_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for line in code(page.read_text("utf-8")):
        if match := re.match(r"make (\w+)", line):
            assert match[1] in targets, line
        for extra in re.findall(r"\.\[(\w+)\]", line):
            assert extra in PYPROJECT["project"]["optional-dependencies"], line
        if match := re.match(r"\S*python (?:-m (benchmarks[.\w]*)|(\S+\.py))", line):
            assert (ROOT / (match[2] or match[1].replace(".", "/") + ".py")).is_file(), line


def test_make_runs_what_the_extras_bring() -> None:
    """Every program that the Makefile and the hooks start comes with the dev extra, python or this project."""
    brought = {"python", "rag", *PYPROJECT["project"]["scripts"]}
    for extra in ("test", "dev"):
        brought |= {re.split(r"[<>=\[]", need)[0] for need in PYPROJECT["project"]["optional-dependencies"][extra]}
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    started = re.findall(r"\$\(BIN\)/([\w-]+)", (ROOT / "Makefile").read_text("utf-8"))
    started += re.findall(r"entry: \.venv/bin/([\w-]+)", hooks)
    assert {"pytest", "ruff", "mypy"} <= set(started)
    assert set(started) <= brought
    assert set(re.findall(r"repo: (\S+)", hooks)) == {"local"}, "a hook of elsewhere would have to be fetched"


# --- settings, files, links


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.M))
    assert set(rows) == {field.name for field in fields(Settings)}
    for field in fields(Settings):
        if isinstance(field.default, int | str):
            assert rows[field.name] == f"`{field.default}`", f"docs/configuration.md: another default of {field.name}"


def test_the_file_map_is_the_tree() -> None:
    """``python -m tests.file_map`` mends it; a new file gets its docstring's first line, to be shortened by hand."""
    present, wanted = file_map.block(), file_map.drawn(file_map.block())
    missing = [line for line in wanted.splitlines() if line not in present.splitlines()]
    surplus = [line for line in present.splitlines() if line not in wanted.splitlines()]
    command = "python -m tests.file_map"
    assert present == wanted, "\n".join([f"{command} mends it. Missing:", *missing, "No such file:", *surplus])
    assert file_map.UNKNOWN not in present, "docs/architecture.md: say what the folder is"
    for name in file_map.described(present):
        assert (ROOT / name).exists(), f"docs/architecture.md: there is no {name}"


@each_page
def test_every_file_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for name in code(text):
        if re.fullmatch(r"(?:rag|tests|benchmarks|docs|seeds|\.ci)/[\w./-]*", name):
            assert (ROOT / name).exists(), name
        elif re.fullmatch(r"[\w-]+\.json", name) and page.parent.name == "benchmarks":
            assert (page.parent / name).exists(), name


@each_page
def test_every_picture_and_link_into_the_project_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        linked = (page.parent / name) if name else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", linked.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}, target


def test_every_result_committed_has_its_command() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    for result in (ROOT / "benchmarks").glob("*.json"):
        assert f"`{result.name}`" in page, result.name


def test_every_file_of_the_test_data_says_where_it_is_from() -> None:
    page = (ROOT / "tests" / "data" / "README.md").read_text("utf-8")
    for file in set((ROOT / "tests" / "data").iterdir()) - {ROOT / "tests" / "data" / "README.md"}:
        assert file.name in page, file.name


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= 170


# --- docstrings that list what is elsewhere


def test_a_docstring_that_lists_the_files_of_its_folder_lists_all() -> None:
    listing = 0
    for init in (ROOT / "rag").rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(init.read_text("utf-8"))) or ""
        named = set(re.findall(r"^(\w+\.py)\s{2,}", text, re.M))
        if named:
            listing += 1
            assert named | {"__init__.py"} == {p.name for p in init.parent.glob("*.py")}, init.relative_to(ROOT)
    assert listing, "no docstring lists files any more: this test can go"


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    tree = ast.parse((ROOT / "rag" / "errors.py").read_text("utf-8"))
    classes = {c.name: ast.unparse(c.bases[0]) for c in tree.body if isinstance(c, ast.ClassDef)}
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (ast.get_docstring(tree) or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)(?:\s{2}|$)", line):
            del above[len(match[1]) // 4 :]
            drawn[match[2]] = above[-1] if above else "Exception"
            above.append(match[2])
    assert drawn == classes


def test_the_protocols_are_as_many_as_their_docstring_says() -> None:
    tree = ast.parse((ROOT / "rag" / "models" / "protocols.py").read_text("utf-8"))
    protocols = [c for c in tree.body if isinstance(c, ast.ClassDef) and "Protocol" in map(ast.unparse, c.bases)]
    number = re.search(r"the (\w+) protocols", ast.get_docstring(tree) or "")
    assert number
    assert number[1] == ["no", "one", "two", "three", "four", "five", "six"][len(protocols)]


# --- figures


def metric(file: str, name: str) -> dict[str, dict[str, Any]]:
    """Value and n of a metric by set, of a committed report."""
    report = json.loads((ROOT / "benchmarks" / file).read_text("utf-8"))
    return {one["name"]: one["metrics"][name] for one in report["sets"] if name in one["metrics"]}


def share(value: float, places: int) -> str:
    return f"{value:.{places}f}".removeprefix("0")


def evaluation_rows() -> dict[str, list[str]]:
    """The cells of each row of docs/evaluation.md by the row's first cell; "..." continues the row above."""
    rows: dict[str, list[str]] = {}
    last = ""
    for line in (ROOT / "docs" / "evaluation.md").read_text("utf-8").splitlines():
        if line.startswith("|"):
            first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            last = first if not first.startswith("...") else last
            rows[first if first == last else f"{last} {first}"] = cells
    return rows


ANSWERS = {
    "every quotation an exact slice of a retrieved passage": "validity",
    "unanswerable questions refused": "unanswerable_refused",
    "answerable questions answered": "answerable_answered",
    "a gold sentence cited, of answered": "gold_cited_given_answered",
    "the answer's words inside a quotation, of answered": "answer_in_citation",
    "cited sentences that are gold": "evidence_precision",
    "gold sentences cited": "evidence_recall",
    "answered wrongly, of all": "wrong_answer_rate",
}


@pytest.mark.parametrize(("row", "name"), ANSWERS.items())
def test_the_figures_of_answers_are_those_of_the_report(row: str, name: str) -> None:
    table = (ROOT / "docs" / "evaluation.md").read_text("utf-8").partition("`benchmarks/answers.json` |")[2]
    line = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", table, re.M)
    assert line
    values = metric("answers.json", name)
    cells = [cell.strip() for cell in line[1].split("|")]
    for cell, data_set in zip(cells, ("clapnq", "squad2", "qed"), strict=True):
        value = values.get(data_set)
        assert cell == (f"{share(value['value'], 2)} ({value['n']})" if value else "")


RETRIEVAL = {
    "SciFact, nDCG@10 (157 queries)": ("scifact", "ndcg@10"),
    "NFCorpus, nDCG@10 (168)": ("nfcorpus", "ndcg@10"),
    "ClapNQ, a gold document among the first 5 (153)": ("clapnq", "recall@5"),
    "ClapNQ, a gold document among the first 5 (153) ... a gold sentence among the 8 shown": (
        "clapnq",
        "evidence_hit@8",
    ),
    "QED, a gold document among the first 5 (500)": ("qed", "recall@5"),
    "QED, a gold document among the first 5 (500) ... a gold sentence among the 8 shown": ("qed", "evidence_hit@8"),
    "SQuAD 2.0, a gold document among the first 5 (1,382)": ("squad2", "recall@5"),
    "SQuAD 2.0, a gold document among the first 5 (1,382) ... a gold sentence among the 8 shown": (
        "squad2",
        "evidence_hit@8",
    ),
    "NatConfQA, both sides of a disagreement among the first 10 documents (74)": ("natconfqa", "both_sides@10"),
}


@pytest.mark.parametrize(("row", "of"), RETRIEVAL.items())
def test_the_figures_of_retrieval_are_those_of_the_reports(row: str, of: tuple[str, str]) -> None:
    data_set, name = of
    reports = [metric(file, name)[data_set] for file in ("retrieval-before.json", "retrieval.json")]
    assert evaluation_rows()[row] == [share(report["value"], 3) for report in reports]
    n = re.search(r"\(([\d,]+)", row)
    assert n
    assert {report["n"] for report in reports} == {int(n[1].replace(",", ""))}


# --- what the program prints


@pytest.mark.model
def test_the_transcript_is_what_the_program_prints(real_assistant: Assistant) -> None:
    transcript = block("transcript")
    question = re.search(r'rag ask "(.*)"', transcript)
    assert question
    printed = to_text(real_assistant.ask(question[1]))
    assert lines_of(printed) == lines_of(transcript.partition("\n")[2])


def test_the_first_program_asks_the_question_of_the_transcript() -> None:
    program = block("python")
    assert program.splitlines()[0] == "import rag"
    assert len(program.splitlines()) == 5
    question = re.search(r"ask\((.*)\)", program)
    assert question
    assert f"rag ask {question[1]}" in block("transcript")


@pytest.mark.model
def test_the_first_program_prints_the_answer_of_the_transcript(fetched: Callable[[str], Path], tmp_path: Path) -> None:
    for name in Settings().model_names:
        fetched(name)
    done = subprocess.run(
        [sys.executable, "-c", block("python")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"RAG_INDEX": str(tmp_path)},
        timeout=550,
    )
    assert done.returncode == 0, done.stderr
    sentences, _, quotations = block("transcript").partition("\n")[2].partition("\n\nQuotations:\n")
    assert done.stdout.splitlines()[0] == " ".join(sentences.splitlines())
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == re.findall(
        r"^  (\[.*)", quotations.partition("\n\n")[0], re.M
    )


def lines_of(printed: str) -> list[str]:
    """Without what the transcript leaves out: the nearest sentences of each source."""
    return [line.strip() for line in printed.partition("\n\nWhat each source says:")[0].strip().splitlines()]
