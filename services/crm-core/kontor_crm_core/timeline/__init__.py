"""Timelines: everything that happened to a record, on one cursor."""
