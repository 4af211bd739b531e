"""Companies and the domains that find them."""
