"""Settings: where each comes from, what is refused and with which words, and where things are where nobody says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from rag import config
from rag.config import PROJECT_DIR, Settings, default_index, is_checkout, settings
from rag.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
NOWHERE: dict[str, str] = {}  # an environment without a variable


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's folders, on any system."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "data" / name)
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / "config" / name)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a user who has the program from a wheel: no source folder lies around the package."""
    monkeypatch.setattr(config, "PROJECT_DIR", tmp_path / "site-packages")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


# --- what is refused ---------------------------------------------------------------------------------


def test_a_misspelt_variable_is_named_with_the_nearest_setting_and_all_of_them() -> None:
    with pytest.raises(ConfigError) as caught:
        settings(environ={"RAG_PASAGES": "3"})
    message = str(caught.value)
    assert "RAG_PASAGES" in message
    assert "Did you mean RAG_PASSAGES?" in message
    assert "RAG_MODELS_DIR" in message  # of the list
    assert caught.value.fix == "unset RAG_PASAGES (or rename it to RAG_PASSAGES)"


def test_the_value_of_an_unknown_variable_is_not_shown() -> None:
    """It may be a password: RAG_AUHT=ann:secret."""
    with pytest.raises(ConfigError) as caught:
        settings(environ={"RAG_AUHT": "ann:a-secret-word"})
    assert "RAG_AUTH" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_variable_like_no_setting_is_refused_without_a_guess() -> None:
    with pytest.raises(ConfigError) as caught:
        settings(environ={"RAG_QQQQ": "", "RAG_ZZZZ": "1"})
    assert "RAG_QQQQ, RAG_ZZZZ" in str(caught.value)
    assert "Did you mean" not in str(caught.value)
    assert caught.value.fix == "unset RAG_QQQQ RAG_ZZZZ"


def test_every_variable_the_project_reads_is_a_setting_or_listed() -> None:
    variables = {f"RAG_{name.upper()}" for name in Settings.__slots__} | config.OTHER_VARIABLES
    read: set[str] = set()
    for folder in ("rag", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            read |= set(re.findall(r"environ(?:\.get\(|\[)\s*\"(RAG_\w+)\"", text))
    assert {"RAG_AUTH", "RAG_CONFIG", "RAG_FUZZ_EXAMPLES"} <= read
    assert read <= variables


def test_other_variables_of_the_program_and_of_other_programs_are_no_settings() -> None:
    settings(environ={"RAG_AUTH": "ann:password", "RAG_FUZZ_EXAMPLES": "9", "DRAG_PORT": "x", "RAGE": "1"})


@pytest.mark.parametrize("where", ["file", "flags"])
def test_an_unknown_key_is_named_with_its_place_and_the_nearest_setting(where: str, tmp_path: Path) -> None:
    file = tmp_path / "rag.toml"
    file.write_text("pasages = 3\n" if where == "file" else "")
    with pytest.raises(ConfigError, match="'pasages'") as caught:
        settings({"pasages": 3} if where == "flags" else None, file=file, environ=NOWHERE)
    assert "Did you mean passages?" in str(caught.value)
    assert (str(file) in str(caught.value)) == (where == "file")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("passages", "many", "a whole number from 1 to 100"),
        ("passages", "0", "a whole number from 1 to 100"),
        ("evidence_sentences", "100", "a whole number from 1 to 99"),
        ("port", "65536", "a whole number from 0 to 65535"),
        ("threads", "1.5", "a whole number from 0 to 256"),
        ("caution", "brave", "strict, balanced or eager"),
        ("model_source", "disk", "auto, hub or wheel"),
        ("index", "~nobody-of-that-name/index", "a folder"),
    ],
)
def test_a_bad_value_is_shown_with_its_variable_and_what_is_possible(name: str, value: str, expected: str) -> None:
    variable = f"RAG_{name.upper()}"
    with pytest.raises(ConfigError) as caught:
        settings(environ={variable: value})
    assert f"{variable} = {value!r}" in str(caught.value)
    assert f"must be {expected}" in str(caught.value)
    assert caught.value.fix.startswith(f"unset {variable}")


@pytest.mark.parametrize(
    "line",
    ["passages = 3.5", "passages = true", "seeds = 3", 'seeds = ""', "caution = 1", 'host = ""', "generator = []"],
)
def test_a_value_of_another_kind_in_the_file_is_shown_with_the_file(line: str, tmp_path: Path) -> None:
    file = tmp_path / "rag.toml"
    file.write_text(line)
    name = line.split()[0]
    with pytest.raises(ConfigError, match=rf"{name} = .* in {re.escape(str(file))}: {name} must be ") as caught:
        settings(file=file, environ=NOWHERE)
    assert caught.value.fix == f"correct or remove the line {name} in {file}"


