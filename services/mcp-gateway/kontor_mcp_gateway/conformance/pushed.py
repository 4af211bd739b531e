"""Tools that ask their client by a request of their own, as revisions up to 2025-11-25 do; they need a session.

The question travels on the stream of the call, which is open, not on one that the client may still be opening.
"""

from collections.abc import Mapping
from typing import Any

from mcp_types import CallToolRequestParams, SamplingMessage, TextContent

from kontor_mcp_gateway.conformance.fixtures import Answer, Context, Fixture, Run, said

TEXT: Mapping[str, Any] = {"type": "string"}
DEFAULTS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
CHOICES: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {
            "type": "string",
            "oneOf": [{"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}],
        },
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {
            "type": "array",
            "items": {
                "anyOf": [{"const": "value1", "title": "First Choice"}, {"const": "value2", "title": "Second Choice"}]
            },
        },
    },
}


def elicits(message: str, schema: Mapping[str, Any]) -> Run:
    """A tool that shows a form, with the message of its arguments if they have one."""

    async def run(ctx: Context, params: CallToolRequestParams) -> Answer:
        shown = str((params.arguments or {}).get("message", message))
        answer = await ctx.session.elicit(shown, dict(schema), related_request_id=ctx.request_id)
        return said(f"The form was answered: {answer.action}.")

    return run


async def samples(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Asks the client's model."""
    prompt = TextContent(type="text", text=str((params.arguments or {})["prompt"]))
    answer = await ctx.session.create_message(
        [SamplingMessage(role="user", content=prompt)], max_tokens=100, related_request_id=ctx.request_id
    )
    return said(f"The model answered: {getattr(answer.content, 'text', '')}")


def needing(name: str) -> Mapping[str, Any]:
    """The schema of one text that must be given."""
    return {"type": "object", "properties": {name: TEXT}, "required": [name]}


RESPONSE = {"type": "object", "properties": {"response": TEXT}, "required": ["response"]}
PUSHED = {
    "test_sampling": Fixture("Asks the client's model.", samples, needing("prompt")),
    "test_elicitation": Fixture("Shows a form.", elicits("Your response?", RESPONSE), needing("message")),
    "test_elicitation_sep1034_defaults": Fixture("Shows a form with defaults.", elicits("Correct this.", DEFAULTS)),
    "test_elicitation_sep1330_enums": Fixture("Shows a form with choices.", elicits("Choose.", CHOICES)),
}
