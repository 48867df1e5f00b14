"""Presentations: what stands on each slide, in reading order, and what is said to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.load import load
from rag.load.office.pptx import load_pptx
from tests import hostile

DATA = Path(__file__).parent / "data"
CRANE = """\
# The second crane

Report to the board, 9 March 2024

Notes: Welcome the auditor.

Ask who has read the study.

## What it costs

• The crane was ordered in 2019
  • half paid by the region
  • half paid by the harbour
• It lifts ninety tonnes

## Rates

| Quay | Berth | Euros a day |
| East | short | 40 |
| East | long | 65 |
| West | closed | closed |

## Slide 4

Questions to Ada Quay, room 12.

Grouped: the old crane stays."""
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def slide(shapes: str) -> str:
    """The text of the presentation whose fourth slide holds these shapes, from that slide on."""
    page = f"<p:sld {A} {P} {MC}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    text = load_pptx(hostile.changed("crane.pptx", {"ppt/slides/slide4.xml": page})).text
    return text.partition("| West | closed | closed |")[2].strip()


def box(text: str, *, shape: str = "", runs: str = "", place: str = "") -> str:
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x" {shape}/><p:nvPr/></p:nvSpPr><p:spPr>{place}</p:spPr>'
        f"<p:txBody><a:p><a:r><a:rPr {runs}/><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def test_a_presentation_is_what_stands_on_its_slides_and_in_its_notes() -> None:
    document = load(DATA / "crane.pptx", root=DATA)
    assert document.text == CRANE + "\n\nFile properties\nAuthor: Ada Quay\nDate of creation: 2024-03-08"
    assert (document.title, document.author) == ("The second crane", "Ada Quay")
    assert [document.page_at(document.text.index(text)) for text in ("Welcome", "half paid", "West", "Grouped")] == [
        1, 2, 3, 4,
    ]  # fmt: skip


def test_hidden_tiny_and_outlying_text_is_left_out() -> None:
    beside = '<a:xfrm><a:off x="-900" y="0"/><a:ext cx="800" cy="9"/></a:xfrm>'
    partly = '<a:xfrm><a:off x="-900" y="0"/><a:ext cx="1800" cy="9"/></a:xfrm>'
    assert slide(box("Hidden.", shape='hidden="1"') + box("Tiny.", runs='sz="100"') + box("Off.", place=beside)) == ""
    assert slide(box("Seen.", place=partly)) == "## Slide 4\n\nSeen."


def test_of_two_ways_to_draw_the_same_one_is_read() -> None:
    choices = f"<mc:Choice>{box('Seen.')}</mc:Choice><mc:Fallback>{box('Seen.')}</mc:Fallback>"
    assert slide(f"<mc:AlternateContent>{choices}</mc:AlternateContent>") == "## Slide 4\n\nSeen."


def test_groups_are_read_to_a_limit() -> None:
    assert slide("<p:grpSp>" * 30 + box("Seen.") + "</p:grpSp>" * 30) == "## Slide 4\n\nSeen."
    with pytest.raises(LoadError, match="deeper than 50"):
        slide("<p:grpSp>" * 60 + box("Seen.") + "</p:grpSp>" * 60)


def test_a_presentation_without_slides_has_no_text(tmp_path: Path) -> None:
    links: dict[str, bytes | str] = {"ppt/_rels/presentation.xml.rels": "<Relationships/>"}
    (tmp_path / "a.pptx").write_bytes(hostile.changed("crane.pptx", links))
    with pytest.raises(LoadError, match=r"a\.pptx: The file has no text"):
        load(tmp_path / "a.pptx", root=tmp_path)
