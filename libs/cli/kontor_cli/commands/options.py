"""Options that several commands share."""

from typing import Annotated

import typer

Key = Annotated[str, typer.Option("--key", envvar="KONTOR_KEY", help="An API key, whole.", show_default=False)]
As = Annotated[str, typer.Option("--as", help="A key of credentials.json: admin, sales, agent, operator, viewer ...")]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant of that key: demo or other.")]
Url = Annotated[str, typer.Option("--url", envvar="MCP_SERVER_URL", help="Another gateway, as http://host:port/mcp.")]
AsJson = Annotated[bool, typer.Option("--json", help="Prints JSON.")]
