"""What crm-governance is told by its environment, beyond what every service is."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from kontor_platform.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read once at start."""

    database_url: SecretStr = Field(validation_alias="CRM_GOVERNANCE_DATABASE_URL")
    passport_private_key_file: Path = Field(validation_alias="PASSPORT_PRIVATE_KEY_FILE")
    edge_secret_file: Path = Field(validation_alias="EDGE_SECRET_FILE")
    service_keys_dir: Path = Field(validation_alias="SERVICE_KEYS_DIR")
    valkey_url: str = Field(default="", validation_alias="VALKEY_URL")


class HostSettings(BaseSettings):
    """What a command on the host needs: the database alone."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = Field(validation_alias="CRM_GOVERNANCE_DATABASE_URL")
