"""Activities: what notes and tasks have in common, and the records they are linked to."""
