"""Recurrence: a part of RFC 5545's rules, and the days they give."""
