"""What the property sheet of an office file says of it, less what programs put there unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from rag.load.loaded import Properties
from rag.load.office.archive import Archive, text_at
from rag.text.dates import dates
from rag.text.words import words

if TYPE_CHECKING:
    from lxml.etree import _Element

_NO_TITLE = re.compile(
    r"(?:untitled|unnamed|new|document|presentation|title|slide|word document|powerpoint presentation)\W*\d*"
    r"|microsoft word\s*-.*|.*\.(?:docx?|odt|rtf|pdf|indd|tex|dvi|qxd|html?|txt|md)|about:blank"
    r"|[^\W_]+(?:[-_][^\W_]+){2,}|\W*",  # "annual-report-fy22": the name of a file
    re.IGNORECASE,
)
_NO_AUTHOR = re.compile(
    r"(?:user|users|admin|administrator|root|owner|author|unknown|anonymous|default|guest|pc|home|"
    r"microsoft(?: office)?(?: user)?|python-docx|\(?none\)?|un-named)\W*\d*|\W*",
    re.IGNORECASE,
)
_LONGEST_VERSION = 50  # characters


def stated_title(value: str | None) -> str | None:
    """A title somebody wrote.

    >>> stated_title(" On  Tea "), stated_title("Microsoft Word - tea.doc"), stated_title("Untitled 1")
    ('On Tea', None, None)
    """
    text = " ".join((value or "").split())
    return None if _NO_TITLE.fullmatch(text[:300]) else text[:300]


def stated_author(value: str | None) -> str | None:
    """A name somebody bears; an account's name is none.

    >>> stated_author("Ada Quay"), stated_author("Administrator")
    ('Ada Quay', None)
    """
    text = " ".join((value or "").split())
    return None if _NO_AUTHOR.fullmatch(text[:200]) else text[:200]


def stated_date(value: str | None) -> str | None:
    """The day of an ISO 8601 or PDF time.

    >>> stated_date("2024-03-09T10:00:00Z"), stated_date("D:20240309100000+01'00'"), stated_date("soon")
    ('2024-03-09', '2024-03-09', None)
    """
    text = re.sub(r"^(?:D:)?(\d{4})(\d\d)(\d\d).*", r"\1-\2-\3", (value or "").strip()[:40])
    found = dates(text)
    return found[0][1] if found else None


def stated(
    *,
    title: str | None = None,
    author: str | None = None,
    published: str | None = None,
    created: str | None = None,
    version: str | None = None,
    programs: Iterable[str | None] = (),
) -> Properties:
    """The sheet without placeholders; an author who is among the ``programs`` that wrote the file is none.

    >>> stated(author="openpyxl", created="2024-03-09T10:00:00Z", programs=["Excel Compatible / Openpyxl 3.1.5"])
    Properties(title=None, author=None, published=None, created='2024-03-09', version=None)
    """
    name = stated_author(author)
    written_by = {word.text.casefold() for program in programs for word in words(program or "")}
    is_program = name is not None and {word.text.casefold() for word in words(name)} <= written_by
    number = " ".join((version or "").split())
    return Properties(
        title=stated_title(title),
        author=None if is_program else name,
        published=stated_date(published),
        created=stated_date(created),
        version=number if 0 < len(number) <= _LONGEST_VERSION else None,
    )


def of_office_file(archive: Archive) -> Properties:
    """The sheet of a Word, Excel or PowerPoint file."""
    core, app, custom = (archive.optional_xml(f"docProps/{name}.xml") for name in ("core", "app", "custom"))
    return stated(
        title=text_at(core, "title"),
        author=text_at(core, "creator"),
        created=None if _is_template(core, archive.packed) else text_at(core, "created"),
        version=text_at(core, "version") or value_named(custom, "version"),
        programs=(text_at(app, "Application"), text_at(core, "description")),
    )


def value_named(root: _Element | None, name: str) -> str | None:
    """The text of the first element that somebody gave this name, in any case; None where there is none."""
    for element in root.iter() if root is not None else ():
        if any(key.rpartition("}")[2] == "name" and value.strip().lower() == name for key, value in element.items()):
            return " ".join("".join(element.itertext()).split()) or None
    return None


def _is_template(core: _Element | None, packed: date | None) -> bool:
    """Whether the times are those of the template that a program filled in.

    Such a sheet tells of a file that was never saved again, and yet was packed days later.
    """
    created = text_at(core, "created")
    day = stated_date(created)
    untouched = day is not None and created == text_at(core, "modified")
    return bool(untouched and day and packed and packed - date.fromisoformat(day) > timedelta(days=1))
