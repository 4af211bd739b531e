"""Consent given beforehand, for calls of one agent that fit a pattern."""
