"""The doors: from a credential to a passport, metered and counted."""
