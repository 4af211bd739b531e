"""Runs the garden's migrations."""

from kontor_platform.data.migrate import run_env

run_env()
