"""The REST face of the tools: `POST /mcp/<domain>/<op>`, under the same rules as MCP."""

from collections.abc import Mapping

from opentelemetry import propagate
from opentelemetry.context import attach, detach
from starlette.requests import Request
from starlette.responses import Response

from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_mcp_gateway.door.authenticate import CALLER
from kontor_mcp_gateway.door.call import Ask, taken_out
from kontor_mcp_gateway.door.door import Answer, Door
from kontor_mcp_gateway.door.unknown import Unknown
from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.contract.decode import MAX_BYTES, parse_json
from kontor_platform.contract.problem import (
    InvalidField,
    Malformed,
    NotFound,
    TooLarge,
    UnsupportedMediaType,
)
from kontor_platform.data.ids import new_id
from kontor_platform.faces.rest import (
    CALL_HEADER,
    DATA_HEADERS,
    IDEMPOTENCY_HEADER,
    REPLAYED_HEADER,
    body_of,
    dry_run_of,
)
from kontor_platform.runtime.server_config import ServerConfig


class Facade:
    """Translates between REST and the door."""

    def __init__(self, *, feed: Feed, door: Door, config: ServerConfig, unknown: Unknown) -> None:
        self._feed, self._door, self._config, self._unknown = feed, door, config, unknown

    async def call(self, request: Request) -> Response:
        """Runs the tool that the path names, with the body as its arguments."""
        caller: Caller = request.scope[CALLER]
        name = f"{request.path_params['domain']}_{request.path_params['op']}"
        tool = self._feed.present.find(name) or await self._feed.look_again(name)
        if tool is None or tool.name != name or not self._config.tenant(caller.principal.slug).offers(tool.operation):
            raise await self._no_such(caller, name)
        ask = await self._asked(request, caller, tool)
        context = attach(propagate.extract(request.headers))
        try:
            return answered(await self._door.call(ask))
        finally:
            detach(context)

    async def _asked(self, request: Request, caller: Caller, tool: Tool) -> Ask:
        own, controls = taken_out(await json_object(request), tool.controls)
        return Ask(
            tool=tool,
            sent_as=request.url.path,
            arguments=own,
            controls=said_beside(request, tool) | controls,
            caller=caller,
            call_id=new_id(),
            face="facade",
        )

    async def _no_such(self, caller: Caller, name: str) -> NotFound:
        near = await self._unknown.noted(caller, name, "facade")
        path = f"/mcp/{near.replace('_', '/', 1)}" if near else ""
        return NotFound("There is no such tool." + (f" Did you mean {path}?" if path else ""), did_you_mean=path)


def said_beside(request: Request, tool: Tool) -> dict[str, object]:
    """The control arguments that REST has a place for: `dry_run` in the query, the idempotency key in a header.

    Raises InvalidField for anything else in the query, so that nothing a caller relies on is passed over.
    """
    told: dict[str, object] = {}
    for name in request.query_params:
        if name != "dry_run":
            raise InvalidField(f"{name!r} is not a query parameter; arguments go into the body.", field=name)
        if name not in tool.controls:
            raise InvalidField(f"{tool.name} cannot be tried: leave dry_run out.", field=name)
        told[name] = dry_run_of(request)
    if "idempotency_key" in tool.controls and (key := request.headers.get(IDEMPOTENCY_HEADER)):
        told["idempotency_key"] = key
    return told


async def json_object(request: Request) -> Mapping[str, object]:
    """The one JSON object in a body, `{}` for none; raises TooLarge, UnsupportedMediaType or Malformed."""
    body = await body_of(request)
    if len(body) > MAX_BYTES:
        raise TooLarge(f"The body is larger than {MAX_BYTES} bytes.")
    if not body.strip():
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Malformed("The request must be one JSON object.")
    return value


def answered(answer: Answer) -> Response:
    """The answer with what is told beside it."""
    headers = DATA_HEADERS | {CALL_HEADER: str(answer.call_id)}
    if answer.replayed:
        headers |= {REPLAYED_HEADER: "true"}
    if answer.secret_withheld:
        headers |= {"x-kontor-secret-withheld": "true"}
    return Response(answer.json, media_type="application/json", headers=headers)
