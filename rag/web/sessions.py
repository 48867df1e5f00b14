"""The conversations of each browser session, in memory and bounded; nobody sees those of another session."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from rag.web.turn import Turn

COOKIE = "quoted_rag_session"
MOST_SESSIONS = 100
MOST_CONVERSATIONS = 30  # of one session; the one not used for longest goes first
_NAME = re.compile(r"[A-Za-z0-9_-]{16,64}")

Turns = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Which conversation of which browser session."""

    session: str
    conversation: str


def new_name() -> str:
    """A name that cannot be guessed."""
    return secrets.token_urlsafe(16)


def is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


class Sessions:
    """What was asked and answered, by place. Values are replaced, never changed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: OrderedDict[str, OrderedDict[str, Turns]] = OrderedDict()

    def get(self, place: Place) -> Turns:
        """() for a place that is not known (any more)."""
        with self._lock:
            return self._sessions.get(place.session, OrderedDict[str, Turns]()).get(place.conversation, ())

    def put(self, place: Place, turns: Turns) -> None:
        with self._lock:
            conversations = self._sessions.setdefault(place.session, OrderedDict())
            conversations[place.conversation] = turns
            conversations.move_to_end(place.conversation)
            self._sessions.move_to_end(place.session)
            if len(conversations) > MOST_CONVERSATIONS:
                conversations.popitem(last=False)
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)

    def history(self, session: str) -> list[tuple[str, str]]:
        """(conversation, its first question), the last used first."""
        with self._lock:
            conversations = self._sessions.get(session, OrderedDict[str, Turns]())
            return [(name, turns[0].question) for name, turns in reversed(conversations.items()) if turns]
