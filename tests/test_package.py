"""What pip installs without ``-e``: a wheel built from the source, used from a folder that is no checkout."""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "rag").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)

pytest.importorskip("setuptools", minversion="77", reason="builds the wheel")
pytest.importorskip("pip", reason="installs it")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a user's folder to run it from."""

    bin: Path
    folder: Path
    home: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RAG_", "XDG_"))}
        return subprocess.run(
            [self.bin / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=ours | {"HOME": str(self.home)},
            timeout=120,
        )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution and the wheel, built in a copy: building leaves folders beside the source."""
    copy, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("made")
    shutil.copytree(ROOT / "rag", copy / "rag")
    for name in ("pyproject.toml", "README.md", "LICENSE", "ui.py"):
        shutil.copy(ROOT / name, copy / name)
    for build in ("build_sdist", "build_wheel"):
        code = f"from setuptools.build_meta import {build}; {build}({str(made)!r})"
        done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
    return next(made.glob("*.tar.gz")), next(made.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", symlinks=True)
    bin = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(bin / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(distributions[1])], check=True, timeout=120)
    packages = subprocess.run(
        [bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    # What the program needs is lent by the environment of the tests; lines of a .pth file there are not followed, so
    # the source that it may have installed with -e stays out of sight.
    (Path(packages) / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    (folder / "work" / "papers").mkdir(parents=True)
    (folder / "work" / "papers" / "owl.txt").write_text("About owls\n\nOwls hunt at night. Nobody hears them come.\n")
    return Installed(bin, folder / "work", folder / "home")


def test_every_file_of_the_package_is_in_both_distributions_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    source, wheel = distributions
    with tarfile.open(source) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {*SOURCES, "pyproject.toml", "README.md", "LICENSE"} <= packed
    with zipfile.ZipFile(wheel) as zipped:
        files = [name for name in zipped.namelist() if ".dist-info/" not in name]
    assert sorted(files) == SOURCES


def test_the_program_runs_from_the_wheel(installed: Installed) -> None:
    done = installed.run("python", "-c", "import rag.config as c; print(c.__file__, c.is_checkout(c.PROJECT_DIR))")
    assert done.returncode == 0, done.stderr
    path, checkout = done.stdout.split()
    assert Path(path).is_relative_to(installed.bin.parent)
    assert checkout == "False"
    code = "import rag, importlib.metadata as m; assert rag.__version__ == m.version('quoted-rag'); print(rag.open)"
    faced = installed.run("python", "-c", code)
    assert faced.returncode == 0, faced.stderr
    helped = installed.run("rag", "--help")
    assert helped.returncode == 0, helped.stderr
    assert re.search(r"^ +ui +open the chat", helped.stdout, re.M)


def test_no_module_of_a_common_name_is_installed(installed: Installed) -> None:
    for name in ("ui", "tests", "benchmarks"):
        done = installed.run("python", "-c", f"import {name}")
        assert f"No module named '{name}'" in done.stderr


def test_a_search_without_models_names_the_command_that_brings_them(installed: Installed) -> None:
    done = installed.run("rag", "search", "Who hunts at night?", "--seeds", "papers")
    assert done.returncode == 1
    assert "rag models fetch" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["search", "Who?"], ["ask", "Who?"], ["build"], ["ui", "--port", "0"]])
def test_without_documents_the_ways_to_name_them_are_said_before_anything_is_fetched(
    installed: Installed, command: list[str]
) -> None:
    done = installed.run("rag", *command)
    assert done.returncode == 1
    assert f"The folder of documents {installed.folder / 'seeds'} does not exist." in done.stderr
    assert "--seeds FOLDER" in done.stderr
    assert not [*installed.home.rglob("models")]


def test_nothing_is_written_beside_the_package_and_models_are_listed(installed: Installed) -> None:
    done = installed.run("rag", "models")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "Stored in" in line]
    assert str(installed.home) in line
    done = installed.run("python", "-c", "from rag.config import settings as s; print(s({'seeds': 'papers'}).index)")
    assert Path(done.stdout.strip()).is_relative_to(installed.home)
