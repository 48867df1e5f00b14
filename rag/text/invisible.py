"""Characters that draw nothing or reorder what is drawn: a text can hide words behind them, or hide in them."""

from __future__ import annotations

import re

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls; tab and those that break a line (\n \v \f \r \x85) are seen
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"  # zero width, direction marks
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # bidi, fillers, selectors
    "\U000e0000-\U000e0fff]"  # tags and more selectors
)
_EMOJI = "\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_SHAPED = "\u0600-\u109f"  # Arabic to Myanmar, where a joiner changes how letters look
_KEPT_JOINER = re.compile(
    rf"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])"
    rf"|(?<=[{_SHAPED}])[\u200c\u200d](?=[{_SHAPED}])"
    rf"|(?<=[{_EMOJI}0-9#*])\ufe0f"
)


def without_invisible(text: str) -> str:
    """``text`` less such characters, but for joiners and selectors that change how their neighbours look.

    >>> without_invisible("pay\\u202elap\\u200b a\\u200db 👩\\u200d🔬")
    'paylap ab 👩\\u200d🔬'
    """
    if not _INVISIBLE.search(text):
        return text
    kept = {m.start() for m in _KEPT_JOINER.finditer(text)}
    return _INVISIBLE.sub(lambda m: m[0] if m.start() in kept else "", text)
