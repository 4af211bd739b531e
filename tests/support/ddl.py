"""Has a database refuse, and its log tell of, every change of a schema by anybody but owners and administrators."""

from pathlib import Path
from typing import Any

import psycopg

SAID = "a schema was to be changed at run time"
REFUSE = b"""
    CREATE SCHEMA IF NOT EXISTS kontor_tests;
    CREATE OR REPLACE FUNCTION kontor_tests.refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user !~ '_owner$' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            RAISE LOG 'a schema was to be changed at run time: % by %', tg_tag, current_user;
            RAISE EXCEPTION 'a schema was to be changed at run time: %', tg_tag;
        END IF;
    END $$;
    DROP EVENT TRIGGER IF EXISTS no_ddl;
    CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION kontor_tests.refuse_ddl();
"""


def refuse_ddl(admin: psycopg.Connection[Any]) -> None:
    """Installs the refusal as the administrator."""
    admin.execute(REFUSE)


def ddl_in(log: Path) -> list[str]:
    """The lines of a server's log that tell of such an attempt."""
    return [line for line in log.read_text(errors="replace").splitlines() if SAID in line and "LOG:" in line]
