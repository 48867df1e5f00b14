"""Wiki markup left in a text: where its references stand, and the words without it.

Only texts that come from a wiki's source have any; others are returned as they are. The markup may be written
plainly (``<ref>``) or as entities (``&lt;ref&gt;``), as database dumps have it.
"""

from __future__ import annotations

import html
import re

_LT, _GT = r"(?:<|&lt;)", r"(?:>|&gt;)"
_REFERENCE = re.compile(
    rf"{_LT}ref\b(?:(?!{_GT}).)*?/\s*{_GT}"  # <ref name="a" />
    rf"|{_LT}ref\b(?:(?!{_LT}ref\b).)*?(?:{_LT}/ref\s*{_GT}|\Z)"  # <ref>…</ref>, or cut off by the text's end
    rf"|{_LT}!--.*?--{_GT}"
    r"|\{\{\s*(?:citation needed|webarchive|dead link|refn|sfn|rp|cite \w+|harvnb|see also|main)\b[^{}]*\}\}",
    re.IGNORECASE | re.DOTALL,
)
_CUT_OFF = re.compile(rf"\A(?:(?!{_LT}ref\b).)*?{_LT}/ref\s*{_GT}|{_LT}/?\s*\Z", re.IGNORECASE | re.DOTALL)
_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]|\[https?://\S+\s*([^\]]*)\]")
_TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
_TAG = re.compile(rf"{_LT}/?[a-z]+\b(?:(?!{_GT}).)*?{_GT}", re.IGNORECASE)
_MARKS = re.compile(r"\[\[|\{\{|&(?:lt|amp|nbsp)\b|<ref\b|'''?")


def references(text: str) -> list[tuple[int, int]]:
    """Reference marks, comments and citation templates, in order: no part of any sentence. Half-open ranges.

    >>> references('It fell.&lt;ref name="a" /&gt; It rose.')
    [(8, 30)]
    """
    if "ref" not in text and "!--" not in text and "{{" not in text:
        return []
    if not _MARKS.search(text):
        return []
    found = [*_CUT_OFF.finditer(text), *_REFERENCE.finditer(text)]
    return [m.span() for m in sorted(found, key=lambda m: m.start()) if m.end() > m.start()]


def without_markup(text: str) -> str:
    """The words a reader of the page would see.

    >>> without_markup("[[Ice|Sea ice]] lost {{convert|2|cm}}&lt;ref&gt;Doe&lt;/ref&gt; of ''depth''.")
    'Sea ice lost 2 cm of depth.'
    """
    if not _MARKS.search(text):
        return text
    text = _CUT_OFF.sub("", _REFERENCE.sub("", text))
    text = _LINK.sub(lambda m: m[1] or m[2] or "", text)
    for _ in range(3):  # templates stand in templates
        text = _TEMPLATE.sub(lambda m: _shown(m[1]), text)
    return html.unescape(html.unescape(re.sub(r"'''?", "", _TAG.sub("", text)))).replace("\xa0", " ")


def _shown(template: str) -> str:
    """A template's plain arguments; its name where it has none ("CO2").

    >>> _shown("cvt|52–98|cm|abbr=on"), _shown("CO2")
    ('52–98 cm', 'CO2')
    """
    name, *arguments = (a.strip() for a in template.split("|"))
    return " ".join(a for a in arguments[:2] if "=" not in a) if arguments else name
