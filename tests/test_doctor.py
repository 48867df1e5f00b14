"""The doctor finds what is wrong and names the command that mends it; its network block blocks."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import config, doctor, opening
from rag.assistant import Assistant
from rag.config import Settings
from rag.doctor import NetworkUsed, examine, no_network
from rag.index.build import build
from rag.index.snapshot import load_index
from rag.models import store as models
from tests.fakes import BagOfWordsEmbedder

NOBODY = ("192.0.2.1", 9)  # an address of TEST-NET-1, which is nobody's


def datagram(send: Callable[[socket.socket], object]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        send(sender)


WAYS_OUT: dict[str, Callable[[], object]] = {
    "connect": lambda: datagram(lambda sender: sender.connect(NOBODY)),
    "sendto": lambda: datagram(lambda sender: sender.sendto(b"x", NOBODY)),
    "sendmsg": lambda: datagram(lambda sender: sender.sendmsg([b"x"], [], 0, NOBODY)),
    "getaddrinfo": lambda: socket.getaddrinfo("example.invalid", 80),
    "gethostbyname": lambda: socket.gethostbyname("example.invalid"),
    "gethostbyaddr": lambda: socket.gethostbyaddr(NOBODY[0]),
    "getnameinfo": lambda: socket.getnameinfo(NOBODY, 0),
}


@pytest.mark.parametrize("name", WAYS_OUT)
def test_connections_and_look_ups_off_the_machine_are_blocked_and_named(name: str) -> None:
    with no_network() as attempted, pytest.raises(NetworkUsed):
        WAYS_OUT[name]()
    (attempt,) = attempted
    assert attempt.startswith(f"socket.{name} ")
    assert attempt.endswith(("192.0.2.1", "example.invalid"))


def test_the_machine_itself_may_be_reached_and_the_block_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, no_network() as attempted:
        socket.create_connection(server.getsockname(), timeout=1).close()
    assert attempted == []
    with pytest.raises(OSError):  # noqa: PT011  # the name does not exist: refused by the resolver, not by the block
        socket.getaddrinfo("example.invalid", 80)


def test_what_is_missing_is_named_with_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Settings(seeds=tmp_path / "none", index=tmp_path / "index", models_dir=tmp_path / "models")
    assert examine(nothing, "Who?") == 1
    printed = capsys.readouterr().out
    assert "python -m rag models fetch" in printed
    assert "ok    engine: " in printed
    assert str(tmp_path / "none") in printed
    assert "Traceback" not in printed


def test_what_no_answer_can_come_from_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    text = " ".join(f"Sentence number {n} of this report says {n * 7}." for n in range(40))
    (seeds / "report.txt").write_text(text, "utf-8")
    (seeds / "report copy.txt").write_text(text + " The end is new.", "utf-8")
    (seeds / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (seeds / "sheet.xyz").write_bytes(b"1")
    build(seeds, tmp_path / "index", BagOfWordsEmbedder())
    monkeypatch.setattr(opening, "open_embedding", lambda settings: BagOfWordsEmbedder())
    monkeypatch.setattr(models, "locate", lambda name, store: store)
    settings = Settings(seeds=seeds, index=tmp_path / "index", models_dir=tmp_path / "models")
    examine(settings, "Who?")
    printed = capsys.readouterr().out
    notes = [line for line in printed.splitlines() if line.startswith("note")]
    assert any("broken.pdf is not used" in line for line in notes), printed
    assert any("sheet.xyz is not used: no reader for .xyz" in line for line in notes), printed
    (copy,) = [line for line in notes if "nearly the text" in line]
    assert shlex.quote(str(seeds / "report copy.txt")) in copy
    assert "ok    reading them within limits" in printed


def test_what_is_not_installed_is_named_with_a_command_that_is_right_in_a_checkout_and_outside_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("no-such-package-of-anybody",))
    settings = Settings(seeds=tmp_path, index=tmp_path / "index", models_dir=tmp_path / "models")
    examine(settings, "Who?")
    assert f"python -m pip install -e {shlex.quote(str(config.PROJECT_DIR))}\n" in capsys.readouterr().out
    monkeypatch.setattr(config, "PROJECT_DIR", tmp_path)  # such as site-packages
    examine(settings, "Who?")
    assert "python -m pip install quoted-rag\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", config.OFFLINE_VARIABLES)
def test_a_library_that_was_not_told_to_stay_off_the_network_is_named(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in config.OFFLINE_VARIABLES.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(doctor, "_PACKAGES", ())
    settings = Settings(seeds=tmp_path, index=tmp_path / "index", models_dir=tmp_path / "models")
    examine(settings, "Who?")
    assert "ok    libraries told to stay off the network" in capsys.readouterr().out
    monkeypatch.setenv(name, "")
    assert examine(settings, "Who?") == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL  libraries told")]
    assert name in line


def test_the_index_is_read_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for its check and what is noted of it; the assistant that is asked opens its own."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "tea.txt").write_text("Tea is a drink made of leaves. People drink it every day.", "utf-8")
    build(tmp_path / "seeds", tmp_path / "index", BagOfWordsEmbedder())
    monkeypatch.setattr(opening, "open_embedding", lambda settings: BagOfWordsEmbedder())
    monkeypatch.setattr(models, "locate", lambda name, store: store)
    loads = []
    monkeypatch.setattr(doctor, "load_index", lambda *a, **rest: loads.append(a) or load_index(*a, **rest))
    examine(Settings(seeds=tmp_path / "seeds", index=tmp_path / "index", models_dir=tmp_path / "models"), "Who?")
    assert "ok    index: " in capsys.readouterr().out
    assert len(loads) == 1


@pytest.mark.model
def test_a_question_is_answered_with_the_network_blocked(real_assistant: Assistant) -> None:
    with no_network() as attempted:
        answer = real_assistant.ask("What license does Gemma 4 use?")
    assert attempted == []
    assert not answer.refused
