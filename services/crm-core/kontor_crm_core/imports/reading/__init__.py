"""Reads CSV files as people send them: any encoding, delimiter and dialect, in bounded memory."""