def test_a_bad_value_is_refused_wherever_settings_are_made() -> None:
    with pytest.raises(ConfigError, match=r"passages = 101: passages must be a whole number from 1 to 100"):
        Settings(passages=101)
    with pytest.raises(ConfigError, match="caution = 'brave'"):
        settings({"caution": "brave"}, environ=NOWHERE)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings(environ={"RAG_INDEX": "", "RAG_PORT": ""}) == settings(environ=NOWHERE)


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"rag\.toml is not valid TOML") as caught:
        settings(file=tmp_path / "rag.toml", environ=NOWHERE)
    assert caught.value.fix


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_a_file_that_is_asked_for_must_be_there(way: str, tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(ConfigError, match="does not exist") as caught:
        settings(file=path if way == "flag" else None, environ={"RAG_CONFIG": str(path)} if way == "variable" else {})
    assert str(path) in str(caught.value)
    assert caught.value.fix


# --- what comes from where ---------------------------------------------------------------------------


def test_settings_come_from_file_environment_and_flags_in_that_order(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_text("passages = 3\nport = 1\nanswer_tokens = 20\n")
    chosen = settings({"port": 3}, file=tmp_path / "rag.toml", environ={"RAG_PORT": "2", "RAG_PASSAGES": "4"})
    assert (chosen.answer_tokens, chosen.passages, chosen.port) == (20, 4, 3)


def test_paths_of_the_file_are_relative_to_it_and_others_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    file = tmp_path / "rag.toml"
    file.write_text('seeds = "papers"\nindex = "index"\n')
    chosen = settings({"models_dir": "models"}, file=file, environ={"RAG_INDEX": "index"})
    assert chosen.seeds == tmp_path / "papers"
    assert chosen.index == tmp_path / "here" / "index"
    assert chosen.models == tmp_path / "here" / "models"


def test_a_choice_is_typed() -> None:
    assert get_args(config.Caution) == ("strict", "balanced", "eager")
    assert settings({"caution": "eager", "model_source": "wheel"}, environ=NOWHERE).model_source == "wheel"


# --- where things are --------------------------------------------------------------------------------


def test_in_a_checkout_documents_and_index_are_the_checkouts() -> None:
    assert is_checkout(PROJECT_DIR)
    chosen = settings(environ=NOWHERE)
    assert (chosen.seeds, chosen.index) == (PROJECT_DIR / "seeds", PROJECT_DIR / "index")
    assert default_index(PROJECT_DIR / "tests" / ".." / "seeds") == PROJECT_DIR / "index"


def test_another_project_around_the_package_is_no_checkout(tmp_path: Path) -> None:
    assert not is_checkout(tmp_path)
    for name, content in {
        "a": '[project]\nname = "other"\n',
        "b": "not = [toml",
        "c": 'project = "quoted-rag"\n',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(content)
        assert not is_checkout(tmp_path / name), name


def test_two_folders_do_not_share_an_index(tmp_path: Path) -> None:
    one, other = settings({"seeds": tmp_path / "a" / "docs"}), settings({"seeds": tmp_path / "b" / "docs"})
    assert one.index != other.index
    assert one.index == settings({"seeds": tmp_path / "a" / "x" / ".." / "docs"}).index
    assert {one.index.parent, other.index.parent} == {tmp_path / "data" / "quoted-rag" / "indexes"}
    assert one.index.name.startswith("docs-")
    assert PROJECT_DIR / "index" not in (one.index, other.index)


@pytest.mark.parametrize("documents", ["/", "/a/Über uns (2024) & so on.d", "/x/" + "n" * 200, "/..", "/a/\udcff"])
def test_any_folder_has_an_index_with_a_name_that_every_system_takes(documents: str) -> None:
    name = default_index(Path(documents)).name
    assert re.fullmatch(r"[\w-]{1,80}", name), name
    assert not name.startswith("-")
    name.encode("utf-8")


def test_an_installed_user_has_seeds_here_and_an_index_in_the_user_data(installed: Path, tmp_path: Path) -> None:
    chosen = settings(environ=NOWHERE)
    assert chosen.seeds == installed / "seeds"
    assert chosen.index.parent == tmp_path / "data" / "quoted-rag" / "indexes"
    assert not (tmp_path / "data").exists(), "naming a folder makes none"


def test_an_installed_user_keeps_settings_here_or_in_the_user_configuration(installed: Path, tmp_path: Path) -> None:
    own = tmp_path / "config" / "quoted-rag" / "rag.toml"
    own.parent.mkdir(parents=True)
    own.write_text('passages = 7\nseeds = "papers"\n')
    assert settings(environ=NOWHERE).passages == 7
    assert settings(environ=NOWHERE).seeds == own.parent / "papers"
    (installed / "rag.toml").write_text("passages = 8\n")
    assert settings(environ=NOWHERE).passages == 8
    assert settings(environ=NOWHERE).seeds == installed / "seeds", "one file is read, not both"


# --- the network is off ------------------------------------------------------------------------------


def test_libraries_are_told_to_stay_off_the_network_whatever_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HF_HUB_OFFLINE": "0", "HOME": "/home/ann"})
    config.offline_environment()
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert os.environ["HOME"] == "/home/ann"


@pytest.mark.parametrize("command", [["ui.py"], ["-m", "rag", "ui"]])
def test_both_ways_to_the_page_take_the_same_flags_and_switch_the_network_off(command: list[str]) -> None:
    code = f"""
import os, runpy, sys
from pathlib import Path
sys.argv = {command!r} + ["--no-browser", "--api", "--port", "0", "--auth", "ann:long-password", "--threads", "2"]
import rag.web.serve as serve
def opened(settings, **how): print(settings.port, settings.threads, how, os.environ["GRADIO_ANALYTICS_ENABLED"])
serve.open_page = opened
if sys.argv[0] == "-m":
    sys.argv = sys.argv[1:]
    runpy.run_module("rag", run_name="__main__")
else:
    runpy.run_path("ui.py", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0 2 {'browser': False, 'api': True, 'auth': 'ann:long-password'} False"
