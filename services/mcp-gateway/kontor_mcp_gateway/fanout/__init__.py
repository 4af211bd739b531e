"""Calls to the services: channels, deadlines, breakers."""
