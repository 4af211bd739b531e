"""What was called and how it ended, kept."""
