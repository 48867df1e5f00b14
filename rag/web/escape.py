"""Text made safe to stand in Gradio's Markdown: every character is shown, none is read as markup.

Documents, file names, questions and drafts are all untrusted. One rule covers HTML, Markdown, LaTeX
and autolinks at once: every ASCII punctuation mark becomes a numeric character reference, which
each of those grammars shows and none of them reads. Whatever draws nothing, or reorders what is
drawn, is taken out.
"""

from __future__ import annotations

import re
import string
from pathlib import Path
from urllib.parse import quote

from rag.text.invisible import without_invisible

_REFERENCES = str.maketrans({mark: f"&#{ord(mark)};" for mark in string.punctuation})

VERSION_CHARACTERS = 16  # of a file's sha256, in a link to it
_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """The text without the characters that draw nothing or reorder what is drawn.

    >>> visible("pay\\u202elap\\u200b")
    'paylap'
    """
    return _SURROGATE.sub("\ufffd", without_invisible(text))


def literal(text: str) -> str:
    """One line of markup that shows exactly ``text``; a run of white space becomes one space.

    >>> literal("<b>1. [x](y)</b>")
    '&#60;b&#62;1&#46; &#91;x&#93;&#40;y&#41;&#60;&#47;b&#62;'
    """
    return " ".join(visible(text).split()).translate(_REFERENCES)


def literal_lines(text: str) -> str:
    """Like ``literal``, but a line break of the text stays one."""
    return "<br>".join(literal(line) for line in _BREAK.split(text.strip()))


def link(href: str, label: str, *, title: str = "", css: str = "") -> str:
    """A link of our own; label and title are shown as they are.

    >>> link("/doc/a.txt", "[1]", css="chip")
    '<a class="chip" href="&#47;doc&#47;a&#46;txt">&#91;1&#93;</a>'
    """
    attributes = {"class": css, "href": href, "title": title}
    written = "".join(f' {name}="{literal(value)}"' for name, value in attributes.items() if value)
    return f"<a{written}>{literal(label)}</a>"


def document_href(document_id: str, start: int, end: int, sha256: str = "") -> str:
    """Where the document view shows ``[start, end)`` of a document marked.

    ``sha256`` is that of the file that was quoted: the place holds only in it.

    >>> document_href("news/a b.txt", 3, 9)
    '/doc/news%2Fa%20b.txt?s=3&e=9#hit'
    """
    version = f"&v={sha256[:VERSION_CHARACTERS]}" if sha256 else ""
    return f"/doc/{quote(document_id, safe='', errors='replace')}?s={start}&e={end}{version}#hit"


_HOME = str(Path.home())
_PATH = re.compile(r"(?<![\w<>:/\\])(?:[A-Za-z]:)?(?:[/\\]+[^\n/\\:'\"“”]+)*[/\\]+(?=[^\s/\\])")


def without_paths(text: str) -> str:
    """A message without the folders of this machine: of a path only the last part stays.

    A folder may have a space in its name, so what stands between two paths may go with them: rather that than a leak.

    >>> without_paths("The model /home/ann/models/x.gguf is missing")
    'The model x.gguf is missing'
    """
    return _PATH.sub("", text.replace(_HOME, "") if len(_HOME) > 1 else text)
