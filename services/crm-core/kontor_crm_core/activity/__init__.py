"""Activities: what all kinds of them have in common, the people in them and the records they are about."""
