"""Mails (.eml, .mbox): subject, sender and day, and the text as it was written."""

from __future__ import annotations

import email
import email.policy
import email.utils
import re
from dataclasses import replace
from email.message import EmailMessage, MIMEPart
from itertools import groupby

from rag.errors import LoadError
from rag.load.canonical import canonical, decode, unwrapped
from rag.load.html.lines import body_of, lines_of, parse_html, remove_unseen
from rag.load.html.tables import fill_merged_cells
from rag.load.loaded import Loaded, in_parts

_QUOTED = re.compile(r"(?:>\s?)+")
_MAX_PARTS = 1000
_BETWEEN_MAILS = re.compile(rb"\n\n(?=From [^\n]*\d{4}[^\n]*\n[!-9;-~]+:)")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)


def load_eml(data: bytes) -> Loaded:
    """The plain text, or else the HTML; attachments are named at the end, in lines that are never quoted."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or not message.keys() or not _header(message, "from", "subject", "date"):
        raise LoadError("The file is no mail: it has neither sender, subject nor date.")
    sender = _header(message, "from")
    name, address = email.utils.parseaddr(sender or "")
    text = "\n\n".join(t for t in (_headers(message), _body(message), *_attachments(message)) if t)
    return Loaded(
        text, title=_header(message, "subject"), author=name or address or None, date=_day(_header(message, "date"))
    )


def load_mbox(data: bytes) -> Loaded:
    """The mails of a mailbox one after the other, each a part with its own sender and day.

    One that cannot be read is named, with the reason, in a line of its own.
    """
    mails: list[Loaded] = []
    for raw in _in_mailbox(data):
        try:
            mail = load_eml(raw)
        except LoadError as error:
            mail = Loaded(f"Mail not read: {error}", title="Mail not read")
        if canonical(mail.text).strip():
            mails.append(mail)
    if all(mail.title == "Mail not read" for mail in mails):
        raise LoadError("The file is no mailbox: no mail in it can be read.")
    text, parts = in_parts([(mail.title or "Mail without subject", mail.text) for mail in mails])
    parts = tuple(replace(p, author=mail.author, date=mail.date) for p, mail in zip(parts, mails, strict=True))
    return Loaded(text, parts=parts, is_article=False)


def _in_mailbox(data: bytes) -> list[bytes]:
    """The bytes of each mail; ">From" at the start of a line of a mail stands for "From"."""
    data = data.replace(b"\r\n", b"\n").lstrip(b"\n")
    if not data.startswith(b"From "):
        return []
    return [_ESCAPED.sub(rb"\1", mail.partition(b"\n")[2]) for mail in _BETWEEN_MAILS.split(data)]


def _headers(message: EmailMessage) -> str:
    """The lines that a mail program shows above the text."""
    lines = ((name, _header(message, name)) for name in ("From", "To", "Cc", "Date", "Subject"))
    return "\n".join(f"{name}: {value}" for name, value in lines if value)


def _header(message: EmailMessage, *names: str) -> str | None:
    """The first of these headers that says something; a malformed one is as good as none."""
    for name in names:
        try:
            value = " ".join(str(message.get(name, "")).split())
        except Exception:  # the parser of headers raises many kinds
            continue
        if value:
            return value
    return None


def _day(value: str | None) -> str | None:
    try:
        return email.utils.parsedate_to_datetime(value or "").date().isoformat()
    except (ValueError, TypeError, OverflowError):
        return None


def _body(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    content = _content(part)
    if part.get_content_type() == "text/html":
        tree = parse_html(canonical(content))
        remove_unseen(tree)
        fill_merged_cells(tree)
        return lines_of(body_of(tree))
    return _as_written(canonical(content))


def _content(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset("utf-8"))
    except (LookupError, ValueError):
        return decode(payload)


def _as_written(text: str) -> str:
    """Paragraphs on one line each; what the mail quotes stands without its ">" in paragraphs of its own."""
    runs = groupby(text.split("\n"), lambda line: line.startswith(">"))
    plain = ("\n".join(_QUOTED.sub("", line, count=1) if quoted else line for line in run) for quoted, run in runs)
    return "\n\n".join(unwrapped(run) for run in plain)


def _attachments(message: EmailMessage) -> list[str]:
    found = []
    for number, part in enumerate(message.walk()):
        if number > _MAX_PARTS:
            raise LoadError(f"The mail has more than {_MAX_PARTS:,} parts.")
        if part.get_content_disposition() == "attachment" or part.get_filename():
            name = " ".join((part.get_filename() or "without name").split())[:200]
            found.append(f"Attachment not read: {name} ({part.get_content_type()})")
    return found
