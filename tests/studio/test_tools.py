"""Tools for agents, with a real client of the Model Context Protocol."""

import json
import sys

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")


async def test_an_agent_has_the_same_as_tools():
    from mcp import Client, StdioServerParameters, stdio_client

    command = StdioServerParameters(command=sys.executable, args=["-m", "vs_core.cli", "mcp"])
    async with Client(stdio_client(command)) as client:
        tools = await client.list_tools()
        assert {tool.name for tool in tools.tools} == {"sample", "parse"}
        answer = await client.call_tool("sample", {"prompt": "Name a US state.", "k": 3, "n": 6})
        found = json.loads(answer.content[0].text)
        assert len(found["candidates"]) == 6
        assert found["simulated"]
        read = await client.call_tool("parse", {"text": "1. Ohio (0.2)\n2. Iowa (0.1)"})
        assert [c["text"] for c in json.loads(read.content[0].text)["candidates"]] == [
            "Ohio", "Iowa",
        ]  # fmt: skip
        refused = await client.call_tool("parse", {"text": "nothing of the kind"})
        assert refused.is_error
