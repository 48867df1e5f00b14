"""What the README says is so: its commands, its file map, its settings and its transcript."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from rag.assistant import Assistant
from rag.cli import _parser
from rag.config import Settings
from rag.output.render import to_text

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def block(name: str) -> str:
    """The fenced block after ``<!-- name -->``."""
    match = re.search(rf"<!-- {re.escape(name)} -->\n```\w*\n(.*?)\n```", README, re.S)
    assert match, f"README.md has no block {name!r}"
    return match[1]


@pytest.mark.parametrize("name", ["command: start", "command: test"])
def test_each_of_the_two_commands_is_a_single_line(name: str) -> None:
    command = block(name)
    assert "\n" not in command
    assert "python3 -m venv .venv" in command
    extras = set(re.findall(r"\.\[(\w+)\]", command))
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert extras <= set(known)
    for script in re.findall(r"\bpython (\w+\.py)", command):
        assert (ROOT / script).is_file()


def test_every_rag_command_named_exists() -> None:
    (sub,) = (a for a in _parser()._actions if a.choices)
    named = set(re.findall(r"`?(?:python -m rag|rag) (build|ask|search|models|doctor|eval|bench|mcp|verify)\b", README))
    assert named
    assert named <= set(sub.choices or ())


def test_every_setting_is_documented_with_its_default() -> None:
    for field in fields(Settings):
        row = re.search(rf"^\| `{field.name}` \| (.*?) \|", README, re.M)
        assert row, f"README.md does not document the setting {field.name}"
        if isinstance(field.default, int | str):
            assert f"`{field.default}`" in row[1], f"README.md gives another default for {field.name}"


def test_the_file_map_names_every_module_once_and_nothing_else() -> None:
    listed = re.findall(r"^(rag/\S+|ui\.py|tests/|seeds/|index/|benchmarks/|docs/|\.ci/run)\s", block("file map"), re.M)
    assert len(listed) == len(set(listed))
    for name in listed:
        assert (ROOT / name).exists(), name
    modules = {f"rag/{p.name}" for p in (ROOT / "rag").glob("*.py") if p.name not in ("__init__.py", "__main__.py")}
    folders = {f"rag/{p.name}/" for p in (ROOT / "rag").iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert modules | folders <= set(listed), modules | folders - set(listed)


def test_every_picture_and_link_into_the_project_exists() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.model
def test_the_transcript_is_what_the_program_prints(real_assistant: Assistant) -> None:
    transcript = block("transcript")
    question = re.search(r'rag ask "(.*)"', transcript)
    assert question
    printed = to_text(real_assistant.ask(question[1]))
    shown = transcript.split("\n", 1)[1]
    assert [line.strip() for line in shown.splitlines()] == [
        line.strip() for line in printed.split("\n\nWhat each source says:")[0].splitlines()
    ]
