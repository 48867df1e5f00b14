"""Files made to do harm, odd kinds of files, odd names, odd bytes, and text that nobody can see."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.load import load
from rag.load.sandbox import load_all, load_limited
from rag.load.walk import walk
from rag.types import Document
from tests import hostile
from tests.fakes import sentences as quotes

PROSE = hostile.PROSE


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


# --- bombs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Document | LoadError]]:
    """Every bomb read by one crew of workers, a good file after each; what became of them by name."""
    folder = tmp_path_factory.mktemp("bombs")

    def paths() -> Iterator[Path]:
        for n, (name, (make, _)) in enumerate(hostile.BOMBS.items()):
            yield put(folder, name, make())
            yield put(folder, f"good-{n}.txt", PROSE)

    return {path.name: found for path, found in load_all(paths(), folder, max_seconds=45, max_memory=384 * 2**20)}


@pytest.mark.parametrize("name", hostile.BOMBS)
def test_a_bomb_costs_itself_only(outcomes: dict[str, Document | LoadError], name: str) -> None:
    found = outcomes[name]
    said = f"read {found.text[:100]}" if isinstance(found, Document) else str(found)
    assert re.search(hostile.BOMBS[name][1], said), said
    if isinstance(found, LoadError):
        assert said.startswith(f"{name}: ")
        assert len(said) < 500


def test_the_files_between_the_bombs_are_read(outcomes: dict[str, Document | LoadError]) -> None:
    good = [found for name, found in outcomes.items() if name.startswith("good-")]
    assert len(good) == len(hostile.BOMBS)
    assert {found.text if isinstance(found, Document) else str(found) for found in good} == {PROSE}


def test_no_file_reads_another(outcomes: dict[str, Document | LoadError]) -> None:
    assert not [name for name, found in outcomes.items() if isinstance(found, Document) and "root:" in found.text]


# --- kinds of files ------------------------------------------------------------------------------


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def make_device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # as /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_link_out(path: Path) -> None:
    secret = path.parent.parent / "secret.txt"
    secret.write_text("The secret is out here.")
    path.symlink_to(secret)


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**30)


@pytest.mark.skipif(sys.platform == "win32", reason="kinds of files that Windows does not have")
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (make_fifo, "not a regular file"),
        (make_socket, "not a regular file"),
        (make_device, "not a regular file"),
        (make_folder, "not a regular file"),
        (make_loop, "symbolic link"),
        (make_link_out, "symbolic link"),
        (make_sparse, "larger than 52,428,800 bytes"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_file_of_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], why: str
) -> None:
    root = tmp_path / "r"
    root.mkdir()
    monkeypatch.chdir(root)  # the path of a socket may be short only
    make(Path("odd.txt") if make is make_socket else root / "odd.txt")
    with pytest.raises(LoadError, match=rf"odd\.txt.*{why}"):
        load_limited(root / "odd.txt", root)
    if make is not make_sparse:
        assert walk(root)[0] == []


def test_a_folder_that_links_to_itself_is_walked_once(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", PROSE)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    files, passed = walk(tmp_path)
    assert [f.id for f in files] == ["a.txt"]
    assert [(o.path, o.why) for o in passed] == [("again", "a symbolic link")]
    with pytest.raises(LoadError, match="symbolic link"):
        load(tmp_path / "again" / "a.txt", root=tmp_path)


def test_ten_thousand_small_files(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"{n:05}.txt", f"File {n} says that tea is good.") for n in range(10_000)]
    found = list(load_all(paths, tmp_path))
    assert [path for path, _ in found] == paths
    assert all(
        isinstance(d, Document) and d.text == f"File {n} says that tea is good." for n, (_, d) in enumerate(found)
    )


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names that the system refuses")
@pytest.mark.parametrize(
    ("name", "id"),
    [
        (b"two\nlines.txt", "two\nlines.txt"),
        ("\u202etxt.exe\u2066.txt".encode(), "\u202etxt.exe\u2066.txt"),
        (b"\xff\xfe broken.txt", "\\udcff\\udcfe broken.txt"),
        (b"a" * 251 + b".txt", "a" * 251 + ".txt"),
        (b"-rf $(x) `y` ; %s.txt", "-rf $(x) `y` ; %s.txt"),
        ("茶 ☕.TXT".encode(), "茶 ☕.TXT"),
    ],
    ids=["newline", "bidi", "no UTF-8", "255 bytes", "shell", "unicode"],
)
def test_names(tmp_path: Path, name: bytes, id: str) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_text(PROSE)
    document = load_limited(path, tmp_path)
    assert (document.id, document.text) == (id, PROSE)
    assert document.title.isprintable()


# --- bytes ---------------------------------------------------------------------------------------

CAFE = "Le café de la gare est fermé depuis l'été, à cause des travaux. " * 4


@pytest.mark.parametrize("suffix", ["txt", "md", "csv", "html"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_encodings(tmp_path: Path, suffix: str, encoding: str) -> None:
    document = load(put(tmp_path, f"a.{suffix}", CAFE.encode(encoding)), root=tmp_path)
    assert "Le café de la gare est fermé depuis l'été" in document.text


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "csv", "rtf", "eml"])
def test_nuls_and_invalid_bytes_lose_nothing_else(tmp_path: Path, suffix: str) -> None:
    start = {"rtf": b"{\\rtf1 ", "eml": b"Subject: tea\n\n"}.get(suffix, b"")
    data = start + b"Tea is\x00 good \xff for you. " + PROSE.encode() * 20
    text = load(put(tmp_path, f"a.{suffix}", data), root=tmp_path).text
    assert "Tea is good" in text
    assert text.count("leaves that grow in the hills") == 20
    assert "\x00" not in text


# --- what nobody sees ----------------------------------------------------------------------------

SEEN = "<p>The tea of the hills is known in every town of the coast and beyond.</p>" * 3


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("", "<p style='color:white'>Obey.</p>"),
        ("", "<p style='color:#FFF;background:#ffffff'>Obey.</p>"),
        ("", "<div style='background-color: red'><p style='color: red; background: red'>Obey.</p></div>"),
        (".x{display:none}", "<p class='a x'>Obey.</p>"),
        ("#y, .z { color: red; visibility: hidden; }", "<p id=y>Obey.</p><p class=z>Obey.</p>"),
    ],
)
def test_text_that_style_hides(tmp_path: Path, style: str, body: str) -> None:
    for name, tail in [("a.html", SEEN), ("b.html", "<p>Tea</p>")]:  # with main text, and without
        html = f"<html><head><style>{style}</style></head><body>{body}{tail}</body></html>"
        text = load(put(tmp_path, name, html), root=tmp_path).text
        assert "ea" in text
        assert "Obey" not in text


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("", "<div style='background:#234'><p style='color:white'>Tea is read.</p></div>"),
        ("", "<table><tr><td bgcolor='navy'><p style='color:#fff'>Tea is read.</p></td></tr></table>"),
        ("@media print{.x{display:none}}", "<p class='x'>Tea is read.</p>"),
        (".x .y{display:none}", "<p class='x'>Tea is read.</p>"),
        ("", "<p style='background-color:white'>Tea is read.</p>"),
    ],
)
def test_text_that_style_shows(tmp_path: Path, style: str, body: str) -> None:
    html = f"<html><head><style>{style}</style></head><body>{body}<p>Tea</p></body></html>"
    assert "Tea is read." in load(put(tmp_path, "a.html", html), root=tmp_path).text


def test_unseen_text_of_a_pdf(tmp_path: Path) -> None:
    document = load(put(tmp_path, "a.pdf", hostile.unseen_pdf()), root=tmp_path)
    assert quotes(document) == [
        "Tea is a hot drink that people like.",
        "It is made of leaves from the hills.",
        "White letters on a blue bar are read.",
    ]


def test_hidden_and_white_text_of_a_word_document(tmp_path: Path) -> None:
    white = '<w:color w:val="FFFFFF"/>'
    body = (
        hostile.paragraph("Tea is a hot drink.")
        + hostile.paragraph("Obey the hidden.", "<w:vanish/>")
        + hostile.paragraph("Obey the white.", white)
        + hostile.paragraph("Obey the nearly white.", '<w:color w:val="FDFEFD"/>')
        + hostile.paragraph("Obey the tiny.", '<w:sz w:val="1"/>')
        + hostile.paragraph("Not hidden.", '<w:vanish w:val="0"/>')
        + hostile.paragraph("White on black.", white + '<w:shd w:fill="000000"/>')
    )
    document = load(put(tmp_path, "a.docx", hostile.docx(body)), root=tmp_path)
    assert document.text == "Tea is a hot drink.\n\nNot hidden.\n\nWhite on black."


def test_hidden_text_of_an_open_document(tmp_path: Path) -> None:
    style = '<s:style s:name="H"><s:text-properties t:display="none"/></s:style>'
    body = (
        '<t:p>Tea is <t:span t:style-name="H">Obey. </t:span>a<t:s/>hot drink.</t:p><t:hidden-text>Obey</t:hidden-text>'
    )
    document = load(put(tmp_path, "a.odt", hostile.odt(body, styles=style)), root=tmp_path)
    assert document.text == "Tea is a hot drink."


def test_hidden_text_of_rich_text(tmp_path: Path) -> None:
    source = (
        r"{\rtf1\ansi\viewkind4 Tea is {\v Obey \'e9\u233? this. }a hot\v  Obey\v0  drink.\par{\b\v Obey}\par "
        r"It is caf\'e9 and \u9731?{\field{\*\fldinst{HYPERLINK \"http://x.example\"}}{\fldrslt a link}}.}"
    )
    document = load(put(tmp_path, "a.rtf", source), root=tmp_path)
    assert document.text == "Tea is a hot drink.\n\nIt is café and ☃a link."


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "csv", "eml", "rtf", "docx", "odt"])
def test_characters_that_nobody_sees_are_in_no_format(tmp_path: Path, suffix: str) -> None:
    unseen = "Tea\u200b is\u202e a\U000e0041\U000e0042 hot\u2066 dr\u00adink."
    escaped = "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" if ord(c) < 0x10000 else "" for c in unseen)
    data = {
        "eml": f"Subject: tea\nContent-Type: text/plain; charset=utf-8\n\n{unseen}",
        "rtf": f"{{\\rtf1 {escaped}}}",
        "docx": hostile.docx(hostile.paragraph(unseen)),
        "odt": hostile.odt(f"<t:p>{unseen}</t:p>"),
    }.get(suffix, unseen)
    text = load(put(tmp_path, f"a.{suffix}", data), root=tmp_path).text
    assert text.removeprefix("Subject: tea\n\n") == "Tea is a hot drink."
