"""How often may be called."""
