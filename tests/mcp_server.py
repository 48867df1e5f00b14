"""`rag mcp` over the fake assistant, as a program of its own: what the tests' client starts."""

from __future__ import annotations

from rag.mcp import serve
from tests.web_fakes import FakeAssistant, document

AVOCADO = document("a b.txt", "Avocado is a model. It will be released in spring 2026.", "Avocado", date="2026-04-07")

if __name__ == "__main__":
    serve(FakeAssistant.of(AVOCADO, replies=["It will be released in spring 2026. [2]", "", ""]))
