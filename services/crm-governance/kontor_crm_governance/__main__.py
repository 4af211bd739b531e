"""Runs crm-governance, or one of its commands for the host's administrator."""

import sys

from kontor_crm_governance import host
from kontor_crm_governance.app import build
from kontor_crm_governance.settings import Settings
from kontor_platform.faces.host import run


def main() -> None:
    """Serves, unless a command is given."""
    if sys.argv[1:]:
        host.main(sys.argv[1:])
    else:
        run(build(Settings.model_validate({})))


if __name__ == "__main__":
    main()
