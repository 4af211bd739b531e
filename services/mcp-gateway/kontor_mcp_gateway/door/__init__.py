"""The two ways in, MCP and its REST facade, under the same rules."""
