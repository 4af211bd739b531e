"""What every service is told by its environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_BYTES = 32


class ServiceSettings(BaseSettings):
    """Read once at start; a service adds its database URLs under its own name and what else it alone needs."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    database_url: SecretStr
    worker_database_url: SecretStr | None = None
    app_env: str = Field(default="development", validation_alias="APP_ENV")
    passport_keys_file: Path = Field(validation_alias="PASSPORT_KEYS_FILE")
    grant_keys_file: Path = Field(validation_alias="GRANT_KEYS_FILE")
    cursor_secret_file: Path = Field(validation_alias="CURSOR_SECRET_FILE")
    server_config: Path | None = Field(default=None, validation_alias="MCP_SERVER_CONFIG")
    spool_dir: Path = Field(default=Path("spool"), validation_alias="KONTOR_SPOOL_DIR")
    rpc_address: str = Field(default="127.0.0.1:0", validation_alias="RPC_ADDRESS")
    http_host: str = Field(default="127.0.0.1", validation_alias="HTTP_HOST")
    http_port: int = Field(default=0, validation_alias="HTTP_PORT")
    http_fd: int | None = Field(default=None, validation_alias="HTTP_FD")
    drain_seconds: float = Field(default=0.0, validation_alias="DRAIN_SECONDS")
    log_level: str = Field(default="INFO", validation_alias="LOG_LEVEL")
    otlp_endpoint: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")


class MissingSecret(Exception):
    """A secret is missing or too short; the message names the setting."""


def read_secret(path: Path, setting: str) -> bytes:
    """The secret in a file; raises MissingSecret naming the setting if there is none of at least 32 bytes."""
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise MissingSecret(f"{setting} names {path.name}, which cannot be read: {error.strerror}") from error
    if len(secret) < MIN_SECRET_BYTES:
        raise MissingSecret(f"{setting}: the secret has {len(secret)} bytes; at least {MIN_SECRET_BYTES} are needed")
    return secret
