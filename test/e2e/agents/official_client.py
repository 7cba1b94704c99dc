"""An agent on the official Python client, in both eras; prints what it saw as one JSON object."""

import asyncio
import json
import os

from mcp.client.client import Client


async def use(mode: str) -> dict:
    async with Client(os.environ["FIREBREAK_MCP_URL"], mode=mode) as client:
        progress = []

        async def told(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        tools = await client.list_tools()
        text = await client.call_tool("fixture__test_simple_text", {})
        total = await client.call_tool("fixture__test_structured", {"a": 2, "b": 3})
        await client.call_tool("fixture__test_tool_with_progress", {}, progress_callback=told)
        resource = await client.read_resource("test://template/42/data")
        return {
            "tools": [tool.name for tool in tools.tools],
            "text": text.content[0].text,
            "sum": total.structured_content,
            "progress": progress,
            "resource": resource.contents[0].text,
            "undeclared": await fault(client, "fixture__test_structured", {"a": 1, "b": 2, "c": 3}),
            "notGranted": await fault(client, "fixture__test_image_content", {}),
        }


async def fault(client: Client, name: str, arguments: dict) -> str:
    try:
        await client.call_tool(name, arguments)
        return "it went through"
    except Exception as error:
        return str(error)


async def main() -> None:
    print(json.dumps({mode: await use(mode) for mode in ("auto", "legacy")}))


asyncio.run(main())
