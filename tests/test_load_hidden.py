"""What the style sheets of a page hide from its reader is not read, and all else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.load.html.lines import body_of, lines_of, parse_html, remove_unseen
from rag.load.html.reader import load_html
from rag.load.markdown import load_markdown

SECRET = "Secret orders say PWNED."
TEA = "Tea of the hills is drunk in every town."


def read(sheet: str, body: str, head: str = "") -> str:
    tree = parse_html(f"<html><head>{head}<style>{sheet}</style></head><body class='y'>{body}</body></html>")
    remove_unseen(tree)
    return lines_of(body_of(tree))


PLAIN = f"<div><p class='seen'>{TEA}</p><p class='x' id='i' data-x='1'>{SECRET}</p></div>"
HIDING = {  # sheets that hide the second paragraph
    "descendant": "div .x { display: none }",
    "child": "div > .x { display: none }",
    "next sibling": ".seen + p { display: none }",
    "later sibling": ".seen ~ p { display: none }",
    "attribute": "[data-x] { display: none }",
    "attribute value": "p[data-x^='1' i] { display: none }",
    "not": "p:not(.seen) { display: none }",
    "nth-child": "div p:nth-child(2) { display: none }",
    "nth-last-of-type": "p:nth-last-of-type(1) { display: none }",
    "is": ":is(.a, .x) { display: none }",
    "has": "p:has(+ p) + p { display: none }",
    "root": ":root .x { display: none }",
    "of the body": "body.y .x { font-size: 0 }",
    "list of selectors": ".a, div > .x, .b { display: none }",
    "media": "@media (min-width: 1px) { .x { display: none } }",
    "media all": "@media all { .x { display: none } }",
    "media range": "@media only screen and (400px <= width < 200em) { .x { display: none } }",
    "media not": "@media not print { .x { display: none } }",
    "media one of": "@media print, (hover: hover) and (pointer: fine) { .x { display: none } }",
    "media nested": "@media screen { @media (orientation: landscape) { .x { display: none } } }",
    "media in brackets": "@media ((max-width: 10px) or (min-width: 10px)) { .x { display: none } }",
    "container": "@container main (width > 10px) { .x { display: none } }",
    "supports": "@supports (display: grid) and (not (not (color: red))) { .x { display: none } }",
    "layer": "@layer a { .x { display: none } }",
    "later layer": "@layer a, b; @layer b { .x { display: none } } @layer a { .x { display: block } }",
    "outside of layers": ".x { display: none } @layer a { #i { display: block } }",
    "important in the first layer": "@layer a { .x { display: none !important } } .x { display: block !important }",
    "nested": "div { color: red; .x { display: none } }",
    "nested with &": "p { &.x { display: none } }",
    "nested in a condition": ".x { @media screen { display: none } }",
    "hsl": ".x { color: hsl(0, 0%, 100%) }",
    "hsl of now": ".x { color: hsl(0deg 0% 100% / 100%) }",
    "hwb": ".x { color: hwb(0 100% 0%) }",
    "oklch": ".x { color: oklch(1 0 0) }",
    "lab": ".x { color: lab(99% 0 0) }",
    "colour space": ".x { color: color(display-p3 1 1 1) }",
    "percentages": ".x { color: rgb(100% 100% 100%) }",
    "mint cream": ".x { color: mintcream }",
    "hardly opaque": ".x { color: rgb(0 0 0 / 4%) }",
    "short hex with opacity": ".x { color: #0000 }",
    "named on named": ".x { color: rebeccapurple; background: rebeccapurple }",
    "shorthand later": ".x { color: #fff; background-color: black; background: white }",
    "font": ".x { font: 0/0 a }",
    "variable": ":root { --shown: none } .x { display: var(--shown) }",
    "variable in a function": ":root { --Channels: 255, 255, 255 } .x { color: rgb(var(--Channels)) }",
    "variable of another": "div { --a: none } p { --b: var(--a) } .x { display: var(--b) }",
    "variable not set": ".x { display: var(--never, none) }",
    "escapes": ".\\78 { d\\69 splay: n\\6fne }",
    "comments": "/* } */ .x /**/ { display /**/ : /* block */ none }",
    "invalid later": ".x { display: none; display: nonsense; color: } p { display: }",
    "invalid before": ".x { display none; ; ) } p { } .x { display: none }",
    "invalid selector before": "p:::: { display: block } .x { display: none }",
    "more exactly": "#i { display: none } p.x { display: block }",
    "important": "p { display: none !important } #i { display: block } .seen { display: block !important }",
    "unclosed": "@media screen { div { .x { display: none",
    "relative and far": ".x { position: relative; left: -9999px }",
    "inset": ".x { position: absolute; inset: -5000px auto auto -5000px }",
    "margin": ".x { margin: 0 0 0 -5000px }",
    "calculated": ".x { font-size: calc(0px) }",
    "endless number": ".x { width: " + "9" * 5000 + "px; display: none }",
    "old comment": "<!-- .x { display: none } -->",
}
SHOWING = {  # sheets that hide neither paragraph
    "another place": "section .x, div > div > .x, .x ~ .x, .x:first-child { display: none }",
    "print": "@media print { .x { display: none } }",
    "not on a screen": "@media not screen { .x { display: none } }",
    "small screen": "@media (max-width: 600px) { .x { display: none } }",
    "huge screen": "@media (width > 6000px) { .x { display: none } }",
    "dark": "@media (prefers-color-scheme: dark) { .x { display: none } }",
    "less motion": "@media (prefers-reduced-motion) { .x { display: none } }",
    "unknown feature": "@media not (what: ever) { .x { display: none } }",
    "malformed condition": "@media (width: ) and and ) { .x { display: none } }",
    "print in screen": "@media screen { @media print { .x { display: none } } }",
    "not supported": "@supports not (display: grid) { .x { display: none } }",
    "hover": ".x:hover, .x:focus { display: none }",
    "before": ".x::before { display: none }",
    "unknown pseudo-class": ".x:nonsense, .x { display: none }",
    "keyframes": "@keyframes a { from { opacity: 0 } } .x { animation: a 1s }",
    "earlier layer": "@layer a { #i { display: none } } @layer b { p { display: block } }",
    "overruled": ".x { display: none } .x { display: block }",
    "overruled by exactness": "#i { display: block } .x { display: none }",
    "overruled by importance": ".x { display: block !important } #i { display: none }",
    "invalid value": ".x { display: none-at-all; visibility: hide; color: whiteish; opacity: nothing }",
    "variable nobody set": ".x { display: var(--never) }",
    "variable in a circle": ":root { --a: var(--b); --b: var(--a) } .x { display: var(--a) }",
    "white on dark": ".x { color: white; background: #123 }",
    "white on a picture": ".x { color: white; background: white url(sky.jpg) }",
    "white on a gradient": ".x { color: white; background-image: linear-gradient(red, blue) }",
    "letters of a gradient": ".x { color: transparent; background: linear-gradient(red, blue); background-clip: text }",
    "half opaque": ".x { color: rgb(0 0 0 / 50%) }",
    "grey": ".x { color: #999 }",
    "unknown colour": ".x { color: color-mix(in srgb, white, white) }",
    "less than a sheet": "",
}


@pytest.mark.parametrize("name", HIDING)
def test_what_a_sheet_hides(name: str) -> None:
    assert read(HIDING[name], PLAIN) == TEA


@pytest.mark.parametrize("name", SHOWING)
def test_what_a_sheet_shows(name: str) -> None:
    assert read(SHOWING[name], PLAIN) == f"{TEA}\n\n{SECRET}"


@pytest.mark.parametrize("name", HIDING)
def test_what_a_sheet_hides_is_in_no_main_text(name: str) -> None:
    article = f"<article><h1>Tea</h1><p>{TEA * 3}</p>{PLAIN}<p>{TEA * 3}</p></article>"
    page = f"<html><head><style>{HIDING[name]}</style></head><body class='y'>{article}</body></html>"
    text = load_html(page.encode()).text
    assert TEA in text
    assert "PWNED" not in text


def test_which_sheets_count() -> None:
    rule = ".x { display: none }"
    assert SECRET in read("", PLAIN, head=f"<style media='print'>{rule}</style>")
    assert SECRET in read("", PLAIN, head=f"<style type='text/x-template'>{rule}</style>")
    assert SECRET in read("", PLAIN, head=f"<noscript><style>{rule}</style></noscript>")
    assert SECRET not in read("", PLAIN, head=f"<style media='screen' type='text/css'>{rule}</style>")
    assert SECRET not in read(
        "", PLAIN, head=f"<style>p {{ color: red</style><style>{rule}</style>"
    )  # the first unclosed


@pytest.mark.parametrize(
    "body",
    [
        f"<p>{TEA}<font color='white'>{SECRET}</font></p>",
        f"<p>{TEA}</p><p style='display:none;display:nonsense'>{SECRET}</p>",
        f"<p>{TEA}</p><p style='--a:none;display:var(--a)'>{SECRET}</p>",
        f"<p>{TEA}</p><table bgcolor=000000><tr><td style='color:#010101'>{SECRET}</td></tr></table>",
    ],
)
def test_what_attributes_hide(body: str) -> None:
    assert read("", body) == TEA


def test_a_page_goes_on_behind_its_end() -> None:
    assert read("", f"{TEA}</body></html><p>More tea.</p>") == f"{TEA}\n\nMore tea."


def test_a_sheet_within_markdown_hides_too() -> None:
    text = load_markdown(f"<style>div > .x {{ display: none }}</style>\n\n# Tea\n\n{PLAIN}\n".encode()).text
    assert text == f"# Tea\n\n{TEA}"


MANY = "".join(f"<p class='a c{n}'>Paragraph {n}.</p>" for n in range(10_000))


def test_ten_thousand_rules_for_ten_thousand_elements() -> None:
    each = "".join(f".c{n} {{ display: none }}" for n in range(0, 10_000, 2))
    text = read(each + "".join(f"i .b{n} {{ color: red }}" for n in range(5_000)), MANY)
    assert text == "\n\n".join(f"Paragraph {n}." for n in range(1, 10_000, 2))


@pytest.mark.parametrize("far", [".c0 ~ .a", ".a:nth-last-of-type(3n)", "p:has(~ .b)", f"{'div ' * 15}.a"])
def test_a_selector_that_looks_too_far_is_given_up_and_no_other(far: str) -> None:
    started = time.process_time()
    text = read(f"{far} {{ color: #333 }} .c9998 {{ display: none }}", f"{'<div>' * 100}{MANY}{'</div>' * 100}")
    assert text.endswith("Paragraph 9997.\n\nParagraph 9999.")
    assert time.process_time() - started < 30


TOKENS = st.sampled_from(
    "p .x #i * > + ~ : :: ( ) [ ] { } , ; ! & @media @layer @supports @import and not screen (min-width:1px) "
    ":not( :is( :nth-child( :has( 2n+1 of var( --a --a: color: display: none white #fff 0 1e99 -9999px \\ \" ' /* */ "
    "<!-- --> url( !important rgb( calc( initial \\0 é".split()
)


@pytest.mark.parametrize("opening", ["(", "[", "{", "a(", "var(", "calc(", ":not(", "@media (", "@layer a{", "'", "/*"])
@pytest.mark.parametrize("before", ["", ".x{color:", ".x{margin:0 ", ".x{--a:", "@media ", "@layer ", ".x", "& "])
def test_no_depth_is_an_error(before: str, opening: str) -> None:
    deep = before + opening * 3000
    assert TEA in read(deep, PLAIN)
    assert TEA in read(f"{before}{opening * 300} .x{{ color: red }}", PLAIN)
    assert TEA in read("", f'<p style="{deep[3:]}">{TEA}</p><font color="{opening * 3000}{"9" * 5000}">{TEA}</font>')
    assert TEA in read("", PLAIN, head=f'<style media="{opening * 3000}{"9" * 5000}">p {{ color: red }}</style>')


@settings(max_examples=300, deadline=None)
@given(st.lists(TOKENS, max_size=40).map(" ".join), st.text(max_size=30))
def test_no_sheet_is_an_error(sheet: str, more: str) -> None:
    read(f"{sheet} {more}", PLAIN)
    read("", f"<p style='{sheet.replace(chr(39), '')}'>{TEA}</p>")
