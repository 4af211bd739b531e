"""Resources, prompts and completions of the suite; the gateway itself has none."""

import json
from typing import Any

from mcp import MCPError
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    ContentBlock,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)

from kontor_mcp_gateway.conformance.fixtures import IMAGE, Context, embedded
from kontor_mcp_gateway.conformance.rounds import asks, form, is_answered

TEXTS = {
    "test://static-text": "This is the content of the static text resource.",
    "test://watched-resource": "Watched resource content",
}
BINARY = "test://static-binary"
TEMPLATE = ("test://template/", "/data")
ARGUMENTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


async def list_resources(ctx: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
    """The resources with fixed addresses."""
    texts = [Resource(name=uri.removeprefix("test://"), uri=uri, mime_type="text/plain") for uri in TEXTS]
    return ListResourcesResult(resources=[*texts, Resource(name="static-binary", uri=BINARY, mime_type="image/png")])


async def list_templates(ctx: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    """The one resource with a variable in its address."""
    uri = "{id}".join(TEMPLATE)
    return ListResourceTemplatesResult(
        resource_templates=[ResourceTemplate(name="template", uri_template=uri, mime_type="application/json")]
    )


async def read_resource(ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    """A resource's content; raises MCPError for an unknown address."""
    uri = str(params.uri)
    if uri == BINARY:
        return ReadResourceResult(contents=[BlobResourceContents(uri=uri, blob=IMAGE, mime_type="image/png")])
    if uri in TEXTS:
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=TEXTS[uri], mime_type="text/plain")])
    if uri.startswith(TEMPLATE[0]) and uri.endswith(TEMPLATE[1]):
        id = uri.removeprefix(TEMPLATE[0]).removesuffix(TEMPLATE[1])
        text = json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type="application/json")])
    raise MCPError(INVALID_PARAMS, "There is no such resource.", {"uri": uri})


async def subscribed(ctx: Context, params: Any) -> EmptyResult:
    """Takes a legacy subscription, to what never changes."""
    return EmptyResult()


async def list_prompts(ctx: Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
    """The prompts."""
    return ListPromptsResult(
        prompts=[
            Prompt(
                name=name,
                description="A prompt of the suite.",
                arguments=[PromptArgument(name=each, required=True) for each in arguments],
            )
            for name, arguments in ARGUMENTS.items()
        ]
    )


async def get_prompt(ctx: Context, params: GetPromptRequestParams) -> GetPromptResult | InputRequiredResult:
    """A prompt's messages; raises MCPError for an unknown name."""
    if params.name == "test_input_required_result_prompt" and not is_answered(params, "user_context"):
        return asks({"user_context": form("What context should the prompt use?", "context")})
    content = prompted(params.name, params.arguments or {})
    return GetPromptResult(messages=[PromptMessage(role="user", content=each) for each in content])


def prompted(name: str, arguments: dict[str, str]) -> list[ContentBlock]:
    """What a prompt says."""
    missing = [each for each in ARGUMENTS.get(name, ()) if each not in arguments]
    if name not in ARGUMENTS or missing:
        raise MCPError(INVALID_PARAMS, f"The prompt needs {missing[0]}." if missing else "There is no such prompt.")
    match name:
        case "test_prompt_with_arguments":
            return [text(f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            resource = embedded(arguments["resourceUri"], "text/plain", "Embedded resource content for testing.")
            return [resource, text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            image = ImageContent(type="image", data=IMAGE, mime_type="image/png")
            return [image, text("Please analyze the image above.")]
    return [text("This is a simple prompt for testing.")]


def text(words: str) -> TextContent:
    """A text within a prompt."""
    return TextContent(type="text", text=words)


async def complete(ctx: Context, params: CompleteRequestParams) -> CompleteResult:
    """Proposes nothing."""
    return CompleteResult(completion=Completion(values=[], total=0, has_more=False))
