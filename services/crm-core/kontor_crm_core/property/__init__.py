"""Custom properties: their definitions, and the values that records have."""
