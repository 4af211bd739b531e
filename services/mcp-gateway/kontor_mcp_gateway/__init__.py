"""The door for agents: one catalogue over all services, governed call by call."""

__version__ = "0.1.0"
