"""Tools that ask their client in the modern way: the result is a question, and the call comes again with the answer."""

from collections.abc import Mapping
from typing import TypeAlias

from mcp_types import (
    CallToolRequestParams,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    GetPromptRequestParams,
    InputRequiredResult,
    ListRootsRequest,
    RequestParams,
    SamplingMessage,
    TextContent,
)

from kontor_mcp_gateway.conformance.fixtures import Answer, Context, Fixture, Run, said

Question: TypeAlias = CreateMessageRequest | ListRootsRequest | ElicitRequest
STATE = "asked"


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """A form with one field that must be filled in."""
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampled(message: str) -> CreateMessageRequest:
    """A question to the client's model."""
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=message))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[asked], max_tokens=100))


def roots() -> ListRootsRequest:
    """A question for the client's roots."""
    return ListRootsRequest(params=RequestParams())


def asks(questions: Mapping[str, Question], state: str | None = None) -> InputRequiredResult:
    """The result that asks."""
    return InputRequiredResult(input_requests=dict(questions), request_state=state)


def is_answered(params: CallToolRequestParams | GetPromptRequestParams, name: str) -> bool:
    """Whether a question was answered; a form only if it was accepted with what it asks for."""
    answer = (params.input_responses or {}).get(name)
    return (
        bool(answer.action == "accept" and answer.content) if isinstance(answer, ElicitResult) else answer is not None
    )


def once(questions: Mapping[str, Question], answer: str, state: str | None = None) -> Run:
    """A tool that asks some questions at once, and is done when all of them are answered."""

    async def run(ctx: Context, params: CallToolRequestParams) -> Answer:
        if all(is_answered(params, name) for name in questions):
            return said(answer)
        return asks(questions, state)

    return run


async def two_rounds(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Asks twice; the state says which question is open."""
    match params.request_state:
        case "first" if is_answered(params, "step1"):
            return asks({"step2": form("Step 2: What is your favorite color?", "color")}, "second")
        case "second" if is_answered(params, "step2"):
            return said("Both questions were answered.")
    return asks({"step1": form("Step 1: What is your name?", "name")}, "first")


async def what_the_client_can(ctx: Context, params: CallToolRequestParams) -> Answer:
    """Asks only in the ways that the client declared."""
    capabilities = ctx.session.client_capabilities
    ways: dict[str, tuple[object, Question]] = {
        "greeting": (capabilities and capabilities.sampling, sampled("Generate a greeting")),
        "user_name": (capabilities and capabilities.elicitation, form("What is your name?", "name")),
        "client_roots": (capabilities and capabilities.roots, roots()),
    }
    possible = {name: question for name, (declared, question) in ways.items() if declared is not None}
    if not possible or all(is_answered(params, name) for name in possible):
        return said("Everything that could be asked was answered.")
    return asks(possible)


NAME = {"user_name": form("What is your name?", "name")}
CONFIRM = {"confirm": form("Please confirm", "ok", "boolean")}
ROUNDS = {
    "test_input_required_result_elicitation": Fixture("Asks by a form.", once(NAME, "The form was filled in.")),
    "test_streaming_elicitation": Fixture("Asks by a form.", once(NAME, "The form was filled in.")),
    "test_input_required_result_sampling": Fixture(
        "Asks the client's model.",
        once({"capital_question": sampled("What is the capital of France?")}, "The model answered."),
    ),
    "test_input_required_result_list_roots": Fixture(
        "Asks for roots.", once({"client_roots": roots()}, "The roots were told.")
    ),
    "test_input_required_result_request_state": Fixture(
        "Asks, with state.", once(CONFIRM, "state-ok: it came back as it went.", STATE)
    ),
    "test_input_required_result_tampered_state": Fixture(
        "Asks, with state that nobody may change.", once(CONFIRM, "It came back as it went.", STATE)
    ),
    "test_input_required_result_multiple_inputs": Fixture(
        "Asks several things at once.",
        once(
            {**NAME, "greeting": sampled("Generate a greeting"), "client_roots": roots()},
            "Everything was answered.",
            STATE,
        ),
    ),
    "test_input_required_result_multi_round": Fixture("Asks twice.", two_rounds),
    "test_input_required_result_capabilities": Fixture("Asks as the client declared.", what_the_client_can),
}
