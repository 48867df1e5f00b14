"""Settings, logs and other data as text (.json, .yaml, .toml, .ini, .log)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rag.errors import LoadError
from rag.load.canonical import MAX_CHARS, canonical, decode
from rag.load.csv import line_of
from rag.load.loaded import Loaded

_TABLE = re.compile(r"^[ \t]*\[{1,2}[ \t]*([^\[\]\n]*[^\[\]\s])[ \t]*\]{1,2}[ \t]*$", re.MULTILINE)
_DEEPEST = 100  # objects within one another
_LONGEST_LIST = 200  # characters of values that stand on one line
_LONGEST_JSON = 2 * MAX_CHARS  # characters before it is parsed; its marks and blanks are not in the text


def load_yaml(data: bytes) -> Loaded:
    """The lines as they stand in the file, comments among them."""
    return Loaded(canonical(decode(data)), is_article=False)


def load_settings(data: bytes) -> Loaded:
    """The lines as they stand in the file, the names of its tables or sections as headings.

    >>> load_settings(b"[server]\\nport = 8443\\n").text
    '## server\\nport = 8443\\n'
    """
    return Loaded(_TABLE.sub(r"## \1", canonical(decode(data))), is_article=False)


def load_log(data: bytes) -> Loaded:
    """The lines as they stand in the file, between fences: none of them is the heading of the others."""
    lines = canonical(decode(data)).strip("\n")
    return Loaded(f"```\n{lines}\n```" if lines else "", is_article=False)


def load_json(data: bytes) -> Loaded:
    """A line for each value, "key: value", below the keys that lead to it; a list of like objects as rows.

    >>> load_json(b'{"server": {"port": 8443}, "users": [{"name": "Ada", "age": 40}]}').text
    '## server\\n\\nport: 8443\\n\\n## users\\n\\nname: Ada; age: 40.'
    """
    text = canonical(decode(data))
    if len(text) > _LONGEST_JSON:
        raise LoadError(f"{len(text):,} characters of JSON; at most {_LONGEST_JSON:,} are read.")
    try:
        value = _parsed(text)
    except RecursionError:
        raise LoadError("Values stand too deep within one another.") from None
    except ValueError:  # with comments in it, say
        return Loaded(text, is_article=False)
    return Loaded("\n\n".join(_lines(value, (), 0)), is_article=False)


def _parsed(text: str) -> Any:
    """The value of the file, or those of its lines; raises ValueError where it is neither."""
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except ValueError:
        return [json.loads(line, object_pairs_hook=_Pairs) for line in text.split("\n") if line.strip()]


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON with every key of it, also one that stands there twice."""


def _lines(value: Any, path: tuple[str, ...], depth: int) -> Iterator[str]:
    """The blocks of the text; ``path`` is the keys that lead to the value."""
    if depth > _DEEPEST:
        raise LoadError(f"Values stand more than {_DEEPEST} deep within one another.")
    if isinstance(value, _Pairs):
        plain = [f"{_flat(key)}: {_simple(inner)}" for key, inner in value if _is_simple(inner) and _simple(inner)]
        if plain:
            yield from _below(path, "\n".join(plain))
        for key, inner in value:
            if not _is_simple(inner):
                yield from _lines(inner, (*path, _flat(key)), depth + 1)
    elif isinstance(value, list):
        rows: list[str] = []
        for number, inner in enumerate(value, 1):
            if isinstance(inner, _Pairs) and inner and all(_is_simple(one) for _, one in inner):
                rows.append(line_of([_flat(key) for key, _ in inner], [_simple(one) for _, one in inner]))
            elif _is_simple(inner):
                rows += [f"• {_simple(inner)}"] if _simple(inner) else []
            else:
                yield from _below(path, "\n\n".join(rows))
                rows = []
                yield from _lines(inner, (*path, str(number)), depth + 1)
        yield from _below(path, "\n\n".join(rows))
    elif text := _simple(value):
        yield text


def _below(path: tuple[str, ...], text: str) -> Iterator[str]:
    if text and path:
        yield f"## {' › '.join(path)}"
    if text:
        yield text


def _is_simple(value: Any) -> bool:
    """Can it stand on a line: no object, and no list of objects or lists?"""
    if isinstance(value, _Pairs) or (isinstance(value, list) and any(isinstance(one, list) for one in value)):
        return False
    return not isinstance(value, list) or sum(len(str(one)) + 2 for one in value) <= _LONGEST_LIST


def _simple(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_simple, value)))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else _flat(str(value))


def _flat(text: str) -> str:
    return " ".join(text.split())
