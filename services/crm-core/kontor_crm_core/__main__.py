"""Runs crm-core, or its worker: `python -m kontor_crm_core worker`."""

import sys

from kontor_crm_core.app import build
from kontor_crm_core.settings import Settings
from kontor_platform.faces.worker import start

if __name__ == "__main__":
    start(build(Settings.model_validate({})), sys.argv[1:])
