"""Contacts, companies, deals, activities and their search."""
