"""Named sets of records."""
