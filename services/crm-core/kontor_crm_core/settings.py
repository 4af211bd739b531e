"""What crm-core is told by its environment, beyond what every service is."""

from pathlib import Path

from pydantic import Field, SecretStr

from kontor_platform.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read once at start."""

    database_url: SecretStr = Field(validation_alias="CRM_CORE_DATABASE_URL")
    service_key_file: Path = Field(validation_alias="SERVICE_KEY_FILE")
    governance_rpc: str = Field(validation_alias="CRM_GOVERNANCE_RPC")
    worker_database_url: SecretStr | None = Field(default=None, validation_alias="CRM_CORE_WORKER_DATABASE_URL")
