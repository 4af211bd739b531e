"""What crm-core is told by its environment, beyond what every service is."""

from pydantic import Field, SecretStr

from kontor_platform.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read once at start."""

    database_url: SecretStr = Field(validation_alias="CRM_CORE_DATABASE_URL")
    worker_database_url: SecretStr | None = Field(default=None, validation_alias="CRM_CORE_WORKER_DATABASE_URL")
