"""Gives every test of the repository the same fixtures: a running stack, a tenant of its own, clients."""

pytest_plugins = ["support.plugin"]
