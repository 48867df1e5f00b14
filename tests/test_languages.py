"""Which language a text is in, and what hangs on it: where sentences end, and which forms of a word are one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rag.text.lists
from rag.index.units import sections
from rag.text.languages import STEMMERS, language_of
from rag.text.lists import word_list
from rag.text.sentences import sentences
from rag.text.words import fold, stem_in
from rag.types import Document

FOLDER = Path(rag.text.lists.__file__).with_name("sentence_ends")


def cut(text: str, language: str) -> list[str]:
    return [text[s.start : s.end].strip() for s in sentences(text, language=language)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie hoch ist die Kaution für die Wohnung?", "de"),
        ("Quel est le montant du loyer ?", "fr"),
        ("¿Cuándo termina el contrato?", "es"),
        ("Hoe hoog is de waarborgsom in het contract?", "nl"),
        ("What is the deposit for the flat?", "en"),
        ("Rent: 940 EUR\nLandlord: Olav Brekke\nInternet: SSID birke-5g, password moss-rain-09", "en"),
        ("Anna Schmidt\nPeter Müller\nJean Dupont", "en"),
        ("Lunch 12:30", "en"),
        ("8 9 10 11 12 13 14 15 16 17 18 19 20", "en"),
        ("", "en"),
    ],
)
def test_a_language_is_told_where_it_is_sure(text: str, language: str) -> None:
    assert language_of(text) == language


def test_an_english_text_opens_no_model() -> None:
    code = (
        "import sys\nfrom rag.text.languages import language_of\n"
        "print(language_of('It was the best of times, it was the worst of times.'), 'py3langid' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["en", "False"]


def test_the_model_knows_every_language_that_has_a_stemmer() -> None:
    assert [language for language in STEMMERS if not stem_in("word", language).startswith(language)] == []
    assert language_of("Det här är en svensk text om hyran och avtalet.") == "sv"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Das neue Bürgeramt öffnet am 12. Oktober.|Es liegt zentral."),
        ("de", "Die 3. Auflage kostet 20 Euro.|Sie ist vergriffen."),
        ("de", "Der Preis beträgt 40 Euro inkl. Gebühr.|Barzahlung ist möglich."),
        ("de", "Wir wohnen in der Lindenstr. 5 in Köln.|Kommen Sie vorbei!"),
        ("de", "Wir bieten Äpfel, Birnen usw. an.|Alles ist frisch."),
        ("de", "Das kostet 5 Euro.|Für Mitglieder ist es gratis."),
        ("fr", "M. Dupont habite à Paris.|Il est né en 1950."),
        ("fr", "L'av. Foch est fermée.|Prenez le bd. Voltaire."),
        ("es", "El Sr. García vive en la Av. Central.|Tiene 40 años."),
        ("es", "Cuesta aprox. Cien euros.|Es caro."),
    ],
)
def test_sentences_end_as_their_language_has_it(language: str, text: str) -> None:
    assert cut(text.replace("|", " "), language) == text.split("|")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.iterdir()))
def test_every_entry_of_a_list_of_sentence_ends_is_read(name: str) -> None:
    assert (FOLDER / f"{name}.txt").read_text("utf-8").startswith("# ")
    listed = word_list(name, "sentence_ends")
    assert len(set(listed)) == len(listed)
    for word in listed:
        if name == "before_ordinals_de":
            assert len(cut(f"Wir sehen {word} 3. Haus von hier.", "de")) == 1, word
        else:
            assert len(cut(f"Xxxx xxxx {word}. Yyyy xxxx.", name)) == 1, word


def test_a_document_is_cut_by_the_sentence_ends_of_its_language() -> None:
    text = "Das neue Bürgeramt öffnet am 12. Oktober in der Lindenstr. 5. Die Gebühr für den Ausweis ist gleich."
    (section,) = sections(Document("amt.txt", text, "Amt", ""))
    assert next(text[u.start : u.end] for u in section.units).endswith("Lindenstr. 5.")


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("de", "Haus Häuser Häusern"),
        ("fr", "école écoles l’école"),
        ("es", "contrato contratos"),
        ("de", "Straße STRASSE"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, forms: str) -> None:
    assert len({stem_in(form, language) for form in forms.split()}) == 1


def test_marks_that_are_letters_are_not_folded() -> None:
    assert fold("Ångström") == "angstrom"
    assert fold("कि") == "कि"
    assert fold("が") == "が"
    assert fold("한국") == "한국"
