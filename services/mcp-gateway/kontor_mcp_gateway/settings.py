"""What the gateway is told by its environment."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr

from kontor_platform.runtime.settings import ServiceSettings

GOVERNANCE = "crm-governance"
OWN = "mcp-gateway"
LOCAL_HOSTS = "localhost,localhost:*,127.0.0.1,127.0.0.1:*,[::1],[::1]:*"
LOCAL_ORIGINS = "http://localhost,http://localhost:*,http://127.0.0.1,http://127.0.0.1:*,http://[::1],http://[::1]:*"
SUFFIX = "_RPC"


class Settings(ServiceSettings):
    """The gateway's settings; `hosts` and `origins` are lists with commas, `:*` standing for any port.

    `public_url` is where people's browsers reach `/approvals`; without it no client is sent there.
    """

    database_url: SecretStr = Field(validation_alias="MCP_GATEWAY_DATABASE_URL")
    service_key_file: Path = Field(validation_alias="SERVICE_KEY_FILE")
    grant_key_file: Path = Field(validation_alias="GRANT_PRIVATE_KEY_FILE")
    request_state_file: Path = Field(validation_alias="REQUEST_STATE_SECRET_FILE")
    mcp_host: str = Field(default="127.0.0.1", validation_alias="MCP_SERVER_HOST")
    mcp_port: int = Field(default=9000, validation_alias="MCP_SERVER_PORT")
    mcp_fd: int | None = Field(default=None, validation_alias="MCP_FD")
    hosts: str = Field(default=LOCAL_HOSTS, validation_alias="MCP_ALLOWED_HOSTS")
    origins: str = Field(default=LOCAL_ORIGINS, validation_alias="MCP_ALLOWED_ORIGINS")
    public_url: str = Field(default="", validation_alias="PUBLIC_URL")
    valkey_url: str = Field(default="", validation_alias="VALKEY_URL")


class NoGovernance(Exception):
    """The address of crm-governance is not set; set CRM_GOVERNANCE_RPC."""


def addresses(environment: Mapping[str, str], configured: Mapping[str, str]) -> dict[str, str]:
    """The gRPC addresses of services by name: from `<SERVICE>_RPC`, and from the file, which wins.

    Raises NoGovernance.
    """
    named = {
        name.removesuffix(SUFFIX).lower().replace("_", "-"): address
        for name, address in environment.items()
        if name.endswith(SUFFIX) and address
    }
    found = {name: address for name, address in sorted({**named, **configured}.items()) if name != OWN}
    if GOVERNANCE not in found:
        raise NoGovernance(NoGovernance.__doc__)
    return found
