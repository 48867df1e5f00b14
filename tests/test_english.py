"""The lists in rag/text/english: every entry is read, and does what its list is for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import rag.text.lists
from rag.ground.draft import DraftParser
from rag.text.blocks import blocks
from rag.text.boilerplate import is_furniture
from rag.text.dates import SHORT_MONTHS, dates
from rag.text.lists import entries, word_list
from rag.text.negation import negated_stems
from rag.text.sentences import sentences
from rag.text.words import content_stems

FOLDER = Path(rag.text.lists.__file__).with_name("english")
BOILERPLATE = [line.split("  # ", 1) for line in (FOLDER / "boilerplate.txt").read_text("utf-8").splitlines()]
BOILERPLATE = [line for line in BOILERPLATE if not line[0].startswith("#")]
NAMES = sorted(path.stem for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_list_says_why_and_says_nothing_twice(name: str) -> None:
    assert (FOLDER / f"{name}.txt").read_text("utf-8").startswith("# ")
    listed = entries(name) if name == "boilerplate" else word_list(name)
    listed = listed[::2] if name in ("numbers", "ordinals") else listed
    assert listed
    assert len(set(listed)) == len(listed)
    assert all("#" not in entry for entry in listed)


@pytest.mark.parametrize(("pattern", "line"), BOILERPLATE)
def test_boilerplate_is_told_by_each_entry(pattern: str, line: str) -> None:
    assert pattern in entries("boilerplate")
    assert re.fullmatch(pattern, line, re.IGNORECASE)
    assert is_furniture(line) or is_furniture(f"Home | {line} | Next")  # "Name *": of whole lines the marks are cut off


@pytest.mark.parametrize("line", ["Trending topics about tea", "Related Stories", "## Recommended articles from us"])
def test_titles_of_related_stories(line: str) -> None:
    controls = "\n\nShare\n\nLog in\n\nLeave a reply"
    assert blocks(line + controls)[0].kind == "furniture"
    assert blocks(line)[0].kind != "furniture"  # the same words in a note are its own


def test_no_stop_word_is_content() -> None:
    assert [word for word in word_list("stop_words") if content_stems(word.capitalize())] == []


def test_negations_govern_what_follows_and_are_no_stop_words() -> None:
    assert [word for word in word_list("negations") if negated_stems(f"It {word} works") != {"work"}] == []
    assert not set(word_list("negations")) & set(word_list("stop_words"))


def test_a_draft_goes_on_after_an_abbreviation() -> None:
    def claims(text: str) -> int:
        parser = DraftParser(known=1)
        return len([*parser.feed(text), *parser.finish()])

    shortened = (*word_list("abbreviations"), *map(str.capitalize, SHORT_MONTHS))
    assert [word for word in shortened if claims(f"Tea costs more with {word}. Smith [1]. It rains.") != 2] == []
    assert claims("Tea costs more with milk. Smith [1]. It rains.") == 3


def test_a_sentence_goes_on_after_an_abbreviation_before_a_number() -> None:
    shortened = word_list("abbreviations_before_numbers")
    assert [word for word in shortened if len(sentences(f"This is shown in {word}. 3 of it.")) != 1] == []
    assert len(sentences("It is shown in gardens. 3 of them left.")) == 2


def test_every_name_of_a_month_is_read() -> None:
    for number, names in enumerate(entries("months"), 1):
        for name in names.split():
            assert [iso for _, iso in dates(f"3 {name.capitalize()} 2024")] == [f"2024-{number:02}-03"]


def test_reading_every_list_takes_no_time() -> None:
    code = (
        "import time, rag.text.lists as lists\nbegan = time.perf_counter()\n"
        f"for name in {NAMES!r}: lists.word_list(name)\nprint(time.perf_counter() - began)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    assert min(times) < 0.02  # about 1 ms on an idle machine
