"""Reads the cells of a row: what the contact shall be, and what is wrong with it."""
