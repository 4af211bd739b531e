"""The tool that finds tools, where a tenant has it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.profile import Profile
from kontor_mcp_gateway.catalogue.search import Index
from kontor_mcp_gateway.catalogue.tool import answered
from kontor_mcp_gateway.door.bodies import read
from kontor_platform.contract.canonical import fingerprint
from kontor_platform.runtime.tenant_policy import TenantPolicy

NAME, ALIAS = "catalog_search", "catalog.search"
NAMES = frozenset({NAME, ALIAS})


class Wanted(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: Annotated[str, Field(min_length=1, max_length=200, description="Words that say what is to be done.")]
    limit: Annotated[int, Field(ge=1, le=20, description="How many tools at most.")] = 5


def described() -> dict[str, Any]:
    """The tool as MCP lists it."""
    schema = Wanted.model_json_schema()
    plain = {name: schema[name] for name in ("type", "properties", "required", "additionalProperties")}
    tools = {"type": "array", "items": {"type": "object"}, "description": "Tools as tools/list has them, best first."}
    found = {"type": "object", "properties": {"tools": tools}, "required": ["tools"]}
    listed = {
        "name": NAME,
        "title": "Search the catalogue",
        "description": "Finds tools by words and answers their full schemas; call them by their names.",
        "inputSchema": plain,
        "outputSchema": answered(found),
        "annotations": {
            "readOnlyHint": True,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": False,
        },
    }
    meta = {"kontor/alias": ALIAS, "kontor/service": "mcp-gateway", "kontor/fingerprint": fingerprint(listed)}
    return {**listed, "_meta": meta}


LISTED = described()


class CatalogSearch:
    """Searches the present catalogue, as a caller may see it."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._index: Index | None = None

    def found(
        self, arguments: Mapping[str, Any], policy: TenantPolicy, roles: frozenset[str], profile: Profile
    ) -> dict[str, Any]:
        """The tools that fit; raises UnknownField or InvalidField."""
        wanted, present = read(arguments, Wanted), self._feed.present
        if self._index is None or self._index.catalogue is not present:
            self._index = Index(present)
        tools = self._index.found(
            wanted.query,
            lambda tool: profile.offers(tool.operation) and policy.visible(tool.operation, roles),
            wanted.limit,
        )
        return {"tools": [present.told(each) for each in tools]}
