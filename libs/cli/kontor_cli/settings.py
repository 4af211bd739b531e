"""What the command is told by its environment."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kontor_cli.failure import Failure

REPOSITORY = Path(__file__).resolve().parents[3]
SERVER_CONFIG = REPOSITORY / "config" / "server.yaml"


class Settings(BaseSettings):
    """Read once by each command."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path(".data"), validation_alias="KONTOR_DATA_DIR")
    edge_host: str = Field(default="127.0.0.1", validation_alias="EDGE_HOST")
    edge_port: int = Field(default=8080, ge=0, le=65535, validation_alias="EDGE_PORT")
    mcp_host: str = Field(default="127.0.0.1", validation_alias="MCP_SERVER_HOST")
    mcp_port: int = Field(default=9000, ge=0, le=65535, validation_alias="MCP_SERVER_PORT")
    replicas: int = Field(default=1, ge=1, le=9, validation_alias="KONTOR_REPLICAS")
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    server_config: Path | None = Field(default=None, validation_alias="MCP_SERVER_CONFIG")
    app_env: str = Field(default="development", validation_alias="APP_ENV")

    @property
    def admin_url(self) -> str:
        """The administrator's URL of a database elsewhere; empty for the embedded one."""
        return self.database_url.get_secret_value().strip() if self.database_url else ""

    @property
    def config_file(self) -> Path | None:
        """The policy file every service reads; None where there is none."""
        if self.server_config is not None:
            return self.server_config.absolute()
        return SERVER_CONFIG if SERVER_CONFIG.is_file() else None


def read_settings() -> Settings:
    """Reads the environment; raises Failure naming the variable that makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        raise Failure(f"{wrong['loc'][0]}={wrong['input']!r} makes no sense: {wrong['msg']}.") from error
