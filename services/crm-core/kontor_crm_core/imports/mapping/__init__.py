"""Says which column of a file means which field of a contact, and how sure that is."""
