"""Nothing leaves the machine: the whole program, browser included, in a network that has only loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.config import settings

ROOT = Path(__file__).resolve().parent.parent
UNSHARE = [["unshare", "--net"], ["unshare", "--map-root-user", "--net"]]


def empty_network() -> list[str] | None:
    """The command that runs another one in a network namespace of its own; None where it is not permitted."""
    for command in UNSHARE if shutil.which("unshare") else []:
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return None


def run_offline(*arguments: str) -> dict[str, Any]:
    command = empty_network()
    if command is None:
        pytest.skip("network namespaces are not permitted here")
    done = subprocess.run(
        [*command, sys.executable, "-m", "tests.offline_run", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def assert_nothing_left(report: dict[str, Any]) -> None:
    assert report["attempted"] == [], "a socket of the program reached for another machine"
    assert report["foreign_requests"] == [], "the page asked another server"
    assert report["refused_by_the_kernel"] == 0, "some process, the browser included, sent what had no route"
    assert report["requests"] > 10 or not report["browser"]


def test_asking_quoting_saving_and_adding_need_no_network() -> None:
    report = run_offline()
    assert_nothing_left(report)
    assert report["quoted"] == ["Tea is a drink made of leaves and water."]
    assert report["marked"] in ("", *report["quoted"])


@pytest.mark.model
def test_nor_do_the_real_models(fetched: Any) -> None:
    for name in settings().model_names:
        fetched(name)
    report = run_offline("--real")
    assert_nothing_left(report)
    assert report["quoted"]


def test_the_doctor_asks_only_that_where_it_is_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rag.cli import FAILED, main

    arguments = ["--seeds", str(tmp_path), "--index", str(tmp_path / "index"), "--offline"]
    assert main(["doctor", *arguments]) == FAILED, "there is no document to ask about"
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("ok", "FAIL"))] == lines[:1]
    assert lines[0].startswith("FAIL  a question, with the network blocked:")


@pytest.mark.skipif(sys.platform == "win32", reason="there it reports through the system")
def test_onnxruntime_keeps_no_events_to_send(tmp_path: Path) -> None:
    """It writes those it means to send, and an id of the machine, into the user's cache folder before it sends any."""
    code = "from rag.models.onnx_bert import _onnxruntime; _onnxruntime().SessionOptions()"
    quiet = ("CI", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")  # where CI is set, it sends nothing anyway
    environment = {name: value for name, value in os.environ.items() if name not in quiet} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment, timeout=60)
    assert [str(path) for path in tmp_path.rglob("*") if "microsoft" in str(path).lower()] == []
