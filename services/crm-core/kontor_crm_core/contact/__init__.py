"""Contacts and the identities that find them."""
