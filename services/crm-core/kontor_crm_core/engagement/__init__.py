"""Engagements: calls, meetings and e-mail with customers."""
