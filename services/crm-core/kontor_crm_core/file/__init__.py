"""Files that imports read and exports write."""
