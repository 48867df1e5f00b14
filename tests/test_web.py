"""The web parts without a browser: the escaping, what a turn looks like, the document view."""

from __future__ import annotations

import asyncio
import html
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from threading import Event
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import PROJECT_DIR
from rag.retrieve.examples import example_questions
from rag.types import REFUSAL, Answer, Checked, Citation, Drafting, Finished, Reading, Removed, Sentence, Side
from rag.web.document import document_page, find_page
from rag.web.escape import document_href, link, literal, literal_lines, visible, without_paths
from rag.web.present import announcement, copy_text, history_markup, question_markup, sources_markup, turn_markup
from rag.web.sessions import MOST_CONVERSATIONS, MOST_SESSIONS, Place, Sessions, is_name, new_name
from rag.web.stream import in_batches
from rag.web.turn import Turn, advance, fail, history, stop
from tests.web_fakes import PAYLOADS, FakeAssistant, document

TEXT = st.text(st.characters(exclude_categories=()), max_size=80)
AVOCADO = document(
    "news/a b.txt",
    "Avocado is a model. It will be released in spring 2026. Meta builds it.",
    "What Avocado is",
    outlet="The Paper",
    date="2026-04-07",
)
MANGO = document("mango.txt", "Mango makes pictures. Avocado may be released in autumn 2026.", "Mango")
DOCUMENTS = {d.id: d for d in (AVOCADO, MANGO)}


def cite(doc, quote: str, marker: int = 1) -> Citation:
    start = doc.text.index(quote)
    return Citation(doc.id, doc.title, doc.date, start, start + len(quote), quote, marker)


