"""Talking to a running stack as a client: over MCP, over REST, and with the keys of credentials.json."""
