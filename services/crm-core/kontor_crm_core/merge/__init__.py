"""Merging contacts, and taking merges apart again."""
