"""Markdown files as a reader sees them rendered, on lines that later stages know the kind of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.load.markdown import load_markdown
from rag.text.blocks import blocks

DATA = Path(__file__).parent / "data"

READ = {  # name: (source, what a reader sees)
    "emphasis": ("A **hot** *drink* of __the__ _hills_, ~~not cold~~.", "A hot drink of the hills, not cold."),
    "no emphasis": ("snake_case_name, 2 * 3 * 4, \\*stars\\*", "snake_case_name, 2 * 3 * 4, *stars*"),
    "links": ("[Tea](https://x.org/a_(b) 'unseen') and <https://x.org>.", "Tea and https://x.org."),
    "links by reference": ("[Tea][t] and [milk].\n\n[t]: x 'unseen'\n[milk]: y", "Tea and milk."),
    "links to another file": ("[Tea\nof the hills][t], a[i][j], [sic].", "Tea of the hills, a[i][j], [sic]."),
    "pictures": ("![A *cup* of tea](data:image/png;base64,AAAA 'unseen')", "A cup of tea"),
    "code": ("Run `a  <b> **c**` now.", "Run a <b> **c** now."),
    "entities": ("Tea &amp; milk &ndash; &lt;b&gt;", "Tea & milk – <b>"),
    "soft breaks": ("Tea is\na hot\ndrink.", "Tea is a hot drink."),
    "hard breaks": ("Ada Quay  \n1 Quay Street\\\nElmsea<br>England", "Ada Quay\n1 Quay Street\nElmsea\nEngland"),
    "headings": ("# Tea #\n\nMilk\n====\n\nSugar\n-----\n\n#4 is sold.", "# Tea\n\n# Milk\n\n## Sugar\n\n#4 is sold."),
    "bullets": ("* Tea\n* Milk\n\n  of cows\n* [ ] Sugar", "• Tea\n• Milk\n\nof cows\n\n• [ ] Sugar"),
    "loose bullets": ("- Tea\n\n- Milk", "• Tea\n• Milk"),
    "numbers": ("3. Tea\n3. Milk\n   - cold\n   - warm\n4. Sugar", "3. Tea\n4. Milk\n  • cold\n  • warm\n5. Sugar"),
    "quotations": ("> Tea\n> is hot.\n>\n> > Milk", "Tea is hot.\n\nMilk"),
    "rule": ("Tea\n\n* * *\n\nMilk", "Tea\n\nMilk"),
    "table": (
        "| Tea | Minutes |\n|:--|--:|\n| Green | **2** |\n| a<br>b \\| c | |",
        "| Tea | Minutes |\n| --- | --- |\n| Green | 2 |\n| a b | c | |",
    ),
    "table without edges": ("Tea | Minutes\n--- | ---\nGreen | 2", "| Tea | Minutes |\n| --- | --- |\n| Green | 2 |"),
    "table of HTML": (
        "<table><tr><td>Ada<p>Quay</p></td><td><p>1</p></td></tr><tr><td>Bo</td></tr></table>",
        "| Ada Quay | 1 |\n| Bo |",
    ),
    "fence": ("~~~py\nx = 1\n\n  *y*\n~~~", "~~~py\nx = 1\n\n  *y*\n~~~"),
    "fence in an item": ("1. Run:\n   ```\n   tea &amp;\n   ```\n2. Stop", "1. Run:\n\n```\ntea &amp;\n```\n\n2. Stop"),
    "indented code": ("Run:\n\n    tea  <b>\n      --hot", "Run:\n\ntea  <b>\n  --hot"),
    "details": ("<details><summary>More</summary>\n\n**Tea**\n\n</details>", "More\n\nTea"),
    "comments": ("Tea<!-- unseen --> is <!--- unseen --->hot.\n\n<!--\nunseen\n\nso\n-->\nMilk", "Tea is hot.\n\nMilk"),
    "no comment": ("Tea <!-- is hot.\n\nMilk", "Tea <!-- is hot.\n\nMilk"),
    "footnotes": ("Tea[^1].\n\n[^1]: Hot.\n[^2]: https://x.org", "Tea[^1].\n\n[^1]: Hot. [^2]: https://x.org"),
    "mentioned elements": (
        "Use <script> and <textarea>.\n\nA List<T> of <b>teas.\n\nMilk",
        "Use <script> and <textarea>.\n\nA List of teas.\n\nMilk",
    ),
    "hidden in a paragraph left open": ("Tea <span hidden>unseen\n\nMilk", "Tea\n\nMilk"),
    "end of the page": ("Tea\n\n</div></body></html>\n\nMilk", "Tea\n\nMilk"),
    "ornaments": (
        f"{'>' * 80}\n\nTea\n{'-' * 80}\n\n{'- ' * 40}\n\nMilk",
        f"{'>' * 80}\n\n## Tea\n\n{'- ' * 39}-\n\nMilk",
    ),
    "front matter": ("---\ntitle: unseen\nnote: unseen\n---\nTea", "Tea"),
    "who and when": ("---\ntitle: Tea\nauthor: Ada\nversion: 2.1\n---\nTea", "author: Ada\nversion: 2.1\n\nTea"),
}  # fmt: skip


def text_of(source: str) -> str:
    return load_markdown(source.encode()).text


@pytest.mark.parametrize("name", READ)
def test_what_a_reader_sees(name: str) -> None:
    source, seen = READ[name]
    assert text_of(source) == seen


def test_the_notes() -> None:
    text = load_markdown((DATA / "notes.md").read_bytes()).text
    assert text == (
        "author: Ada Quay\ndate: 2024-11-02\n\n"
        "# Tea\n\nTea is a hot drink made from the leaves of Camellia sinensis. "
        "It came to Europe in the 17th century.\n\n"
        "## Brewing\n\n1. Boil half a litre of water first.\n2. Wait for three minutes before pouring.\n\n"
        "Green tea wants cooler water than black tea.\n\n"
        "| Kind | Minutes |\n| --- | --- |\n| Green tea leaves | 2 |\n\n"
        '```python\nprint("a line of code stays itself")\n```'
    )
    kinds = " ".join(block.kind for block in blocks(text))
    assert kinds == "prose prose heading prose heading list list prose table table table code code code"


def test_what_is_too_deep_is_refused_and_not_left_out() -> None:
    def lists(depth: int) -> str:
        return "".join(f"{'  ' * level}- level {level}\n" for level in range(depth))

    assert text_of(lists(20)).count("level") == 20
    with pytest.raises(LoadError, match="deep within one another"):
        text_of(lists(100))


def test_a_paragraph_without_end_is_read_as_it_stands() -> None:
    assert text_of("[" * 20_000 + "\n\n*Tea*") == "[" * 20_000 + "\n\nTea"


def test_hundreds_of_open_elements_cost_nothing_below() -> None:
    assert text_of("A List<T>. " * 500 + "\n\nTea").endswith("\n\nTea")
    assert text_of("A List<T>.\n\n" * 500 + "Tea").endswith("\n\nTea")


WORDS = ["tea", "milk", "sugar", "hills", "Elmsea", "x"]
MARKS = ["*", "**", "_", "~~", "#", "##", ">", "-", "+", "1.", "12)", "\n", "\n\n", "\n    ", "\n- ", "`", "``", "\\",
         "!", "---", "===", "  \n", "&", ";", ":", "(", ")", "\t", "```", "~~~", ".", "\n> ", "\n1. "]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS + MARKS), max_size=60))
def test_no_word_is_lost(parts: list[str]) -> None:
    text = text_of(" ".join(["start", *parts, "end"]))
    assert re.findall(r"[A-Za-z]+", text) == ["start", *(part for part in parts if part in WORDS), "end"]
