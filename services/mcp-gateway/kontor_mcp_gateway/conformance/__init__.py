"""The gateway's MCP server with the tools of the conformance suite; on the loopback alone, never in an image.

It is wired by the functions that wire the gateway's own: the seal of `requestState`, the check of Host and Origin, the
strict reader of bodies, the SDK's application. What it lacks is what the suite cannot bring: a key.
"""