class Elements(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


# --- escaping -------------------------------------------------------------------------------------


@given(TEXT)
def test_literal_leaves_no_character_that_markup_begins_with_and_shows_every_word(text):
    escaped = literal(text)
    assert re.fullmatch(r"(?:&#\d+;|[^!-/:-@\[-`{-~\n\r])*", escaped)
    assert html.unescape(escaped) == " ".join(visible(text).split())


@given(TEXT)
def test_lines_survive_as_our_own_breaks_only(text):
    escaped = literal_lines(text)
    assert set(re.findall("<[^>]*>", escaped)) <= {"<br>"}
    assert "\n" not in escaped


@given(TEXT, TEXT)
def test_a_link_holds_its_label_and_title_whatever_they_are(label, title):
    elements = Elements(link("/doc/x", label, title=title))
    assert [tag for tag, _ in elements.tags] == ["a"]
    assert elements.text == " ".join(visible(label).split())
    assert set(elements.tags[0][1]) <= {"href", "title"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payloads_are_shown_and_not_read(payload):
    elements = Elements(literal(payload))
    assert elements.tags == []
    assert elements.text == " ".join(visible(payload).split())


def test_what_draws_nothing_is_taken_out_and_what_spells_is_kept():
    assert visible("a\u202eb\u2066c\u200bd\ufeff\x00\x1b\U000e0041") == "abcd"
    assert visible("می\u200cخواهم 👩\u200d🚀 ❤\ufe0f") == "می\u200cخواهم 👩\u200d🚀 ❤\ufe0f"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_an_href_names_its_document_exactly(name):
    parts = urlsplit(document_href(name, 3, 9))
    assert unquote(parts.path.removeprefix("/doc/")) == name
    assert (parse_qs(parts.query), parts.fragment) == ({"s": ["3"], "e": ["9"]}, "hit")
    assert parts.path.count("/") == 2


# --- a turn ---------------------------------------------------------------------------------------


def finished(**changes) -> Answer:
    plain = Answer("Q?", "It will be released in spring 2026.", False, "", False, (), (), (), (), ())
    return replace(plain, **changes)


def test_a_turn_grows_from_passages_to_verified_sentences():
    assistant = FakeAssistant.of(AVOCADO, MANGO)
    turn = Turn("When will Avocado be released?")
    assert "One moment" in turn_markup(turn, DOCUMENTS)
    turn = advance(turn, assistant.search(turn.question))
    assert "spring" in sources_markup(turn, DOCUMENTS)
    assert "The Paper · 2026&#45;04&#45;07" in sources_markup(turn, DOCUMENTS)
    assert "still loading" in turn_markup(turn, DOCUMENTS, loading=True)
    assert "Waiting for the language model" in turn_markup(replace(turn, started=False), DOCUMENTS)
    turn = advance(turn, Reading(30, 120))
    assert "25" in turn_markup(turn, DOCUMENTS)
    turn = advance(turn, Drafting("It will be"))
    assert 'class="pending"' in turn_markup(turn, DOCUMENTS)
    sentence = Sentence("It will be released in spring 2026.", (cite(AVOCADO, "It will be released in spring 2026."),))
    turn = advance(turn, Checked(sentence))
    markup = turn_markup(turn, DOCUMENTS)
    assert "pending" not in markup
    chip = next(attributes for tag, attributes in Elements(markup).tags if tag == "a")
    assert chip["href"] == f"/doc/news%2Fa%20b.txt?s=20&e=55&v={AVOCADO.sha256[:16]}#hit"
    assert "It will be released in spring 2026." in (chip["title"] or "")
    turn = advance(turn, Checked(Removed("It is cheese.", "no source says so")))
    markup = turn_markup(turn, DOCUMENTS)
    assert "cheese" not in markup.partition("<details>")[0], "a removed sentence is no part of a running answer"
    assert re.search(r"<details><summary>Left out.*cheese", markup), "and is listed as soon as it is removed"
    turn = advance(turn, Finished(finished(sentences=(sentence,), removed=turn.removed)))
    markup = turn_markup(turn, DOCUMENTS)
    assert not turn.open
    assert re.search(r"<details><summary>Left out.*cheese", markup)


def test_a_refusal_says_so_with_its_reason_and_the_nearest_passages():
    found = FakeAssistant.of(AVOCADO, MANGO).search("Avocado?")
    answer = finished(refused=True, reason="No passage names a price.", by_source=found.by_source)
    markup = turn_markup(Turn("Q?", answer=answer), DOCUMENTS)
    assert REFUSAL in Elements(markup).text
    assert "No passage names a price." in Elements(markup).text
    assert "Avocado is a model." in Elements(markup).text


def test_the_panel_has_what_is_cited_first_and_nothing_twice():
    found = FakeAssistant.of(AVOCADO, MANGO).search("Avocado autumn?")
    sentences = (
        Sentence("In autumn.", (cite(MANGO, "autumn 2026", 1),)),
        Sentence("In spring.", (cite(AVOCADO, "spring 2026", 2),)),
    )
    side = Side("It comes in autumn.", (MANGO.id,), (cite(MANGO, "autumn 2026", 1),))
    answer = finished(sentences=sentences, sides=(side,), by_source=found.by_source)
    turn = Turn("Q?", found, answer=answer, sentences=sentences)

    text = Elements(sources_markup(turn, DOCUMENTS)).text

    assert text.index("[1]") < text.index("[2]") < text.index("Also near the question")
    assert text.count("[1]") == text.count("[2]") == 1
    assert "What each source says" not in turn_markup(turn, DOCUMENTS)


def test_what_a_refusal_shows_as_nearest_is_not_in_the_panel_as_well():
    found = FakeAssistant.of(AVOCADO, MANGO).search("Avocado?")
    turn = Turn("Q?", found, answer=finished(refused=True, reason="No passage says so.", by_source=found.by_source))
    nearest = [quote.quote for source in turn.answer.nearest for quote in source.quotes]

    panel = Elements(sources_markup(turn, DOCUMENTS)).text

    assert nearest
    assert not any(quote in panel for quote in nearest)


def test_a_disagreement_lists_every_side_with_its_documents_and_dates():
    sides = (
        Side("It comes in spring.", (AVOCADO.id,), (cite(AVOCADO, "spring 2026", 1),)),
        Side("It comes in autumn.", (MANGO.id,), (cite(MANGO, "autumn 2026", 2),)),
    )
    text = Elements(turn_markup(Turn("Q?", answer=finished(disagreement=True, sides=sides)), DOCUMENTS)).text
    for part in ("Sources disagree", "It comes in spring.", "2026-04-07", "It comes in autumn.", "Mango"):
        assert part in text
    assert "no date" not in text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_from_outside_becomes_markup_wherever_it_stands(payload):
    hostile = document(payload, f"{payload} avocado.", payload, outlet=payload, date=payload)
    known = {hostile.id: hostile}
    found = FakeAssistant.of(hostile).search("avocado")
    found = replace(found, question=payload)
    citation = cite(hostile, hostile.text)
    sentence = Sentence(payload, (citation,))
    answer = finished(
        sentences=(sentence,),
        removed=(Removed(payload, payload),),
        disagreement=True,
        sides=(Side(payload, (payload,), (citation,)),),
        by_source=found.by_source,
        reason=payload,
    )
    turns = [
        Turn(payload, found, draft=payload),
        Turn(payload, found, answer=answer),
        Turn(payload, found, answer=replace(answer, refused=True)),
        fail(Turn(payload), payload),
    ]
    ours = {"div", "p", "a", "em", "span", "strong", "ul", "li", "br", "details", "summary", "blockquote"}
    for turn in turns:
        for markup in (turn_markup(turn, known), sources_markup(turn, known), question_markup(turn)):
            elements = Elements(markup)
            assert {tag for tag, _ in elements.tags} <= ours
            assert {name for _, attributes in elements.tags for name in attributes} <= {"class", "href", "title"}
            assert all((a.get("href") or "/doc/").startswith("/doc/") for _, a in elements.tags)
            assert "\n" not in markup, "a blank line would end the HTML block"


def test_the_newer_side_of_a_disagreement_is_told_where_every_side_has_a_date():
    dated = document("d.txt", MANGO.text, "Delay", date="2025-01-02")
    known = {AVOCADO.id: AVOCADO, dated.id: dated, MANGO.id: MANGO}
    spring = Side("Spring.", (AVOCADO.id,), (cite(AVOCADO, "spring 2026", 1),))
    autumn = Side("Autumn.", (dated.id,), (cite(dated, "autumn 2026", 2),))
    undated = Side("Autumn.", (MANGO.id,), (cite(MANGO, "autumn 2026", 2),))

    def shown(*sides: Side) -> str:
        return Elements(turn_markup(Turn("Q?", answer=finished(disagreement=True, sides=sides)), known)).text

    text = shown(spring, autumn)
    assert text.index("newest") < text.index("Autumn.") < text.index("older")
    assert "newest" not in shown(spring, undated)
    assert "older" not in shown(spring, undated)


def test_the_page_of_a_quotation_is_told_where_the_document_has_pages():
    paged = replace(MANGO, pages=(0, MANGO.text.index("Avocado")))
    known = {paged.id: paged}
    sentence = Sentence("In autumn.", (cite(paged, "autumn 2026"),))
    found = FakeAssistant.of(paged).search("autumn")
    answer = finished(sentences=(sentence,), by_source=found.by_source)
    turn = Turn("Q?", found, answer=answer, sentences=(sentence,))
    chip = next(attributes for tag, attributes in Elements(turn_markup(turn, known)).tags if tag == "a")
    assert "Mango, page 2" in (chip["title"] or "")
    assert "page 2" in Elements(sources_markup(turn, known)).text
    assert "page 2" in document_page(paged, paged.pages[1], paged.pages[1] + 7)
    assert "page 1" in document_page(paged, 0, 5)


def test_what_a_quotation_stands_under_is_shown_and_is_no_markup():
    found = FakeAssistant.of(MANGO).search("autumn")
    sources = [
        replace(source, quotes=tuple(replace(q, context="Name: <b>Mango</b> [x](y)") for q in source.quotes))
        for source in found.by_source
    ]
    answer = finished(by_source=tuple(sources))
    markup = sources_markup(Turn("Q?", found, answer=answer), {MANGO.id: MANGO})
    parsed = Elements(markup)
    assert "under: Name: <b>Mango</b> [x](y)" in parsed.text
    assert "b" not in {tag for tag, _ in parsed.tags}
    assert 'class="context"' in markup
    assert "context" not in sources_markup(Turn("Q?", found, answer=replace(answer, by_source=found.by_source)), {})


def test_timings_stand_under_the_answer():
    answer = finished(timings_ms={"retrieve": 57.2, "first_token": 7800.0, "total": 10_700.0})
    text = Elements(turn_markup(Turn("Q?", answer=answer), DOCUMENTS)).text
    assert "passages 0.06 s · first word 7.8 s · whole answer 10.7 s" in text


def test_a_screen_reader_is_told_the_stages():
    found = FakeAssistant.of(AVOCADO).search("Avocado?")
    sentence = Sentence("It comes in spring 2026.", (cite(AVOCADO, "spring 2026"),))
    answer = finished(sentences=(sentence,))
    turns = [
        Turn("Q?"),
        Turn("Q?", found),
        Turn("Q?", found, answer=answer, sentences=(sentence,)),
        Turn("Q?", found, answer=finished(refused=True)),
        stop(Turn("Q?")),
        fail(Turn("Q?"), "No model."),
    ]
    told = [announcement(turn) for turn in turns]
    assert len(set(told)) == len(told)
    assert told[2] == "The answer is ready: sentences 1, quotations 1."


# --- conversations --------------------------------------------------------------------------------


def test_a_conversation_is_found_by_its_own_session_only():
    sessions = Sessions()
    sessions.put(Place("ann", "one"), (Turn("Q1?"),))
    sessions.put(Place("ann", "two"), (Turn("Q2?"),))
    sessions.put(Place("bob", "three"), (Turn("Q3?"),))
    assert sessions.get(Place("bob", "one")) == ()
    assert sessions.get(Place("ann", "one"))[0].question == "Q1?"
    assert sessions.history("ann") == [("two", "Q2?"), ("one", "Q1?")]
    markup = history_markup(sessions.history("ann"), "two")
    assert "Q1" in markup
    assert "Q2" not in markup
    assert history_markup(sessions.history("bob"), "three") == ""


def test_conversations_and_sessions_are_bounded_the_one_not_used_for_longest_goes():
    sessions = Sessions()
    for n in range(MOST_CONVERSATIONS + 1):
        sessions.put(Place("ann", str(n)), (Turn(f"{n}?"),))
    assert sessions.get(Place("ann", "0")) == ()
    assert len(sessions.history("ann")) == MOST_CONVERSATIONS
    for n in range(MOST_SESSIONS):
        sessions.put(Place(f"s{n}", "c"), (Turn("?"),))
    assert sessions.history("ann") == []


def test_names_cannot_be_guessed_and_hold_nothing_else():
    assert is_name(new_name())
    assert new_name() != new_name()
    assert not any(map(is_name, ["", "short", "x" * 65, "../../etc/passwd-and-more", "a" * 20 + "\n"]))


@given(st.lists(st.text("abcdefg .-_", min_size=1, max_size=8), min_size=2, max_size=5))
def test_no_folder_of_this_machine_is_left_in_a_message(parts):
    path = "/" + "/".join(p.strip() or "x" for p in parts)
    shown = without_paths(f"The model '{path}' does not load.")
    assert path not in shown
    assert "/" not in shown.removesuffix("' does not load.")


def test_the_copied_text_carries_its_quotations():
    sentence = Sentence("It comes in spring 2026.", (cite(AVOCADO, "It will be released in spring 2026."),))
    text = copy_text(Turn("When?", answer=finished(sentences=(sentence,))), DOCUMENTS)
    assert "It comes in spring 2026. [1]" in text
    assert "[1] “It will be released in spring 2026.” — What Avocado is, 2026-04-07 (news/a b.txt)" in text
    assert copy_text(Turn("When?"), DOCUMENTS) == ""


def test_stopping_keeps_what_was_verified_and_drops_what_was_not():
    sentence = Sentence("It comes in spring 2026.", (cite(AVOCADO, "spring 2026"),))
    turn = stop(Turn("Q?", sentences=(sentence,), draft="And then"))
    assert "spring" in turn_markup(turn, DOCUMENTS)
    assert "And then" not in turn_markup(turn, DOCUMENTS)
    assert stop(turn) == turn
    assert stop(fail(Turn("Q?"), "no")).stopped is False


def test_history_holds_what_was_asked_to_the_end():
    turns = (
        Turn("1", answer=finished(question="one?", answer="yes")),
        Turn("2", answer=finished(refused=True)),
        fail(Turn("3"), "no"),
    )
    assert [asked for asked, _ in history(turns)] == ["one?", "Q?"]  # what was refused may be followed up too


def test_examples_ask_about_names_that_several_documents_share():
    texts = [
        "We met Ada Lovelace in London.",
        "They say Ada Lovelace was in Turin.",
        "He knew Ada Lovelace, from Rome.",
    ]
    corpus = [document(str(n), t) for n, t in enumerate(texts)]
    assert example_questions(corpus) == ["What do the sources say about Ada Lovelace?"]
    assert example_questions([AVOCADO]) == ["What does “What Avocado is” say?"]
    assert example_questions([]) == []


# --- steps in batches -----------------------------------------------------------------------------


def collect(steps, *, until=lambda batch: False):
    async def run():
        seen = []
        stream = in_batches(steps)
        async for batch in stream:
            seen.append(batch)
            if until(batch):
                break
        await stream.aclose()
        return seen

    return asyncio.run(run())


def test_batches_hold_all_steps_in_order():
    steps = [Drafting(str(n)) for n in range(50)]
    assert [s for batch in collect(lambda abort: iter(steps)) for s in batch] == steps


def test_a_blocked_step_does_not_block_the_stream_and_closing_it_aborts():
    aborts: list[Event] = []
    ended = Event()

    def steps(abort):
        aborts.append(abort)
        yield Drafting("first")
        assert abort.wait(10)  # a long native call
        ended.set()

    seen = collect(steps, until=lambda batch: not batch)
    assert seen[-1] == []
    assert aborts[0].is_set()
    assert ended.wait(10)


def test_an_error_comes_after_the_steps_before_it():
    seen = []

    def steps(abort):
        yield Drafting("first")
        raise ValueError("second")

    async def run():
        async for batch in in_batches(steps):
            seen.extend(batch)

    with pytest.raises(ValueError, match="second"):
        asyncio.run(run())
    assert seen == [Drafting("first")]


# --- the document view ----------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), st.data())
def test_the_mark_holds_exactly_the_passage(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    page = document_page(document("d", text, "T"), start, end)
    match = re.search(r'<article>(.*)<mark id="hit">(.*)</mark>(.*)</article>', page, re.DOTALL)
    assert match
    shown = [visible(text[:start]), visible(text[start:end]), visible(text[end:])]
    assert [html.unescape(html.escape(s)) for s in shown] == [
        s.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&#x27;", "'").replace("&amp;", "&")
        for s in match.groups()
    ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_document_stays_text(payload):
    page = document_page(document(payload, payload * 2, payload, outlet=payload), 0, len(payload))
    tags = [tag for tag, _ in Elements(page).tags]
    assert tags == [
        *("html", "head", "meta", "meta", "title", "link", "body", "header", "nav", "a", "span", "a"),
        *("main", "h1", "p", "article", "mark", "footer"),
    ]


@pytest.mark.parametrize(
    ("s", "e"), [("1", None), (None, "1"), ("2", "1"), ("1", "1"), ("0", "9999"), ("-1", "3"), ("x", "3"), ("٣", "5")]
)
def test_offsets_that_name_no_passage_are_refused(s, e):
    status, page = find_page([DOCUMENTS], MANGO.id, s, e)
    assert status == 400
    assert "no such passage" in page


def test_a_passage_is_marked_only_in_the_version_it_was_quoted_from():
    changed = document(AVOCADO.id, "Something else. " + AVOCADO.text, AVOCADO.title)
    generations = [{changed.id: changed}, {AVOCADO.id: AVOCADO}]
    version = AVOCADO.sha256[:16]
    status, page = find_page(generations, AVOCADO.id, "0", "19", version)
    assert (status, re.findall('<mark id="hit">(.*)</mark>', page)) == (200, ["Avocado is a model."])
    status, page = find_page(generations[:1], AVOCADO.id, "0", "19", version)
    assert status == 410
    assert "<mark" not in page
    assert find_page(generations, AVOCADO.id, None, None)[1].count("Something else.") == 1, "the newest by default"


def test_documents_are_looked_up_by_id_only():
    assert find_page([DOCUMENTS], "../secret", None, None)[0] == 404
    status, page = find_page([DOCUMENTS], AVOCADO.id, None, None)
    assert status == 200
    assert "<h1>What Avocado is</h1>" in page
    assert "The Paper · 2026-04-07" in page
    assert "<mark" not in page


def imports(code: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, where nothing is imported yet."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, cwd=PROJECT_DIR, timeout=300, capture_output=True, text=True)


def test_importing_the_page_writes_no_stubs_into_the_installed_packages() -> None:
    """Half of gradio's import goes into them. ``get_source_segment`` is what it compares them with."""
    code = """if True:
        import ast, gc, inspect
        getfile, ast.get_source_segment = inspect.getfile, None
        import rag.web.app
        assert inspect.getfile is getfile and gc.isenabled()"""
    done = imports(code)
    assert done.returncode == 0, done.stderr


def test_gradio_would_still_write_them() -> None:
    """Where this fails, gradio no longer does: take the replacement of ``getfile`` out of rag/web/toolkit.py.

    The import is cut short before the first stub is compared, so that none is written here either.
    """
    code = """if True:
        import ast, os
        def cut_short(*_): print("a stub is wanted", flush=True); os._exit(0)
        ast.get_source_segment = cut_short
        import gradio"""
    done = imports(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a stub is wanted\n", "rag/web/toolkit.py need not replace inspect.getfile any more"
