"""Rich text (.rtf), by way of striprtf."""

from __future__ import annotations

import re

from rag.errors import LoadError
from rag.load.loaded import Loaded
from rag.load.office.properties import stated

_TOKEN = re.compile(r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\[^a-z]|[{}]|[^\\{}]+", re.IGNORECASE)
_HIDDEN = re.compile(r"\\v(?:\d+)?(?![a-z\d])")
_BREAKS = ("par", "line", "sect", "page", "cell", "row", "tab")
_CREATED = re.compile(r"\\(?:creatim|revtim)\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")


def load_rtf(data: bytes) -> Loaded:
    """Paragraphs, one a line; without headers, footnotes, pictures and hidden text."""
    from striprtf.striprtf import rtf_to_text

    source = data.decode("latin-1")  # RTF is ASCII; older writers put bytes of their code page beside it
    if not source.lstrip().startswith("{\\rtf"):
        raise LoadError("The file is not RTF: it does not begin with {\\rtf.")
    source = source.replace("\\fldinst", "\\private")  # the address of a link; striprtf would write it into the text
    plain = rtf_to_text(_without_hidden(source), errors="replace")
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # \\u writes UTF-16
    lines = (_row(line) if "|" in line else line.strip() for line in plain.splitlines())
    created = _CREATED.search(source)
    return Loaded(
        "\n\n".join(line for line in lines if line),
        properties=stated(
            title=_property(source, "title"),
            author=_property(source, "author"),
            created=f"{created[1]}-{created[2]:0>2}-{created[3]:0>2}" if created else None,
        ),
    )


def _row(line: str) -> str:
    """striprtf ends each cell with "|"."""
    cells = [cell.strip() for cell in line.split("|")]
    return line.strip() if cells[-1] else f"| {' | '.join(cells[:-1])} |"


def _property(source: str, name: str) -> str | None:
    from striprtf.striprtf import rtf_to_text

    found = re.search(rf"\{{\\{name} ((?:[^{{}}\\]|\\[^{{}}]){{1,1000}})\}}", source[:100_000])
    return rtf_to_text(f"{{\\rtf1 {found[1]}}}", errors="replace") if found else None


def _without_hidden(source: str) -> str:
    """Less the text between "\\v" and "\\v0"; braces and paragraph ends stay."""
    if not _HIDDEN.search(source):
        return source
    out: list[str] = []
    stack: list[bool] = []
    hidden = False
    for token in _TOKEN.finditer(source):
        text, word = token[0], token[1]
        if text == "{":
            stack.append(hidden)
        elif text == "}":
            hidden = stack.pop() if stack else False
        elif word in ("v", "plain"):
            hidden = word == "v" and token[2] != "0"
        elif hidden and not (word in _BREAKS or (word and word not in ("u",))):
            continue
        if not (hidden and word == "u"):
            out.append(text)
    return "".join(out)
