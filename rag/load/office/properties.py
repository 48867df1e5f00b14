"""What the property sheet of an office file says of it, less what programs put there unasked."""

from __future__ import annotations

import re

from rag.text.dates import dates

_NO_TITLE = re.compile(
    r"(?:untitled|unnamed|new|document|presentation|title|slide|word document|powerpoint presentation)\W*\d*"
    r"|microsoft word\s*-.*|.*\.(?:docx?|odt|rtf|pdf|indd|tex|dvi|qxd|html?|txt|md)|about:blank|\W*",
    re.IGNORECASE,
)
_NO_AUTHOR = re.compile(
    r"(?:user|users|admin|administrator|root|owner|author|unknown|anonymous|default|guest|pc|home|"
    r"microsoft(?: office)?(?: user)?|python-docx|\(?none\)?|un-named)\W*\d*|\W*",
    re.IGNORECASE,
)


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
