"""Typed edges between records."""
