"""Structured search."""
