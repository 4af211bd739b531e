"""The demonstration: an agent brings another CRM's companies and deals in, and people approve."""
