"""crm-governance: who may enter, as what, and how often."""
