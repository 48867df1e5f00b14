"""Notebooks, data, logs, mailboxes, reStructuredText and Org: the exact text that is read of each."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.load import load
from rag.load.canonical import unwrapped
from rag.load.data import load_json
from rag.load.mail import load_mbox
from rag.load.notebook import load_notebook
from rag.load.org import load_org
from rag.load.rst import load_rst
from rag.types import Document
from tests import hostile
from tests.fakes import units

DATA = Path(__file__).parent / "data"


def read(name: str) -> Document:
    return load(DATA / name, root=DATA)


def written(folder: Path, name: str, text: str) -> Document:
    (folder / name).write_text(text, "utf-8")
    return load(folder / name, root=folder)


def contexts(document: Document) -> dict[str, str]:
    return {document.text[u.start : u.end]: u.context for u in units(document)}


# --- notebooks -----------------------------------------------------------------------------------


def test_a_notebook_is_its_text_its_code_and_what_that_printed() -> None:
    document = read("crane.ipynb")
    assert document.title == "Calls of ships"
    assert document.text == (
        "# Calls of ships\n\nThe harbour counted fourteen calls in 2023:\n\n• ten in summer\n• four in winter\n\n"
        '```python\ncalls = 10 + 4\nprint("calls:", calls)\ncalls\n```\n\n```\ncalls: 14\n```\n\n```\n14\n```\n\n'
        "A note that is neither.\n\n```python\n1 / 0\n```\n\n```\nZeroDivisionError: division by zero\n```"
    )


@pytest.mark.parametrize("data", [b"[]", b"{}", b'{"cells": 3}', b"no json", b'{"cells": []}'])
def test_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(LoadError, match="no notebook"):
        load_notebook(data)


# --- data ----------------------------------------------------------------------------------------


def test_json_is_a_line_a_value_below_the_keys_that_lead_to_it(tmp_path: Path) -> None:
    document = written(
        tmp_path,
        "settings.json",
        '{"name": "harbour", "open": true, "none": null, "limits": {"tonnes": 900.5, "quays": ["east", "west"]}, '
        '"ships": [{"name": "Hale", "built": 1839}, {"name": "Ines", "built": 1988}], '
        '"crew": [{"boats": [{"id": 1}]}]}',
    )
    assert document.title == "settings"
    assert document.text == (
        "name: harbour\nopen: true\n\n## limits\n\ntonnes: 900.5\nquays: east, west\n\n## ships\n\n"
        "name: Hale; built: 1839.\n\nname: Ines; built: 1988.\n\n## crew › 1 › boats\n\nid: 1."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Tea"', "Tea"), ("[1, 2]", "• 1\n\n• 2"), ('{"a": 1, "a": 2}', "a: 1\na: 2"), ("// why\n{}", "// why\n{}"),
        ('{"a": "two\\nlines"}', "a: two lines"), ('{"a": 1}\n{"a": 2}\n', "a: 1.\n\na: 2."), ("{}", ""),
        ('{"a": [[1, 2], "b"]}', "## a\n\n• 1, 2\n\n• b"),
    ],
)  # fmt: skip
def test_json(text: str, expected: str) -> None:
    assert load_json(text.encode()).text == expected


def test_every_value_of_a_long_list_is_read() -> None:
    text = load_json(str([n * 1000 for n in range(500)]).encode()).text
    assert [line.removeprefix("• ") for line in text.split("\n\n")] == [str(n * 1000) for n in range(500)]


def test_yaml_stands_as_in_its_file(tmp_path: Path) -> None:
    text = "# where it listens\nserver:\n  port: 8443  # behind the proxy\nusers:\n  - ada\n  - ines"
    document = written(tmp_path, "a.yml", text)
    assert (document.text, document.title) == (text, "a")
    assert contexts(document)["ada"] == "users:"


def test_toml_has_the_names_of_its_tables_as_headings(tmp_path: Path) -> None:
    document = written(tmp_path, "a.toml", '[server]\nport = 8443\nlist = [\n  "a",\n]\n\n[[users]]\nname = "Ada"\n')
    assert document.text == '## server\nport = 8443\nlist = [\n  "a",\n]\n\n## users\nname = "Ada"'


@pytest.mark.parametrize("suffix", [".ini", ".cfg", ".conf"])
def test_settings_have_the_names_of_their_sections_as_headings(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"router{suffix}"
    path.write_text("; the router\n[wifi]\nchannel = 11\n")
    assert load(path, root=tmp_path).text == "; the router\n## wifi\nchannel = 11"


def test_lines_of_facts_are_not_joined() -> None:
    text = "Brown inhaler: 2 puffs in the morning and 2 in the evening\nBefore sport: 2 puffs\nBest: 280\n"
    assert unwrapped(text) == text
    text = "consumption a frame is 18 g of silver and 140 g of brass\nsilver rod 1.42 a gram\nrods in the tin\n"
    assert unwrapped(text) == text


def test_a_wrapped_letter_is_joined() -> None:
    letter = (
        "The two other bicycles cannot be finished before the\n"
        "15th of April, because the hubs for them have to come\nfrom Kassel.\n"
    )
    assert unwrapped(letter).count("\n") == 1


def test_a_line_of_a_log_stands_alone(tmp_path: Path) -> None:
    lines = ["2024-03-09 10:00:01 INFO Started on port 8443", "2024-03-09 10:00:05 ERROR Disk full"]
    document = written(tmp_path, "a.log", "\n".join(lines) + "\n")
    assert contexts(document) == dict.fromkeys(lines, "")
    assert document.date is None


# --- mailboxes -----------------------------------------------------------------------------------


def test_each_mail_of_a_mailbox_is_a_part_with_its_own_sender_and_day() -> None:
    document = read("board.mbox")
    assert document.title == "board"
    assert [(part.title, part.author, part.date) for part in document.parts] == [
        ("The old crane", "Ada Quay", "2024-03-08"), ("Re: The old crane", "Ines Corrigan", "2024-03-09"),
    ]  # fmt: skip
    assert document.text.endswith("Yes, as a museum piece.\n\n\nShall we keep the old crane?")
    assert "\n\nFrom the quay it looks well.\n" in document.text


def test_what_python_writes_into_a_mailbox_is_read_back(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "a.mbox")
    bodies = [f"Mail {n}.\n\nFrom 2024 on: it is so.\n\n>From here as well." for n in range(20)]
    for n, body in enumerate(bodies):
        mail = EmailMessage()
        mail["From"], mail["Subject"] = "Ada <ada@quay.example>", f"Number {n}"
        mail.set_content(body)
        box.add(mail)
    box.close()
    text = load_mbox((tmp_path / "a.mbox").read_bytes()).text
    assert [f"Subject: Number {n}\n\nMail {n}.\n\nFrom 2024 on: it is so.\n\n" in text for n in range(20)] == [
        True
    ] * 20


def test_a_mail_that_cannot_be_read_is_named() -> None:
    good = b"From a 2024\nSubject: x\nFrom: a\n\n" + hostile.PROSE.encode()
    parts = b"From a 2024\nSubject: many\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1_500
    text = load_mbox(good + b"\n\n" + parts).text
    assert hostile.PROSE in text
    assert text.endswith("Mail not read: The mail has more than 1,000 parts.")
    with pytest.raises(LoadError, match="no mailbox"):
        load_mbox(b"Subject: x\n\nThis is a single mail.")


# --- reStructuredText and Org --------------------------------------------------------------------


def test_restructured_text_is_what_a_reader_sees() -> None:
    document = read("harbour.rst")
    assert (document.title, document.author, document.date) == ("The harbour handbook", "Ada Quay", "2024-03-09")
    assert document.text == (
        "Author: Ada Quay\n\nDate: 2024-03-09\n\n# The harbour handbook\n\n"
        "The harbour was dug in 1842 by four hundred labourers, as the chronicle and git log say. See the office for "
        "more.\n\n## Rates\n\nNote\n\nPrices are in euros.\n\nBerths\n\n| Quay | Price |\n| --- | --- |\n"
        "| East | 40 |\n| West | 65 |\n| Quay | 2023 Low | 2023 High |\n| --- | --- | --- |\n| East | 40 | 65 |\n\n"
        "versionadded 1.2 Boats over twelve metres are welcome.\n\nStart the crane:\n\n```\ncrane --start\n```\n\n"
        "• ten in summer\n• four in winter\n\nMost of them from the mines inland."
    )


def test_no_other_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("The secret is out here.")
    for directive in ("include:: {}", "literalinclude:: {}", "csv-table::\n   :file: {}", "raw:: html\n   :file: {}"):
        assert "secret is" not in load_rst(f"Tea is hot.\n\n.. {directive.format(secret)}\n".encode()).text


def test_what_docutils_cannot_read_is_read_as_it_stands() -> None:
    table = "=====  =====\nTea    Price\n=====  =====\nAssam  4\nDarjeeling  9\n=====  =====\n"
    text = load_rst(f"Prices\n\n{table}\nThe end of `it.".encode()).text
    assert "Darjeeling  9" in text
    assert "The end of `it." in text


def test_a_table_whose_first_column_has_no_name_keeps_the_other_names() -> None:
    table = "===== ==== ====\n      Min  Max\n===== ==== ====\nsepal 4.3  7.9\n===== ==== ====\n"
    expected = "| | Min | Max |\n| --- | --- | --- |\n| sepal | 4.3 | 7.9 |"
    assert load_rst(table.encode()).text == expected
    assert load_rst(b"Tea\n\n" + table.replace("\n", "\n  ").encode()).text.startswith("Tea")


def test_a_list_in_a_field_stays_a_list() -> None:
    assert (
        load_rst(b":Port: 8443\n:Users:\n  - ada\n  - ines\n").text == "Port: 8443\n\nUsers:\n\n\u2022 ada\n\u2022 ines"
    )


def test_org_is_what_a_reader_sees() -> None:
    document = read("harbour.org")
    assert (document.title, document.author, document.date) == ("The harbour notes", "Ada Quay", "2024-03-09")
    assert document.text == (
        "# TODO Order the second crane\nThe second crane was ordered in 2019 and arrived in March; see the page of the "
        "harbour for what it lifts and what it has cost the town and the region so far.\n\n## Rates\n| Quay | Price |\n"
        "| --- | --- |\n| East | 40    |\n| West | 65    |\n\n- ask the auditor\n- read the study\n\n"
        "```sh\ncrane --start\n```"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b * c * d / e", "a = b * c * d / e"), ("- one\n  more of it\n- two", "- one more of it\n- two"),
        (":LOGBOOK:\nnever closed, so no drawer", ":LOGBOOK: never closed, so no drawer"),
        ("* A\n:X:\nhidden\n:END:\nseen", "# A\nseen"), ("1. one\n2) two", "1. one\n2) two"),
        ("~x_1~ and =y=", "x_1 and y"),
        ("#+begin_quote\nsaid\n#+end_quote", "said"), ("[[a.org]]", "a.org"), ("******** deep", "###### deep"),
    ],
)  # fmt: skip
def test_org(text: str, expected: str) -> None:
    assert load_org(text.encode()).text == expected
