"""Runs the gateway: `python -m kontor_mcp_gateway`."""

import os

from kontor_mcp_gateway.app import build
from kontor_mcp_gateway.settings import Settings
from kontor_platform.faces.host import run

if __name__ == "__main__":
    run(build(Settings.model_validate({}), os.environ))
