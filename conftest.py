"""Gives every test of the repository the same fixtures: a running stack, a tenant of its own, clients."""

import os

# Before anything loads gRPC: its handlers run in every child of a process with open channels, where one may crash the
# child before it becomes the program it was made for. No child here stays a copy of its parent.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

pytest_plugins = ["support.plugin"]
