"""Contacts in and out as CSV: reading, mapping, staging, planning, applying, taking back, export."""
