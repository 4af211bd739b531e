"""The record engine: how records are folded, found and compared."""
