"""What the suite's plain scenarios ask for: tools that answer at once, and how a fixture is described."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    TextContent,
    TextResourceContents,
    Tool,
)

Context: TypeAlias = ServerRequestContext[Any, Any]
Answer: TypeAlias = CallToolResult | InputRequiredResult
Run: TypeAlias = Callable[[Context, CallToolRequestParams], Awaitable[Answer]]

# One pixel, and a tenth of a second of silence.
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
AUDIO = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}
EVERY_KEYWORD: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
MIRRORED: Mapping[str, Any] = {"type": "object", "properties": {"text": {"type": "string", "x-mcp-header": "Text"}}}


@dataclass(frozen=True, slots=True)
class Fixture:
    """A tool of the suite."""

    description: str
    run: Run
    schema: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def listed(self, name: str) -> Tool:
        """The tool as it is listed."""
        return Tool(name=name, description=self.description, input_schema=dict(self.schema))


def told(*content: ContentBlock, is_error: bool = False) -> CallToolResult:
    """A result of these contents."""
    return CallToolResult(content=list(content), is_error=is_error)


def said(text: str) -> CallToolResult:
    """A result of one text."""
    return told(TextContent(type="text", text=text))


def always(result: CallToolResult) -> Run:
    """A tool that has one answer."""

    async def run(ctx: Context, params: CallToolRequestParams) -> Answer:
        return result

    return run


def embedded(uri: str, media_type: str, text: str) -> EmbeddedResource:
    """A resource within a result."""
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=media_type, text=text))


async def reports_progress(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Tells of three steps, to whom asked to be told."""
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100, f"Completed step {done} of 100")
    return said("Three steps were done.")


async def logs(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Logs three lines, which reach whom asked for them."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", line, related_request_id=ctx.request_id)
    return said("Three lines were logged.")


async def needs_sampling(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Refuses a client that did not say that it samples."""
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs a client that samples.",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return said("The client samples.")


async def echoes(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Answers its arguments."""
    return said(json.dumps(params.arguments or {}))


IMAGE_CONTENT = ImageContent(type="image", data=IMAGE, mime_type="image/png")
PLAIN = {
    "test_simple_text": Fixture("Answers a text.", always(said("This is a simple text response for testing."))),
    "test_image_content": Fixture("Answers an image.", always(told(IMAGE_CONTENT))),
    "test_audio_content": Fixture(
        "Answers a sound.", always(told(AudioContent(type="audio", data=AUDIO, mime_type="audio/wav")))
    ),
    "test_embedded_resource": Fixture(
        "Answers a resource.",
        always(told(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))),
    ),
    "test_multiple_content_types": Fixture(
        "Answers several contents.",
        always(
            told(
                TextContent(type="text", text="Multiple content types test:"),
                IMAGE_CONTENT,
                embedded("test://mixed-content-resource", "application/json", '{"test": "data", "value": 123}'),
            )
        ),
    ),
    "test_error_handling": Fixture(
        "Fails.",
        always(
            told(TextContent(type="text", text="This tool intentionally returns an error for testing"), is_error=True)
        ),
    ),
    "test_tool_with_progress": Fixture("Reports progress.", reports_progress),
    "test_tool_with_logging": Fixture("Logs.", logs),
    "test_logging_tool": Fixture("Logs, for clients that ask for it.", logs),
    "test_missing_capability": Fixture("Needs a client that samples.", needs_sampling),
    "json_schema_2020_12_tool": Fixture("Takes what JSON Schema 2020-12 can say.", echoes, EVERY_KEYWORD),
    "test_header_echo": Fixture("Takes an argument that is mirrored in a header.", echoes, MIRRORED),
}
