"""What is kept of a person, for access and erasure."""
