"""Runs the command as `python -m kontor_cli`."""

from kontor_cli.main import app

if __name__ == "__main__":
    app()
