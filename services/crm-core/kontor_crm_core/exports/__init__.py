"""Contacts out as CSV."""
