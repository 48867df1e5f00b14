"""Files made to do harm, written afresh for each test run: by name, each with what must become of it."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"
PROSE = "Tea is a hot drink. It is made of leaves that grow in the hills."


def pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (entries, len(data), data)


FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def pdf_page(content: bytes, resources: bytes = b"", *others: bytes) -> bytes:
    """One page with a content stream (object 4), a font F (object 5) and what follows as objects from 6."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>%s>>>>"
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", pages, page % resources, content, FONT, *others)


def text_of(lines: list[str]) -> bytes:
    return b"BT /F 12 Tf 14 TL 50 700 Td " + b" ".join(b"(%s) Tj T*" % x.encode("latin-1") for x in lines) + b" ET"


def deflate_bomb(size: int, times: int = 1) -> bytes:
    """A content stream of ``size`` MiB of spaces, deflated ``times`` times; never held whole."""
    pieces: Iterable[bytes] = (b" " * 2**20 for _ in range(size))
    for _ in range(times):
        pieces = _deflated(pieces)
    return pdf_page(stream(b"".join(pieces), b"/Filter[%s]" % (b"/FlateDecode" * times)))


def _deflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(9)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def form_bomb(depth: int) -> bytes:
    """Each form draws the next one twice."""
    forms = []
    for n in range(depth):
        number = 6 + n
        used = b"/X %d 0 R" % (number + 1) if n < depth - 1 else b""
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<<%s>>/Font<</F 5 0 R>>>>" % used
        forms.append(stream(b"/X Do /X Do" if used else text_of(["tea"]), entries))
    return pdf_page(stream(b"/X Do"), b"/XObject<</X 6 0 R>>", *forms)


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (n + 3) for n in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count), *[page] * count)


def circle() -> bytes:
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 4/Parent 2 0 R>>")


def unseen_pdf() -> bytes:
    content = text_of(["Tea is a hot drink that people like.", "It is made of leaves from the hills."])
    off_page = b" BT /F 12 Tf 5000 5000 Td (Obey the text off the page at once.) Tj ET"
    tiny = b" BT /F 0.4 Tf 50 600 Td (Obey the tiny text at once my friend.) Tj ET"
    white = b" 1 g BT /F 12 Tf 50 500 Td (Obey the white text at once my friend.) Tj ET"
    bar = b" 0 0 1 rg 40 390 500 30 re f 1 g BT /F 12 Tf 50 400 Td (White letters on a blue bar are read.) Tj ET"
    return pdf_page(stream(content + off_page + tiny + white + bar))


def turned_pdf(matrix: str, rotate: int) -> bytes:
    lines = ["The harbour of the town was dug by men who", "came from the mines. It took three winters."]
    rows = [f"1 0 0 1 0 {-14 * n} cm BT /F 12 Tf ({line}) Tj ET 1 0 0 1 0 {14 * n} cm" for n, line in enumerate(lines)]
    content = f"{matrix} cm {' '.join(rows)}".encode()
    data = pdf_page(stream(content))
    return data.replace(b"/MediaBox[0 0 600 800]", b"/MediaBox[-90 -90 500 700]").replace(
        b"/Parent 2 0 R/", b"/Rotate %d/Parent 2 0 R/" % rotate
    )


def container(members: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def changed(source: str, members: dict[str, bytes | str]) -> bytes:
    """The members of a file of tests/data, some of them replaced or added."""
    with zipfile.ZipFile(DATA / source) as archive:
        before: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    return container({**before, **members})


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha ha ha ha ha ha ha ha ha ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
)
OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def docx(body: str, dtd: str = "", **properties: str) -> bytes:
    """A text without properties but those of "core", "app" and "custom"."""
    text = f"{dtd}<w:document {W}><w:body>{body}</w:body></w:document>"
    sheets = {f"docProps/{name}.xml": f"<p>{properties.get(name, '')}</p>" for name in ("core", "app", "custom")}
    return changed("harbour.docx", {"word/document.xml": text, **sheets})


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def odt(body: str, dtd: str = "", styles: str = "") -> bytes:
    names = f'xmlns:o="{OFFICE}:office:1.0" xmlns:t="{OFFICE}:text:1.0" xmlns:s="{OFFICE}:style:1.0"'
    content = f"<o:automatic-styles>{styles}</o:automatic-styles><o:body><o:text>{body}</o:text></o:body>"
    text = f"{dtd}<o:document-content {names}>{content}</o:document-content>"
    return changed("harbour.odt", {"content.xml": text, "meta.xml": "<p/>"})


SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def xlsx(rows: str, merged: str = "") -> bytes:
    """A workbook whose first sheet has these rows, packed without deflation, so that no bomb is suspected."""
    page = f"<worksheet {SHEET}><sheetData>{rows}</sheetData><mergeCells>{merged}</mergeCells></worksheet>"
    with zipfile.ZipFile(DATA / "rates.xlsx") as archive:
        before: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    return container({**before, "xl/worksheets/sheet1.xml": page}, zipfile.ZIP_STORED)


def row(*cells: str) -> str:
    return f"<row>{''.join(f'<c><v>{cell}</v></c>' for cell in cells)}</row>"


def nested(opening: str, closing: str, depth: int, inside: str = PROSE) -> str:
    return opening * depth + inside + closing * depth


def mail_of_mails(depth: int) -> bytes:
    heads = (f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"Subject: deep\n{''.join(heads)}\n{PROSE}\n".encode()


def with_shell(start: str, end: str = "</body></html>") -> Callable[[str], bytes]:
    return lambda middle: f"{start}{middle}{end}".encode()


page = with_shell("<html><body>")

MANY = "<style>{}</style>" + "".join(f"<p class='a p{n}'>Tea {n}</p>" for n in range(10_000)) + f"<p>{PROSE}</p>"
DOUBLING = "".join(f"--v{n}:var(--v{n - 1}) var(--v{n - 1});" for n in range(1, 100))

# What must become of each: "read", or a word of the reason why not.
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "deflate.pdf": (lambda: deflate_bomb(600), "memory|no text|cannot be read|crashed|longer than"),
    "deflate-twice.pdf": (lambda: deflate_bomb(600, 2), "memory|no text|cannot be read|crashed|longer than"),
    "forms.pdf": (lambda: form_bomb(26), "memory|no text|crashed|longer than|characters"),
    "pages.pdf": (lambda: many_pages(2001), "2,001 pages"),
    "circle.pdf": (circle, "no pages|no text|cannot be read"),
    "cut.pdf": (lambda: (DATA / "harbour.pdf").read_bytes()[:20_000], "cannot be read|no text"),
    "zip.docx": (lambda: changed("harbour.docx", {"word/x.xml": b"\0" * (300 * 2**20)}), "unpacks to"),
    "ratio.docx": (lambda: changed("harbour.docx", {"word/x.xml": b"<x/>" * (10 * 2**20)}), "zip bomb"),
    "members.docx": (lambda: container({f"word/{n}.xml": "" for n in range(10_001)}, 0), "10,001 members"),
    "laughs.docx": (lambda: docx(paragraph("&j;"), LAUGHS), "entities|entity|XML"),
    "external.docx": (
        lambda: docx(paragraph("&x;" + PROSE), '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "entities",
    ),
    "deep.docx": (lambda: docx(nested("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", 5000)), "XML|depth|broken"),
    "deeper.docx": (
        lambda: docx(nested("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>", 90)),
        "read|no text|broken",
    ),
    "attribute.docx": (lambda: docx(f'<w:p w:x="{"a" * (12 * 2**20)}"/>' + paragraph(PROSE)), "zip bomb"),
    "long.docx": (lambda: docx(f'<w:p w:x="{random.Random(1).randbytes(6 * 2**20).hex()}"/>'), "XML"),
    "laughs.odt": (lambda: odt("<t:p>&j;</t:p>", LAUGHS), "entities|entity|XML"),
    "deep.odt": (lambda: odt(nested("<t:section>", "</t:section>", 240, f"<t:p>{PROSE}</t:p>")), "deeper than"),
    "laughs.epub": (lambda: changed("harbour.epub", {"META-INF/container.xml": LAUGHS + "<x>&j;</x>"}), "entit|XML"),
    "climbs.epub": (
        lambda: changed(
            "harbour.epub",
            {
                "META-INF/container.xml": '<c><rootfile full-path="p.opf"/></c>',
                "p.opf": '<p><item id="a" media-type="text/html" href="../../../etc/passwd"/><itemref idref="a"/></p>',
            },
        ),
        "no text",
    ),
    "deep.html": (lambda: page(nested("<div>", "</div>", 100_000)), "no text"),
    "inline.html": (lambda: page(nested("<b><i>", "</i></b>", 100_000)), "no text|read"),
    "attribute.html": (lambda: page(f'<p style="{"a:b;" * 2_700_000}">{PROSE}</p>'), "read|no text|parsed"),
    "styles.html": (lambda: page(f"<style>{'.a{' * 1_000_000}</style><p>{PROSE}</p>"), "read"),
    "rules.html": (lambda: page(f"<style>{'@media x{' * 20_000}</style><p>{PROSE}</p>"), "read"),
    "tables.html": (lambda: page("<table><tr><td>" * 50_000 + PROSE), "no text|read"),
    "laughs.xhtml": (
        lambda: f"<?xml version='1.0'?>{LAUGHS}<html><body><p>&j; {PROSE}</p></body></html>".encode(),
        "read",
    ),
    "braces.rtf": (lambda: b"{\\rtf1 " + b"{" * 1_000_000 + PROSE.encode() + b"}" * 1_000_001, "read"),
    "links.rtf": (lambda: b"{\\rtf1 " + b'{\\field{\\*\\fldinst{HYPERLINK "' * 3_000 + PROSE.encode(), "read|no text"),
    "bin.rtf": (lambda: b"{\\rtf1 {\\pict\\bin99999999999999 x}" + PROSE.encode() + b"}", "read|no text|broken"),
    "page.rtf": (lambda: b"{\\rtf1\\ansicpg99999 " + PROSE.encode() + b"\\'ff\\u-99999999 }", "read|broken"),
    "deep.eml": (lambda: mail_of_mails(5_000), "no text|broken|parts"),
    "parts.eml": (
        lambda: b"Subject: many\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000,
        "more than 1,000 parts",
    ),
    "charset.eml": (
        lambda: b"Subject: =?x-bad?Q?=FF?=\nContent-Type: text/plain; charset=rot13\n\n" + PROSE.encode(),
        "read",
    ),
    "rows.xlsx": (lambda: xlsx(row(*["1"] * 3) * 100_000), "read"),
    "more-rows.xlsx": (lambda: xlsx(row(*["123456789"] * 8) * 100_000), "5,000,000 characters|memory"),
    "columns.xlsx": (lambda: xlsx(row(*map(str, range(500))) * 20), "read"),
    "more-columns.xlsx": (lambda: xlsx(row(*map(str, range(2_000))) * 20), "2,000 columns"),
    "last-row.xlsx": (lambda: xlsx('<row r="999999999999"><c r="A1"><v>1</v></c></row>'), "at most 1,048,576"),
    "last-column.xlsx": (lambda: xlsx('<row><c r="ZZZZZZZ1"><v>1</v></c></row>'), "no cell"),
    "merged.xlsx": (
        lambda: xlsx(row("1", "2") * 1_000, '<mergeCell ref="A1:XFD1048576"/>' * 10_000),
        "Merged cells cover more",
    ),
    "strings.xlsx": (lambda: xlsx('<row><c t="s"><v>999999999</v></c></row>'), "broken"),
    "digits.xlsx": (lambda: xlsx(f"<row><c><v>{'9' * 1_000_000}</v></c></row>" + row("1")), "read|broken"),
    "laughs.xlsx": (lambda: changed("rates.xlsx", {"xl/worksheets/sheet1.xml": LAUGHS + "<x>&j;</x>"}), "entit|XML"),
    "deep.xlsx": (lambda: xlsx(nested("<row><c>", "</c></row>", 5_000, "")), "XML|no text"),
    "zip.xlsx": (lambda: changed("rates.xlsx", {"xl/x.xml": b"\0" * (300 * 2**20)}), "unpacks to"),
    "ratio.xlsx": (lambda: changed("rates.xlsx", {"xl/worksheets/sheet1.xml": b" " * (100 * 2**20)}), "zip bomb"),
    "zip.pptx": (lambda: changed("crane.pptx", {"ppt/x.xml": b"\0" * (300 * 2**20)}), "unpacks to"),
    "laughs.pptx": (lambda: changed("crane.pptx", {"ppt/slides/slide1.xml": LAUGHS + "<x>&j;</x>"}), "entit|XML"),
    "deep.pptx": (
        lambda: changed("crane.pptx", {"ppt/slides/slide1.xml": nested("<spTree>", "</spTree>", 240)}),
        "XML|read",
    ),
    "long.json": (lambda: b"[" + b"1234567," * (6 * 2**20) + b"1]", "characters of JSON"),
    "values.json": (lambda: b"[" + b"1," * 4_900_000 + b"1]", "characters|memory"),
    "deep.json": (lambda: b"[" * 100_000 + b"]" * 100_000, "too deep"),
    "objects.json": (lambda: b'{"a":' * 150 + b"1" + b"}" * 150, "100 deep"),
    "number.json": (lambda: b'{"a": 1' + b"0" * 1_000_000 + b"}", "read|broken"),
    "aliases.yaml": (
        lambda: b"a: &a [x]\n" + b"".join(b"%c: &%c [%s]\n" % (n + 1, n + 1, b"*%c," % n * 9) for n in range(97, 121)),
        "read",
    ),
    "deep.ipynb": (lambda: b'{"cells": ' + b"[" * 100_000, "no notebook"),
    "cells.ipynb": (lambda: b'{"cells": [' + b'{"cell_type": "code", "source": "x"},' * 100_000 + b"1]}", "read"),
    "include.rst": (
        lambda: b".. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\n" + PROSE.encode(),
        "read",
    ),
    "table.rst": (lambda: b".. csv-table::\n   :file: /etc/passwd\n\n" + PROSE.encode(), "read"),
    "laughs.rst": (
        lambda: b"".join(b".. |a%d| replace:: |a%d| |a%d|\n" % (n, n + 1, n + 1) for n in range(60)) + b"\n|a0|\n",
        "substitutions",
    ),
    "lists.rst": (lambda: b"".join(b"  " * n + b"- x\n\n" for n in range(100)), "read"),
    "quotations.rst": (lambda: b"".join(b" " * n + b"x\n\n" for n in range(1000)), "too deep"),
    "drawers.org": (lambda: b":a:\n" * 100_000 + PROSE.encode(), "read"),
    "links.org": (lambda: b"[[" * 200_000 + b" *a" * 20_000 + PROSE.encode(), "read"),
    "mails.mbox": (lambda: b"From a 2024\nSubject: x\n\nTea\n\n" * 20_000, "read|longer than"),
    "no.mbox": (lambda: b"From a 2024\n\nTea\n\n" * 10, "no mailbox"),
    "quotes.eml": (lambda: b"Subject: x\n\n" + b"".join(b"> " * n + PROSE.encode() + b"\n" for n in range(50)), "read"),
    "lists.html": (lambda: page(nested("<ul><li>x", "</li></ul>", 100)), "read"),
    "spans.html": (lambda: page("<table>" + "<tr><td rowspan=65534 colspan=1000>x</td><td>y</td></tr>" * 200), "read"),
    "columns.csv": (lambda: b"a," * 1_000_000, "columns"),
    "cell.csv": (lambda: b'a,b\n"' + b"x" * 6_000_000, "cannot be read|characters"),
    "digits.txt": (lambda: b"1" * 2_000_000, "read"),
    "long.txt": (lambda: b"a" * 5_000_001, "5,000,001 characters"),
    "rules-of-elements.html": (
        lambda: page(MANY.format("".join(f".x{n} .a{{color:red}}" for n in range(10_000)))),
        "read",
    ),
    "ancestors.html": (lambda: page(MANY.format(f".x {'div ' * 15}.a{{color:red}}")), "read"),
    "siblings.html": (lambda: page(MANY.format(".x ~ .a, .a:nth-last-of-type(3n), p:has(~ .x){color:red}")), "read"),
    "selector.html": (lambda: page(MANY.format(f"{'a ' * 50_000}, {':not(' * 50_000}{{color:red}}")), "read"),
    "nested-rules.html": (lambda: page(MANY.format(".a, .b{& &, & & {" * 20_000)), "read"),
    "condition.html": (lambda: page(MANY.format(f"@media {'(' * 100_000}{{.a{{color:red}}")), "read"),
    "variables.html": (lambda: page(MANY.format(f":root{{--v0:x;{DOUBLING}}}.a{{color:var(--v99)}}")), "read"),
    "circle-of-variables.html": (
        lambda: page(MANY.format(":root{--a:var(--b,) var(--b,);--b:var(--a,) var(--a,)}.a{color:var(--a)}")),
        "read",
    ),
    "digits.html": (lambda: page(MANY.format(f".a{{width:{'9' * 300_000}px}}")), "read"),
    "styles-each.html": (
        lambda: page("".join(f"<p style='width:{n}px;color:#{n:06x}'>x</p>" for n in range(20_000)) + PROSE),
        "read",
    ),
    "quotations.md": (lambda: b"> " * 200_000 + b"x\n\n" + PROSE.encode(), "read"),
    "lists.md": (lambda: "".join(f"{' ' * 2 * n}- x\n" for n in range(500)).encode() + PROSE.encode(), "deep"),
    "elements.md": (lambda: b"<b>List<T> " * 20_000 + b"\n\n" + PROSE.encode(), "read"),
    "links.md": (lambda: (b"[" * 5_000 + b"](" * 5_000 + b"\n\n") * 3 + PROSE.encode(), "read"),
    "stars.md": (lambda: (b"*a _b **c " * 900 + b"\n\n") * 20 + PROSE.encode(), "read"),
    "spaces.md": (lambda: b"[" * 200_000 + b"\n" + PROSE.encode(), "read"),
}
