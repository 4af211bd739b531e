"""Lookup and search over contacts and companies."""
