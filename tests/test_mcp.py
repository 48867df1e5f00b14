"""The tools over the Model Context Protocol, used by the official client over standard input and output."""

from __future__ import annotations

import asyncio
import builtins
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rag import config
from rag.errors import RagError
from rag.mcp import MOST_CHARACTERS, Slice, create_server, read
from tests.mcp_server import AVOCADO
from tests.web_fakes import FakeAssistant, document

mcp = pytest.importorskip("mcp")
ROOT = Path(__file__).resolve().parent.parent


def with_client(use: Callable[[Any], Awaitable[None]]) -> None:
    from mcp.client.session import ClientSession
    from mcp.client.stdio import StdioServerParameters, stdio_client

    async def run() -> None:
        server = StdioServerParameters(command=sys.executable, args=["-m", "tests.mcp_server"], cwd=ROOT)
        async with stdio_client(server) as (reads, writes), ClientSession(reads, writes) as session:
            await session.initialize()
            await use(session)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_the_three_tools_over_a_real_session() -> None:
    async def use(session: Any) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"ask", "search", "read_document"}
        assert all(tool.annotations.read_only_hint for tool in tools.values())
        found = (await session.call_tool("search", {"question": "When will Avocado be released?"})).structured_content
        assert found["evidence"][1]["quote"] == "It will be released in spring 2026."
        answer = (await session.call_tool("ask", {"question": "When will Avocado be released?"})).structured_content
        (citation,) = answer["sentences"][0]["citations"]
        span = {"document_id": citation["document_id"], "start": citation["start"], "end": citation["end"]}
        text = (await session.call_tool("read_document", span)).structured_content
        assert text["text"] == citation["quote"] == AVOCADO.text[citation["start"] : citation["end"]]
        assert text["sha256"] == AVOCADO.sha256
        refused = (await session.call_tool("ask", {"question": "Who built the pyramids?"})).structured_content
        assert refused["refused"]
        missing = await session.call_tool("read_document", {"document_id": "../../etc/passwd"})
        assert missing.is_error
        assert "There is no document" in missing.content[0].text
        too_long = await session.call_tool("ask", {"question": "x" * 1001})
        assert too_long.is_error
        assert "at most 1000" in too_long.content[0].text

    with_client(use)


def test_a_long_document_is_read_in_pieces() -> None:
    long = document("long.txt", "A sentence. " * 5000)
    fake = FakeAssistant.of(long)
    text, start = "", 0
    while start < len(long.text):
        piece = read(fake, "long.txt", start, None)
        assert len(piece["text"]) <= MOST_CHARACTERS
        text, start = text + piece["text"], piece["end"]
    assert text == long.text
    assert read(fake, "long.txt", len(long.text), None)["text"] == ""
    assert read(fake, "long.txt", 9, 3)["text"] == ""
    for start in (-1, len(long.text) + 1):
        with pytest.raises(RagError, match="outside"):
            read(fake, "long.txt", start, None)


def test_what_a_tool_gives_is_told_beforehand() -> None:
    async def use(session: Any) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        text = tools["read_document"].output_schema["properties"]
        assert set(text) == set(Slice.__annotations__)
        assert tools["ask"].description.startswith("Answer a question with verified citations")
        assert set(tools["ask"].input_schema["properties"]) == {"question", "history"}

    with_client(use)


@pytest.mark.parametrize("checkout", [True, False])
def test_without_the_extra_the_command_that_brings_it_is_named(
    checkout: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_mcp(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "mcp":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_mcp)
    if not checkout:
        monkeypatch.setattr(config, "PROJECT_DIR", tmp_path)  # such as site-packages
    with pytest.raises(RagError) as raised:
        create_server(FakeAssistant.of(AVOCADO))
    wanted = ["-e", f"{config.PROJECT_DIR}[mcp]"] if checkout else ["quoted-rag[mcp]"]
    assert raised.value.fix == shlex.join(["python", "-m", "pip", "install", *wanted])
