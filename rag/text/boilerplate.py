"""Lines of a web page that say nothing about its subject, told by their own words."""

from __future__ import annotations

import re

from rag.text.dates import dates

_PHRASES = re.compile(
    r"""(?:
    (?:\d+\s+)?(?:share|shares|sources?|comments?|views?|likes?|replies|reactions?|claps?)
    |(?:share|copy|save|print|email|bookmark|tweet|pin|like)(?:\s+(?:this|the|on|via|to|with|by|link|url|it|
        article|post|story|page|facebook|twitter|x|linkedin|reddit|whatsapp|email|share|copy|print|save))*
    |advertise?ments?|sponsored(?:\s+content)?|promoted|ad|story\s+continues\s+below.*
    |leave\s+a\s+(?:reply|comment).*|(?:post|add|write)\s+(?:a\s+)?comment|cancel\s+reply|please\s+enter\s+your\b.*
    |save\s+my\s+name,?\s+e-?mail.*|your\s+email\s+address\s+will\s+not\s+be\s+published.*
    |(?:sign|log)\s*-?\s*(?:up|in|out)\b.{0,60}|subscribe\b.{0,60}|join\s+(?:our|the)\s+(?:newsletter|mailing\s+list).*
    |(?:get|receive)\s+(?:our|the)\s+(?:\w+\s+){0,3}newsletter.*|newsletter
    |(?:related|see\s+also|also\s+read|watch|listen)\s*:\s*.{1,120}
    |read\s+(?:more|next|also|full\s+(?:story|article))(?:\s*[:…→»>].{0,120}|\s+(?:about|at|here)\b.{0,60})?|continue\s+reading.*|click\s+here.*|learn\s+(?:more|how\s+it\s+works)
    |(?:show|load|see|view)\s+(?:more|all|less|comments).{0,30}|skip\s+to\s+(?:main\s+)?content|back\s+to\s+\w+(?:\s+\w+)?
    |(?:related|recommended|more|trending|popular|latest|top)\s+(?:stories|articles|posts|news|reading|content|topics)(?:\s+(?:from|on|about|for)\s.{0,40})?
    |you\s+(?:may|might)\s+(?:also\s+)?like.*|more\s+from\s+.{0,40}|previous\s+(?:article|post).*|next\s+(?:article|post).*
    |was\s+this\s+\w+\s+(?:helpful|useful)|let\s+us\s+know\b.{0,80}|(?:rate|report)\s+this\s+\w+
    |(?:we|this\s+(?:web)?site)\s+uses?\s+cookies.*|accept\s+(?:all\s+)?(?:cookies)?|cookie\s+(?:policy|settings|preferences)
    |privacy\s+policy|terms\s+(?:of|and)\s+\w+|all\s+rights\s+reserved.*|(?:©|\(c\)|copyright\s+(?:©|\(c\)|\d{4})).{0,100}
    |follow\s+us.*|contact\s+us|about\s+(?:us|the\s+author)|home|menu|search|close|loading|next|previous|toggle\s+\w+
    |table\s+of\s+contents|contents|in\s+this\s+article|tags?:.{0,200}|categories:.{0,200}|filed\s+under.{0,100}|topics?:.{0,100}
    |(?:image|photo|photograph|picture|video)\s*(?:credits?|source|by|courtesy)?\s*:.{0,150}|getty\s+images|file\s+photo
    |(?:author|publisher|outlet|publication|published|updated|posted|byline|editor)\s*:\s*.{1,100}
    |\d+\s*min(?:ute)?s?\s+(?:read|ago)|\d+\s+(?:hours?|days?|weeks?|months?)\s+ago|[\d ,.]+\s+words
    |summar(?:ized|ised|y)\s+by(?:\s+\S+){0,4}|powered\s+by(?:\s+[^\s,]+){1,3}|(?:edited|reviewed|translated|reporting)\s+by\s+[^,;]{1,60}
    |this\s+(?:article|story|post|page|content|summary)\s+(?:was|is|has\s+been)\s+(?:\w+\s+)?
        (?:generated|written|produced|created|published|updated|translated|sponsored|syndicated)\b.{0,250}
    |by\s+(?:clicking|continuing\s+to\s+(?:use|browse)|signing\s+up)\b.{0,250}|we\s+(?:value|respect)\s+your\s+privacy.*
    |(?:accept|reject|allow|decline|agree\s+to)\s+(?:all|cookies)|(?:manage|save)\s+(?:preferences|settings|choices|options)
    |cookies\s+(?:help\s+us|allow\s+us|on\s+this)\b.*|i\s+agree|got\s+it|do\s+not\s+sell\s+my\b.*|read\s+our\s+privacy\s+policy
    |(?:enter\s+)?your\s+(?:e-?mail(?:\s+address)?|name|comment)|(?:name|e-?mail|website)\s?\*|reply|report\s+a\s+typo
    |you\s+must\s+(?:be\s+logged|log|sign)\s+in\b.*|already\s+a\s+(?:subscriber|member)\b.*|thank\s+you\s+for\s+subscribing.*
    |get\s+(?:the\s+)?(?:latest|breaking|top|our\s+best)\b.{0,80}\b(?:inbox|e-?mail|newsletters?)\b.*|don.t\s+miss\s+(?:out|a)\b.{0,80}
    |your\s+browser\s+(?:does\s+not|doesn.t)\s+support\b.*|please\s+enable\s+javascript.*|javascript\s+is\s+(?:disabled|required).*
    |click\s+to\s+(?:share|print|email|tweet)\b.*|most\s+(?:read|popular|viewed|shared)|editor.?s.?\s+picks?|download\s+(?:the\s+)?pdf
    |listen\s+to\s+this\s+\w+|advertisement\s*[-–—].*|affiliate\s+links\b.*|disclaimer:.*|view\s+original.*|jump\s+to\s+(?:content|navigation)
    |from\s+wikipedia,.*|retrieved\s+from\s.*|edit(?:\s+source)?|\[email.protected\]|posted\s+in\s+[A-Z]\w+
    |(?:(?:facebook|twitter|x|linkedin|e-?mail|reddit|whatsapp|pinterest|instagram|youtube|telegram|print|rss)\s*){2,}
    |page\s+\d+(?:\s+(?:of|/)\s+\d+)?|attachment\s+not\s+read:\s.*|on\s.{5,80}\swrote
    |https?://\S+|www\.\S+|\S+@\S+\.\w+|```.*|~~~.*
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_JOINTS = re.compile(r"\s+[|>/›»•·]\s+")  # between the links of a menu or a path
_LEADERS = re.compile(r"(?:\.\s?){5,}\s*\w{0,8}$")  # "Introduction ..... 7"
_ROW = re.compile(r"[^:;]{1,80}: [^;]*; [^:;]{1,80}: \S.*")  # "Column: value; Column: value", which names may fill
_REFERENCES = re.compile(
    r"(?:#{1,6}\s+)?(?:(?:\d+\.?\s+)?(?:references|bibliography|works\s+cited)|citations|footnotes|endnotes|"
    r"further\s+reading|external\s+links|see\s+also|sources?|reference\s+list)\s*:?",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"(?:#{1,6}\s+)?\W*(?:(?:related|recommended|more|trending|popular|latest|top)\s+"
    r"(?:stories|articles|posts|news|reading|content)|you\s+(?:may|might)\s+also\s+like|read\s+(?:next|also))\b.{0,20}",
    re.IGNORECASE,
)
_ENTRY = re.compile(
    r"\s*(?:\[\d+\]|\^)|https?://|www\.|\bdoi\b|\bISBN\b|\(\d{4}[a-z]?\)|\bRetrieved\b|\bpp?\.\s?\d|\bet al\b|"
    r"\b(?:19|20)\d\d\s*;\s*\d+",
)
_GLUED_TAG = re.compile(r"[a-z]\w*(?:[a-z][A-Z]|_)\w*")
_NAME = re.compile(
    r"(?:[A-Z][\w.’'-]*|by|and|the|of|for|in|on|at|a\.?m\.?|p\.?m\.?|updated|published|posted|written|last|"
    r"modified|created|date)"
)
_STAMP = re.compile(
    r"\d+\s*min(?:ute)?s?\s+read|\d[\d ,.]*\s+words|(?:T|\b)\d{1,2}:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def without_stamps(line: str) -> str:
    """A line less its dates, clock times, reading time and word count, each replaced by " | "."""
    for span, _ in reversed(dates(line)):
        line = f"{line[: span.start]} | {line[span.end :]}"
    return _STAMP.sub(" | ", line)


def is_byline(line: str) -> bool:
    """A line of names around a date or a reading time, or "By" and a name; never a sentence.

    >>> is_byline("Daily Digest TeamApril 7, 20267 min read1 360 words"), is_byline("Meta began on May 4, 2004")
    (True, False)
    """
    if len(line) > 200 or any(line[s.end :].lstrip().startswith(":") for s, _ in dates(line)):
        return False  # "April 7, 2026: the launch" is an entry of a chronicle
    rest = without_stamps(line)
    words = re.findall(r"[^\s|•·,–—/()-]+", rest)
    named = len(words) <= 9 and all(_NAME.fullmatch(w.rstrip(":")) or not any(c.isalpha() for c in w) for w in words)
    if rest != line:
        return named
    return named and 2 <= len(words) <= 7 and words[0].lower() == "by"


def is_furniture(line: str) -> bool:
    """Navigation, sharing, comment form, advert, stamp, bare link or no letters at all.

    >>> [is_furniture(t) for t in ("122", "LEAVE A REPLY", "Share this article:", "Meta shares fell.")]
    [True, True, True, False]
    """
    text = line.strip(" \t\n•·*#|<>«»[]-–—:.!?…")
    if not any(c.isalpha() for c in text):
        return True
    if _LEADERS.search(line[-300:].rstrip()):
        return True
    if len(text) > 300 or _ROW.fullmatch(text):
        return False
    if _PHRASES.fullmatch(text) or _GLUED_TAG.fullmatch(text) or is_byline(text):
        return True
    pieces = _JOINTS.split(text)
    return (
        len(pieces) > 1
        and not line.startswith("|")
        and all(len(p.split()) <= 4 and (_PHRASES.fullmatch(p.strip()) or n) for n, p in enumerate(pieces))
    )


def opens_references(line: str) -> bool:
    return bool(_REFERENCES.fullmatch(line.strip()))


def opens_related(line: str) -> bool:
    return bool(_RELATED.fullmatch(line.strip()))


def is_reference(line: str) -> bool:
    """Looks like an entry of a reference list; ask only below such a heading."""
    return bool(_ENTRY.search(line[:1000]))
