"""Runs crm-core."""

from kontor_crm_core.app import build
from kontor_crm_core.settings import Settings
from kontor_platform.faces.host import run

if __name__ == "__main__":
    run(build(Settings.model_validate({})))
