"""Filters over records: checked, told in words, compiled to SQL, and answered page by page."""
