"""What every record has: registry, version, change log."""
