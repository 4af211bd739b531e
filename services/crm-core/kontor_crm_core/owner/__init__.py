"""Owners: the people of the tenant whom crm-governance knows."""
