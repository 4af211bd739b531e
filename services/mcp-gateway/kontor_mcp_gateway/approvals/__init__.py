"""Approvals: who was asked, who decided, and the one call that follows."""
