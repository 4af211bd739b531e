"""Takes imports back."""
