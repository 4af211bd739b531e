"""API keys: what they grant, how they are written, how they end."""
